/** Says one request to any target: in its dialect, within what the route allows to be lost, and as the target was found to want it. */

import type { TargetDialectId } from '../canonical/envelope.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { OperationRequest } from '../operations/operation-request.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import type { Target } from '../providers/provider.ts'
import type { Plan } from '../routing/plan.ts'
import { type DecodedRequest, decodeOnce, type EncodedCall, encodeCall, relayMode } from './encode-call.ts'
import { encodeOperation, operationCall } from './encode-operation.ts'
import { encodeRescue, type RescueWish } from './encode-rescue.ts'
import type { Exchange } from './exchange.ts'
import type { RefusedFields } from './refused-fields.ts'

/** What was learned from targets about how they want to be asked; outlives the request. */
export interface LearnedWishes {
  /** Targets that refuse to stream what they answer in one piece. */
  readonly plainOnly: WeakSet<Target>
  readonly refusedFields: RefusedFields
}

export interface CallWriterInit {
  readonly exchange: Exchange
  readonly plan: Pick<Plan, 'isStrict'>
  readonly dialects: ReadonlyMap<TargetDialectId, TargetDialect>
  readonly state: StateMemory
  readonly learned: LearnedWishes
  /** A target cannot be asked, and why. */
  onRefused(error: GatewayError, target: Target): void
}

export class CallWriter {
  readonly #init: CallWriterInit
  readonly #decoded: DecodedRequest

  constructor(init: CallWriterInit) {
    this.#init = init
    this.#decoded = decodeOnce(init.exchange)
  }

  /** The client's own, where the target speaks it too: then nothing needs to be translated. */
  dialectOf(target: Target): TargetDialect {
    const { exchange, dialects } = this.#init
    if (target.provider.alsoSpeaks?.includes(exchange.dialect.id)) return exchange.dialect
    const spoken = dialects.get(target.provider.dialect)
    if (spoken) return spoken
    throw new GatewayError(
      'not_supported',
      `${target.id} speaks ${target.provider.dialect}, which is not served yet.`,
    )
  }

  /** The request in the target's words, or `undefined` (and a refusal told) where this target cannot serve it. */
  write(target: Target, targetDialect: TargetDialect): EncodedCall | undefined {
    const { exchange, learned } = this.#init
    if (exchange.asked !== undefined) return this.#writeOperation(exchange.asked, target, targetDialect)
    const mode = relayMode(exchange.envelope, learned.plainOnly.has(target))
    return this.#judged(encodeCall(this.#asked(target, targetDialect, mode)), target)
  }

  /** As `write`, so that the answer goes on where another one broke off. */
  writeRescue(target: Target, targetDialect: TargetDialect, wish: RescueWish): EncodedCall | undefined {
    const call = encodeRescue(this.#asked(target, targetDialect, 'stream'), wish)
    return call && this.#judged(call, target)
  }

  /** A refusal that says how the request must be said: plainly, or without a field. */
  writeOtherwise(failed: FailedCall): EncodedCall | undefined {
    const { plan, learned } = this.#init
    const { target, targetDialect, call, error } = failed
    if (call.mode === 'fold' && isStreamRefused(error)) {
      learned.plainOnly.add(target)
      return this.write(target, targetDialect)
    }
    if (plan.isStrict || !learned.refusedFields.learn(target, error, call)) return undefined
    return learned.refusedFields.leaveOut(call, target)
  }

  #asked(target: Target, targetDialect: TargetDialect, mode: EncodedCall['mode']) {
    const { exchange, state } = this.#init
    return { exchange, decoded: this.#decoded, target, targetDialect, state, mode }
  }

  #judged(call: EncodedCall | GatewayError, target: Target): EncodedCall | undefined {
    const { plan, learned } = this.#init
    const refusal = call instanceof GatewayError ? call : this.#refuseLosses(target, call.losses)
    if (refusal !== undefined) this.#init.onRefused(refusal, target)
    if (call instanceof GatewayError || refusal !== undefined) return undefined
    return plan.isStrict ? call : learned.refusedFields.leaveOut(call, target)
  }

  #writeOperation(
    asked: OperationRequest,
    target: Target,
    targetDialect: TargetDialect,
  ): EncodedCall | undefined {
    const { exchange } = this.#init
    const operation = encodeOperation({ exchange, asked, target, targetDialect })
    const refusal =
      operation instanceof GatewayError ? operation : this.#refuseLosses(target, operation.losses)
    if (refusal !== undefined) this.#init.onRefused(refusal, target)
    if (operation instanceof GatewayError || refusal !== undefined) return undefined
    return operationCall(operation, exchange, targetDialect)
  }

  #refuseLosses(target: Target, losses: EncodedCall['losses']): GatewayError | undefined {
    const [first] = losses
    if (!this.#init.plan.isStrict || first === undefined) return undefined
    const named = losses.map((loss) => `${loss.field} (${loss.reason})`).join(', ')
    const message = `The route is strict, and ${target.id} cannot express: ${named}.`
    const lacks = losses.map((loss) => loss.field)
    return new GatewayError('loss_refused', message, { param: first.field, lacks })
  }
}

interface FailedCall {
  readonly target: Target
  readonly targetDialect: TargetDialect
  readonly call: EncodedCall
  readonly error: GatewayError
}

/** We asked for a stream on our own account, and the target does not stream this model: asked plainly, it answers. */
function isStreamRefused({ code, facts }: GatewayError): boolean {
  return code === 'upstream_invalid_request' && facts.param === 'stream'
}
