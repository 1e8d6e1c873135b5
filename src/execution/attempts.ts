/** Begins, sends and ends the attempts of one exchange, whoever wants them: the plan's order, a race or a rescue. */

import type { Slot } from '../admission/target-gates.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import { type GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { type PromptBucket, promptBucket } from '../resilience/first-token-times.ts'
import type { Plan } from '../routing/plan.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import { alertOf } from './alert.ts'
import type { AttemptEntry, AttemptLog, AttemptOutcome } from './attempt-log.ts'
import type { Deadline } from './deadline.ts'
import type { DecisionTrace } from './decision-trace.ts'
import type { Effort } from './effort.ts'
import type { EncodedCall } from './encode-call.ts'
import { judgeFailure } from './encode-operation.ts'
import type { Exchange } from './exchange.ts'
import type { ExecutionDeps } from './execution.ts'
import type { Lane } from './race.ts'
import { TargetCall } from './target-call.ts'

/** A call that may be made now: said in the target's words, and with a place there. */
export interface Ready {
  readonly target: Target
  readonly targetDialect: TargetDialect
  readonly call: EncodedCall
  readonly slot: Slot
}

export interface AttemptsInit {
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

  begin({ target, call, slot }: Ready): AttemptEntry {
    const { effort, log, trace } = this.#init
    effort.call(target)
    trace?.note('attempt', target.id)
    const books = new TargetCall(this.#deps, {
      target,
      slot,
      promptBucket: this.#promptBucket,
      isStreamed: call.mode !== 'plain',
    })
    return log.begin(target, {
      content: (firstTokenMs) => {
        trace?.note('content', target.id)
        books.content(firstTokenMs)
      },
      end: (ended) => {
        const { outcome, error } = ended
        trace?.note(outcome, target.id, error?.code)
        this.#noteSpend(ended)
        const isNews = books.end(outcome, error)
        if (isNews && error !== undefined) this.#alert(target, error)
      },
    })
  }

  async send({ target, targetDialect, call }: Ready, { signal }: Lane): Promise<UpstreamResponse> {
    return this.#deps.send({
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
    const redacted = this.redact(toGatewayError(thrown))
    const error = asked === undefined ? redacted : judgeFailure(redacted, asked.spec)
    attempt.fail(error, { hasBegun })
    return error
  }

  /** Our own defects hold no provider's words, and their cause is needed to mend them. */
  redact(error: GatewayError): GatewayError {
    return error.code === 'gateway_error' ? error : this.#deps.redact(error)
  }

  /** What nobody can price counts as a request. */
  #noteSpend({ outcome, costNanoUsd }: AttemptOutcome): void {
    if (outcome !== 'completed' && costNanoUsd === undefined) return
    const { budgets, clock } = this.#deps
    const nowMs = clock.nowMs()
    budgets.retrySpend.noteSpend(costNanoUsd, nowMs)
    budgets.hedges.of(this.#init.plan)?.noteSpend(costNanoUsd, nowMs)
  }

  #alert(target: Target, error: GatewayError): void {
    const { exchange, plan } = this.#init
    const alert = alertOf(target, error, { request: exchange.body, isRouted: plan.routeName !== undefined })
    if (alert !== undefined) this.#deps.telemetry.notices.publish(alert)
  }
}
