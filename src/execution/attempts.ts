/** Begins, sends and ends the attempts of one exchange, whoever wants them: the plan's order, a race or a rescue. */

import type { Slot } from '../admission/target-gates.ts'
import { UnusedAnswer } from '../canonical/unused-answer.ts'
import type { Usage } from '../canonical/usage.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import { type GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { nativeContinuationOf } from '../providers/target.ts'
import { type PromptBucket, promptBucket } from '../resilience/first-token-times.ts'
import type { Plan } from '../routing/plan.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import type { AttemptAsk, AttemptResult, HeldAttempt, RequestBooks } from '../ledger/request-books.ts'
import { alertOf } from './alert.ts'
import { AnswerLimit } from './answer-limit.ts'
import { askOf, isFree, resultOf } from './attempt-money.ts'
import { capCall } from './cap-call.ts'
import type { AttemptEntry, AttemptLog, AttemptOutcome } from './attempt-log.ts'
import type { Deadline } from './deadline.ts'
import type { DecisionTrace } from './decision-trace.ts'
import { type Effort, poolOf } from './effort.ts'
import type { EncodedCall } from './encode-call.ts'
import { judgeFailure } from './encode-operation.ts'
import type { Exchange } from './exchange.ts'
import type { ExecutionDeps } from './execution.ts'
import type { Lane } from './race.ts'
import { sentServiceOf } from './sent-service.ts'
import { TargetCall } from './target-call.ts'
import { failpoint } from '../std/failpoints.ts'

/** A call that may be made now: said in the target's words, and with a place there. */
export interface Ready {
  readonly target: Target
  readonly targetDialect: TargetDialect
  readonly call: EncodedCall
  readonly slot: Slot
}

/** A call that is paid for. */
export interface HeldCall extends Ready {
  readonly ask: AttemptAsk
  /** Absent where nobody keeps books. */
  readonly held: HeldAttempt | undefined
}

export interface AttemptsInit {
  readonly books: RequestBooks | undefined
  readonly exchange: Exchange
  readonly plan: Pick<Plan, 'routeName' | 'hedge'>
  readonly deadline: Deadline
  readonly log: AttemptLog
  readonly effort: Effort
  readonly trace: DecisionTrace | undefined
}

export interface EndedBadly {
  readonly thrown: unknown
  readonly hasBegun: boolean
  readonly lane: Lane
}

export class Attempts {
  readonly #deps: ExecutionDeps
  readonly #init: AttemptsInit
  readonly #promptBucket: PromptBucket

  constructor(deps: ExecutionDeps, init: AttemptsInit) {
    this.#deps = deps
    this.#init = init
    this.#promptBucket = promptBucket(init.exchange.envelope.bodyBytes)
  }

  /** Takes the money for a call, and gives the call as it may be made for it, or why it cannot be paid for. */
  async pay(ready: Ready, signal: StopSignal): Promise<HeldCall | GatewayError> {
    try {
      const held = this.#hold(ready)
      const call = held instanceof Promise ? await held : held
      if (!signal.aborted) return call
      // Nobody waits for it any more, and nothing was sent.
      call.held?.settle(NOT_SENT)
      return toGatewayError(signal.reason)
    } catch (thrown) {
      return toGatewayError(thrown)
    }
  }

