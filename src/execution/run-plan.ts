/**
 * Runs a plan: the one owner of retries. Tries its targets in order until one answer reaches its commit point; what
 * follows a failure is decided by the error table alone (resilience/decide-next.ts).
 */

import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { drawBackoffMs, drawOverloadPauseMs } from '../resilience/backoff.ts'
import { decideNext } from '../resilience/decide-next.ts'
import { promptBucket } from '../resilience/first-token-times.ts'
import { type Plan, targetNodes } from '../routing/plan.ts'
import { sleep } from '../std/clock.ts'
import { answerOptions } from './answer-options.ts'
import { AttemptLog } from './attempt-log.ts'
import { Attempts, type Ready } from './attempts.ts'
import { CallWriter, type LearnedWishes } from './call-writer.ts'
import { clientTimeoutMs, Deadline } from './deadline.ts'
import { DecisionTrace } from './decision-trace.ts'
import { Effort } from './effort.ts'
import type { EncodedCall } from './encode-call.ts'
import type { Exchange } from './exchange.ts'
import type { Execution, ExecutionDeps, Standing } from './execution.ts'
import { type Lane, Race, soleLane } from './race.ts'
import { RefusedFields } from './refused-fields.ts'
import { relay } from './relay.ts'
import type { Committed } from './relay-context.ts'
import type { Reply } from './reply.ts'
import { Rescuer } from './rescuer.ts'
import { hasSideEffects, isElsewhere, slowStartOf } from './slow-start.ts'
import type { StreamLeg } from './stream-leg.ts'
import { type Taken, TargetQueue } from './target-queue.ts'
import { finalError, toldError } from './told-error.ts'
import { Waiting } from './waiting.ts'
import { firstSuccess } from './first-success.ts'
import { makeReply } from './make-reply.ts'

const ORDINARY: Standing = { priority: 'normal' }

export function createExecution(deps: ExecutionDeps): Execution {
  const learned: LearnedWishes = { plainOnly: new WeakSet(), refusedFields: new RefusedFields() }
  return {
    run: (plan, exchange, standing = ORDINARY) =>
      new PlanRun(deps, { plan, exchange, standing, learned }).run(),
  }
}

interface Work {
  readonly plan: Plan
  readonly exchange: Exchange
  readonly standing: Standing
  readonly learned: LearnedWishes
}

/** A call that did not answer, and what came of it. */
interface Failed {
  readonly ready: Ready
  readonly error: GatewayError
}

class PlanRun {
  readonly #deps: ExecutionDeps
  readonly #work: Work
  readonly #writer: CallWriter
  readonly #deadline: Deadline
  readonly #log: AttemptLog
  readonly #trace: DecisionTrace | undefined
  readonly #effort: Effort
  readonly #waiting: Waiting
  readonly #attempts: Attempts
  readonly #queue: TargetQueue
  readonly #failures: GatewayError[] = []
  /** Second tries of each target for this request; free ones not counted. */
  readonly #retriesOf = new Map<Target, number>()
  readonly #freeRetryUsed = new Set<Target>()
  /** How the stream was finished last, where it broke off. */
  #rescued: { readonly rung: number; readonly target: string } | undefined

