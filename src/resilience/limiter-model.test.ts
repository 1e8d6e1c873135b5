import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AIMD_MEMORY_MS, AimdLimit } from './aimd-limit.ts'
import { Pacer } from './pacer.ts'
import { PACE_WAIT_MAX_MS, PACE_WAIT_MIN_MS } from './token-bucket.ts'

type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'calls'; readonly count: number }
  | {
      readonly type: 'head'
      readonly status: number
      readonly limit: number
      readonly left: number
      readonly resetMs: number
    }
  | { readonly type: 'garbage'; readonly headers: Record<string, string> }
  | { readonly type: 'end'; readonly which: number; readonly outcome: 'ok' | 'refused' | 'lost' }

const garbage = fc.record(
  {
    limit: fc.constantFrom('', '-1', '0', 'NaN', '1e3', '10;w=60'),
    remaining: fc.constantFrom('', '-1', '5.5', 'many', '0x5', '9'.repeat(16)),
    reset: fc.constantFrom('', '-1', 'soon', '0', '99h'),
  },
  { requiredKeys: ['remaining'] },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 40, 900, 7_000, 59_999, 60_000, 150_000, 299_999, 300_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('calls' as const), count: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('head' as const),
      status: fc.constantFrom(200, 200, 429),
      limit: fc.integer({ min: 1, max: 40 }),
      left: fc.nat(45),
      resetMs: fc.constantFrom(0, 1, 500, 10_000, 60_000, 86_400_000),
    }),
  },
  {
    weight: 1,
    arbitrary: garbage.map((words) => ({
      type: 'garbage' as const,
      headers: Object.fromEntries(
        Object.entries(words).map(([word, value]) => [`x-ratelimit-${word}-requests`, value]),
      ),
    })),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('end' as const),
      which: fc.nat(20),
      outcome: fc.constantFrom('ok' as const, 'ok' as const, 'refused' as const, 'lost' as const),
    }),
  },
)
const course = fc.array(step, { maxLength: 150, size: 'max' })

/** What the provider would let through since it last said what is left. */
interface Allowance {
  readonly left: number
  /** Calls a millisecond. */
  readonly rate: number
  readonly sinceMs: number
  passed: number
  givenBack: number
}

/** Calls to one target whose caller begins none that the concurrency limit or the pace does not let go. */
class Play {
  readonly #pacer = new Pacer()
  readonly #aimd = new AimdLimit()
  #flying: { readonly beganAtMs: number; isAnswered: boolean }[] = []
  #allowance: Allowance | undefined
  #isTold = false
  #refusedAtMs = Number.NEGATIVE_INFINITY
  #loweredAtMs = Number.NEGATIVE_INFINITY
  #successes = 0
  nowMs = 1_000

  take(one: Step): void {
    if (one.type === 'wait') this.nowMs += one.ms
    else if (one.type === 'calls') this.#begin(one.count)
    else if (one.type === 'head') this.#head(one)
    else if (one.type === 'garbage') this.#garbage(one.headers)
    else this.#end(one)
    this.#compare()
  }

