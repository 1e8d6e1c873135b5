/** The same question in each dialect that clients speak, over raw HTTP, and what comes back as a stranger reads it. */

import type { DialectId } from '../../src/canonical/envelope.ts'
import { isJsonObject, type JsonObject } from '../../src/std/json.ts'

export type AskedDialect = Exclude<DialectId, 'openai-completions'>

export const ASKED_DIALECTS: readonly AskedDialect[] = [
  'openai-chat',
  'anthropic-messages',
  'openai-responses',
  'gemini',
]

export interface RawAsking {
  readonly dialect: AskedDialect
  readonly model: string
  readonly prompt?: string
  readonly stream?: boolean
  /** Further fields of the body. */
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Added to the path. */
  readonly query?: string
}

export function askRaw(url: string, asking: RawAsking): Promise<Response> {
  const { path, body } = requestOf(asking)
  const signal = asking.signal === undefined ? {} : { signal: asking.signal }
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...asking.headers },
    body: JSON.stringify({ ...body, ...asking.body }),
    ...signal,
  })
}

export function requestOf(asking: RawAsking): { readonly path: string; readonly body: JsonObject } {
  const { path, body } = plainRequest(asking)
  if (asking.query === undefined) return { path, body }
  return { path: `${path}${path.includes('?') ? '&' : '?'}${asking.query}`, body }
}

function plainRequest({ dialect, model, prompt = 'hello', stream = false }: RawAsking) {
  const messages = [{ role: 'user', content: prompt }]
  const streaming = stream ? { stream } : {}
  switch (dialect) {
    case 'openai-chat':
      return { path: '/v1/chat/completions', body: { model, messages, ...streaming } }
    case 'anthropic-messages':
      return { path: '/v1/messages', body: { model, max_tokens: 4_096, messages, ...streaming } }
    case 'openai-responses':
      return { path: '/v1/responses', body: { model, input: prompt, ...streaming } }
    case 'gemini': {
      const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
      const contents = [{ role: 'user', parts: [{ text: prompt }] }]
      return { path: `/v1beta/models/${model}:${method}`, body: { contents } }
    }
  }
}

export interface RawEvent {
  /** Of its `event:` line; undefined where it has none. */
  readonly name: string | undefined
  readonly data: string
}

export function readEvents(text: string): readonly RawEvent[] {
  return text
    .replaceAll('\r\n', '\n')
    .split('\n\n')
    .filter((block) => /^data:/m.test(block))
    .map((block) => ({
      name: /^event: ?(.*)$/m.exec(block)?.[1],
      data: [...block.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line).join('\n'),
    }))
}

/** The data of every event that is JSON. */
export function readValues(text: string): readonly JsonObject[] {
  return readEvents(text).flatMap(({ data }) => {
    const value: unknown = data === '[DONE]' ? undefined : JSON.parse(data)
    return isJsonObject(value) ? [value] : []
  })
}

/** The body of a plain answer. */
export async function readJson(response: Response): Promise<JsonObject> {
  const value: unknown = await response.json()
  if (!isJsonObject(value)) throw new Error('the answer is no JSON object')
  return value
}

/** Everything said in a value, for tests of whether something is in there at all. */
export function allText(value: unknown): string {
  if (typeof value === 'string') return value
  const parts = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : []
  return parts.map(allText).join('\n')
}

/** The text of an answer, plain or streamed, whichever dialect it is in. */
export function saidText(body: string): string {
  const values = /^(?:event|data|:)/.test(body) ? readValues(body) : [objectIn(body)]
  return values.map(textIn).join('')
}

function objectIn(body: string): JsonObject {
  const value: unknown = JSON.parse(body)
  return isJsonObject(value) ? value : {}
}

/** Of a chunk, an event or a whole answer: text that is said for the first time in it. */
function textIn(value: JsonObject): string {
  const { type, delta } = value
  if (type === 'response.output_text.delta') return textOfContent(delta)
  if (isJsonObject(delta)) return typeof delta['text'] === 'string' ? delta['text'] : ''
  const parts = [
    ...lists(value['choices']).flatMap((choice) => [choice['delta'], choice['message']]),
    ...lists(value['candidates']).map((candidate) => fieldsIn(candidate['content'])['parts']),
    value['content'],
    ...lists(value['output']).map((item) => item['content']),
  ]
  return parts.map(textOfContent).join('')
}

function textOfContent(content: unknown): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map((part) => textOfContent(fieldsIn(part)['text'])).join('')
  return textOfContent(fieldsIn(content)['content'] ?? '')
}

const fieldsIn = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
const lists = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : []
