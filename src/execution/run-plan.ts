/**
 * Runs a plan: the one owner of retries. Tries its targets in order until one answer reaches its commit point; what
 * follows a failure is decided by the error table alone (resilience/decide-next.ts).
 */

import type { TargetDialectId } from '../canonical/envelope.ts'
import type { Usage } from '../canonical/usage.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { OperationRequest } from '../operations/operation-request.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { Provider, Target } from '../providers/provider.ts'
import { drawBackoffMs, drawOverloadPauseMs } from '../resilience/backoff.ts'
import { decideNext } from '../resilience/decide-next.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import type { TargetHealth } from '../resilience/target-health.ts'
import { type Plan, targetNodes } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'
import { type Clock, sleep } from '../std/clock.ts'
import type { Random } from '../std/ids.ts'
import type { Telemetry } from '../telemetry/records.ts'
import type { UpstreamRequest, UpstreamResponse } from '../upstream/attempt.ts'
import { AttemptLog } from './attempt-log.ts'
import { clientTimeoutMs, Deadline } from './deadline.ts'
import { type DecodedRequest, decodeOnce, type EncodedCall, encodeCall, relayMode } from './encode-call.ts'
import type { Exchange } from './exchange.ts'
import { encodeOperation, judgeFailure, operationCall } from './encode-operation.ts'
import { relay } from './relay.ts'
import type { Committed } from './relay-context.ts'
import { RefusedFields } from './refused-fields.ts'
import { publishedWords } from './repeated-words.ts'
import type { Reply } from './reply.ts'
import { TargetQueue } from './target-queue.ts'
import { toldError } from './told-error.ts'

export interface ExecutionDeps {
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly health: TargetHealth
  readonly state: StateMemory
  /** What an answer cost; `undefined` where a price or a count is not known. */
  readonly costOf?: (target: Target, usage: Usage) => NanoUsd | undefined
  readonly dialects: ReadonlyMap<TargetDialectId, TargetDialect>
  send(request: UpstreamRequest): Promise<UpstreamResponse>
  /** Takes secrets out of an error that holds a provider's words (SEC-22). */
  redact(error: GatewayError): GatewayError
  /** Told the ids of files and batches that a provider's answer names. */
  readonly onIds?: (ids: readonly string[], provider: Provider) => void
  /** The context window of a target's model, tokens, where it is known. */
  readonly contextWindow?: (target: Target) => number | undefined
}

export interface Execution {
  /** Resolves at the commit point. Throws the GatewayError the client is told when no target could answer. */
  run(plan: Plan, exchange: Exchange): Promise<Reply>
}

export function createExecution(deps: ExecutionDeps): Execution {
  /** Targets that refuse to stream what they answer in one piece, as learned from them. */
  const plainOnly = new WeakSet<Target>()
  const refusedFields = new RefusedFields()
  return { run: (plan, exchange) => new PlanRun(deps, { plan, exchange, plainOnly, refusedFields }).run() }
}

interface Work {
  readonly plan: Plan
  readonly exchange: Exchange
  readonly plainOnly: WeakSet<Target>
  readonly refusedFields: RefusedFields
}

class PlanRun {
  readonly #deps: ExecutionDeps
  readonly #plan: Plan
  readonly #exchange: Exchange
  readonly #decoded: DecodedRequest
  readonly #deadline: Deadline
  readonly #log: AttemptLog
  readonly #failures: GatewayError[] = []
  readonly #queue: TargetQueue
  readonly #plainOnly: WeakSet<Target>
  readonly #refusedFields: RefusedFields
  #attempts = 0
  #retries = 0
  /** Time spent waiting for providers and between attempts: not the gateway's own, ms. */
  #waitedMs = 0

