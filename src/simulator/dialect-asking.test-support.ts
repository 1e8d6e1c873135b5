/** The same question in every dialect the simulator speaks, and what was said in the answer, for the tests of this room. */

import { crc32 } from 'node:zlib'
import type { SimulatedDialect } from './request.ts'

export interface Asked {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

export interface AskingOptions {
  readonly model?: string
  readonly stream?: boolean
  readonly text?: string
  /** Names of tools that take a city. */
  readonly tools?: readonly string[]
  readonly tokensMax?: number
  readonly fields?: Readonly<Record<string, unknown>>
}

export function askedIn(dialect: SimulatedDialect, options: AskingOptions = {}): Asked {
  const { model = 'mock', stream = false, text = 'hello', tools = [], tokensMax = 500, fields = {} } = options
  const messages = [{ role: 'user', content: text }]
  const asStream = stream ? { stream } : {}
  switch (dialect) {
    case 'openai-chat': {
      const body = { model, messages, max_tokens: tokensMax, ...asStream, ...functions(tools) }
      return { path: '/v1/chat/completions', body: { ...body, ...fields } }
    }
    case 'anthropic-messages': {
      const declared = tools.map((name) => ({ name, input_schema: SCHEMA }))
      const body = { model, messages, max_tokens: tokensMax, ...asStream, tools: declared }
      return { path: '/v1/messages', body: { ...body, ...fields } }
    }
    case 'openai-responses': {
      const declared = tools.map((name) => ({ type: 'function', name, parameters: SCHEMA, strict: true }))
      const body = { model, input: text, max_output_tokens: tokensMax, ...asStream, tools: declared }
      return { path: '/v1/responses', body: { ...body, ...fields } }
    }
    case 'gemini': {
      const functionDeclarations = tools.map((name) => ({ name, parameters: GOOGLE_SCHEMA }))
      const body = {
        contents: [{ role: 'user', parts: [{ text }] }],
        generationConfig: { maxOutputTokens: tokensMax },
        ...(tools.length === 0 ? {} : { tools: [{ functionDeclarations }] }),
      }
      const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
      return { path: `/v1beta/models/${encodeURIComponent(model)}:${method}`, body: { ...body, ...fields } }
    }
    case 'openai-completions':
      return {
        path: '/v1/completions',
        body: { model, prompt: text, max_tokens: tokensMax, ...asStream, ...fields },
      }
    case 'bedrock-converse': {
      const specs = tools.map((name) => ({ toolSpec: { name, inputSchema: { json: SCHEMA } } }))
      const body = {
        messages: [{ role: 'user', content: [{ text }] }],
        inferenceConfig: { maxTokens: tokensMax },
        ...(tools.length === 0 ? {} : { toolConfig: { tools: specs } }),
      }
      const method = stream ? 'converse-stream' : 'converse'
      return { path: `/model/${encodeURIComponent(model)}/${method}`, body: { ...body, ...fields } }
    }
    case 'cohere-chat': {
      const body = { model, messages, max_tokens: tokensMax, ...asStream, ...functions(tools) }
      return { path: '/v2/chat', body: { ...body, ...fields } }
    }
    case 'ollama-chat': {
      const body = { model, messages, stream, options: { num_predict: tokensMax }, ...functions(tools) }
      return { path: '/api/chat', body: { ...body, ...fields } }
    }
  }
}

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const GOOGLE_SCHEMA = { type: 'OBJECT', properties: { city: { type: 'STRING' } }, required: ['city'] }

function functions(names: readonly string[]): object {
  if (names.length === 0) return {}
  return { tools: names.map((name) => ({ type: 'function', function: { name, parameters: SCHEMA } })) }
}

/** Everything a person would read in an answer, whole or streamed, whatever its dialect: the texts in their order. */
export function spokenText(dialect: SimulatedDialect, jsons: readonly string[]): string {
  return jsons.map((json) => TEXTS[dialect](json)).join('')
}

const TEXTS: Readonly<Record<SimulatedDialect, (json: string) => string>> = {
  'openai-chat': (json) => {
    const { choices } = JSON.parse(json)
    return choices?.[0]?.message?.content ?? choices?.[0]?.delta?.content ?? ''
  },
  'anthropic-messages': (json) => {
    const { content, delta } = JSON.parse(json)
    return joined(content) || (delta?.text ?? '')
  },
  'openai-responses': (json) => {
    const { type, delta, output } = JSON.parse(json)
    if (type === 'response.output_text.delta') return delta
    return (output ?? []).map((item: { content?: readonly Part[] }) => joined(item.content)).join('')
  },
  gemini: (json) => {
    const parts: readonly Part[] | undefined = JSON.parse(json).candidates?.[0]?.content?.parts
    return joined(parts?.filter(({ thought }) => thought !== true))
  },
  'openai-completions': (json) => JSON.parse(json).choices?.[0]?.text ?? '',
  'bedrock-converse': (json) => {
    const { output, delta } = JSON.parse(json)
    return joined(output?.message?.content) || (delta?.text ?? '')
  },
  'cohere-chat': (json) => {
    const { message, delta } = JSON.parse(json)
    return joined(message?.content) || (delta?.message?.content?.text ?? '')
  },
  'ollama-chat': (json) => JSON.parse(json).message?.content ?? '',
}

interface Part {
  readonly text?: string
  readonly thought?: boolean
}

function joined(parts: readonly Part[] | undefined): string {
  return (parts ?? []).map((part) => part.text ?? '').join('')
}

/** The JSON of every event of a stream, however it is framed; the marker of OpenAI's streams is left out. */
export function jsonsOf(dialect: SimulatedDialect, body: Buffer): readonly string[] {
  if (dialect === 'bedrock-converse') return messagesOf(body).map(({ payload }) => payload)
  if (dialect === 'ollama-chat') return body.toString().split('\n').filter(Boolean)
  return body
    .toString()
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => line.slice('data: '.length))
}

export interface EventStreamMessage {
  /** By name, each as text. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string
  readonly isSound: boolean
}

/** The messages of an AWS event stream, taken apart by rules of this file's own. */
export function messagesOf(body: Buffer): readonly EventStreamMessage[] {
  const messages: EventStreamMessage[] = []
  let start = 0
  while (start + 16 <= body.length) {
    const length = body.readUInt32BE(start)
    const frame = body.subarray(start, start + length)
    if (frame.length < length || length < 16) break
    const headersEnd = 12 + frame.readUInt32BE(4)
    messages.push({
      headers: headersOf(frame.subarray(12, headersEnd)),
      payload: frame.toString('utf8', headersEnd, length - 4),
      isSound:
        crc32(frame.subarray(0, 8)) === frame.readUInt32BE(8) &&
        crc32(frame.subarray(0, length - 4)) === frame.readUInt32BE(length - 4),
    })
    start += length
  }
  return messages
}

function headersOf(bytes: Buffer): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  let position = 0
  while (position < bytes.length) {
    const nameEnd = position + 1 + bytes.readUInt8(position)
    const valueStart = nameEnd + 3
    const valueEnd = valueStart + bytes.readUInt16BE(nameEnd + 1)
    headers[bytes.toString('utf8', position + 1, nameEnd)] = bytes.toString('utf8', valueStart, valueEnd)
    position = valueEnd
  }
  return headers
}
