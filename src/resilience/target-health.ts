/**
 * What is remembered of a target between requests. Rate state is not ill health: `limited` belongs to a target,
 * `exhausted` and `auth-dead` to a credential, which several targets may share.
 */

import type { GatewayError } from '../errors/gateway-error.ts'

/** Quota and billing failures do not heal in minutes; no call is made with that credential until then. */
export const EXHAUSTED_MS = 1_800_000
/** A refused credential stays refused until it is replaced; it is looked at again after this. */
export const AUTH_DEAD_MS = 1_800_000
/** How long a 429 without a usable wait keeps a target aside. */
export const LIMITED_DEFAULT_MS = 1_000
/** The longest a single 429 keeps a target aside: a provider's clock may be wrong, ours tries again. */
export const LIMITED_MAX_MS = 300_000
/** Cells kept; the oldest is forgotten beyond it. Model names come from clients, so the table must be bounded. */
export const HEALTH_CELLS_MAX = 10_000

/** How long one request may be the only one that finds out whether a spent quota has come back. */
export const PROBE_MS = 30_000
/** While one is finding out, the others look again after this. */
export const PROBE_LOOK_MS = 1_000

/** How long a misconfigured target is complained of only once. */
export const COMPLAINT_MS = 1_800_000

/** Names a target, and the credential it uses, for the memory of health. */
export interface HealthKey {
  readonly target: string
  readonly credential: string
}

export type Verdict =
  | { readonly type: 'available' }
  | {
      readonly type: 'limited' | 'exhausted' | 'auth-dead'
      readonly untilMs: number
      readonly error: GatewayError
    }

export interface TargetHealth {
  /** `nowMs` is monotonic time. */
  verdict(key: HealthKey, nowMs: number): Verdict
  /**
   * A request is about to call the target. Where nobody knows whether a quota has come back (fault 24), the others wait for
   * what this one finds, `PROBE_MS` at most.
   */
  beginCall(key: HealthKey, nowMs: number): void
  /** Whether this is news: the state began with it. */
  recordFailure(key: HealthKey, error: GatewayError, nowMs: number): boolean
  /** `startedAtMs`: when the attempt began. What was learned after that is not undone by it. */
  recordSuccess(key: HealthKey, startedAtMs: number): void
  /** The operator changed something: what only an operator can mend, a refused or spent credential, is tried again. */
  forgive(): void
}

type Cell = Exclude<Verdict, { type: 'available' }> & {
  readonly sinceMs: number
  /** Its time is over, and until then one request finds out whether it is. */
  probedUntilMs?: number
}

const available: Verdict = { type: 'available' }

export function createTargetHealth(): TargetHealth {
  const cells = new Map<string, Cell>()
  /** Until when a misconfigured target is no news; it is called all the same. */
  const complaints = new Map<string, number>()

  const find = (name: string, nowMs: number): Cell | undefined => {
    const cell = cells.get(name)
    if (cell === undefined || cell.untilMs > nowMs || isProbed(cell)) return cell
    cells.delete(name)
    return undefined
  }

  /** What keeps a request from calling: a state that lasts, or one that another request is finding out about. */
  const obstacle = (name: string, nowMs: number): Verdict | undefined => {
    const cell = find(name, nowMs)
    if (cell === undefined || cell.untilMs > nowMs) return cell
    if ((cell.probedUntilMs ?? 0) <= nowMs) return undefined
    return { type: 'limited', untilMs: nowMs + PROBE_LOOK_MS, error: cell.error }
  }

  const endProbe = (name: string): void => {
    const cell = cells.get(name)
    if (cell !== undefined) delete cell.probedUntilMs
  }

  /** A later event never shortens a state. */
  const set = (name: string, cell: Cell): boolean => {
    const known = find(name, cell.sinceMs)
    if (known === undefined || known.untilMs <= cell.untilMs) keep(cells, name, cell)
    return known?.type !== cell.type || known.untilMs <= cell.sinceMs
  }

  const complain = (name: string, nowMs: number): boolean => {
    const isNews = (complaints.get(name) ?? 0) <= nowMs
    if (isNews) keep(complaints, name, nowMs + COMPLAINT_MS)
    return isNews
  }

  return {
    verdict(key, nowMs) {
      if (cells.size === 0) return available
      return obstacle(key.credential, nowMs) ?? obstacle(key.target, nowMs) ?? available
    },
    beginCall(key, nowMs) {
      if (cells.size === 0) return
      for (const name of [key.credential, key.target]) {
        const cell = find(name, nowMs)
        if (cell !== undefined && cell.untilMs <= nowMs) cell.probedUntilMs = nowMs + PROBE_MS
      }
    },
    recordFailure(key, error, nowMs) {
      endProbe(key.credential)
      endProbe(key.target)
      switch (error.row.health) {
        case 'limited': {
          const waitMs = Math.min(error.facts.retryAfterMs ?? LIMITED_DEFAULT_MS, LIMITED_MAX_MS)
          return set(key.target, { type: 'limited', sinceMs: nowMs, untilMs: nowMs + waitMs, error })
        }
        case 'exhausted':
          return set(key.credential, {
            type: 'exhausted',
            sinceMs: nowMs,
            untilMs: nowMs + EXHAUSTED_MS,
            error,
          })
        case 'auth-dead':
          return set(key.credential, {
            type: 'auth-dead',
            sinceMs: nowMs,
            untilMs: nowMs + AUTH_DEAD_MS,
            error,
          })
        case 'none':
        case 'failure':
        case 'half-failure':
        case 'local-failure':
          return false
        case 'misconfigured':
          return complain(key.target, nowMs)
      }
    },
    recordSuccess(key, startedAtMs) {
      if (cells.size === 0) return
      const cell = cells.get(key.target)
      if (cell !== undefined && cell.sinceMs < startedAtMs) cells.delete(key.target)
      const spent = cells.get(key.credential)
      if (spent !== undefined && spent.untilMs <= startedAtMs) cells.delete(key.credential)
    },
    forgive() {
      for (const [name, { type }] of cells) if (type !== 'limited') cells.delete(name)
    },
  }
}

/** That a rate limit is over is known from its own words; of a spent quota and a refused credential nobody says when. */
function isProbed({ error }: Cell): boolean {
  return error.row.kind === 'quota' || error.row.health === 'auth-dead'
}

/** Newest last; the oldest is forgotten when there is no more room. */
function keep<Value>(memory: Map<string, Value>, name: string, value: Value): void {
  memory.delete(name)
  memory.set(name, value)
  if (memory.size <= HEALTH_CELLS_MAX) return
  const [oldest] = memory.keys()
  if (oldest !== undefined) memory.delete(oldest)
}