  constructor(deps: ExecutionDeps, work: Work) {
    const { plan, exchange, plainOnly, refusedFields } = work
    const beginMs = clientTimeoutMs(exchange.headers)
    this.#deps = deps
    this.#plan = plan
    this.#exchange = exchange
    this.#decoded = decodeOnce(exchange)
    this.#plainOnly = plainOnly
    this.#refusedFields = refusedFields
    this.#log = new AttemptLog(exchange, deps)
    this.#deadline = new Deadline({
      clock: deps.clock,
      deadlineMs: plan.deadlineMs,
      parent: exchange.signal,
      ...(beginMs === undefined ? {} : { beginMs }),
    })
    this.#queue = new TargetQueue(targetNodes(plan.root), {
      ...deps,
      leftMs: () => this.#deadline.leftMs(),
      wait: (delayMs) => this.#wait(delayMs),
    })
  }

  async run(): Promise<Reply> {
    try {
      for (;;) {
        const target = await this.#queue.take()
        if (target === undefined) throw this.#worstCase()
        const reply = await this.#tryTarget(target)
        if (reply) return reply
      }
    } catch (error) {
      this.#deadline.dispose()
      throw toldError(toGatewayError(error).withAttempts(this.#log.summaries))
    }
  }

  /** Tries one target until it answers, or until the rule sends the request elsewhere; throws when it says stop. */
  async #tryTarget(target: Target): Promise<Reply | undefined> {
    const targetDialect = this.#dialectOf(target)
    let call = this.#encode(target, targetDialect)
    if (call === undefined) return undefined
    let retriesOfTarget = 0
    let isFreeRetryUsed = false
    for (;;) {
      const answer = await this.#attempt(target, targetDialect, call)
      if (!(answer instanceof GatewayError)) return answer
      if (call.mode === 'fold' && isStreamRefused(answer)) {
        this.#plainOnly.add(target)
        call = this.#encode(target, targetDialect)
        if (call === undefined) return undefined
        continue
      }
      if (!this.#plan.isStrict && this.#refusedFields.learn(target, answer, call)) {
        call = this.#refusedFields.leaveOut(call, target)
        continue
      }
      this.#failures.push(answer)
      this.#dropTooSmall(answer, target)
      const decision = decideNext(
        {
          error: answer,
          retriesOfTarget,
          isFreeRetryUsed,
          isOnce: this.#exchange.asked?.spec.isOnce === true,
        },
        {
          attemptsLeft: this.#plan.attemptsMax - this.#attempts,
          retriesLeft: this.#plan.retries - this.#retries,
          deadlineLeftMs: this.#deadline.leftMs(),
          othersLeft: this.#queue.callable,
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
          if (!(await this.#queue.mayCallAgain(target))) return undefined
          break
        case 'try-other':
          return undefined
        case 'stop':
          throw isFinal(answer) ? answer : this.#worstCase()
      }
    }
  }

  /** After a request that was too long, only larger windows are worth asking. */
  #dropTooSmall(error: GatewayError, failed: Target): void {
    const windowOf = this.#deps.contextWindow
    const failedWindow = windowOf?.(failed)
    if (error.row.otherTarget !== 'larger-context' || windowOf === undefined || failedWindow === undefined)
      return
    this.#queue.keep((target) => (windowOf(target) ?? Number.POSITIVE_INFINITY) > failedWindow)
  }

  /** The request in the target's words, or `undefined` (and a failure noted) where this target cannot serve it. */
  #encode(target: Target, targetDialect: TargetDialect): EncodedCall | undefined {
    const { asked } = this.#exchange
    if (asked !== undefined) return this.#encodeOperation(asked, target, targetDialect)
    const mode = relayMode(this.#exchange.envelope, this.#plainOnly.has(target))
    const call = encodeCall({
      exchange: this.#exchange,
      decoded: this.#decoded,
      target,
      targetDialect,
      state: this.#deps.state,
      mode,
    })
    if (call instanceof GatewayError) this.#failures.push(call)
    else if (this.#plan.isStrict && call.losses.length > 0)
      this.#failures.push(refusedLosses(target, call.losses))
    else return this.#plan.isStrict ? call : this.#refusedFields.leaveOut(call, target)
    return undefined
  }

  #encodeOperation(
    asked: OperationRequest,
    target: Target,
    targetDialect: TargetDialect,
  ): EncodedCall | undefined {
    const exchange = this.#exchange
    const operation = encodeOperation({ exchange, asked, target, targetDialect })
    if (operation instanceof GatewayError) this.#failures.push(operation)
    else if (this.#plan.isStrict && operation.losses.length > 0)
      this.#failures.push(refusedLosses(target, operation.losses))
    else return operationCall(operation, exchange, targetDialect)
    return undefined
  }

  /** One attempt. Resolves with the failure; throws only what is no failure of the target (the client left, say). */
  async #attempt(
    target: Target,
    targetDialect: TargetDialect,
    call: EncodedCall,
  ): Promise<Reply | GatewayError> {
    const { clock } = this.#deps
    this.#deadline.signal.throwIfAborted()
    this.#attempts += 1
    const attempt = this.#log.begin(target)
    let response: UpstreamResponse | undefined
    try {
      response = await this.#deps.send({
        target,
        dialect: targetDialect,
        method: 'POST',
        path: call.path,
        headers: call.headers,
        body: call.body,
        stream: call.mode !== 'plain',
        signal: this.#deadline.signal,
        ...call.operation?.request,
      })
      const committed = await relay({
        exchange: this.#exchange,
        call,
        target,
        targetDialect,
        state: this.#deps.state,
        response,
        attempt,
        clock,
        commit: () => this.#deadline.begin(),
        release: () => this.#deadline.dispose(),
        redact: (error) => toldError(this.#redact(error)),
        attempts: () => this.#log.summaries,
        modelId: this.#exchange.envelope.modelId,
        onIds: (ids) => this.#deps.onIds?.(ids, target.provider),
      })
      this.#waitedMs += clock.nowMs() - attempt.startedAtMs
      this.#deps.health.recordSuccess(healthKey(target), attempt.startedAtMs)
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
    const { asked } = this.#exchange
    const redacted = this.#redact(toGatewayError(how.thrown))
    const error = asked === undefined ? redacted : judgeFailure(redacted, asked.spec)
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
    if (health.recordFailure(healthKey(target), error, clock.nowMs())) this.#alert(target, error)
  }

  /** Our own defects hold no provider's words, and their cause is needed to mend them. */
  #redact(error: GatewayError): GatewayError {
    return error.code === 'gateway_error' ? error : this.#deps.redact(error)
  }

  /** What an operator must act on is published when it begins, with the secret's fingerprint only. */
  #alert(target: Target, error: GatewayError): void {
    const { health } = error.row
    if (health !== 'auth-dead' && health !== 'exhausted' && health !== 'misconfigured') return
    // A model that only a client named is the client's mistake.
    if (health === 'misconfigured' && this.#plan.routeName === undefined) return
    this.#deps.telemetry.notices.publish({
      level: 'error',
      name: {
        'auth-dead': 'credential_refused',
        exhausted: 'credential_exhausted',
        misconfigured: 'target_misconfigured',
      }[health],
      message: `${target.id}: ${publishedWords(error, this.#exchange.body) ?? error.code} ${error.row.nextStep}`,
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
      costNanoUsd: () => this.#log.costNanoUsd,
      close: (isTaken) => committed.close(isTaken),
      ...(committed.lossesAtEnd === undefined ? {} : { lossesAtEnd: committed.lossesAtEnd }),
      ...(committed.upstreamModelId === undefined ? {} : { upstreamModelId: committed.upstreamModelId }),
      ...(committed.warnings === undefined ? {} : { warnings: committed.warnings }),
      ...(committed.writeError === undefined ? {} : { writeError: committed.writeError }),
      ...(this.#plan.routeName === undefined ? {} : { routeName: this.#plan.routeName }),
      ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
    }
  }

  async #wait(delayMs: number): Promise<void> {
    this.#waitedMs += delayMs
    await sleep(this.#deps.clock, delayMs, this.#deadline.signal)
  }

  /** The client's own, where the target speaks it too: then nothing needs to be translated. */
  #dialectOf(target: Target): TargetDialect {
    if (target.provider.alsoSpeaks?.includes(this.#exchange.dialect.id)) return this.#exchange.dialect
    const dialect = this.#deps.dialects.get(target.provider.dialect)
    if (dialect) return dialect
    throw new GatewayError(
      'not_supported',
      `${target.id} speaks ${target.provider.dialect}, which is not served yet.`,
    )
  }

  /** Of all failures, the one the client is told: one its program can cure, else the latest that a retry may heal, else the latest. */
  #worstCase(): GatewayError {
    const failures = [...this.#failures, ...this.#queue.refusals]
    const error =
      failures.findLast(isCurable) ??
      failures.findLast((failure) => failure.isClientRetryable) ??
      failures.at(-1)
    return error ?? new GatewayError('no_target_available', 'No target of the route could be tried.')
  }
}

/** The request itself is wrong, wherever it is sent: nothing that happened before says more. */
function isFinal({ row }: GatewayError): boolean {
  return row.fault === 'client' && row.otherTarget === 'no'
}

/** We asked for a stream on our own account, and the target does not stream this model: asked plainly, it answers. */
function isStreamRefused({ code, facts }: GatewayError): boolean {
  return code === 'upstream_invalid_request' && facts.param === 'stream'
}

/** A target would serve the request said in another way, and the refusal tells the client's program which (message threads). */
function isCurable(failure: GatewayError): boolean {
  return failure.code === 'loss_refused' && failure.facts.details !== undefined
}

function refusedLosses(
  target: Target,
  losses: readonly { readonly field: string; readonly reason: string }[],
): GatewayError {
  const named = losses.map((loss) => `${loss.field} (${loss.reason})`).join(', ')
  const [first] = losses
  const message = `The route is strict, and ${target.id} cannot express: ${named}.`
  const lacks = losses.map((loss) => loss.field)
  return new GatewayError('loss_refused', message, first === undefined ? {} : { param: first.field, lacks })
}
