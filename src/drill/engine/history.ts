/** What happened in a world: told by its clients, by its upstreams and by the gateway's own records, each on its own. */

import type { DialectId } from '../../canonical/envelope.ts'
import type {
  AttemptRecord,
  ExchangeRecord,
  NoticeRecord,
  TransitionRecord,
} from '../../telemetry/records.ts'
import type { UpstreamFaultType } from './weather.ts'

/** Moments are virtual time since the start of the run, ms. */
export interface History {
  readonly seed: number
  readonly requests: readonly ClientStory[]
  readonly calls: readonly UpstreamCall[]
  readonly attempts: readonly AttemptRecord[]
  readonly exchanges: readonly ExchangeRecord[]
  readonly transitions: readonly TransitionRecord[]
  readonly notices: readonly NoticeRecord[]
  /** When the configuration was replaced, and when a drain began and ended. */
  readonly turns: readonly WorldTurn[]
  readonly endMs: number
  /** What is still held when everybody has gone, by name; 0 everywhere where all is well. */
  readonly held: Readonly<Record<HeldThing, number>>
  /** Where the planted secret was seen. */
  readonly sightings: readonly string[]
}

export type HeldThing =
  | 'timers'
  | 'requestsInFlight'
  | 'bufferedBytes'
  | 'upstreamCalls'
  | 'listeners'
  | 'slots'
  | 'queued'
  | 'deliveredBytes'

export interface WorldTurn {
  readonly type: 'reload' | 'drain' | 'drained'
  readonly atMs: number
}

/** One thing that a client wanted, with all the tries it made for it. */
export interface ClientStory {
  readonly number: number
  readonly client: number
  readonly dialect: DialectId
  /** As asked for. */
  readonly model: string
  readonly isStream: boolean
  readonly startMs: number
  readonly endMs: number
  /** That of its last try. */
  readonly outcome: TryOutcome
  readonly tries: readonly ClientTry[]
}

/**
 * How a try ended for its client. `lost`: the connection was refused or cut without a word. `hung`: it never ended, though
 * nothing was left to wait for.
 */
export type TryOutcome = 'answered' | 'truncated' | 'failed' | 'left' | 'lost' | 'hung'

export interface ClientTry {
  readonly outcome: TryOutcome
  /** `ExchangeRecord.exchangeId` of the same request. */
  readonly exchangeId: string
  /** What its prompt is marked with; upstream calls carry the same. */
  readonly tag: string
  readonly startMs: number
  readonly endMs: number
  /** When it had to be over by its route's deadline. */
  readonly deadlineAtMs: number
  /** When its answer had to begin, where the client said how long it waits. */
  readonly beginByMs?: number
  /** When the answer, or the error in place of one, began. */
  readonly begunAtMs?: number
  /** Taken in by the gateway: from then on there must be a record of it. */
  readonly isAccepted: boolean
  /** Absent where the connection was refused, or the client left before an answer began. */
  readonly status?: number
  readonly firstTextMs?: number
  /** Visible text in order; empty where texts are not recorded. */
  readonly text: string
  /** Arguments of each whole tool call, as they came. Empty where texts are not recorded. */
  readonly toolCalls: readonly string[]
  /** The dialect's own sign of a whole answer was received. */
  readonly hasSuccessMarker: boolean
  readonly error?: ToldError
  readonly leftAtMs?: number
  /** Time that the client itself let pass between two reads, ms. */
  readonly dawdledMs: number
  readonly mayRetry?: boolean
  readonly retryAfterMs?: number
}

/** An error as the client's dialect told it, in an answer of its own or inside a stream. */
export interface ToldError {
  readonly where: 'answer' | 'stream'
  readonly code?: string
  readonly isPartial: boolean
}

/** One call that reached a provider, as the provider saw it. */
export interface UpstreamCall {
  readonly number: number
  /** Of the request it was made for. */
  readonly tag: string
  readonly provider: string
  /** `provider/model`. */
  readonly target: string
  /** Fingerprint of the credential it came with; empty where none was recognised. */
  readonly fingerprint: string
  readonly startMs: number
  readonly endMs: number
  readonly status?: number
  /** What befell it. */
  readonly fault?: UpstreamFaultType | 'allowance'
  /** `aborted`: the gateway closed it. `open`: nobody ever did. */
  readonly end: 'whole' | 'refused' | 'broken' | 'aborted' | 'open'
  /** Who says its words (`words.ts`). */
  readonly voice: string
  readonly words: SaidWords
  /** The dialect's terminal was given. */
  readonly hasTerminal: boolean
  readonly terminalAtMs?: number
  /** What it reported to have used, where it got to report it. */
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number }
}

/** Which words of an answer a call said; numbers are those of the words. */
export interface SaidWords {
  /** Not 0 where it went on with the answer of another call. */
  readonly from: number
  /** The first that was not said any more. */
  readonly until: number
  /** The end of the whole answer. */
  readonly planned: number
  /** From here on they are arguments of a tool call, which counts as said only as a whole; absent where there is none. */
  readonly toolFrom?: number
}
