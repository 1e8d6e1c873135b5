/** What plain answers and streams of this dialect have in common: how parts, seals and ends are said. */

import type { Finish } from '../../canonical/finish.ts'
import { sealState, type SealedKind } from '../../canonical/seal.ts'
import type { Usage } from '../../canonical/usage.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import type { WriteAnswerOptions } from '../dialect.ts'
import { parseExactly } from './exact-json.ts'
import { finishWord } from './finish-words.ts'
import { writeUsage } from './usage.ts'

/** The signature of a part, sealed where another dialect's provider made it. */
export function signatureField(
  value: string | undefined,
  { origin }: Pick<WriteAnswerOptions, 'origin'>,
  kind?: SealedKind,
): JsonObject {
  if (value === undefined) return {}
  const sealed =
    origin === undefined ? value : sealState({ origin, value, ...(kind === undefined ? {} : { kind }) })
  return { thoughtSignature: sealed }
}

/**
 * What proves a thought, or encrypts it. Words without proof are sealed where their maker is known: some providers want
 * them back (DeepSeek, Moonshot refuse a tool's result without the reasoning that led to the call).
 */
export function thoughtProof(
  { signature, encrypted }: { readonly signature?: string; readonly encrypted?: string },
  isSaid: boolean,
  options: Pick<WriteAnswerOptions, 'origin'>,
): JsonObject {
  if (signature !== undefined) return signatureField(signature, options)
  if (encrypted !== undefined) return signatureField(encrypted, options, 'encrypted')
  return isSaid && options.origin !== undefined ? signatureField('', options, 'signature') : {}
}

/** Why a call of a tool that another provider ran is not said: a client would take it for one of its own functions. */
export const PROVIDERS_TOOL = 'Gemini has no word for the tools of other providers.'

/** `undefined` where the arguments are no object, which a call of this dialect cannot hold. */
export function callPart(call: CallToSay, signature: JsonObject): JsonObject | undefined {
  const args = argumentsOf(call)
  if (!isJsonObject(args)) return undefined
  return { functionCall: { id: call.id, name: call.name, args }, ...signature }
}

interface CallToSay {
  readonly id: string
  readonly name: string
  readonly arguments: string
  readonly kind?: 'function' | 'custom' | 'provider' | undefined
}

/** Nothing and `null` are no arguments; free text of a tool that takes such stands under a field of its own. */
function argumentsOf(call: CallToSay): unknown {
  if (call.kind === 'custom') return { input: call.arguments }
  const parsed = call.arguments === '' ? null : parseExactly(call.arguments)
  return parsed === null ? {} : parsed
}

/** Google's own way of telling that a call came out wrong: the reason, and a sentence that holds the call. */
export function finishFields(finish: Finish, malformedCalls: readonly string[]): JsonObject {
  if (malformedCalls.length === 0) return { finishReason: finishWord(finish) }
  return {
    finishReason: 'MALFORMED_FUNCTION_CALL',
    finishMessage: `Malformed function call: ${malformedCalls.join('; ')}`,
  }
}

export function usageField(usage: Usage | undefined): JsonObject {
  return usage === undefined ? {} : { usageMetadata: writeUsage(usage) }
}

/** What follows the candidates in every response. */
export function responseTail(identity: {
  readonly modelId: string
  readonly responseId: string
}): JsonObject {
  return { modelVersion: identity.modelId, responseId: identity.responseId }
}
