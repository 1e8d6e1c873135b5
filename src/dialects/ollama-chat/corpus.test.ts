/** The recorded traffic of this dialect, where it lies beside the repository. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { InferenceResult } from '../../canonical/result.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { createSeededRandom } from '../../std/ids.ts'
import { bytewise, cutAt, foldEvents, gist } from '../dialect.contract.ts'
import { readTargetStream } from '../target-dialect.contract.ts'
import { ollamaChat } from './index.ts'

interface Recording {
  readonly id: string
  readonly response: {
    readonly status: number
    readonly headers?: Record<string, string>
    readonly body?: unknown
    readonly text?: string
  }
}

const file = new URL('../../../../shared/corpus/ollama-chat.jsonl.gz', import.meta.url)
const recordings: readonly Recording[] = existsSync(file)
  ? gunzipSync(readFileSync(file))
      .toString('utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recording)
  : []

/** Answers of Ollama's OpenAI-compatible API, filed here. */
const notOurs = new Set(['ollama.ollama-chat.502e6661c1', 'ollama.ollama-chat.acacc82e28'])

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const answered = recordings.filter(({ id, response }) => response.status < 400 && !notOurs.has(id))
const streams = answered.filter(({ response }) => response.text !== undefined)
const plain = answered.filter(({ response }) => response.text === undefined)

/** What recorded lines hold, taken from them without the dialect. */
function held(lines: readonly JsonObject[]) {
  const messages = lines.map((line) => objectOf(line['message']) ?? {})
  const calls = messages.flatMap((message) => arrayOf(message['tool_calls']).filter(isJsonObject))
  const last = lines.at(-1) ?? {}
  const word = stringOf(last['done_reason'])
  return {
    text: messages.map(({ content }) => stringOf(content) ?? '').join(''),
    reasoning: messages.map(({ thinking }) => stringOf(thinking) ?? '').join(''),
    calls: calls.map((call) => ({
      name: objectOf(call['function'])?.['name'],
      arguments: objectOf(call['function'])?.['arguments'],
    })),
    finish: calls.length > 0 ? 'tool-calls' : word === 'custom' ? 'other' : word,
    input: last['prompt_eval_count'],
    output: last['eval_count'],
  }
}

function heldByResult(result: InferenceResult) {
  const [said] = gist(result)
  return {
    text: said?.text ?? '',
    reasoning: said?.reasoning ?? '',
    calls: (said?.calls ?? []).map(({ name, arguments: text }) => ({ name, arguments: JSON.parse(text) })),
    finish: said?.finish,
    input: result.usage?.inputTokens,
    output: result.usage?.outputTokens,
  }
}

const callIds = (result: InferenceResult) => (gist(result)[0]?.calls ?? []).map(({ id }) => id)

describe.skipIf(recordings.length === 0)('recorded traffic (skipped where the corpus is absent)', () => {
  test('every plain answer is read without a loss', () => {
    for (const { id, response } of plain) {
      const result = ollamaChat.readResult(bytesOf(response.body))
      const expected = isJsonObject(response.body) ? held([response.body]) : undefined
      expect({ id, ...heldByResult(result) }).toEqual({ id, ...expected })
    }
    expect(plain.length).toBeGreaterThan(25)
  })

  test('every stream is read without a loss', () => {
    for (const { id, response } of streams) {
      const text = response.text ?? ''
      const lines = text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line) as JsonObject)
      const reader = ollamaChat.createStreamReader()
      const result = foldEvents([...reader.read(bytesOf(text)), ...reader.end()])
      expect({ id, ...heldByResult(result) }).toEqual({ id, ...held(lines) })
      expect([id, reader.isComplete, reader.isTerminated, reader.anomalies]).toEqual([id, true, true, 0])
      const ids = callIds(result)
      expect([id, ids.every((each) => each !== ''), new Set(ids).size]).toEqual([id, true, ids.length])
    }
    expect(streams.length).toBeGreaterThan(25)
  })

  test('every stream gives the same events one byte at a time, and cut in two', { timeout: 60_000 }, () => {
    const random = createSeededRandom(11)
    for (const { id, response } of streams) {
      const bytes = bytesOf(response.text ?? '')
      const whole = JSON.stringify(readTargetStream(ollamaChat, [bytes]))
      const cut = cutAt(bytes, Math.floor(random.next() * bytes.length))
      for (const pieces of [bytewise(bytes), cut]) {
        if (JSON.stringify(readTargetStream(ollamaChat, pieces)) !== whole) expect.unreachable(id)
      }
    }
    expect(streams.length).toBeGreaterThan(25)
  })

  test('every refusal is classified', () => {
    const codes = recordings
      .filter(({ response }) => response.status >= 400)
      .map(({ response: { status, headers = {}, body } }) => {
        return `${status} ${ollamaChat.readError({ status, headers, body: bytesOf(body) }).code}`
      })
    expect(codes).toEqual(['404 upstream_model_not_found'])
  })

  test('an answer of another API is none of this one', () => {
    const others = recordings.filter(({ id }) => notOurs.has(id))
    expect(others.length).toBe(2)
    for (const { response } of others) {
      expect(() => ollamaChat.readResult(bytesOf(response.body))).toThrow(/no message/)
    }
  })
})
