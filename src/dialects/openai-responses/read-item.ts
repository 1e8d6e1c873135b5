/** One item of an input or of an output, as the parts it stands for. */

import type { Part, ReasoningPart } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { DIALECT, MESSAGE_FIELDS, TOOL_CALL_FIELDS, unknownFields } from './fields.ts'
import { readContent } from './read-content.ts'
import { openProof } from './sealed-reasoning.ts'

/** What a model said. */
export function readAssistantMessage(item: JsonObject, param: string): readonly Part[] {
  const fields = unknownFields(item, knownMessageFields)
  return [...readContent(item['content'], `${param}.content`), ...kept({ type: MESSAGE_FIELDS }, fields)]
}

const knownMessageFields: ReadonlySet<string> = new Set(['id', 'type', 'role', 'status', 'content'])

/** A `function_call` or a `custom_tool_call`. */
export function readToolCall(item: JsonObject): readonly Part[] {
  const isCustom = item['type'] === 'custom_tool_call'
  const id = stringOf(item['call_id']) || stringOf(item['id']) || ''
  return [
    {
      type: 'tool-call',
      id,
      name: stringOf(item['name']) ?? '',
      arguments: argumentsText(isCustom ? item['input'] : item['arguments']),
      ...(isCustom ? { kind: 'custom' as const } : {}),
    },
    ...kept({ type: TOOL_CALL_FIELDS, id }, unknownFields(item, knownCallFields)),
  ]
}

const knownCallFields: ReadonlySet<string> = new Set([
  'id',
  'type',
  'status',
  'call_id',
  'name',
  'arguments',
  'input',
])

/** Arguments are JSON text; some servers send the object itself. */
export function argumentsText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function kept(head: JsonObject, fields: JsonObject | undefined): readonly Part[] {
  return fields === undefined ? [] : [{ type: 'opaque', dialect: DIALECT, value: { ...head, fields } }]
}

/** The texts of a reasoning item: its summary, and the reasoning itself where a server shows it. */
export function reasoningTexts(item: JsonObject): readonly string[] {
  return [...textsOf(item['summary']), ...textsOf(item['content'])]
}

function textsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: unknown) => {
    const text = isJsonObject(entry) ? stringOf(entry['text']) : undefined
    return text === undefined ? [] : [text]
  })
}

/** One part for each text, all under the id of the item; the proof goes with the last. */
export function readReasoning(item: JsonObject): readonly ReasoningPart[] {
  const texts = reasoningTexts(item)
  const id = stringOf(item['id'])
  const named = id === undefined ? {} : { id }
  const parts = texts.map((text): ReasoningPart => ({ type: 'reasoning', text, ...named }))
  const proof = proofOf(stringOf(item['encrypted_content']))
  const last: ReasoningPart = { ...(parts.pop() ?? { type: 'reasoning', text: '', ...named }), ...proof }
  return [...parts, last]
}

/** A raw text is the provider's own: without an origin, since a client sent it in this dialect as it stands. */
function proofOf(encrypted: string | undefined): Partial<ReasoningPart> {
  if (!encrypted) return {}
  const opened = openProof(encrypted)
  if (opened === undefined) return { encrypted }
  const { origin, proof } = opened
  // An empty value seals words that have no proof: only whose they are.
  if (proof.value === '') return { origin }
  return proof.kind === 'encrypted' ? { encrypted: proof.value, origin } : { signature: proof.value, origin }
}