  constructor(deps: ExecutionDeps, work: Work) {
    const { plan, exchange, standing } = work
    const beginMs = clientTimeoutMs(exchange.headers)
    this.#deps = deps
    this.#work = work
    this.#log = new AttemptLog(exchange, deps)
    this.#waiting = new Waiting(deps.clock)
    this.#trace = standing.onTrace === undefined ? undefined : this.#createTrace(standing.onTrace)
    this.#writer = new CallWriter({
      ...deps,
      ...work,
      onRefused: (error, target) => {
        this.#trace?.note('left out', target.id, error.code)
        this.#failures.push(error)
      },
    })
    this.#effort = new Effort({
      ...deps,
      plan,
      exchange,
      inputCostOf: (target) => deps.costOf?.(target, inputOf(exchange)),
    })
    this.#deadline = new Deadline({
      clock: deps.clock,
      deadlineMs: plan.deadlineMs,
      parent: exchange.signal,
      ...(beginMs === undefined ? {} : { beginMs }),
    })
    this.#attempts = new Attempts(deps, {
      exchange,
      plan,
      deadline: this.#deadline,
      log: this.#log,
      effort: this.#effort,
      trace: this.#trace,
      books: standing.books,
    })
    this.#queue = this.#createQueue()
  }

  async run(): Promise<Reply> {
    try {
      this.#effort.begin(this.#queue.first)
      for (;;) {
        const taken = await this.#queue.take()
        if (taken === undefined) throw this.#worstCase()
        const reply = await this.#tryTarget(taken)
        if (reply) return reply
      }
    } catch (thrown) {
      this.#deadline.dispose()
      const error = toldError(toGatewayError(thrown).withAttempts(this.#log.summaries))
      this.#trace?.note('refused', undefined, error.code)
      throw this.#trace === undefined ? error : error.withFacts({ explanation: this.#trace.summary() })
    }
  }

  // Trying.

  /** Tries one target until it answers, or until the rule sends the request elsewhere; throws when it says stop. */
  async #tryTarget(taken: Taken): Promise<Reply | undefined> {
    let ready = this.#prepare(taken)
    while (ready !== undefined) {
      const answer = await this.#raced(ready)
      if (!('error' in answer)) return answer
      ready = await this.#next(answer)
    }
    return undefined
  }

  /** The target in its own words, or `undefined` (and its place given back) where it cannot serve the request. */
  #prepare({ target, slot }: Taken): Ready | undefined {
    let ready: Ready | undefined
    try {
      const targetDialect = this.#writer.dialectOf(target)
      const call = this.#writer.write(target, targetDialect)
      if (call !== undefined) ready = { target, targetDialect, call, slot }
      return ready
    } finally {
      // What the client said may be wrong wherever it is sent: then this throws.
      if (ready === undefined) this.#queue.giveBack({ target, slot })
    }
  }

  /** What follows a failure: the same target again, in other words where that is what it asked for, or `undefined`: another. */
  async #next(failed: Failed): Promise<Ready | undefined> {
    const { ready, error } = failed
    const { target } = ready
    const again = this.#writer.writeOtherwise({ ...ready, error })
    if (again !== undefined) return this.#again(ready, again)
    this.#failures.push(error)
    this.#dropTooSmall(error, target)
    const retriesOfTarget = this.#retriesOf.get(target) ?? 0
    const decision = this.#decide(failed, retriesOfTarget)
    this.#trace?.note(decision.type, target.id, error.code)
    switch (decision.type) {
      case 'retry-free':
        this.#freeRetryUsed.add(target)
        this.#effort.uncount()
        return this.#again(ready, ready.call)
      case 'retry-same':
        this.#retriesOf.set(target, retriesOfTarget + 1)
        this.#effort.retry()
        await this.#wait(decision.waitMs)
        return this.#again(ready, ready.call)
      case 'try-other':
        return undefined
      case 'stop':
        throw this.#isFinal(error) ? error : this.#worstCase()
    }
  }

  #decide({ ready: { target }, error }: Failed, retriesOfTarget: number) {
    const { exchange, plan } = this.#work
    const { random } = this.#deps
    return decideNext(
      {
        error,
        retriesOfTarget,
        isFreeRetryUsed: this.#freeRetryUsed.has(target),
        isOnce: exchange.asked?.spec.isOnce === true,
        fallsBackOnPolicy: plan.fallsBackOnPolicy,
      },
      {
        attemptsLeft: this.#effort.attemptsLeft,
        retriesLeft: this.#effort.retriesLeft,
        deadlineLeftMs: this.#deadline.leftMs(),
        othersLeft: this.#queue.callable,
        backoffMs: drawBackoffMs(retriesOfTarget, random),
        overloadPauseMs: drawOverloadPauseMs(random),
      },
    )
  }

  async #again(ready: Ready, call: EncodedCall): Promise<Ready | undefined> {
    const slot = await this.#queue.again(ready.target)
    return slot === undefined ? undefined : { ...ready, call, slot }
  }

  /** One attempt, and where it is slow to begin a second one beside it. */
  async #raced(first: Ready): Promise<Reply | Failed> {
    const slowStart = this.#slowStartOf(first)
    if (slowStart === undefined) return this.#attempt(first, soleLane(this.#deadline.signal))
    const race = new Race(this.#deadline.signal)
    return firstSuccess<Reply, Failed>({
      first: () => this.#attempt(first, race.join()),
      second: () => {
        const ready = race.isDecided ? undefined : this.#beside(first, slowStart.reason)
        return ready && this.#attempt(ready, race.join())
      },
      isFailure: (answer): answer is Failed => 'error' in answer,
      isBeaten: ({ error }) => error.code === 'superseded',
      onOutrun: ({ error, ready }) => {
        this.#failures.push(error)
        this.#dropTooSmall(error, ready.target)
      },
      later: (begin) => this.#deps.clock.after(slowStart.afterMs, begin),
    })
  }

  #slowStartOf({ target, call }: Ready) {
    const { exchange, plan } = this.#work
    if (exchange.asked !== undefined || this.#queue.callable === 0) return undefined
    return slowStartOf(plan.hedge, {
      target,
      isStreamed: call.mode !== 'plain',
      promptBucket: promptBucket(exchange.envelope.bodyBytes),
      times: this.#deps.firstTokenTimes,
      nowMs: this.#deps.clock.nowMs(),
    })
  }

  /** A second target to ask at the same time, where one is free, the budgets allow it and nothing stays of being asked twice. */
  #beside(first: Ready, reason: 'hedge' | 'soft'): Ready | undefined {
    const { exchange, plan } = this.#work
    const { budgets, clock } = this.#deps
    if (this.#effort.attemptsLeft <= 0) return undefined
    const hedges = reason === 'hedge' ? budgets.hedges.of(plan) : undefined
    if (hedges?.mayExtra(clock.nowMs()) === false) return undefined
    if (hasSideEffects({ fields: exchange.envelope.fields, body: exchange.body })) return undefined
    for (;;) {
      const taken = this.#queue.takeFree((target) => reason === 'soft' || isElsewhere(target, first.target))
      if (taken === undefined) return undefined
      const ready = this.#prepare(taken)
      if (ready === undefined) continue
      this.#trace?.note(reason === 'hedge' ? 'hedge' : 'slow: raced', taken.target.id)
      hedges?.noteExtra(this.#deps.costOf?.(taken.target, inputOf(exchange)), clock.nowMs())
      return ready
    }
  }

  /** One attempt. Resolves with the failure; throws only what is no failure of the target (the client left, say). */
  async #attempt(ready: Ready, lane: Lane): Promise<Reply | Failed> {
    if (this.#deadline.signal.aborted) {
      this.#queue.giveBack(ready)
      throw this.#deadline.signal.reason
    }
    const call = await this.#attempts.pay(ready, lane.signal)
    if (call instanceof GatewayError) {
      this.#queue.giveBack(ready)
      return { ready, error: call }
    }
    const attempt = this.#attempts.begin(call)
    let hasBegun = false
    this.#waiting.begin()
    try {
      const response = await this.#attempts.send(call, lane)
      hasBegun = true
      const committed = await relay({
        ...this.#relayParts(call, lane),
        response,
        attempt,
        limit: this.#attempts.limitOf(call),
      })
      this.#waiting.end()
      this.#follow(committed, lane)
      return this.#reply(ready.target, response.headers, committed)
    } catch (thrown) {
      this.#waiting.end()
      return { ready, error: this.#attempts.failed(attempt, { thrown, hasBegun, lane }) }
    }
  }

  #relayParts({ target, targetDialect, call }: Ready, lane: Lane) {
    const { exchange, plan } = this.#work
    const { clock, state } = this.#deps
    const isRescued = plan.rescue !== 'off' && exchange.operation === 'chat' && exchange.envelope.stream
    return {
      exchange,
      call,
      target,
      targetDialect,
      state,
      clock,
      modelId: exchange.envelope.modelId,
      refusesFiltered: plan.fallsBackOnPolicy && this.#queue.callable > 0,
      ...(isRescued ? { rescue: this.#createRescue() } : {}),
      claim: () => lane.claim(),
      commit: () => this.#deadline.begin(),
      release: () => this.#deadline.dispose(),
      redact: (error: GatewayError) => toldError(this.#attempts.redact(error)),
      attempts: () => this.#log.summaries,
      onIds: (ids: readonly string[]) => this.#deps.onIds?.(ids, target.provider),
    }
  }

  #createRescue() {
    return {
      memory: this.#deps.deliveredMemory,
      resume: (failure: GatewayError, delivered: readonly Uint8Array[], failed: StreamLeg) =>
        new Rescuer({
          clock: this.#deps.clock,
          exchange: this.#work.exchange,
          plan: this.#work.plan,
          attempts: this.#attempts,
          effort: this.#effort,
          queue: this.#queue,
          signal: this.#deadline.signal,
          trace: this.#trace,
          dialectOf: (target) => this.#writer.dialectOf(target),
          answerOptions: (target) => answerOptions({ ...this.#deps, exchange: this.#work.exchange, target }),
          encode: (target, targetDialect, wish) => this.#writer.writeRescue(target, targetDialect, wish),
          onRescued: (rung, leg) => {
            this.#rescued = { rung, target: leg.target.id }
          },
        }).resume(failure, delivered, failed),
    }
  }

  /** The deadline holds until the last byte. */
  #follow(committed: Committed, lane: Lane): void {
    const end = () => {
      lane.leave()
      this.#deadline.dispose()
    }
    if (committed.body instanceof Uint8Array) end()
    else void committed.settled.then(end)
  }

  #reply(target: Target, headers: Readonly<Record<string, string>>, committed: Committed): Reply {
    const { exchange, plan, standing } = this.#work
    const trace = this.#trace
    trace?.note('answered', target.id)
    return makeReply({
      committed,
      target,
      headers,
      exchange,
      routeName: plan.routeName,
      log: this.#log,
      books: standing.books,
      firstTokenMs: this.#deps.clock.nowMs() - exchange.arrivedAtMs,
      waitedMs: this.#waiting.totalMs,
      rescue: () => this.#rescued,
      trace,
    })
  }

  // Judging.

  /** After a request that was too long, only larger windows are worth asking. */
  #dropTooSmall(error: GatewayError, failed: Target): void {
    if (error.row.otherTarget !== 'larger-context') return
    const windowOf = (target: Target) => this.#deps.factsOf?.(target)?.contextTokens
    const failedWindow = windowOf(failed)
    if (failedWindow === undefined) return
    this.#queue.keep((target) => (windowOf(target) ?? Number.POSITIVE_INFINITY) > failedWindow)
  }

  /** The request itself is wrong, wherever it is sent: nothing that happened before says more. */
  #isFinal({ row, facts }: GatewayError): boolean {
    return facts.isFinal === true || (row.fault === 'client' && row.otherTarget === 'no')
  }

  /** Of all failures, the one the client is told: one its program can cure, else the latest that a retry may heal, else the latest. */
  #worstCase(): GatewayError {
    const failures = [...this.#failures, ...this.#queue.refusals]
    const error =
      failures.findLast(isCurable) ??
      failures.findLast((failure) => failure.isClientRetryable) ??
      failures.at(-1) ??
      new GatewayError('no_target_available', 'No target of the route could be tried.')
    return this.#effort.isSpent ? finalError(error) : error
  }

  async #wait(delayMs: number): Promise<void> {
    await this.#waiting.for(sleep(this.#deps.clock, delayMs, this.#deadline.signal))
  }

  #createQueue(): TargetQueue {
    const { plan, standing } = this.#work
    const trace = this.#trace
    return new TargetQueue(targetNodes(plan.root), {
      ...this.#deps,
      priority: standing.priority,
      signal: this.#deadline.signal,
      leftMs: () => this.#deadline.leftMs(),
      mayCall: (target) => this.#effort.mayCall(target),
      wait: (delayMs) => this.#wait(delayMs),
      queued: (waiting) => this.#waiting.for(waiting),
      note: trace && ((step, target, detail) => trace.note(step, target.id, detail)),
    })
  }

  #createTrace(onTrace: NonNullable<Standing['onTrace']>): DecisionTrace {
    const { exchange, plan } = this.#work
    const { id: requestId, arrivedAtMs } = exchange
    const { clock } = this.#deps
    // No closure of this run: whoever keeps the trace would keep the request with it, and its body.
    const trace = new DecisionTrace({ requestId, plan, clock, arrivedAtMs, totals: this.#log.totals })
    onTrace(trace)
    return trace
  }
}

/** Tokens of input, by a rule of thumb: what repeating them would cost, not what they did. */
function inputOf({ envelope }: Exchange) {
  return { inputTokens: Math.ceil(envelope.bodyBytes / BYTES_PER_TOKEN), outputTokens: 0 }
}

const BYTES_PER_TOKEN = 4

/** A target would serve the request said in another way, and the refusal tells the client's program which (message threads). */
function isCurable(failure: GatewayError): boolean {
  return failure.code === 'loss_refused' && failure.facts.details !== undefined
}
