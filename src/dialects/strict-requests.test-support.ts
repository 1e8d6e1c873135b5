/**
 * The rules by which real providers refuse requests, written down as far as translation can break them: the simulator is
 * more patient than they are. Each function says what is wrong, or nothing.
 */

import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../std/json.ts'

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/
const TOOL_USE_ID = /^[a-zA-Z0-9_-]+$/
const CHAT_ROLES: readonly unknown[] = ['system', 'developer', 'user', 'assistant', 'tool']
/** Anthropic takes at most so many marks for its prompt cache. */
const CACHE_MARKS_MAX = 4

const NOT_OF_CHAT = ['system', 'thinking', 'stop_sequences', 'output_config', 'context_management']
const NOT_OF_MESSAGES = [
  'stop',
  'n',
  'response_format',
  'stream_options',
  'reasoning_effort',
  'store',
  'user',
]

/** What OpenAI's API refuses in a request of chat completions. */
export function chatRequestFaults(body: JsonObject): readonly string[] {
  const tools = objectsOf(body['tools'])
  return [
    ...chatConversationFaults(objectsOf(body['messages'])),
    ...numbered('messages', objectsOf(body['messages']), chatMessageFaults),
    ...numbered('tools', tools, chatToolFaults),
    ...(body['tool_choice'] !== undefined && tools.length === 0 ? ['tool_choice without tools'] : []),
    ...foreignFields(body, NOT_OF_CHAT),
  ]
}

/** Every call has its result before anybody else speaks. */
function chatConversationFaults(messages: readonly JsonObject[]): readonly string[] {
  const faults: string[] = []
  let open: readonly string[] = []
  for (const message of messages) {
    if (message['role'] === 'tool') {
      const id = idOf(message['tool_call_id'])
      if (!open.includes(id)) faults.push(`a result for no open call: ${id}`)
      open = open.filter((each) => each !== id)
      continue
    }
    if (open.length > 0) faults.push(`calls without results: ${open.join()}`)
    open = objectsOf(message['tool_calls']).map((call) => idOf(call['id']))
  }
  return faults
}

function chatMessageFaults(message: JsonObject): readonly string[] {
  const { role, content } = message
  const isSilent = role !== 'assistant' && (content === undefined || content === null)
  return [
    ...(CHAT_ROLES.includes(role) ? [] : ['role']),
    ...(isSilent ? ['no content'] : []),
    ...objectsOf(message['tool_calls']).flatMap((call) => {
      const called = objectOf(call['function'])
      return [...nameFaults(called), ...(stringOf(called?.['arguments']) === undefined ? ['arguments'] : [])]
    }),
  ]
}

function chatToolFaults(tool: JsonObject): readonly string[] {
  const called = objectOf(tool['function'])
  const parameters = called?.['parameters']
  return [
    ...(tool['type'] === 'function' ? [] : ['type']),
    ...nameFaults(called),
    ...(parameters === undefined || isJsonObject(parameters) ? [] : ['parameters']),
  ]
}

/** What Anthropic's API refuses in a request of messages. */
export function messagesRequestFaults(body: JsonObject): readonly string[] {
  const messages = objectsOf(body['messages'])
  const cacheMarks = JSON.stringify(body).split('"cache_control":').length - 1
  return [
    ...turnFaults(messages),
    ...callIdFaults(messages),
    ...numbered('messages', messages, messageFaults),
    ...blocksOf(body['system'] ?? []).flatMap(textFaults),
    ...numbered('tools', objectsOf(body['tools']), toolFaults),
    ...(typeof body['max_tokens'] === 'number' ? [] : ['max_tokens']),
    ...(cacheMarks > CACHE_MARKS_MAX ? ['cache marks'] : []),
    ...foreignFields(body, NOT_OF_MESSAGES),
  ]
}

/** The roles take turns, and the turn after calls has exactly their results. */
function turnFaults(messages: readonly JsonObject[]): readonly string[] {
  return messages.flatMap((message, at) => {
    const previous = messages[at - 1]
    const calls = idsIn(previous, 'tool_use', 'id').toSorted().join()
    const results = idsIn(message, 'tool_result', 'tool_use_id').toSorted().join()
    return [
      ...(previous?.['role'] === message['role'] ? [`messages[${at}]: the same role again`] : []),
      ...(calls === results ? [] : [`messages[${at}]: results ${results} for calls ${calls}`]),
    ]
  })
}

function callIdFaults(messages: readonly JsonObject[]): readonly string[] {
  const ids = messages.flatMap((message) => idsIn(message, 'tool_use', 'id'))
  return new Set(ids).size === ids.length ? [] : ['an id of a call is used twice']
}

function messageFaults(message: JsonObject): readonly string[] {
  const blocks = blocksOf(message['content'])
  const results = idsIn(message, 'tool_result', 'tool_use_id').length
  const lastResult = blocks.findLastIndex(({ type }) => type === 'tool_result')
  return [
    ...(message['role'] === 'user' || message['role'] === 'assistant' ? [] : ['role']),
    ...(blocks.length === 0 ? ['empty'] : []),
    ...(lastResult === results - 1 ? [] : ['results do not stand first']),
    ...blocks.flatMap(textFaults),
    ...blocks.flatMap(callFaults),
  ]
}

function textFaults({ type, text }: JsonObject): readonly string[] {
  return type === 'text' && (stringOf(text) ?? '').trim() === '' ? ['a text that is empty'] : []
}

function callFaults({ type, id, input }: JsonObject): readonly string[] {
  if (type !== 'tool_use') return []
  return [
    ...(TOOL_USE_ID.test(idOf(id)) ? [] : ['id of a call']),
    ...(isJsonObject(input) ? [] : ['input is no object']),
  ]
}

function toolFaults(tool: JsonObject): readonly string[] {
  const schema = objectOf(tool['input_schema'])
  return [...nameFaults(tool), ...(schema?.['type'] === 'object' ? [] : ['input_schema'])]
}

function nameFaults(named: JsonObject | undefined): readonly string[] {
  return TOOL_NAME.test(stringOf(named?.['name']) ?? '') ? [] : ['name']
}

function foreignFields(body: JsonObject, names: readonly string[]): readonly string[] {
  return names.filter((name) => body[name] !== undefined).map((name) => `${name} is no field of this API`)
}

function numbered(
  field: string,
  items: readonly JsonObject[],
  faultsOf: (item: JsonObject) => readonly string[],
): readonly string[] {
  return items.flatMap((item, at) => faultsOf(item).map((fault) => `${field}[${at}]: ${fault}`))
}

function idsIn(message: JsonObject | undefined, type: string, field: string): readonly string[] {
  return blocksOf(message?.['content'])
    .filter((block) => block['type'] === type)
    .map((block) => idOf(block[field]))
}

function idOf(value: unknown): string {
  return stringOf(value) ?? ''
}

function blocksOf(content: unknown): readonly JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : objectsOf(content)
}

function objectsOf(value: unknown): readonly JsonObject[] {
  return arrayOf(value).filter(isJsonObject)
}
