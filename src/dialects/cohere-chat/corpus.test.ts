/** The recorded traffic of this dialect, where it lies beside the repository. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { InferenceResult } from '../../canonical/result.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { bytewise, foldEvents, gist } from '../dialect.contract.ts'
import { readTargetStream } from '../target-dialect.contract.ts'
import { cohereChat } from './index.ts'

interface Recording {
  readonly id: string
  readonly response: {
    readonly status: number
    readonly headers?: Record<string, string>
    readonly body?: unknown
    readonly text?: string
  }
}

const file = new URL('../../../../shared/corpus/cohere-chat-v2.jsonl.gz', import.meta.url)
const recordings: readonly Recording[] = existsSync(file)
  ? gunzipSync(readFileSync(file))
      .toString('utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recording)
  : []

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const answered = recordings.filter(({ response }) => response.status < 400)
const streams = answered.filter(({ response }) => response.text !== undefined)
const plain = answered.filter(({ response }) => response.text === undefined)

/** OBSERVATIONS 13: the message ends with an error. */
const failed = new Set(['cohere.cohere-chat-v2.0d0cee7d24', 'cohere.cohere-chat-v2.1638695479'])

const finishes: Readonly<Record<string, string>> = {
  COMPLETE: 'stop',
  TOOL_CALL: 'tool-calls',
  MAX_TOKENS: 'length',
}

/** What a recorded message holds, taken from it without the dialect. */
interface Held {
  text: string
  reasoning: string
  calls: { name: unknown; arguments: string }[]
  citations: number
  finish: string | undefined
  usage: unknown
}

function held(): Held {
  return { text: '', reasoning: '', calls: [], citations: 0, finish: undefined, usage: undefined }
}

function heldByAnswer(answer: JsonObject): Held {
  const message = objectOf(answer['message']) ?? {}
  const all = held()
  all.reasoning += stringOf(message['tool_plan']) ?? ''
  for (const block of arrayOf(message['content']).filter(isJsonObject)) {
    all.text += stringOf(block['text']) ?? ''
    all.reasoning += stringOf(block['thinking']) ?? ''
  }
  for (const call of arrayOf(message['tool_calls'])) {
    const { name, arguments: said } = objectOf(objectOf(call)?.['function']) ?? {}
    all.calls.push({ name, arguments: stringOf(said) ?? '' })
  }
  all.citations = arrayOf(message['citations']).length
  all.finish = finishes[stringOf(answer['finish_reason']) ?? '']
  all.usage = answer['usage']
  return all
}

function heldByStream(text: string): Held {
  const all = held()
  for (const line of text.split('\n').filter((each) => each.startsWith('data: {'))) {
    const event = JSON.parse(line.slice(6)) as { type: string; delta?: Record<string, unknown> }
    const message = objectOf(event.delta?.['message']) ?? {}
    const content = objectOf(message['content'])
    const call = objectOf(objectOf(message['tool_calls'])?.['function'])
    all.text += stringOf(content?.['text']) ?? ''
    all.reasoning += (stringOf(message['tool_plan']) ?? '') + (stringOf(content?.['thinking']) ?? '')
    if (event.type === 'tool-call-start') all.calls.push({ name: call?.['name'], arguments: '' })
    const last = all.calls.at(-1)
    if (last !== undefined) last.arguments += stringOf(call?.['arguments']) ?? ''
    if (event.type === 'citation-start') all.citations += 1
    if (event.type === 'message-end') {
      all.finish = finishes[stringOf(event.delta?.['finish_reason']) ?? '']
      all.usage = event.delta?.['usage']
    }
  }
  return all
}

function heldByResult(result: InferenceResult): Held {
  const [said] = gist(result)
  const parts = result.candidates[0]?.parts ?? []
  return {
    text: said?.text ?? '',
    reasoning: said?.reasoning ?? '',
    calls: parts
      .filter((part) => part.type === 'tool-call')
      .map(({ name, arguments: text }) => ({ name, arguments: text })),
    citations: parts.reduce(
      (sum, part) => sum + (part.type === 'text' ? (part.citations?.length ?? 0) : 0),
      0,
    ),
    finish: said?.finish,
    usage: result.usage?.raw,
  }
}

describe.skipIf(recordings.length === 0)('recorded traffic (skipped where the corpus is absent)', () => {
  test('every plain answer is read without a loss', () => {
    for (const { id, response } of plain) {
      const result = cohereChat.readResult(bytesOf(response.body))
      const expected = isJsonObject(response.body) ? heldByAnswer(response.body) : undefined
      expect({ id, ...heldByResult(result) }).toEqual({ id, ...expected })
      expect([id, (result.usage?.inputTokens ?? 0) >= (result.usage?.cacheReadTokens ?? 0)]).toEqual([
        id,
        true,
      ])
    }
    expect(plain.length).toBeGreaterThan(60)
  })

  test('every stream is read without a loss, whole and bytewise', () => {
    for (const { id, response } of streams) {
      const text = response.text ?? ''
      const reader = cohereChat.createStreamReader()
      const events = [...reader.read(bytesOf(text)), ...reader.end()]
      const pieces = readTargetStream(cohereChat, bytewise(bytesOf(text)))
      if (JSON.stringify(pieces) !== JSON.stringify(events)) expect.unreachable(id)
      expect([id, reader.isComplete, reader.isTerminated, reader.anomalies]).toEqual([
        id,
        !failed.has(id),
        true,
        0,
      ])
      if (failed.has(id)) {
        const last = events.at(-1)
        expect([id, last?.type === 'error' ? last.error.code : last]).toEqual([
          id,
          'upstream_tool_use_failed',
        ])
      } else expect({ id, ...heldByResult(foldEvents(events)) }).toEqual({ id, ...heldByStream(text) })
    }
    expect(streams.length).toBeGreaterThan(25)
  })

  test('every refusal is classified', () => {
    const codes = recordings
      .filter(({ response }) => response.status >= 400)
      .map(({ response: { status, headers = {}, body } }) => {
        return `${status} ${cohereChat.readError({ status, headers, body: bytesOf(body) }).code}`
      })
    expect([...new Set(codes)].sort()).toEqual([
      '404 upstream_model_not_found',
      '422 upstream_invalid_request',
    ])
  })
})
