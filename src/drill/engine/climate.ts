/** The weather over one target: which pace, what allowance and which spell hold for a call now. */

import type { Random } from '../../std/ids.ts'
import { befalls } from './chance.ts'
import {
  type Allowance,
  type Pace,
  type Place,
  type Spell,
  USUAL_PACE,
  type UpstreamFault,
  type Weather,
} from './weather.ts'

export interface TargetClimate {
  readonly pace: Pace
  /** What befalls a call that begins now; one draw for each spell that is on. */
  strike(nowMs: number, random: Random): UpstreamFault | undefined
  /** Takes one of what is allowed; absent where nothing is limited. */
  readonly allowance?: MinuteAllowance
}

export class Climate {
  readonly #weather: Weather
  readonly #targets = new Map<string, TargetClimate>()
  readonly #allowances = new Map<Allowance, MinuteAllowance>()

  constructor(weather: Weather) {
    this.#weather = weather
  }

  over(provider: string, target: string): TargetClimate {
    let known = this.#targets.get(target)
    if (known === undefined) {
      known = this.#make((where) => isWithin(where, provider, target))
      this.#targets.set(target, known)
    }
    return known
  }

  #make(holds: (where: Place) => boolean): TargetClimate {
    const { paces, spells, allowances } = this.#weather
    const own = spells.filter(({ where }) => holds(where))
    const allowance = allowances.find(({ where }) => holds(where))
    return {
      pace: paces.find(({ where }) => holds(where)) ?? USUAL_PACE,
      strike: (nowMs, random) =>
        own.find((spell) => isOn(spell, nowMs) && befalls(random, spell.share))?.fault,
      ...(allowance === undefined ? {} : { allowance: this.#countOf(allowance) }),
    }
  }

  /** A place that holds several targets has one allowance for all of them. */
  #countOf(allowance: Allowance): MinuteAllowance {
    let count = this.#allowances.get(allowance)
    if (count === undefined) {
      count = new MinuteAllowance(allowance.requestsPerMinute)
      this.#allowances.set(allowance, count)
    }
    return count
  }
}

function isOn({ fromMs, untilMs }: Spell, nowMs: number): boolean {
  return nowMs >= fromMs && nowMs < untilMs
}

function isWithin(where: Place, provider: string, target: string): boolean {
  switch (where.kind) {
    case 'everywhere':
      return true
    case 'provider':
      return where.provider === provider
    case 'target':
      return where.target === target
  }
}

const MINUTE_MS = 60_000

/** So many requests in each minute of the run. */
export class MinuteAllowance {
  readonly limit: number
  #minute = -1
  #used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  take(nowMs: number): boolean {
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#used = 0
    }
    this.#used += 1
    return this.#used <= this.limit
  }

  /** What answers tell of it; the wait only where there is one. */
  headers(nowMs: number): Readonly<Record<string, string>> {
    const leftS = Math.max(1, Math.ceil((MINUTE_MS - (nowMs % MINUTE_MS)) / 1_000))
    return {
      'x-ratelimit-limit-requests': String(this.limit),
      'x-ratelimit-remaining-requests': String(Math.max(0, this.limit - this.#used)),
      'x-ratelimit-reset-requests': `${leftS}s`,
      ...(this.#used > this.limit ? { 'retry-after': String(leftS) } : {}),
    }
  }
}
