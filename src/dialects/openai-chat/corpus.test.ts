/**
 * The recorded traffic of this dialect, where it lies beside the repository. Every recording is read whole and one byte
 * at a time; those of at most `SMALL_BYTES` are also cut in two at every byte, and of the larger ones a seeded sample of
 * cuts is taken.
 */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../../std/ids.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { bytewise, cutAt, foldEvents, gist, passThrough, readStream } from '../dialect.contract.ts'
import { openaiChat } from './index.ts'

const SMALL_BYTES = 1200
const SAMPLED_CUTS = 2

interface Recording {
  readonly id: string
  readonly stream: boolean
  readonly request: { readonly body?: unknown } | null
  readonly response: {
    readonly status: number
    readonly headers?: Record<string, string>
    readonly body?: unknown
    readonly text?: string
    readonly leading_ws?: number
  }
}

const file = new URL('../../../../shared/corpus/openai-chat.jsonl.gz', import.meta.url)
const recordings: readonly Recording[] = existsSync(file)
  ? gunzipSync(readFileSync(file))
      .toString('utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recording)
  : []

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const answerText = ({ response }: Recording) => response.text ?? JSON.stringify(response.body ?? '')
const isRefusal = ({ response }: Recording) => response.status >= 400
const streams = recordings.filter((it) => !isRefusal(it) && it.stream && it.response.text !== undefined)
const plain = recordings.filter((it) => !isRefusal(it) && !(it.stream && it.response.text !== undefined))

// Recordings that broke off, failed or never gave a finish reason.
const notComplete = new Set([
  'gpustack.openai-chat.836bb4e951',
  'groq.openai-chat.908046305a',
  'groq.openai-chat.9fe6d3b386',
  'groq.openai-chat.c34f9bbb7d',
  'groq.openai-chat.cdc80e4b1a',
  'groq.openai-chat.d2a29e7370',
  'groq.openai-chat.d8fdbaf2c9',
  'snowflake.openai-chat.902c96268d',
  'snowflake.openai-chat.b9ae6d6fa0',
])

/** Requests the providers took and we do not: no messages at all. */
const refusedByUs = new Set(['groq.openai-chat.908046305a'])

// About 20 s together on a quiet machine.
describe.skipIf(recordings.length === 0)(
  'recorded traffic (skipped where the corpus is absent)',
  { timeout: 240_000 },
  () => {
    test('every accepted request is peeked, read, and written again without a loss', () => {
      let count = 0
      for (const { id, request, response } of recordings) {
        if (!isJsonObject(request?.body) || response.status >= 400 || refusedByUs.has(id)) continue
        count += 1
        // Azure names the model in the path.
        const fields: JsonObject = { ...request.body, model: request.body['model'] ?? 'from-the-path' }
        const body = bytesOf(fields)
        const envelope = openaiChat.peek(body, 'chat')
        const read = openaiChat.readRequest(body)
        expect([id, read.modelId, read.stream]).toEqual([id, envelope.modelId, envelope.stream])
        const { fields: written, losses } = openaiChat.writeRequest(read, {
          modelId: read.modelId,
          stream: false,
        })
        expect([id, losses]).toEqual([id, []])
        expect(typeof written['model']).toBe('string')
        const again = openaiChat.readRequest(bytesOf(written))
        const same = { stream: read.stream, wantsStreamUsage: read.wantsStreamUsage, output: read.output }
        expect({ id, ...again, ...same }).toEqual({ id, ...read })
        const patched = openaiChat.patchRequest(body, envelope, {
          modelId: 'm',
          stream: true,
          streamUsage: true,
        })
        const { stream: _stream, stream_options: _options, ...rest } = fields
        expect(JSON.parse(patched.toString())).toMatchObject({ ...rest, model: 'm', stream: true })
      }
      expect(count).toBeGreaterThan(1500)
    })

    test('every plain answer is read, and said again says the same', () => {
      for (const recording of plain) {
        const body = `${' '.repeat(recording.response.leading_ws ?? 0)}${answerText(recording)}`
        const result = openaiChat.readResult(bytesOf(body))
        expect(result.candidates.length).toBeGreaterThan(0)
        const options = { responseId: 'r', modelId: 'm', createdAtS: 1, wantsUsage: true }
        const written = openaiChat.writeResult(result, options)
        expect({ id: recording.id, gist: gist(openaiChat.readResult(bytesOf(written.body))) }).toEqual({
          id: recording.id,
          gist: gist(result),
        })
      }
      expect(plain.length).toBeGreaterThan(1000)
    })

    test('every refusal is classified', () => {
      const refusals = recordings.filter(isRefusal)
      for (const { id, response } of refusals) {
        const body = bytesOf(response.text ?? JSON.stringify(response.body ?? ''))
        const error = openaiChat.readError({ status: response.status, headers: response.headers ?? {}, body })
        expect([id, error.code]).not.toEqual([id, 'gateway_error'])
        if (response.status === 401) expect([id, error.code]).toEqual([id, 'upstream_auth'])
        if (response.status === 429) {
          expect([id, error.code]).toEqual([
            id,
            expect.stringMatching(
              /^(rate_limited|request_over_limit|insufficient_quota|upstream_overloaded)$/,
            ),
          ])
        }
        expect(error.message).not.toMatch(/org-REDACTED|org_REDACTED/)
      }
      expect(refusals.length).toBeGreaterThan(100)
    })

    test('every stream is complete, except those known not to be', () => {
      for (const recording of streams) {
        const reader = openaiChat.createStreamReader()
        reader.read(bytesOf(answerText(recording)))
        reader.end()
        expect([recording.id, reader.isComplete]).toEqual([recording.id, !notComplete.has(recording.id)])
      }
      expect(streams.length).toBeGreaterThan(600)
    })

    test('every stream gives the same events and the same bytes one byte at a time', {
      timeout: 60_000,
    }, () => {
      for (const recording of streams) {
        const bytes = bytesOf(answerText(recording))
        const pieces = bytewise(bytes)
        const whole = JSON.stringify(readStream(openaiChat, [bytes]))
        // Compared as text: the streams have 50,000 events, and a mismatch names its recording all the same.
        if (JSON.stringify(readStream(openaiChat, pieces)) !== whole) expect.unreachable(recording.id)
        expect(passThrough(openaiChat, pieces)).toBe(passThrough(openaiChat, [bytes]))
      }
    })

    test('every stream gives the same events cut in two', () => {
      const random = createSeededRandom(7)
      for (const recording of streams) {
        const bytes = bytesOf(answerText(recording))
        const whole = JSON.stringify(readStream(openaiChat, [bytes]))
        const cuts =
          bytes.length <= SMALL_BYTES
            ? Array.from(bytes.keys())
            : Array.from({ length: SAMPLED_CUTS }, () => Math.floor(random.next() * bytes.length))
        for (const at of cuts) {
          if (JSON.stringify(readStream(openaiChat, cutAt(bytes, at))) !== whole) {
            expect.unreachable(`${recording.id} cut at ${at}`)
          }
        }
      }
    })

    test('a passthrough lets every clean stream out as it came', () => {
      let count = 0
      for (const recording of streams) {
        const text = answerText(recording)
        const isClean =
          /^data[^]*data: \[DONE\]\n\n$/.test(text) &&
          !/\n:|\n\n\n/.test(text) &&
          !notComplete.has(recording.id)
        if (!isClean || recording.id === 'openrouter.openai-chat.735157d3e6') continue
        count += 1
        expect({ id: recording.id, out: passThrough(openaiChat, [bytesOf(text)]) }).toEqual({
          id: recording.id,
          out: text,
        })
      }
      expect(count).toBeGreaterThan(300)
    })

    test('a folder gives the answer the events amount to', () => {
      for (const recording of streams) {
        if (notComplete.has(recording.id)) continue
        const bytes = bytesOf(answerText(recording))
        const folder = openaiChat.createFolder()
        folder.read(bytes)
        folder.end()
        const events = foldEvents(readStream(openaiChat, [bytes]))
        expect(folder.facts.isComplete).toBe(true)
        expect({ id: recording.id, gist: gist(openaiChat.readResult(folder.result())) }).toEqual({
          id: recording.id,
          gist: gist(events),
        })
        expect(folder.facts.usage).toEqual(events.usage)
      }
    })
  },
)
