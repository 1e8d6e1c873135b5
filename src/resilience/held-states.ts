/**
 * What keeps a target or a credential aside without being ill health: a rate limit, a spent quota, a refused key. Each by
 * its name, with the time it lasts; where nobody knows whether it is over, one request finds out.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import { PROBE_MS } from './circuit-breaker.ts'

export type HeldType = 'limited' | 'exhausted' | 'auth-dead'

export interface HeldState {
  readonly type: HeldType
  readonly sinceMs: number
  readonly untilMs: number
  readonly error: GatewayError
}

/** While one request is finding out, the others look again after this. */
export const PROBE_LOOK_MS = 1_000
/** States kept; the oldest is forgotten beyond them. Model names come from clients, so the table must be bounded. */
export const HEALTH_CELLS_MAX = 10_000

type Cell = HeldState & {
  /** Its time is over, and until then one request finds out whether it is. */
  probedUntilMs?: number
}

export class HeldStates {
  readonly #cells = new Map<string, Cell>()

  get isEmpty(): boolean {
    return this.#cells.size === 0
  }

  /** What keeps a request from calling: a state that lasts, or one that another request is finding out about. */
  obstacle(name: string, nowMs: number): Omit<HeldState, 'sinceMs'> | undefined {
    const cell = this.find(name, nowMs)
    if (cell === undefined || cell.untilMs > nowMs) return cell
    if ((cell.probedUntilMs ?? 0) <= nowMs) return undefined
    return { type: 'limited', untilMs: nowMs + PROBE_LOOK_MS, error: cell.error }
  }

  find(name: string, nowMs: number): Cell | undefined {
    const cell = this.#cells.get(name)
    if (cell === undefined || cell.untilMs > nowMs || isProbed(cell)) return cell
    this.#cells.delete(name)
    return undefined
  }

  beginCall(name: string, nowMs: number): void {
    const cell = this.find(name, nowMs)
    if (cell !== undefined && cell.untilMs <= nowMs) cell.probedUntilMs = nowMs + PROBE_MS
  }

  endProbe(name: string): void {
    const cell = this.#cells.get(name)
    if (cell !== undefined) delete cell.probedUntilMs
  }

  /** A later event never shortens a state. Whether it is news: the state began with it. */
  set(name: string, state: HeldState): boolean {
    const known = this.find(name, state.sinceMs)
    if (known === undefined || known.untilMs <= state.untilMs) keepNewest(this.#cells, name, state)
    return known?.type !== state.type || known.untilMs <= state.sinceMs
  }

  delete(name: string): void {
    this.#cells.delete(name)
  }

  /** What only an operator can mend is tried again. */
  forgive(): void {
    for (const [name, { type }] of this.#cells) if (type !== 'limited') this.#cells.delete(name)
  }
}

/** That a rate limit is over is known from its own words; of a spent quota and a refused credential nobody says when. */
function isProbed({ error }: HeldState): boolean {
  return error.row.kind === 'quota' || error.row.health === 'auth-dead'
}

/** Newest last; the oldest is forgotten when there is no more room. */
export function keepNewest<Value>(memory: Map<string, Value>, name: string, value: Value): void {
  memory.delete(name)
  memory.set(name, value)
  if (memory.size <= HEALTH_CELLS_MAX) return
  const [oldest] = memory.keys()
  if (oldest !== undefined) memory.delete(oldest)
}
