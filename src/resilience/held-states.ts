/**
 * What keeps a target or a credential aside without being ill health: a rate limit, a spent quota, a refused key. Each by
 * its name, with the time it lasts; where nobody knows whether it is over, one request finds out.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import { keepNewest } from './keep-newest.ts'
import { Probe } from './probe.ts'

/** While one request is finding out, the others look again after this. */
export const PROBE_LOOK_MS = 1_000

export type HeldType = 'limited' | 'exhausted' | 'auth-dead'

export interface HeldState {
  readonly type: HeldType
  readonly sinceMs: number
  readonly untilMs: number
  readonly error: GatewayError
}

/** What keeps a request from calling, and until when. */
export interface Obstacle {
  readonly type: HeldType
  readonly untilMs: number
  readonly error: GatewayError
}

interface Cell {
  readonly state: HeldState
  readonly probe: Probe
}

/** Times are monotonic, ms. */
export class HeldStates {
  readonly #cells = new Map<string, Cell>()
  readonly #sizeMax: number

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  obstacle(name: string, nowMs: number): Obstacle | undefined {
    const cell = this.#find(name, nowMs)
    if (cell === undefined) return undefined
    const { type, untilMs, error } = cell.state
    if (untilMs > nowMs) return { type, untilMs, error }
    if (!cell.probe.isUnderWay(nowMs)) return undefined
    return { type: 'limited', untilMs: nowMs + PROBE_LOOK_MS, error }
  }

  /** The state that lasts, or whose time is over while nobody knows yet whether it is. */
  find(name: string, nowMs: number): HeldState | undefined {
    return this.#find(name, nowMs)?.state
  }

  isProbed(name: string, nowMs: number): boolean {
    return this.#find(name, nowMs)?.probe.isUnderWay(nowMs) === true
  }

  /** A call begins; where nobody knows whether the state is over, it finds out. */
  begin(name: string, nowMs: number): void {
    const cell = this.#find(name, nowMs)
    if (cell !== undefined && cell.state.untilMs <= nowMs) cell.probe.begin(nowMs)
  }

  /** A call that began at `startedAtMs` ended, whatever it found. */
  release(name: string, startedAtMs: number): void {
    this.#cells.get(name)?.probe.end(startedAtMs)
  }

  /** A later event never shortens a state. Whether it is news: the state began with it. */
  set(name: string, state: HeldState): boolean {
    const known = this.find(name, state.sinceMs)
    if (known === undefined || known.untilMs <= state.untilMs) {
      keepNewest(this.#cells, { name, value: { state, probe: new Probe() }, sizeMax: this.#sizeMax })
    }
    return known?.type !== state.type || known.untilMs <= state.sinceMs
  }

  delete(name: string): void {
    this.#cells.delete(name)
  }

  /** Forgets all of them. */
  clear(): void {
    this.#cells.clear()
  }

  #find(name: string, nowMs: number): Cell | undefined {
    const cell = this.#cells.get(name)
    if (cell === undefined || !isOver(cell.state, nowMs)) return cell
    this.#cells.delete(name)
    return undefined
  }
}

/** That a rate limit is over is known from its own words; of a spent quota and a refused credential nobody says when. */
function isOver({ untilMs, error }: HeldState, nowMs: number): boolean {
  return untilMs <= nowMs && error.row.kind !== 'quota' && error.row.health !== 'auth-dead'
}