  /** A promise only where the store of the books has to be asked. */
  #hold(ready: Ready): HeldCall | Promise<HeldCall> {
    const { exchange, plan, books } = this.#init
    const { routeName } = plan
    const ask = askOf(exchange, ready.target, {
      facts: this.#deps.factsOf?.(ready.target),
      routeName,
      service: sentServiceOf(exchange, ready.call),
      // What passes as it came grows by words that cost nothing to speak of.
      ...(ready.call.isTranslated && { sentBytes: ready.call.body.length }),
    })
    const held = books?.hold(ask)
    return held instanceof Promise ? held.then((paid) => capped(ready, ask, paid)) : capped(ready, ask, held)
  }

  begin({ target, call, slot, ask, held }: HeldCall): AttemptEntry {
    const { effort, log, trace } = this.#init
    effort.call(target)
    trace?.note('attempt', target.id)
    const books = new TargetCall(this.#deps, {
      target,
      slot,
      promptBucket: this.#promptBucket,
      isStreamed: call.mode !== 'plain',
    })
    const costOf = this.#costOf(target, ask)
    const entry = log.begin(target, {
      costOf,
      content: (firstTokenMs) => {
        trace?.note('content', target.id)
        books.content(firstTokenMs)
      },
      end: (ended) => {
        const { outcome, error } = ended
        trace?.note(outcome, target.id, error?.code)
        this.#noteSpend(ended)
        held?.settle(
          resultOf({ ...ended, heldNanoUsd: held.heldNanoUsd }, ask, costOf),
          ended.record.usage?.searches,
        )
        const isNews = books.end(outcome, error)
        if (isNews && error !== undefined) this.#alert(target, error)
      },
    })
    // Of a stream nothing has come so far; what breaks off with more says so.
    if (call.mode !== 'plain') entry.noteText(0)
    return entry
  }

  /** Where the answer to a call is ended; `undefined` where no budget pays for it, or it is not counted in tokens. */
  limitOf({ ask, held, target }: HeldCall): AnswerLimit | undefined {
    const { envelope, asked, operation } = this.#init.exchange
    const ceilingTokens = held?.outputTokensMax ?? envelope.maxOutputTokens
    if (held?.reservation === undefined || ceilingTokens === undefined) return undefined
    if (asked !== undefined || operation !== 'chat') return undefined
    return new AnswerLimit({
      ask,
      reservation: held.reservation,
      ceilingTokens,
      mayRepeatInput: envelope.fields.has('echo') || nativeContinuationOf(target) === 'echoed-prefix',
      costOf: this.#costOf(target, ask),
    })
  }

  async send({ target, targetDialect, call }: Ready, { signal }: Lane): Promise<UpstreamResponse> {
    const response = await this.#deps.send({
      target,
      dialect: targetDialect,
      method: 'POST',
      path: call.path,
      headers: call.headers,
      body: call.body,
      stream: call.mode !== 'plain',
      signal,
      ...call.operation?.request,
    })
    failpoint('sent')
    return response
  }

  /** Ends an attempt that brought no answer. Resolves to its failure; throws where it is none of the target's: the client left, say. */
  failed(attempt: AttemptEntry, { thrown, hasBegun, lane }: EndedBadly): GatewayError {
    const { exchange, deadline } = this.#init
    const { asked } = exchange
    if (lane.isBeaten) {
      attempt.cancel({ hasBegun, isBeaten: true, flags: ['race_lost'] })
      return toGatewayError(lane.signal.reason)
    }
    lane.leave()
    if (deadline.signal.aborted) {
      attempt.cancel({ hasBegun })
      throw deadline.signal.reason
    }
    if (thrown instanceof UnusedAnswer && !isFree(exchange)) {
      // What is no chat is not measured by the text that came of it.
      attempt.noteUnused(asked === undefined ? thrown.answer : { ...thrown.answer, isSilent: false })
    }
    const redacted = this.redact(toGatewayError(thrown))
    const error = asked === undefined ? redacted : judgeFailure(redacted, asked.spec)
    attempt.fail(error, { hasBegun })
    return error
  }

  /** Our own defects hold no provider's words, and their cause is needed to mend them. */
  redact(error: GatewayError): GatewayError {
    return error.code === 'gateway_error' ? error : this.#deps.redact(error)
  }

  #costOf(target: Target, ask: AttemptAsk): (usage: Usage) => NanoUsd | undefined {
    return (usage) => this.#deps.costOf?.(target, usage, ask)
  }

  /** What nobody can price counts as a request. */
  #noteSpend({ outcome, costNanoUsd }: AttemptOutcome): void {
    if (outcome !== 'completed' && costNanoUsd === undefined) return
    const { budgets, clock } = this.#deps
    const { plan, exchange } = this.#init
    const nowMs = clock.nowMs()
    budgets.retrySpend.of(poolOf(plan, exchange), nowMs).noteSpend(costNanoUsd, nowMs)
    budgets.hedges.of(plan)?.noteSpend(costNanoUsd, nowMs)
  }

  #alert(target: Target, error: GatewayError): void {
    const { exchange, plan } = this.#init
    const alert = alertOf(target, error, { request: exchange.body, isRouted: plan.routeName !== undefined })
    if (alert !== undefined) this.#deps.telemetry.notices.publish(alert)
  }
}

const NOT_SENT: AttemptResult = {
  outcome: 'cancelled',
  durationMs: 0,
  basis: 'none',
  // Sound: no dollars are a whole number of nano-dollars.
  costNanoUsd: 0 as NanoUsd,
  isWaste: false,
}

function capped(ready: Ready, ask: AttemptAsk, held: HeldAttempt | undefined): HeldCall {
  if (held === undefined) return { ...ready, ask, held }
  // Only what a budget pays for is held to the number.
  const searches = held.reservation && ask.searchesUnasked
  return { ...ready, call: capCall(ready, { tokens: held.outputTokensMax, searches }), ask, held }
}
