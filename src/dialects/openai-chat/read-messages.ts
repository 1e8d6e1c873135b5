/** Messages of a request, in every shape the dialect and its servers know. */

import type { Message, Part, ReasoningPart, Role, ToolCallPart } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { readContent } from './read-content.ts'
import { openCallSignature, withoutCallSignature } from './call-signature.ts'
import { readReasoning } from './reasoning.ts'
import { isSealedDetail, readSealedReasoning } from './reasoning-details.ts'
import { DIALECT, invalid } from './fields.ts'

/**
 * An opaque part that holds what a message says beside its known fields (`reasoning_details`, `prefix`), and another for
 * what a tool call does (`extra_content`): written back where they stood when the target speaks this dialect.
 */
export const MESSAGE_FIELDS = 'message_fields'
export const TOOL_CALL_FIELDS = 'tool_call_fields'

export function readMessages(messages: readonly unknown[]): readonly Message[] {
  const calls = new OpenCalls()
  return messages.map((message, index) => {
    const param = `messages[${index}]`
    if (!isJsonObject(message)) throw invalid(param, `"${param}" must be an object.`)
    return readMessage(message, param, calls)
  })
}

/**
 * Calls that still wait for their results. Results of legacy functions name the function, and some clients send ids that
 * are empty or none: those are matched in order, since every other dialect needs an id.
 */
class OpenCalls {
  readonly #open: { readonly id: string; readonly name: string }[] = []
  #count = 0

  /** The id of a call, made up where it has none. */
  called(id: string, name: string): string {
    this.#count += 1
    const known = id === '' ? `call_unnamed_${this.#count}` : id
    this.#open.push({ id: known, name })
    return known
  }

  /** The id of the call that a result answers; `undefined` where it names none and none is open. */
  answered(id: string, name: string | undefined): string | undefined {
    const index = this.#open.findIndex((call) =>
      id === '' ? name === undefined || call.name === name : call.id === id,
    )
    const [call] = index < 0 ? [] : this.#open.splice(index, 1)
    return call?.id ?? (id === '' ? undefined : id)
  }
}

function readMessage(message: JsonObject, param: string, calls: OpenCalls): Message {
  const name = stringOf(message['name'])
  const named = name === undefined ? {} : { name }
  switch (message['role']) {
    case 'system':
    case 'developer':
    case 'user':
      return { role: message['role'], ...named, parts: readSaid(message, param) }
    case 'assistant':
      return { role: 'assistant', ...named, parts: readAssistant(message, param, calls) }
    case 'tool':
      return { role: 'tool', ...named, parts: [readToolResult(message, param, calls)] }
    case 'function':
      return { role: 'tool', parts: [readToolResult(message, param, calls)] }
    default:
      throw invalid(`${param}.role`, `"${param}.role" must be one of ${roles.join(', ')}.`)
  }
}

const roles: readonly (Role | 'function')[] = ['system', 'developer', 'user', 'assistant', 'tool', 'function']

function readSaid(message: JsonObject, param: string): readonly Part[] {
  return readContent(message['content'], `${param}.content`)
}

function readToolResult(message: JsonObject, param: string, calls: OpenCalls): Part {
  const id = stringOf(message['tool_call_id']) ?? ''
  const toolCallId = calls.answered(id, stringOf(message['name'])) ?? calls.answered(id, undefined)
  if (toolCallId === undefined) {
    throw invalid(`${param}.tool_call_id`, `"${param}.tool_call_id" must name the tool call it answers.`)
  }
  return { type: 'tool-result', toolCallId, parts: readSaid(message, param) }
}

/** Reasoning, then words, then calls: the order in which a model says them. */
function readAssistant(message: JsonObject, param: string, calls: OpenCalls): readonly Part[] {
  const reasoning = readReasoningParts(message)
  const said = readSaid(message, param).filter((part) => part.type !== 'text' || part.text !== '')
  const refusal = stringOf(message['refusal'])
  const audioId = stringOf(objectOf(message['audio'])?.['id'])
  return [
    ...reasoning,
    ...said,
    ...(refusal ? [{ type: 'refusal', text: refusal } as const] : []),
    ...(audioId ? [{ type: 'audio', source: { kind: 'file', fileId: audioId }, audioId } as const] : []),
    ...readToolCalls(message['tool_calls'], param, calls),
    ...readLegacyCall(message['function_call'], calls),
    ...readMessageFields(message),
  ]
}

