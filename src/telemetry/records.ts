/** The facts that rooms publish: one record an attempt, exactly one record an exchange. No prompts, no secrets. */

import type { Operation } from '../canonical/envelope.ts'
import type { Loss } from '../canonical/loss.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Channel } from '../std/channel.ts'
import type { Notice } from '../std/notice.ts'

export const TERMINAL_STATES = [
  'completed',
  'rescued',
  'truncated',
  'failed',
  'client_gone',
  'shed',
  'rejected',
] as const

/** How an exchange ended; exactly one of these for each accepted request. */
export type TerminalState = (typeof TERMINAL_STATES)[number]

export interface AttemptRecord {
  readonly exchangeId: string
  /** 1 for the first attempt of its exchange. */
  readonly number: number
  /** `provider/model`. */
  readonly target: string
  readonly provider: string
  readonly outcome: 'completed' | 'cancelled' | 'failed'
  readonly code?: string
  readonly upstreamStatus?: number
  /** The failure's own words, redacted, one line. */
  readonly message?: string
  readonly durationMs: number
  readonly firstTokenMs?: number
  readonly usage?: Usage
  /** What it cost, nano-USD; absent where a price or a count is not known (never 0 for that, fault 91). */
  readonly costNanoUsd?: number
  /** Whether usage was reported by the provider, or the attempt may have cost something nobody reported. */
  readonly usageSource: 'reported' | 'unknown' | 'none'
  readonly isWaste: boolean
  /** Oddities survived: skipped events, header anomalies, ... by name. */
  readonly flags: readonly string[]
}

export interface ExchangeRecord {
  readonly exchangeId: string
  readonly state: TerminalState
  readonly dialect: string
  readonly operation: Operation | 'other'
  /** The model name as the client spelled it; a log field, never a metric label. */
  readonly modelId?: string
  /** The configured route that served it; absent for `provider/model` addresses. A bounded set. */
  readonly route?: string
  readonly keyName?: string
  /** The agent's own id of the session that this request belongs to. */
  readonly sessionId?: string
  readonly target?: string
  /** Targets that were left out, and what they lack: `ollama/qwen3: vision`. */
  readonly skipped?: readonly string[]
  readonly attempts: number
  readonly stream: boolean
  readonly status: number
  readonly code?: string
  /** Why it was turned away before any attempt, in our own words; what attempts failed of is in their records. */
  readonly message?: string
  readonly requestBytes: number
  /** Bytes of the answer; 0 for a refusal, whose body is ours and small. */
  readonly responseBytes: number
  readonly durationMs: number
  readonly firstTokenMs?: number
  /** Time spent in the gateway itself before the answer began, ms. */
  readonly overheadMs?: number
  readonly usage?: Usage
  /** What all of its attempts cost, nano-USD; absent where any of it is not known. */
  readonly costNanoUsd?: number
  /** How surely that is known: where it is `reported`, its providers said it of every attempt that cost anything. */
  readonly costBasis?: 'reported' | 'counted' | 'estimated' | 'none'
  /** How it comes that no provider was asked for it; absent where one was. */
  readonly recall?: 'attached' | 'replayed' | 'coalesced' | 'hit'
  /** The rung of the rescue ladder that finished a stream which broke off. */
  readonly rescueRung?: number
  readonly losses: readonly Loss[]
  readonly isSimulated: boolean
}

export type NoticeRecord = Notice

/** The health of a target changed. */
export interface TransitionRecord {
  /** `provider/model`. */
  readonly label: string
  /** Of the credential; `none` where there is none. */
  readonly fingerprint: string
  readonly from: string
  readonly to: string
  /** An error's code, or what else it came of. */
  readonly cause: string
  /** Monotonic, ms. */
  readonly nowMs: number
  /** When the state is over, monotonic, ms. */
  readonly untilMs?: number
}

/** The channels the house publishes on. */
export interface Telemetry {
  readonly attempts: Channel<AttemptRecord>
  readonly exchanges: Channel<ExchangeRecord>
  readonly notices: Channel<NoticeRecord>
  readonly transitions: Channel<TransitionRecord>
}
