/** Keeps account of every attempt of one exchange: what the client is told, and what is published. */

import type { UnusedAnswerFacts } from '../canonical/unused-answer.ts'
import type { Usage } from '../canonical/usage.ts'
import type { AttemptSummary } from '../dialects/dialect.ts'
import type { ErrorCode } from '../errors/codes.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { Target } from '../providers/provider.ts'
import type { Clock } from '../std/clock.ts'
import { failpoint } from '../std/failpoints.ts'
import type { AttemptRecord, Telemetry } from '../telemetry/records.ts'
import type { Exchange } from './exchange.ts'
import { publishedWords } from './repeated-words.ts'

/** What an attempt knows of itself when it ends. */
export interface AttemptEnd {
  readonly usage?: Usage
  readonly status?: number
  readonly flags?: readonly string[]
  /** The provider began to answer. */
  readonly hasBegun: boolean
  /** Another attempt was faster: whatever this one cost is waste. */
  readonly isBeaten?: boolean
  /** Of an answer that broke off: bytes of text that came of it. */
  readonly textBytes?: number
}

/** Told of an attempt by whoever remembers targets. */
export interface AttemptObserver {
  /** After so many milliseconds the first content came. */
  content(firstTokenMs: number): void
  end(ended: AttemptOutcome): void
  /** What so much costs; `undefined` where a price or a count is not known. */
  costOf(usage: Usage): NanoUsd | undefined
}

export interface AttemptOutcome {
  readonly outcome: AttemptRecord['outcome']
  readonly error: GatewayError | undefined
  /** `undefined` where nobody knows, or nothing was spent. */
  readonly costNanoUsd: NanoUsd | undefined
  /** As it is published. */
  readonly record: AttemptRecord
  /** As in an `AttemptEnd`. */
  readonly textBytes: number | undefined
}

export interface AttemptEntry {
  /** Monotonic time, ms. */
  readonly startedAtMs: number
  markFirstToken(): void
  /** What was reported before the attempt broke off, for whoever ends it without knowing; `isFinal`: nothing was to come after it. */
  noteUsage(usage: Usage | undefined, isFinal: boolean): void
  /** Bytes of text that came before the attempt broke off, for whoever ends it without knowing. */
  noteText(bytes: number): void
  /** The answer came to its end and is of no use: what it took is paid for, as far as that is known. */
  noteUnused(answer: UnusedAnswerFacts): void
  complete(end: AttemptEnd): void
  /** `error`: why we ourselves ended it. */
  cancel(end: AttemptEnd, error?: GatewayError): void
  fail(error: GatewayError, end: AttemptEnd): void
}

/** What the attempts came to. It knows nothing of their request, and may be kept when that is long gone. */
export interface AttemptTotals {
  /** Ended attempts, in order. */
  readonly summaries: readonly AttemptSummary[]
  /** Of all attempts that ended; `undefined` once one cost something that nobody can tell. */
  readonly costNanoUsd: NanoUsd | undefined
}