function readReasoningParts(message: JsonObject): readonly ReasoningPart[] {
  const piece = readReasoning(message)
  const text = piece === undefined || piece.home === 'reasoning_details' ? '' : piece.text
  const sealed = readSealedReasoning(message, text)
  return sealed ?? (piece === undefined ? [] : [{ type: 'reasoning', text: piece.text }])
}

function readToolCalls(value: unknown, param: string, calls: OpenCalls): readonly Part[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(`${param}.tool_calls`, `"${param}.tool_calls" must be an array.`)
  return value.flatMap((entry: unknown, index) => {
    const entryParam = `${param}.tool_calls[${index}]`
    if (!isJsonObject(entry)) throw invalid(entryParam, `"${entryParam}" must be an object.`)
    const call = readToolCall(entry, entryParam)
    const id = calls.called(call.id, call.name)
    const { signature, origin } = openCallSignature(entry)
    const signed = signature === undefined || origin === undefined ? {} : { signature, origin }
    return [{ ...call, id, ...signed }, ...readToolCallFields(entry, id)]
  })
}

function readToolCall(entry: JsonObject, param: string): ToolCallPart {
  const id = stringOf(entry['id']) ?? ''
  const custom = objectOf(entry['custom'])
  if (custom !== undefined) {
    return {
      type: 'tool-call',
      kind: 'custom',
      id,
      name: stringOf(custom['name']) ?? '',
      arguments: stringOf(custom['input']) ?? '',
    }
  }
  const call = objectOf(entry['function'])
  const name = stringOf(call?.['name'])
  if (!name) throw invalid(`${param}.function.name`, `"${param}.function.name" must be a string.`)
  return { type: 'tool-call', id, name, arguments: argumentsText(call?.['arguments']) }
}

/** Arguments are JSON text; some clients send the object itself. */
function argumentsText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function readLegacyCall(value: unknown, calls: OpenCalls): readonly Part[] {
  if (!isJsonObject(value)) return []
  const name = stringOf(value['name'])
  if (!name) return []
  return [
    { type: 'tool-call', id: calls.called('', name), name, arguments: argumentsText(value['arguments']) },
  ]
}

const knownToolCallFields: ReadonlySet<string> = new Set(['id', 'index', 'type', 'function', 'custom'])

function readToolCallFields(entry: JsonObject, id: string): readonly Part[] {
  const fields = unknownFields(withoutCallSignature(entry), knownToolCallFields)
  if (fields === undefined) return []
  return [{ type: 'opaque', dialect: DIALECT, value: { type: TOOL_CALL_FIELDS, id, fields } }]
}

const knownMessageFields: ReadonlySet<string> = new Set([
  'role',
  'name',
  'content',
  'refusal',
  'audio',
  'tool_calls',
  'function_call',
  'reasoning_content',
  'reasoning',
  'reasoning_text',
  // Said by models only; clients that echo a whole message send it back.
  'annotations',
  'padding',
  'parsed',
])

function readMessageFields(message: JsonObject): readonly Part[] {
  const fields = unknownFields(withoutSeals(message), knownMessageFields)
  return fields === undefined
    ? []
    : [{ type: 'opaque', dialect: DIALECT, value: { type: MESSAGE_FIELDS, fields } }]
}

/** Sealed details were read as reasoning; a server's own stay raw. */
function withoutSeals(message: JsonObject): JsonObject {
  const details = message['reasoning_details']
  if (!Array.isArray(details) || !details.some(isSealedDetail)) return message
  const { reasoning_details: _details, ...rest } = message
  return rest
}

function unknownFields(value: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const entries = Object.entries(value).filter(
    ([name, field]) =>
      !known.has(name) &&
      field !== undefined &&
      field !== null &&
      !(Array.isArray(field) && field.length === 0),
  )
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
