/**
 * How a client reads an answer of its dialect: what text and tool calls came, whether the dialect's own sign of a whole
 * answer did, and what error was told. A hand of its own, shared with neither the gateway nor the providers.
 */

import { StringDecoder } from 'node:string_decoder'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../std/json.ts'
import type { PlayedDialect } from './ask.ts'
import type { ToldError } from './history.ts'

/** What was received so far. */
export interface ReadAnswer {
  readonly text: string
  /** Arguments of each tool call, whole ones only. */
  readonly toolCalls: readonly string[]
  readonly hasSuccessMarker: boolean
  readonly error: ToldError | undefined
}

/** What a reader of one dialect puts together. */
class Received {
  text = ''
  readonly calls: string[] = []
  /** Arguments of calls that are not whole yet, by the dialect's own number. */
  readonly open: Map<number, string> = new Map()
  isComplete = false
  isTerminated = false

  addArguments(index: number, piece: unknown): void {
    this.open.set(index, (this.open.get(index) ?? '') + (typeof piece === 'string' ? piece : ''))
  }

  closeCall(index: number): void {
    const whole = this.open.get(index)
    this.open.delete(index)
    if (whole !== undefined) this.calls.push(whole)
  }

  closeCalls(): void {
    for (const index of this.open.keys()) this.closeCall(index)
  }
}

export class AnswerReader implements ReadAnswer {
  readonly #dialect: PlayedDialect
  readonly #received = new Received()
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #error: ToldError | undefined

  constructor(dialect: PlayedDialect) {
    this.#dialect = dialect
  }

  get text(): string {
    return this.#received.text
  }

  get toolCalls(): readonly string[] {
    return this.#received.calls
  }

  get hasSuccessMarker(): boolean {
    return this.#received.isTerminated
  }

  get error(): ToldError | undefined {
    return this.#error
  }

  /** Bytes of a stream of server-sent events, cut anywhere. */
  add(chunk: Uint8Array): void {
    const text = this.#rest + this.#decoder.write(chunk)
    const lines = text.includes('\r') ? text.replaceAll('\r\n', '\n') : text
    let at = 0
    for (;;) {
      const end = lines.indexOf('\n\n', at)
      if (end < 0) break
      this.#event(lines.slice(at, end))
      at = end + 2
    }
    this.#rest = lines.slice(at)
  }

  /** A plain answer. */
  readWhole(body: string): void {
    const answer = parseJson(body)
    if (!isJsonObject(answer)) return
    readers[this.#dialect].whole(answer, this.#received)
    this.#received.isTerminated = this.#received.isComplete
  }

  /** An error answer. */
  readError(body: string): void {
    this.#error = toldError('answer', body)
  }

  #event(block: string): void {
    let data = ''
    for (const line of block.split('\n')) {
      if (line.startsWith('data:')) data += line.slice(line.charCodeAt(5) === 0x20 ? 6 : 5)
    }
    if (data === '') return
    if (data === '[DONE]') {
      this.#received.isTerminated = this.#received.isComplete
      return
    }
    const event = parseJson(data)
    if (!isJsonObject(event)) return
    if (isErrorEvent(event)) this.#error = toldError('stream', data)
    else readers[this.#dialect].event(event, this.#received)
  }
}

function isErrorEvent(event: JsonObject): boolean {
  if (event['type'] === 'response.failed') return true
  return event['error'] !== undefined && event['error'] !== null
}

/** Every dialect says under this name what is the gateway's own. */
const OWN_CODE = /"holdfast":\{"type":"([a-z_]+)"/

function toldError(where: ToldError['where'], text: string): ToldError {
  const code = OWN_CODE.exec(text)?.[1]
  return { where, ...(code === undefined ? {} : { code }), isPartial: text.includes('"partial":true') }
}

interface DialectReader {
  event(event: JsonObject, received: Received): void
  whole(answer: JsonObject, received: Received): void
}

const readers: Readonly<Record<PlayedDialect, DialectReader>> = {
  'openai-chat': {
    event(event, received) {
      const choice = first(event['choices'])
      const delta = fieldsOf(choice['delta'])
      received.text += textOf(delta['content'])
      for (const call of listOf(delta['tool_calls']))
        received.addArguments(Number(call['index'] ?? 0), fieldsOf(call['function'])['arguments'])
      if (typeof choice['finish_reason'] !== 'string') return
      received.closeCalls()
      received.isComplete = choice['finish_reason'] !== 'error'
    },
    whole(answer, received) {
      const choice = first(answer['choices'])
      const message = fieldsOf(choice['message'])
      received.text = textOf(message['content'])
      for (const call of listOf(message['tool_calls']))
        received.calls.push(textOf(fieldsOf(call['function'])['arguments']))
      received.isComplete = typeof choice['finish_reason'] === 'string'
    },
  },
  'anthropic-messages': {
    event(event, received) {
      const index = Number(event['index'] ?? 0)
      switch (event['type']) {
        case 'content_block_start':
          if (fieldsOf(event['content_block'])['type'] === 'tool_use') received.addArguments(index, '')
          return
        case 'content_block_delta': {
          const delta = fieldsOf(event['delta'])
          if (delta['type'] === 'text_delta') received.text += textOf(delta['text'])
          if (delta['type'] === 'input_json_delta') received.addArguments(index, delta['partial_json'])
          return
        }
        case 'content_block_stop':
          received.closeCall(index)
          return
        case 'message_delta':
          received.isComplete = typeof fieldsOf(event['delta'])['stop_reason'] === 'string'
          return
        case 'message_stop':
          received.isTerminated = received.isComplete
          return
        default:
      }
    },
    whole(answer, received) {
      for (const block of listOf(answer['content'])) {
        if (block['type'] === 'text') received.text += textOf(block['text'])
        if (block['type'] === 'tool_use') received.calls.push(JSON.stringify(block['input']))
      }
      received.isComplete = typeof answer['stop_reason'] === 'string'
    },
  },
  'openai-responses': {
    event(event, received) {
      switch (event['type']) {
        case 'response.output_text.delta':
          received.text += textOf(event['delta'])
          return
        case 'response.function_call_arguments.done':
          received.calls.push(textOf(event['arguments']))
          return
        case 'response.completed':
        case 'response.incomplete':
          received.isComplete = true
          received.isTerminated = true
          return
        default:
      }
    },
    whole(answer, received) {
      for (const item of listOf(answer['output'])) {
        if (item['type'] === 'function_call') received.calls.push(textOf(item['arguments']))
        for (const part of listOf(item['content'])) received.text += textOf(part['text'])
      }
      received.isComplete = answer['status'] === 'completed' || answer['status'] === 'incomplete'
    },
  },
  gemini: {
    event: readCandidates,
    whole: readCandidates,
  },
}

function readCandidates(answer: JsonObject, received: Received): void {
  const candidate = first(answer['candidates'])
  for (const part of listOf(fieldsOf(candidate['content'])['parts'])) {
    received.text += textOf(part['text'])
    const call = part['functionCall']
    if (isJsonObject(call)) received.calls.push(JSON.stringify(call['args']))
  }
  if (typeof candidate['finishReason'] !== 'string') return
  received.isComplete = true
  // A Gemini stream has no last word but its last reason to finish.
  received.isTerminated = true
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function fieldsOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function first(value: JsonValue | undefined): JsonObject {
  return listOf(value)[0] ?? {}
}
