/** The recorded traffic of this dialect, where it lies beside the repository. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { unfold } from '../../canonical/unfold.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { createSeededRandom } from '../../std/ids.ts'
import { isJsonObject } from '../../std/json.ts'
import { bytewise, cutAt, foldEvents, passThrough, readStream } from '../dialect.contract.ts'
import { gemini } from './index.ts'
import {
  bytesOf,
  factsOf,
  heldByResponses,
  heldByResult,
  isAnswer,
  type Recording,
  recordingsOf,
  responsesIn,
  whole,
} from './recordings.test-support.ts'

const SMALL_BYTES = 20_000
const SAMPLED_CUTS = 3

const recordings = recordingsOf('gemini')
const isRefusal = ({ response }: Recording) => response.status >= 400
const answered = recordings.filter((it) => !isRefusal(it))
const allStreams = answered.filter(({ response }) => response.text !== undefined)
const streams = allStreams.filter(({ response }) => isAnswer(responsesIn(response.text ?? '')))
const failedStreams = allStreams.filter((it) => !streams.includes(it))
const plain = answered.filter(({ response }) => isJsonObject(response.body))
const eventStreams = streams.filter(({ response }) => response.text?.startsWith('data:'))
const options = { responseId: 'answer-own', modelId: 'own', createdAtS: 1, wantsUsage: true }

/** What must survive being said again, ids included. */
function kept(result: InferenceResult) {
  const { usage, candidates, responseId, modelId } = result
  const { raw: _raw, serviceTier: _tier, searches: _searches, ...counts } = usage ?? {}
  return {
    responseId: responseId ?? options.responseId,
    modelId: modelId ?? options.modelId,
    counts,
    ...heldByResult(result),
    more: candidates.map(({ parts, logprobs }) => ({
      ids: parts.flatMap((part) => (part.type === 'tool-call' ? [part.id] : [])),
      citations: parts.flatMap((part) => (part.type === 'text' ? (part.citations ?? []) : [])).map(cited),
      others: parts.filter((part) => part.type === 'opaque'),
      logprobs: logprobs?.length,
    })),
  }
}

function cited({ raw: _raw, ...citation }: { readonly raw: unknown }) {
  return citation
}

function sayAgain(events: readonly InferenceEvent[], streamForm: 'sse' | 'json-array') {
  const writer = gemini.createStreamWriter({ ...options, streamForm })
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  return { text, losses: writer.losses, result: foldEvents(readStream(gemini, [bytesOf(text)])) }
}

/** Both forms of a stream and the plain answer. */
function expectSaidAgain(id: string, events: readonly InferenceEvent[]): void {
  const result = foldEvents(events)
  const expected = { id, losses: [], ...kept(result) }
  for (const form of ['sse', 'json-array'] as const) {
    const { text, losses, result: again } = sayAgain(events, form)
    expect({ id, losses, ...kept(again) }).toEqual(expected)
    expect(responsesIn(text).length).toBeGreaterThan(0)
  }
  const written = gemini.writeResult(result, options)
  const again = gemini.readResult(bytesOf(written.body))
  expect({ id, losses: written.losses, ...kept(again) }).toEqual(expected)
}

