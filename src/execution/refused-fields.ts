/**
 * Sampling parameters that a target was found to refuse. Some agents send them with every request, whatever the model
 * (Copilot CLI: `temperature` and both penalties), and reasoning models refuse them by name: left out, they answer. What was
 * learned of a target holds for as long as it is configured, and what is left out is named as a loss.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { isJsonObject, type JsonObject, parseJson } from '../std/json.ts'
import type { EncodedCall } from './encode-call.ts'

/** They shape how an answer is drawn and not what is asked: none is worth the answer. */
const DROPPABLE: ReadonlySet<string> = new Set([
  'temperature',
  'top_p',
  'top_k',
  'frequency_penalty',
  'presence_penalty',
])

/** OpenAI's words for a parameter that a model has not; a value that is merely wrong has others. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['unsupported_parameter', 'unsupported_value'])

export class RefusedFields {
  readonly #byTarget = new WeakMap<Target, Set<string>>()

  /** True where the refusal is news, and the call without the field is worth another try. */
  learn(target: Target, error: GatewayError, call: EncodedCall): boolean {
    const field = refusedField(error)
    if (field === undefined || call.operation !== undefined) return false
    const known = this.#byTarget.get(target) ?? new Set()
    if (known.has(field) || decode(call)?.[field] === undefined) return false
    this.#byTarget.set(target, known.add(field))
    return true
  }

  /** The call without what its target refuses; itself where it has nothing of it. */
  leaveOut(call: EncodedCall, target: Target): EncodedCall {
    const known = this.#byTarget.get(target)
    if (known === undefined || call.operation !== undefined) return call
    const fields = decode(call)
    const dropped = [...known].filter((field) => fields?.[field] !== undefined)
    if (fields === undefined || dropped.length === 0) return call
    const kept = Object.entries(fields).filter(([field]) => !dropped.includes(field))
    const losses = dropped.map((field) => ({ field, reason: 'the target refuses it for this model' }))
    return {
      ...call,
      body: Buffer.from(JSON.stringify(Object.fromEntries(kept))),
      losses: [...call.losses, ...losses],
    }
  }
}

function refusedField({ code, facts }: GatewayError): string | undefined {
  const { param, upstreamType } = facts
  const isNamed = param !== undefined && upstreamType !== undefined
  if (code !== 'upstream_invalid_request' || !isNamed) return undefined
  return DROPPABLE.has(param) && UNSUPPORTED.has(upstreamType) ? param : undefined
}

function decode({ body }: EncodedCall): JsonObject | undefined {
  const value: unknown = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  return isJsonObject(value) ? value : undefined
}
