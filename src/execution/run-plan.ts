/**
 * Runs a plan: the one owner of retries. Tries its targets in order until one answer reaches its commit point; what
 * follows a failure is decided by the error table alone (resilience/decide-next.ts).
 */

import type { Dialect } from '../dialects/dialect.ts'
import type { DialectId } from '../canonical/envelope.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { drawBackoffMs, drawOverloadPauseMs } from '../resilience/backoff.ts'
import { decideNext, LAST_RESORT_WAIT_MAX_MS } from '../resilience/decide-next.ts'
import type { TargetHealth } from '../resilience/target-health.ts'
import { type Plan, type TargetNode, targetNodes } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'
import { type Clock, sleep } from '../std/clock.ts'
import type { Random } from '../std/ids.ts'
import type { Telemetry } from '../telemetry/records.ts'
import type { UpstreamRequest, UpstreamResponse } from '../upstream/attempt.ts'
import { AttemptLog } from './attempt-log.ts'
import { clientTimeoutMs, Deadline } from './deadline.ts'
import { type DecodedRequest, decodeOnce, type EncodedCall, encodeCall } from './encode-call.ts'
import type { Exchange } from './exchange.ts'
import { type Committed, relay } from './relay.ts'
import type { Reply } from './reply.ts'
import { toldError } from './told-error.ts'

export interface ExecutionDeps {
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly health: TargetHealth
  readonly dialects: ReadonlyMap<DialectId, Dialect>
  send(request: UpstreamRequest): Promise<UpstreamResponse>
  /** Takes secrets out of an error that holds a provider's words (SEC-22). */
  redact(error: GatewayError): GatewayError
  /** The context window of a target's model, tokens, where it is known. */
  readonly contextWindow?: (target: Target) => number | undefined
}

export interface Execution {
  /** Resolves at the commit point. Throws the GatewayError the client is told when no target could answer. */
  run(plan: Plan, exchange: Exchange): Promise<Reply>
}

export function createExecution(deps: ExecutionDeps): Execution {
  return { run: (plan, exchange) => new PlanRun(deps, plan, exchange).run() }
}

class PlanRun {
  readonly #deps: ExecutionDeps
  readonly #plan: Plan
  readonly #exchange: Exchange
  readonly #decoded: DecodedRequest
  readonly #deadline: Deadline
  readonly #log: AttemptLog
  readonly #failures: GatewayError[] = []
  #untried: readonly TargetNode[]
  #attempts = 0
  #retries = 0
  /** Time spent waiting for providers and between attempts: not the gateway's own, ms. */
  #waitedMs = 0

