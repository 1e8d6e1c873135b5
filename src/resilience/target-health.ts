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
  recordFailure(key: HealthKey, error: GatewayError, nowMs: number): void
  recordSuccess(key: HealthKey): void
  /** The operator changed something: what only an operator can mend, a refused or spent credential, is tried again. */
  forgive(): void
}

type Cell = Exclude<Verdict, { type: 'available' }>

const available: Verdict = { type: 'available' }

export function createTargetHealth(): TargetHealth {
  const cells = new Map<string, Cell>()

  const find = (name: string, nowMs: number): Cell | undefined => {
    const cell = cells.get(name)
    if (cell === undefined || cell.untilMs > nowMs) return cell
    cells.delete(name)
    return undefined
  }

  /** A later event never shortens a state. */
  const set = (name: string, cell: Cell) => {
    const known = cells.get(name)
    if (known && known.untilMs > cell.untilMs) return
    cells.delete(name)
    cells.set(name, cell)
    if (cells.size <= HEALTH_CELLS_MAX) return
    const [oldest] = cells.keys()
    if (oldest !== undefined) cells.delete(oldest)
  }

  return {
    verdict(key, nowMs) {
      if (cells.size === 0) return available
      return find(key.credential, nowMs) ?? find(key.target, nowMs) ?? available
    },
    recordFailure(key, error, nowMs) {
      switch (error.row.health) {
        case 'limited': {
          const waitMs = Math.min(error.facts.retryAfterMs ?? LIMITED_DEFAULT_MS, LIMITED_MAX_MS)
          return set(key.target, { type: 'limited', untilMs: nowMs + waitMs, error })
        }
        case 'exhausted':
          return set(key.credential, { type: 'exhausted', untilMs: nowMs + EXHAUSTED_MS, error })
        case 'auth-dead':
          return set(key.credential, { type: 'auth-dead', untilMs: nowMs + AUTH_DEAD_MS, error })
        case 'none':
        case 'failure':
        case 'half-failure':
        case 'local-failure':
        case 'misconfigured':
          return
      }
    },
    recordSuccess(key) {
      if (cells.size > 0) cells.delete(key.target)
    },
    forgive() {
      for (const [name, { type }] of cells) if (type !== 'limited') cells.delete(name)
    },
  }
}
