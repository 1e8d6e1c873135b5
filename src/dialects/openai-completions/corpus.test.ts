/** The recorded traffic of this dialect, where it lies beside the repository. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { bytewise, foldEvents, gist, passThrough, readStream } from '../dialect.contract.ts'
import { openaiCompletions } from './index.ts'

interface Recording {
  readonly id: string
  readonly stream: boolean
  readonly request: { readonly body?: unknown } | null
  readonly response: {
    readonly status: number
    readonly headers?: Record<string, string>
    readonly body?: unknown
    readonly text?: string
  }
}

const file = new URL('../../../../shared/corpus/openai-completions.jsonl.gz', import.meta.url)
const recordings: readonly Recording[] = existsSync(file)
  ? gunzipSync(readFileSync(file))
      .toString('utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recording)
  : []

/** A report on usage, filed under completions. */
const notAnswers = new Set(['openai.openai-completions.deaa4c84a0'])

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const answered = recordings.filter(({ id, response }) => response.status < 400 && !notAnswers.has(id))
const streams = answered.filter(({ response }) => response.text !== undefined)
const plain = answered.filter(({ response }) => response.text === undefined)
const options = { responseId: 'r', modelId: 'm', createdAtS: 1, wantsUsage: true }

/** What the choices of an answer say, taken from the recording without the dialect. */
function textsOf(chunks: readonly JsonObject[]): readonly string[] {
  const texts = new Map<unknown, string>()
  for (const { choices } of chunks) {
    for (const choice of Array.isArray(choices) ? choices : []) {
      const text = choice.text ?? choice.delta?.content ?? choice.message?.content ?? ''
      texts.set(choice.index, (texts.get(choice.index) ?? '') + text)
    }
  }
  return [...texts.values()]
}

const eventsOf = (text: string): readonly JsonObject[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as JsonObject)

describe.skipIf(recordings.length === 0)('recorded traffic (skipped where the corpus is absent)', () => {
  test('every request with a prompt is peeked, read, and written again without a loss', () => {
    let count = 0
    for (const { id, request } of recordings) {
      if (!isJsonObject(request?.body) || request.body['prompt'] === undefined) continue
      count += 1
      const body = bytesOf(request.body)
      const envelope = openaiCompletions.peek(body, 'chat')
      const read = openaiCompletions.readRequest(body)
      expect([id, read.modelId, read.stream]).toEqual([id, envelope.modelId, envelope.stream])
      const { fields, losses } = openaiCompletions.writeRequest(read, {
        modelId: read.modelId,
        stream: read.stream,
      })
      expect([id, losses]).toEqual([id, []])
      const again = openaiCompletions.readRequest(bytesOf(fields))
      expect({ id, ...again, wantsStreamUsage: read.wantsStreamUsage }).toEqual({ id, ...read })
      const patched = openaiCompletions.patchRequest(body, envelope, { modelId: envelope.modelId })
      expect(patched.toString()).toBe(body.toString())
    }
    expect(count).toBeGreaterThan(35)
  })

  test('every plain answer is read, and said again says the same', () => {
    for (const { id, response } of plain) {
      const result = openaiCompletions.readResult(bytesOf(response.body))
      const texts = isJsonObject(response.body) ? textsOf([response.body]) : []
      expect([id, gist(result).map(({ text }) => text)]).toEqual([id, texts])
      expect([id, (result.usage?.outputTokens ?? 0) > 0]).toEqual([id, true])
      const hasCalls = gist(result).some(({ calls }) => calls.length > 0)
      if (hasCalls) continue
      const written = openaiCompletions.writeResult(result, options)
      expect([id, written.losses]).toEqual([id, []])
      const again = openaiCompletions.readResult(bytesOf(written.body))
      expect({ id, gist: gist(again) }).toEqual({ id, gist: gist(result) })
      expect(again.usage?.outputTokens).toBe(result.usage?.outputTokens)
    }
    expect(plain.length).toBeGreaterThan(20)
  })

  test('every stream is complete, says its text whole and bytewise, and folds to the same', () => {
    for (const { id, response } of streams) {
      const text = response.text ?? ''
      const bytes = bytesOf(text)
      const reader = openaiCompletions.createStreamReader()
      const events = [...reader.read(bytes), ...reader.end()]
      expect([id, reader.isComplete, reader.anomalies]).toEqual([id, true, 0])
      const result = foldEvents(events)
      expect([id, gist(result).map((said) => said.text)]).toEqual([id, textsOf(eventsOf(text))])
      if (JSON.stringify(readStream(openaiCompletions, bytewise(bytes))) !== JSON.stringify(events)) {
        expect.unreachable(id)
      }
      const folder = openaiCompletions.createFolder()
      folder.read(bytes)
      folder.end()
      const folded = openaiCompletions.readResult(folder.result())
      expect({ id, gist: gist(folded) }).toEqual({ id, gist: gist(result) })
      expect([id, folded.usage]).toEqual([id, result.usage])
      expect([id, passThrough(openaiCompletions, bytewise(bytes))]).toEqual([id, text])
    }
    expect(streams.length).toBeGreaterThan(18)
  })

  test('every refusal is classified', () => {
    const codes = recordings
      .filter(({ response }) => response.status >= 400)
      .map(({ response: { status, headers = {}, body, text } }) => {
        const error = openaiCompletions.readError({ status, headers, body: bytesOf(text ?? body) })
        return `${status} ${error.code}`
      })
    expect(codes.sort()).toEqual([
      '400 upstream_invalid_request',
      '401 upstream_auth',
      '403 upstream_model_not_found',
      '404 upstream_model_not_found',
    ])
  })
})
