/**
 * The rules by which real providers refuse requests, written down as far as translation can break them: the simulator is
 * more patient than they are. Each returns what is wrong, or nothing.
 */

import { arrayOf, isJsonObject, type JsonObject } from '../std/json.ts'

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/
const TOOL_USE_ID = /^[a-zA-Z0-9_-]+$/
/** Anthropic takes at most so many marks for its prompt cache. */
const CACHE_MARKS_MAX = 4

/** What OpenAI's API refuses in a request of chat completions. */
export function chatRequestFaults(body: JsonObject): readonly string[] {
  const faults: string[] = []
  let open: string[] = []
  for (const [at, message] of objects(body['messages']).entries()) {
    const role = message['role']
    if (role === 'tool') {
      const id = String(message['tool_call_id'])
      if (!open.includes(id)) faults.push(`messages[${at}]: a result for no open call`)
      open = open.filter((each) => each !== id)
    } else {
      if (open.length > 0) faults.push(`messages[${at}]: calls without results before it: ${open.join()}`)
      open = objects(message['tool_calls']).map((call) => String(call['id']))
    }
    if (!['system', 'developer', 'user', 'assistant', 'tool'].includes(String(role))) {
      faults.push(`messages[${at}]: role ${String(role)}`)
    }
    if (role !== 'assistant' && (message['content'] === undefined || message['content'] === null)) {
      faults.push(`messages[${at}]: no content`)
    }
    for (const call of objects(message['tool_calls'])) {
      const { name, arguments: written } = objectIn(call, 'function')
      if (typeof name !== 'string' || !TOOL_NAME.test(name)) faults.push(`messages[${at}]: tool name`)
      if (typeof written !== 'string') faults.push(`messages[${at}]: arguments are no text`)
    }
  }
  for (const [at, tool] of objects(body['tools']).entries()) {
    if (tool['type'] !== 'function') faults.push(`tools[${at}]: type ${String(tool['type'])}`)
    const { name, parameters } = objectIn(tool, 'function')
    if (typeof name !== 'string' || !TOOL_NAME.test(name)) faults.push(`tools[${at}]: name`)
    if (parameters !== undefined && !isJsonObject(parameters)) faults.push(`tools[${at}]: parameters`)
  }
  if (body['tool_choice'] !== undefined && objects(body['tools']).length === 0) {
    faults.push('tool_choice without tools')
  }
  for (const field of ['system', 'thinking', 'stop_sequences', 'output_config', 'context_management']) {
    if (body[field] !== undefined) faults.push(`${field} is no field of this API`)
  }
  return faults
}

/** What Anthropic's API refuses in a request of messages. */
export function messagesRequestFaults(body: JsonObject): readonly string[] {
  const faults: string[] = []
  let open: string[] = []
  let previous = ''
  const seen = new Set<unknown>()
  for (const [at, message] of objects(body['messages']).entries()) {
    const role = String(message['role'])
    const blocks = blocksOf(message['content'])
    if (role !== 'user' && role !== 'assistant') faults.push(`messages[${at}]: role ${role}`)
    if (role === previous) faults.push(`messages[${at}]: two of ${role} in a row`)
    previous = role
    if (blocks.length === 0) faults.push(`messages[${at}]: empty`)
    const results = blocks
      .filter(({ type }) => type === 'tool_result')
      .map((one) => String(one['tool_use_id']))
    if (results.toSorted().join() !== open.toSorted().join()) {
      faults.push(`messages[${at}]: results [${results.join()}] for calls [${open.join()}]`)
    }
    if (blocks.findLastIndex(({ type }) => type === 'tool_result') !== results.length - 1) {
      faults.push(`messages[${at}]: results do not stand first`)
    }
    const calls = blocks.filter(({ type }) => type === 'tool_use')
    open = calls.map((call) => String(call['id']))
    for (const call of calls) {
      if (!TOOL_USE_ID.test(String(call['id']))) faults.push(`messages[${at}]: id of a call`)
      if (seen.has(call['id'])) faults.push(`messages[${at}]: an id of a call is used twice`)
      seen.add(call['id'])
      if (!isJsonObject(call['input'])) faults.push(`messages[${at}]: input is no object`)
    }
    faults.push(...textFaults(blocks).map((fault) => `messages[${at}]: ${fault}`))
  }
  faults.push(...textFaults(blocksOf(body['system'] ?? [])).map((fault) => `system: ${fault}`))
  for (const [at, tool] of objects(body['tools']).entries()) {
    if (typeof tool['name'] !== 'string' || !TOOL_NAME.test(tool['name'])) faults.push(`tools[${at}]: name`)
    if (objectIn(tool, 'input_schema')['type'] !== 'object') faults.push(`tools[${at}]: input_schema`)
  }
  if (typeof body['max_tokens'] !== 'number') faults.push('max_tokens')
  if (JSON.stringify(body).split('"cache_control":').length - 1 > CACHE_MARKS_MAX) faults.push('cache marks')
  for (const field of [
    'stop',
    'n',
    'response_format',
    'stream_options',
    'reasoning_effort',
    'store',
    'user',
  ]) {
    if (body[field] !== undefined) faults.push(`${field} is no field of this API`)
  }
  return faults
}

function textFaults(blocks: readonly JsonObject[]): readonly string[] {
  const isEmpty = ({ type, text }: JsonObject) => type === 'text' && String(text).trim() === ''
  return blocks.some(isEmpty) ? ['a text that is empty'] : []
}

function blocksOf(content: unknown): readonly JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : objects(content)
}

function objects(value: unknown): readonly JsonObject[] {
  return arrayOf(value).filter(isJsonObject)
}

function objectIn(value: JsonObject, field: string): JsonObject {
  const inner = value[field]
  return isJsonObject(inner) ? inner : {}
}