  constructor(deps: ExecutionDeps, plan: Plan, exchange: Exchange) {
    const beginMs = clientTimeoutMs(exchange.headers)
    this.#deps = deps
    this.#plan = plan
    this.#exchange = exchange
    this.#decoded = decodeOnce(exchange)
    this.#untried = targetNodes(plan.root)
    this.#log = new AttemptLog(exchange.id, deps)
    this.#deadline = new Deadline({
      clock: deps.clock,
      deadlineMs: plan.deadlineMs,
      parent: exchange.signal,
      ...(beginMs === undefined ? {} : { beginMs }),
    })
  }

  async run(): Promise<Reply> {
    try {
      for (;;) {
        const node = this.#takeNext()
        if (node === undefined) throw this.#worstCase()
        const reply = await this.#tryTarget(node.target)
        if (reply) return reply
      }
    } catch (error) {
      this.#deadline.dispose()
      throw toldError(toGatewayError(error).withAttempts(this.#log.summaries))
    }
  }

  #takeNext(): TargetNode | undefined {
    const [next, ...rest] = this.#untried
    this.#untried = rest
    return next
  }

  /** Tries one target until it answers, or until the rule sends the request elsewhere; throws when it says stop. */
  async #tryTarget(target: Target): Promise<Reply | undefined> {
    if (!(await this.#isAdmissible(target))) return undefined
    const targetDialect = this.#dialectOf(target)
    const call = this.#encode(target, targetDialect)
    if (call === undefined) return undefined
    let retriesOfTarget = 0
    let isFreeRetryUsed = false
    for (;;) {
      const answer = await this.#attempt(target, targetDialect, call)
      if (!(answer instanceof GatewayError)) return answer
      this.#failures.push(answer)
      const decision = decideNext(
        { error: answer, retriesOfTarget, isFreeRetryUsed },
        {
          attemptsLeft: this.#plan.attemptsMax - this.#attempts,
          retriesLeft: this.#plan.retries - this.#retries,
          deadlineLeftMs: this.#deadline.leftMs(),
          othersLeft: this.#keepAble(answer, target),
          backoffMs: drawBackoffMs(retriesOfTarget, this.#deps.random),
          overloadPauseMs: drawOverloadPauseMs(this.#deps.random),
        },
      )
      switch (decision.type) {
        case 'retry-free':
          isFreeRetryUsed = true
          this.#attempts -= 1
          break
        case 'retry-same':
          retriesOfTarget += 1
          this.#retries += 1
          await this.#wait(decision.waitMs)
          break
        case 'try-other':
          return undefined
        case 'stop':
          throw this.#worstCase()
      }
    }
  }

  /** Drops the untried targets that this error rules out, and says how many are left. */
  #keepAble(error: GatewayError, failed: Target): number {
    const windowOf = this.#deps.contextWindow
    if (error.row.otherTarget === 'larger-context' && windowOf) {
      const failedWindow = windowOf(failed)
      this.#untried = this.#untried.filter((node) => {
        const window = windowOf(node.target)
        return failedWindow === undefined || window === undefined || window > failedWindow
      })
    }
    return this.#untried.length
  }

  /** A target inside a 429 window is waited for when the wait is short; a spent or refused credential is not called. */
  async #isAdmissible(target: Target): Promise<boolean> {
    const verdict = this.#deps.health.verdict(healthKey(target), this.#deps.clock.nowMs())
    if (verdict.type === 'available') return true
    const waitMs = verdict.untilMs - this.#deps.clock.nowMs()
    const isWorthWaiting =
      verdict.type === 'limited' &&
      this.#untried.length === 0 &&
      waitMs <= LAST_RESORT_WAIT_MAX_MS &&
      waitMs < this.#deadline.leftMs()
    if (isWorthWaiting) {
      await this.#wait(waitMs)
      return true
    }
    this.#failures.push(stillRefused(verdict.error, verdict.type === 'limited' ? waitMs : undefined))
    return false
  }

  /** The request in the target's words, or `undefined` (and a failure noted) where this target cannot serve it. */
  #encode(target: Target, targetDialect: Dialect): EncodedCall | undefined {
    const call = encodeCall(this.#exchange, this.#decoded, target, targetDialect)
    if (call instanceof GatewayError) this.#failures.push(call)
    else if (this.#plan.isStrict && call.losses.length > 0)
      this.#failures.push(refusedLosses(target, call.losses))
    else return call
    return undefined
  }

  /** One attempt. Resolves with the failure; throws only what is no failure of the target (the client left, say). */
  async #attempt(target: Target, targetDialect: Dialect, call: EncodedCall): Promise<Reply | GatewayError> {
    const { clock } = this.#deps
    this.#deadline.signal.throwIfAborted()
    this.#attempts += 1
    const attempt = this.#log.begin(target)
    let response: UpstreamResponse | undefined
    try {
      response = await this.#deps.send({
        target,
        method: 'POST',
        path: call.path,
        headers: call.headers,
        body: call.body,
        stream: call.mode !== 'plain',
        signal: this.#deadline.signal,
      })
      const committed = await relay({
        exchange: this.#exchange,
        call,
        targetDialect,
        response,
        attempt,
        clock,
        commit: () => this.#deadline.begin(),
        release: () => this.#deadline.dispose(),
        redact: (error) => toldError(this.#redact(error)),
        attempts: () => this.#log.summaries,
        modelId: this.#exchange.envelope.modelId,
      })
      this.#waitedMs += clock.nowMs() - attempt.startedAtMs
      this.#deps.health.recordSuccess(healthKey(target))
      this.#follow(target, committed)
      return this.#reply(target, response, committed)
    } catch (thrown) {
      this.#waitedMs += clock.nowMs() - attempt.startedAtMs
      return this.#failed(target, attempt, { thrown, hasBegun: response !== undefined })
    }
  }

  #failed(
    target: Target,
    attempt: ReturnType<AttemptLog['begin']>,
    how: { thrown: unknown; hasBegun: boolean },
  ): GatewayError {
    const error = this.#redact(toGatewayError(how.thrown))
    if (this.#deadline.signal.aborted) {
      attempt.cancel({ hasBegun: how.hasBegun })
      throw this.#deadline.signal.reason
    }
    attempt.fail(error, { hasBegun: how.hasBegun })
    this.#remember(target, error)
    return error
  }

  /** The deadline holds until the last byte; what breaks a stream off says as much of the target as a refusal does. */
  #follow(target: Target, committed: Committed): void {
    if (committed.body instanceof Uint8Array) {
      this.#deadline.dispose()
      return
    }
    void committed.settled.then(({ error }) => {
      this.#deadline.dispose()
      if (error !== undefined) this.#remember(target, error)
    })
  }

  #remember(target: Target, error: GatewayError): void {
    const { health, clock } = this.#deps
    const nowMs = clock.nowMs()
    const known = health.verdict(healthKey(target), nowMs)
    health.recordFailure(healthKey(target), error, nowMs)
    if (known.type !== error.row.health) this.#alert(target, error)
  }

  /** Our own defects hold no provider's words, and their cause is needed to mend them. */
  #redact(error: GatewayError): GatewayError {
    return error.code === 'gateway_error' ? error : this.#deps.redact(error)
  }

  /** What an operator must act on is published when it begins, with the secret's fingerprint only. */
  #alert(target: Target, error: GatewayError): void {
    const { health } = error.row
    if (health !== 'auth-dead' && health !== 'exhausted' && health !== 'misconfigured') return
    this.#deps.telemetry.notices.publish({
      level: 'error',
      name: {
        'auth-dead': 'credential_refused',
        exhausted: 'credential_exhausted',
        misconfigured: 'target_misconfigured',
      }[health],
      message: `${target.id}: ${error.message} ${error.row.nextStep}`,
      facts: { target: target.id, credential: target.credential?.fingerprint ?? 'none' },
    })
  }

  #reply(target: Target, response: UpstreamResponse, committed: Committed): Reply {
    const upstreamRequestId = response.headers['x-request-id'] ?? response.headers['request-id']
    const firstTokenMs = this.#deps.clock.nowMs() - this.#exchange.arrivedAtMs
    return {
      status: 200,
      contentType: committed.contentType,
      body: committed.body,
      target,
      attempts: this.#log.summaries,
      losses: committed.losses,
      overheadMs: Math.max(0, firstTokenMs - this.#waitedMs),
      firstTokenMs,
      settled: committed.settled,
      ...(this.#plan.routeName === undefined ? {} : { routeName: this.#plan.routeName }),
      ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
    }
  }

  async #wait(delayMs: number): Promise<void> {
    this.#waitedMs += delayMs
    await sleep(this.#deps.clock, delayMs, this.#deadline.signal)
  }

  #dialectOf(target: Target): Dialect {
    const dialect = this.#deps.dialects.get(target.provider.dialect)
    if (dialect) return dialect
    throw new GatewayError(
      'not_supported',
      `${target.id} speaks ${target.provider.dialect}, which is not served yet.`,
    )
  }

  /** Of all failures, the one the client is told: one its program can cure, else the latest that a retry may heal, else the latest. */
  #worstCase(): GatewayError {
    const error =
      this.#failures.findLast(isCurable) ??
      this.#failures.findLast((failure) => failure.isClientRetryable) ??
      this.#failures.at(-1)
    return error ?? new GatewayError('no_target_available', 'No target of the route could be tried.')
  }
}

/** A target would serve the request said in another way, and the refusal tells the client's program which (message threads). */
function isCurable(failure: GatewayError): boolean {
  return failure.code === 'loss_refused' && failure.facts.details !== undefined
}

/** A refusal remembered from an earlier request, with the time that is left of it. */
function stillRefused(error: GatewayError, waitMs: number | undefined): GatewayError {
  if (waitMs === undefined) return new GatewayError(error.code, error.message, error.facts)
  return new GatewayError(error.code, error.message, { ...error.facts, retryAfterMs: Math.ceil(waitMs) })
}

function refusedLosses(
  target: Target,
  losses: readonly { readonly field: string; readonly reason: string }[],
): GatewayError {
  const named = losses.map((loss) => `${loss.field} (${loss.reason})`).join(', ')
  const [first] = losses
  const message = `The route is strict, and ${target.id} cannot express: ${named}.`
  return new GatewayError('loss_refused', message, first === undefined ? {} : { param: first.field })
}