export class AttemptLog {
  readonly #exchange: Pick<Exchange, 'id' | 'body'>
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #totals: { readonly summaries: AttemptSummary[]; costNanoUsd: NanoUsd | undefined } = {
    summaries: [],
    costNanoUsd: NOTHING,
  }

  constructor(exchange: Pick<Exchange, 'id' | 'body'>, deps: { clock: Clock; telemetry: Telemetry }) {
    this.#exchange = exchange
    this.#clock = deps.clock
    this.#telemetry = deps.telemetry
  }

  /** As they are now and will be; holds on to nothing else of this log. */
  get totals(): AttemptTotals {
    return this.#totals
  }

  /** Ended attempts, in order. */
  get summaries(): readonly AttemptSummary[] {
    return this.#totals.summaries
  }

  begin(target: Target, observer?: AttemptObserver): AttemptEntry {
    const startedAtMs = this.#clock.nowMs()
    const { summaries } = this.#totals
    const place = summaries.length
    summaries.push({ target: target.id, durationMs: 0 })
    let firstTokenMs: number | undefined
    let notedUsage: Usage | undefined
    let isUsageFinal = false
    let notedTextBytes: number | undefined
    let isUnused = false
    let isEnded = false

    const end = (outcome: AttemptRecord['outcome'], how: AttemptEnd, error?: GatewayError) => {
      if (isEnded) return
      isEnded = true
      const durationMs = this.#clock.nowMs() - startedAtMs
      const status = how.status ?? error?.facts.upstreamStatus
      const usage = how.usage ?? notedUsage
      const usageSource = usageSourceOf({
        outcome,
        usage,
        code: error?.code,
        hasBegun: how.hasBegun,
        hasContent: firstTokenMs !== undefined,
        isBeaten: how.isBeaten === true,
        isUnused,
      })
      // What a broken answer had counted so far is a part of its price, and a part passes for the whole only with liars.
      const isPriced = usageSource !== 'none' && (outcome === 'completed' || isUsageFinal)
      const costNanoUsd = usage === undefined || !isPriced ? undefined : observer?.costOf(usage)
      if (usageSource !== 'none') this.#addCost(costNanoUsd)
      summaries[place] = {
        target: target.id,
        durationMs: Math.round(durationMs),
        ...(status === undefined ? {} : { status }),
        ...(error === undefined ? {} : { code: error.code }),
      }
      const record: AttemptRecord = {
        exchangeId: this.#exchange.id,
        number: place + 1,
        target: target.id,
        provider: target.provider.id,
        outcome,
        durationMs,
        usageSource,
        isWaste: (outcome === 'failed' || how.isBeaten === true) && usageSource !== 'none',
        flags: [...(how.flags ?? []), ...(error?.facts.flags ?? [])],
        ...(error === undefined ? {} : failureOf(error, this.#exchange.body)),
        ...(status === undefined ? {} : { upstreamStatus: status }),
        ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
        ...(usage === undefined || usageSource === 'none' ? {} : { usage }),
        ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
      }
      this.#telemetry.attempts.publish(record)
      const textBytes = how.textBytes ?? notedTextBytes
      observer?.end({ outcome, error, costNanoUsd, record, textBytes })
    }

    return {
      startedAtMs,
      markFirstToken: () => {
        if (firstTokenMs !== undefined) return
        firstTokenMs = this.#clock.nowMs() - startedAtMs
        failpoint('first-token')
        observer?.content(firstTokenMs)
      },
      noteUsage: (usage, isFinal) => {
        notedUsage = usage
        isUsageFinal = isFinal
      },
      noteText: (bytes) => {
        notedTextBytes = bytes
      },
      noteUnused: ({ usage, isSilent }) => {
        isUnused = true
        notedUsage = usage
        isUsageFinal = true
        if (isSilent) notedTextBytes = 0
      },
      complete: (how) => end('completed', how),
      cancel: (how, error) => end('cancelled', how, error),
      fail: (error, how) => end('failed', how, error),
    }
  }

  #addCost(costNanoUsd: NanoUsd | undefined): void {
    const known = this.#totals.costNanoUsd
    // Sound: a sum of whole numbers of nano-dollars is one.
    this.#totals.costNanoUsd =
      known === undefined || costNanoUsd === undefined ? undefined : ((known + costNanoUsd) as NanoUsd)
  }
}

// Sound: no dollars are a whole number of nano-dollars.
const NOTHING = 0 as NanoUsd

function failureOf(error: GatewayError, request: Uint8Array): Pick<AttemptRecord, 'code' | 'message'> {
  const message = publishedWords(error, request)
  return { code: error.code, ...(message === undefined ? {} : { message }) }
}

interface EndedAttempt {
  readonly outcome: AttemptRecord['outcome']
  readonly usage: Usage | undefined
  readonly code: ErrorCode | undefined
  readonly hasBegun: boolean
  readonly hasContent: boolean
  readonly isBeaten: boolean
  /** An answer came to its end and is of no use. */
  readonly isUnused: boolean
}

/** Only a whole answer reports what it cost; of a broken one nobody knows, and a refusal costs nothing. */
function usageSourceOf({
  outcome,
  usage,
  code,
  hasBegun,
  hasContent,
  isBeaten,
  isUnused,
}: EndedAttempt): AttemptRecord['usageSource'] {
  if (outcome === 'completed') return isCounted(usage) ? 'reported' : hasBegun ? 'unknown' : 'none'
  // A request that was sent and not waited for may well have been paid for.
  if (isBeaten) return 'unknown'
  // Whatever its error is called, it is no refusal: a model ran.
  if (isUnused) return isCounted(usage) ? 'reported' : 'unknown'
  if (code === undefined || hasContent || ambiguous.has(code)) return 'unknown'
  return hasBegun && !refusals.has(code) ? 'unknown' : 'none'
}

/** Both counts are there and can be believed. */
export function isCounted(usage: Usage | undefined): boolean {
  return usage?.inputTokens !== undefined && usage.outputTokens !== undefined
}

/** The request may have run although no answer began (faults 8, 11), or surely did: it was said to be answered, and then broke. */
const ambiguous: ReadonlySet<ErrorCode> = new Set([
  'upstream_reset',
  'upstream_timeout',
  'upstream_truncated',
  'response_too_large',
])

/** What a provider says instead of an answer, be it inside a 200: nothing is paid for it (faults 36, 62). */
export const refusals: ReadonlySet<ErrorCode> = new Set([
  'rate_limited',
  'request_over_limit',
  'insufficient_quota',
  'model_quota_exhausted',
  'upstream_auth',
  'upstream_forbidden',
  'upstream_model_not_found',
  'context_length_exceeded',
  'upstream_request_too_large',
  'upstream_invalid_request',
  'content_policy',
  'upstream_transient',
  'upstream_error',
  'upstream_unavailable',
  'upstream_gateway_timeout',
  'upstream_overloaded',
])
