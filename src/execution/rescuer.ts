/**
 * The rescue ladder after the commit point: who may go on with an answer that broke off, and how. Rung 1: a target that
 * continues a given beginning by itself. Rung 2: the request anew, its answer swallowed as long as it equals what was
 * delivered. Rung 3, only where the route wishes it: a target that is asked in words to go on. Never two texts glued.
 */

import type { ResumedStream, TargetDialect, WriteAnswerOptions } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import type { Plan } from '../routing/plan.ts'
import type { Clock } from '../std/clock.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import type { Attempts, Ready } from './attempts.ts'
import { openContinuation } from './continuation.ts'
import type { DecisionTrace } from './decision-trace.ts'
import type { Effort } from './effort.ts'
import type { EncodedCall } from './encode-call.ts'
import type { RescueWish } from './encode-rescue.ts'
import type { Exchange } from './exchange.ts'
import { soleLane } from './race.ts'
import { type Rung, rungsFor, wishOf } from './rescue-rules.ts'
import type { StreamLeg } from './stream-leg.ts'
import type { ResumedLeg } from './stream-source.ts'
import type { TargetQueue } from './target-queue.ts'
import { textBytesWithin } from './text-bytes.ts'
import { UpstreamChunks } from './upstream-chunks.ts'

export interface RescuerInit {
  readonly clock: Clock
  readonly exchange: Exchange
  readonly plan: Pick<Plan, 'rescue'>
  readonly attempts: Attempts
  readonly effort: Effort
  readonly queue: TargetQueue
  readonly signal: StopSignal
  readonly trace: DecisionTrace | undefined
  dialectOf(target: Target): TargetDialect
  /** How the client's dialect says what a target answers, and who is told of the state in it. */
  answerOptions(target: Target): WriteAnswerOptions
  /** The request in the target's words; anything else where this target cannot be asked so. */
  encode(
    target: Target,
    targetDialect: TargetDialect,
    wish: RescueWish,
  ): EncodedCall | GatewayError | undefined
  /** A target's answer goes on with the stream. */
  onRescued(rung: Rung, leg: StreamLeg): void
}

/** What broke off, and what of it the client has. */
interface Broken {
  readonly failure: GatewayError
  readonly delivered: readonly Uint8Array[]
  readonly failed: StreamLeg
}

interface Prepared extends Ready {
  readonly resumed: ResumedStream
}

type Tried = ResumedLeg | 'diverged' | 'failed'

export class Rescuer {
  readonly #init: RescuerInit

  constructor(init: RescuerInit) {
    this.#init = init
  }

  /** The stream that goes on, or what the client is told. */
  async resume(
    failure: GatewayError,
    delivered: readonly Uint8Array[],
    failed: StreamLeg,
  ): Promise<ResumedLeg | GatewayError> {
    const { plan, trace, exchange } = this.#init
    for (const rung of rungsFor(plan.rescue, exchange)) {
      const tried = await this.#climb(rung, { failure, delivered, failed })
      if (tried === 'failed') continue
      if (tried !== 'diverged') return tried
      trace?.note('rescue diverged')
      if (plan.rescue !== 'full') return diverged()
    }
    return failure
  }

  /** Everybody who may stand on this rung, until one goes on. */
  async #climb(rung: Rung, broken: Broken): Promise<Tried> {
    for (const target of this.#candidates(rung, broken)) {
      const prepared = this.#prepare(rung, target, broken)
      if (prepared === undefined) continue
      const tried = await this.#try(rung, prepared)
      if (tried !== 'failed') return tried
    }
    return 'failed'
  }

  /** The same target once more where its failure allows it: last for a continuation, first for a restart. */
  #candidates(rung: Rung, { failure, failed }: Broken): readonly Target[] {
    const others = this.#init.queue.candidates
    const maySame = failure.row.sameTarget !== 'no' && this.#init.effort.retriesLeft > 0
    const same = maySame ? [failed.target] : []
    return rung === 2 ? [...same, ...others] : [...others, ...same]
  }

  #prepare(rung: Rung, target: Target, { delivered }: Broken): Prepared | undefined {
    const { exchange, effort, queue } = this.#init
    if (effort.attemptsLeft <= 0 || !queue.mayCallNow(target)) return undefined
    const resumed = exchange.dialect.resumeStream(delivered, this.#init.answerOptions(target))
    const wish = resumed === undefined ? undefined : wishOf(rung, resumed.delivered)
    if (resumed === undefined || wish === undefined) return undefined
    const targetDialect = this.#init.dialectOf(target)
    const call = this.#init.encode(target, targetDialect, wish)
    if (call === undefined || call instanceof GatewayError) return undefined
    const slot = queue.enter(target)
    if (slot === undefined) return undefined
    // Who cannot go on with a beginning may yet answer anew.
    if (rung > 1) queue.keep((one) => one !== target)
    return { target, targetDialect, call, slot, resumed }
  }

  async #try(rung: Rung, prepared: Prepared): Promise<Tried> {
    const { attempts, signal, trace, clock } = this.#init
    const { target, targetDialect, resumed } = prepared
    const lane = soleLane(signal)
    trace?.note(`rescue rung ${rung}`, target.id)
    const call = await attempts.pay(prepared, signal)
    if (call instanceof GatewayError) {
      this.#init.queue.giveBack(prepared)
      return 'failed'
    }
    const attempt = attempts.begin(call)
    let chunks: UpstreamChunks | undefined
    try {
      const response = await attempts.send(call, lane)
      chunks = new UpstreamChunks(response, clock)
      const opened = await openContinuation({
        rung,
        target,
        targetDialect,
        resumed,
        response,
        attempt,
        limit: attempts.limitOf(call),
        chunks,
        dialect: this.#init.exchange.dialect,
        isEvents: this.#init.exchange.envelope.streamForm !== 'json-array',
      })
      this.#init.onRescued(rung, opened.leg)
      return opened
    } catch (thrown) {
      attempt.noteText(textBytesWithin(chunks?.bytes ?? 0))
      const error = attempts.failed(attempt, { thrown, hasBegun: chunks !== undefined, lane })
      return error.code === 'rescue_diverged' ? 'diverged' : 'failed'
    }
  }
}

function diverged(): GatewayError {
  return new GatewayError(
    'rescue_diverged',
    'The answer broke off at its provider, and no other answer began with the words that were delivered.',
  )
}