  #begin(count: number): void {
    for (let call = 0; call < count; call += 1) {
      if (this.#flying.length >= (this.#aimd.at(this.nowMs) ?? Number.POSITIVE_INFINITY)) return
      if (this.#pacer.freeAtMs(0, this.nowMs) > this.nowMs) return
      this.#pacer.draw(this.nowMs)
      this.#flying.push({ beganAtMs: this.nowMs, isAnswered: false })
      if (this.#allowance !== undefined) this.#allowance.passed += 1
      this.#expectAllowed()
    }
  }

  #expectAllowed(): void {
    if (this.#allowance === undefined) return
    const { left, rate, sinceMs, passed, givenBack } = this.#allowance
    const elapsedMs = this.nowMs - sinceMs
    const refilled = rate * (elapsedMs + PACE_WAIT_MIN_MS)
    // Where nothing is left and nothing is heard, one call a minute finds out.
    const finders = Math.floor(elapsedMs / PACE_WAIT_MAX_MS)
    expect(passed).toBeLessThanOrEqual(Math.max(0, left + givenBack + refilled) + finders + 1e-6)
  }

  #head({ status, limit, left, resetMs }: Extract<Step, { type: 'head' }>): void {
    const call = this.#flying.find(({ isAnswered }) => !isAnswered)
    if (call !== undefined) call.isAnswered = true
    const remaining = Math.min(left, limit)
    const unanswered = this.#unanswered
    const headers = {
      'x-ratelimit-limit-requests': String(limit),
      'x-ratelimit-remaining-requests': String(left),
      'x-ratelimit-reset-requests': `${resetMs}ms`,
    }
    this.#pacer.noteAnswer({ status, headers, unanswered, wallMs: 0 }, this.nowMs)
    // Nothing left and all back at once is no news.
    if (remaining === 0 && resetMs === 0) return this.#forgetIfOld()
    this.#isTold = true
    const isRateTold = resetMs > 0 && remaining < limit
    const rate = isRateTold ? (limit - remaining) / resetMs : this.#allowance?.rate
    if (rate === undefined) return
    this.#allowance = { left: remaining - unanswered, rate, sinceMs: this.nowMs, passed: 0, givenBack: 0 }
  }

  /** Says nothing that is understood, so all is as before. */
  #garbage(headers: Record<string, string>): void {
    const free = () => [0, 1, 5].map((ahead) => this.#pacer.freeAtMs(ahead, this.nowMs))
    const isYoung = this.#allowance !== undefined && this.nowMs - this.#allowance.sinceMs < PACE_WAIT_MAX_MS
    const before = free()
    this.#pacer.noteAnswer({ status: 200, headers, unanswered: this.#unanswered, wallMs: 0 }, this.nowMs)
    if (isYoung || !this.#isTold) expect(free()).toEqual(before)
    this.#forgetIfOld()
  }

  #forgetIfOld(): void {
    if (this.#allowance === undefined) return
    if (this.nowMs - this.#allowance.sinceMs >= PACE_WAIT_MAX_MS) this.#allowance = undefined
  }

  #end({ which, outcome }: Extract<Step, { type: 'end' }>): void {
    const call = this.#flying[which % Math.max(1, this.#flying.length)]
    if (call === undefined) return
    this.nowMs += 1
    const inFlight = this.#flying.length
    this.#flying = this.#flying.filter((one) => one !== call)
    if (outcome === 'refused') this.#refuse(inFlight, call.beganAtMs)
    else if (outcome === 'ok') this.#succeed()
    else if (!call.isAnswered) {
      this.#pacer.giveBack(this.nowMs)
      if (this.#allowance !== undefined) this.#allowance.givenBack += 1
    }
  }

  #refuse(inFlight: number, beganAtMs: number): void {
    const before = this.#aimd.at(this.nowMs)
    const isOldNews = before !== undefined && beganAtMs < this.#loweredAtMs
    expect(this.#aimd.noteRefusal(inFlight, beganAtMs, this.nowMs)).toBe(!isOldNews)
    const after = this.#aimd.at(this.nowMs)
    this.#refusedAtMs = this.nowMs
    if (isOldNews) {
      expect(after).toBe(before)
      return
    }
    this.#loweredAtMs = this.nowMs
    this.#successes = 0
    expect(after).toBe(Math.min(before ?? Number.POSITIVE_INFINITY, Math.max(1, Math.floor(inFlight * 0.7))))
    if (inFlight > 1) expect(after).toBeLessThan(inFlight)
  }

  #succeed(): void {
    const before = this.#aimd.at(this.nowMs)
    this.#aimd.noteSuccess(this.nowMs)
    if (before === undefined) return
    this.#successes += 1
    const isWider = this.#successes === before
    if (isWider) this.#successes = 0
    expect(this.#aimd.at(this.nowMs)).toBe(isWider ? before + 1 : before)
  }

  #compare(): void {
    const limit = this.#aimd.at(this.nowMs)
    expect(limit === undefined).toBe(this.nowMs - this.#refusedAtMs >= AIMD_MEMORY_MS)
    if (limit !== undefined) {
      expect(Number.isInteger(limit)).toBe(true)
      expect(limit).toBeGreaterThanOrEqual(1)
    }
    const freeAtMs = this.#pacer.freeAtMs(0, this.nowMs)
    expect(freeAtMs).toBeGreaterThanOrEqual(this.nowMs)
    expect(freeAtMs).toBeLessThanOrEqual(this.nowMs + PACE_WAIT_MAX_MS)
    // Whoever waits until then may go, and who comes behind goes no earlier.
    expect(this.#pacer.freeAtMs(0, freeAtMs)).toBe(freeAtMs)
    expect(this.#pacer.freeAtMs(1, this.nowMs)).toBeGreaterThanOrEqual(freeAtMs)
  }

  /** Whatever came before: successes widen it again. */
  expectRecovery(): void {
    const before = this.#aimd.at(this.nowMs)
    if (before === undefined) return
    for (let width = before; width < before + 5; width += 1) {
      for (let call = 0; call < width; call += 1) this.#aimd.noteSuccess(this.nowMs)
    }
    expect(this.#aimd.at(this.nowMs)).toBeGreaterThanOrEqual(before + 5)
  }

  /** Whatever came before: five minutes without a refusal forget it, and one answer without limits the pace. */
  expectForgotten(): void {
    this.nowMs += AIMD_MEMORY_MS
    expect(this.#aimd.at(this.nowMs)).toBeUndefined()
    this.#pacer.noteAnswer({ status: 200, headers: {}, unanswered: 0, wallMs: 0 }, this.nowMs)
    expect(this.#pacer.freeAtMs(1_000, this.nowMs)).toBe(this.nowMs)
  }

  get #unanswered(): number {
    return this.#flying.filter(({ isAnswered }) => !isAnswered).length
  }
}

// fast-check's own assertion, and those inside the plays.
// oxlint-disable-next-line vitest/expect-expect
test('any course of heads, refusals and successes: no more calls than the provider allows, a limit of one at least that recovers, and all forgotten in the end', () => {
  fc.assert(
    fc.property(course, (steps) => {
      const play = new Play()
      for (const one of steps) play.take(one)
      play.expectRecovery()
      play.expectForgotten()
    }),
    { numRuns: 300 },
  )
})