describe.skipIf(recordings.length === 0)(
  'recorded traffic (skipped where the corpus is absent)',
  { timeout: 240_000 },
  () => {
    test('every accepted request is peeked, read, and written again without a loss', () => {
      let count = 0
      for (const { id, request, response } of recordings) {
        if (!isJsonObject(request?.body) || response.status >= 400) continue
        if (request.body['contents'] === undefined) continue
        count += 1
        const named = factsOf(request.url)
        const body = bytesOf(request.body)
        const envelope = gemini.peek(body, 'chat', named)
        const read = gemini.readRequest(body, named)
        expect([id, envelope.modelId, envelope.stream]).toEqual([id, read.modelId, read.stream])
        const written = gemini.writeRequest(read, { modelId: read.modelId, stream: read.stream })
        expect([id, written.losses]).toEqual([id, []])
        expect({ id, ...gemini.readRequest(bytesOf(written.fields), named) }).toEqual({ id, ...read })
        expect(body.equals(gemini.patchRequest(body, envelope, { modelId: 'other' }))).toBe(true)
      }
      expect(count).toBeGreaterThan(600)
    })

    test('every plain answer is read, and said again says the same', () => {
      for (const { id, response } of plain) {
        const body = bytesOf(`${' '.repeat(response.leading_ws ?? 0)}${JSON.stringify(response.body)}`)
        if (!isAnswer([response.body])) {
          expect(() => gemini.readResult(body), id).toThrow(GatewayError)
          continue
        }
        const result = gemini.readResult(body)
        expect({ id, ...heldByResult(result) }).toEqual({ id, ...whole(heldByResponses([response.body])) })
        expectSaidAgain(id, unfold(result))
      }
      expect(plain.length).toBeGreaterThan(450)
    })

    test('every stream is read, whole and at cuts, as what stands in it', () => {
      const random = createSeededRandom(48)
      for (const { id, response } of streams) {
        const bytes = bytesOf(response.text)
        const whole = readStream(gemini, [bytes])
        const expected = { id, ...heldByResponses(responsesIn(response.text ?? '')) }
        expect({ id, ...heldByResult(foldEvents(whole)) }).toEqual(expected)
        for (let cut = 0; cut < SAMPLED_CUTS; cut += 1) {
          const at = Math.floor(random.next() * bytes.length)
          expect([id, at, readStream(gemini, cutAt(bytes, at))]).toEqual([id, at, whole])
        }
        expect([id, readStream(gemini, asItCame(bytes, response.chunk_lens))]).toEqual([id, whole])
        if (bytes.length < SMALL_BYTES) expect([id, readStream(gemini, bytewise(bytes))]).toEqual([id, whole])
      }
      expect(streams.length).toBeGreaterThan(200)
    })

    test('every stream folded is the plain answer it amounts to', () => {
      for (const { id, response } of streams) {
        const folder = gemini.createFolder()
        folder.read(bytesOf(response.text))
        folder.end()
        const expected = heldByResponses(responsesIn(response.text ?? ''))
        expect({ id, ...heldByResult(gemini.readResult(folder.result())) }).toEqual({ id, ...expected })
        expect([id, folder.facts.isComplete, folder.facts.anomalies]).toEqual([id, true, 0])
        const [first] = expected.candidates
        expect([id, folder.facts.finish?.reason]).toEqual([id, first?.[1].finish])
      }
    })

    test('every stream said again says the same, in both forms and plain', () => {
      for (const { id, response } of streams) {
        const events = readStream(gemini, [bytesOf(response.text)])
        expectSaidAgain(id, events)
        expectSaidAgain(id, unfold(foldEvents(events)))
      }
      expect(streams.length).toBeGreaterThan(200)
    })

    test('every stream of events passes through as it came', () => {
      for (const { id, response } of eventStreams) {
        const text = response.text ?? ''
        const chunks = asItCame(bytesOf(text), response.chunk_lens)
        const passed = passThrough(gemini, chunks)
        expect([id, passed.trimEnd()]).toEqual([id, text.trimEnd()])
      }
      expect(eventStreams.length).toBeGreaterThan(200)
    })

    test('every stream passes to a client of the array form as an array of the same', () => {
      for (const { id, response } of streams) {
        const passthrough = gemini.createPassthrough({ hidesUsage: false, streamForm: 'json-array' })
        const passed = Buffer.concat([passthrough.read(bytesOf(response.text)), passthrough.end()])
        expect([id, JSON.parse(passed.toString())]).toEqual([id, responsesIn(response.text ?? '')])
      }
    })

    test('a stream that failed, or holds no answer, is not whole, and its error is not let through', () => {
      for (const { id, response } of failedStreams) {
        const reader = gemini.createStreamReader()
        const events = [...reader.read(bytesOf(response.text)), ...reader.end()]
        expect([id, reader.isComplete]).toEqual([id, false])
        const hasError = response.text?.includes('"error"') === true
        expect([id, events.at(-1)?.type === 'error']).toEqual([id, hasError])
        expect(passThrough(gemini, [bytesOf(response.text)])).not.toContain('"error"')
      }
      expect(failedStreams.length).toBeGreaterThan(0)
    })

    test('every refusal is classified', () => {
      const refusals = recordings.filter(isRefusal)
      for (const { id, response } of refusals) {
        const body = bytesOf(response.text ?? response.body ?? '')
        const { status, headers = {} } = response
        const error = gemini.readError({ status, headers, body })
        const words = body.toString()
        expect([id, error.code]).not.toEqual([id, 'gateway_error'])
        // Observation 23: the status alone says something else.
        if (words.includes('API_KEY_INVALID')) expect([id, error.code]).toEqual([id, 'upstream_auth'])
        // Observation 18: the body says when to come back.
        if (words.includes('RetryInfo')) expect([id, error.facts.retryAfterMs]).not.toEqual([id, undefined])
      }
      expect(refusals.length).toBeGreaterThan(60)
    })

    test('every count of tokens is asked for, read and said again', () => {
      const counts = recordingsOf('gemini-count-tokens')
      for (const { id, request, response } of counts) {
        if (response.status >= 400 || !request?.url.endsWith(':countTokens')) continue
        const named = factsOf(request.url)
        const body = bytesOf(request.body)
        expect([id, gemini.peek(body, 'count-tokens', named).stream]).toEqual([id, false])
        expect(gemini.readRequest(body, named).messages.length).toBeGreaterThan(0)
        const tokens = gemini.readTokenCount?.(bytesOf(response.body)) ?? Number.NaN
        expect([id, response.body]).toMatchObject([id, { totalTokens: tokens }])
        expect(JSON.parse(gemini.writeTokenCount?.(tokens) ?? '')).toEqual({ totalTokens: tokens })
      }
      expect(counts.length).toBeGreaterThan(0)
    })
  },
)

function asItCame(bytes: Buffer, lengths: readonly number[] = [bytes.length]): readonly Buffer[] {
  let at = 0
  return lengths.map((length) => {
    at += length
    return bytes.subarray(at - length, at)
  })
}
