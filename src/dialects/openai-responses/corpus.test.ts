/**
 * The recorded traffic of this dialect, where it lies beside the repository. Every recording is read whole and at a
 * seeded sample of cuts; small ones also byte by byte.
 */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { unfold } from '../../canonical/unfold.ts'
import { createSeededRandom } from '../../std/ids.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { bytewise, cutAt, foldEvents, gist, passThrough, readStream } from '../dialect.contract.ts'
import { openaiResponses } from './index.ts'

const SMALL_BYTES = 20_000
const SAMPLED_CUTS = 3

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

const corpus = new URL('../../../../shared/corpus/', import.meta.url)

/** The lines of a file are in the corpus's own format, described in its README. */
function recordingsOf(name: string): readonly Recording[] {
  const file = new URL(`${name}.jsonl.gz`, corpus)
  if (!existsSync(file)) return []
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Recording)
}

const recordings = recordingsOf('openai-responses')
const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const isRefusal = ({ response }: Recording) => response.status >= 400
const streams = recordings.filter((it) => !isRefusal(it) && it.response.text !== undefined)
const plain = recordings.filter((it) => !isRefusal(it) && isJsonObject(it.response.body))
const options = { responseId: 'resp_r', modelId: 'm', createdAtS: 1, wantsUsage: true }

/** The recorded error inside a stream. */
const failed = new Set(['openai.openai-responses.807fbd538d'])

describe.skipIf(recordings.length === 0)(
  'recorded traffic (skipped where the corpus is absent)',
  { timeout: 240_000 },
  () => {
    test('every accepted request is peeked, read, and written again without a loss', () => {
      let count = 0
      for (const { id, request, response } of recordings) {
        if (!isJsonObject(request?.body) || response.status >= 400) continue
        count += 1
        const fields: JsonObject = { ...request.body, model: request.body['model'] ?? 'from-the-path' }
        const body = bytesOf(fields)
        const envelope = openaiResponses.peek(body, 'chat')
        const read = openaiResponses.readRequest(body)
        expect([id, read.modelId, read.stream]).toEqual([id, envelope.modelId, envelope.stream])
        const written = openaiResponses.writeRequest(read, { modelId: read.modelId, stream: read.stream })
        expect([id, written.losses]).toEqual([id, []])
        const again = openaiResponses.readRequest(bytesOf(written.fields))
        expect({ id, ...again }).toEqual({ id, ...read })
        const patched = openaiResponses.patchRequest(body, envelope, { modelId: 'm', stream: true })
        const { background: _background, ...rest } = fields
        expect(JSON.parse(patched.toString())).toMatchObject({ ...rest, model: 'm', stream: true })
      }
      expect(count).toBeGreaterThan(500)
    })

    test('every plain answer is read, and said again says the same', () => {
      let count = 0
      for (const { id, response } of plain) {
        const body = bytesOf(`${' '.repeat(response.leading_ws ?? 0)}${JSON.stringify(response.body)}`)
        count += 1
        const result = openaiResponses.readResult(body)
        const written = openaiResponses.writeResult(result, options)
        const again = openaiResponses.readResult(bytesOf(written.body))
        expect({ id, losses: written.losses, gist: gist(again) }).toEqual({
          id,
          losses: [],
          gist: gist(finished(result)),
        })
        expect({ id, ...again.usage }).toMatchObject({ id, ...countsOf(result.usage) })
        expect([id, again.candidates[0]?.logprobs]).toEqual([id, result.candidates[0]?.logprobs])
      }
      expect(count).toBeGreaterThan(400)
    })

    test('every stream is read, whole and at cuts, as what its last event says', () => {
      const random = createSeededRandom(82)
      for (const { id, response } of streams) {
        if (failed.has(id)) continue
        const bytes = bytesOf(response.text)
        const whole = readStream(openaiResponses, [bytes])
        const result = foldEvents(whole)
        expect([id, result.candidates[0]?.finish?.reason]).not.toEqual([id, undefined])
        const folder = openaiResponses.createFolder()
        folder.read(bytes)
        folder.end()
        expect([id, folder.facts.isComplete]).toEqual([id, true])
        const plainOnes = openaiResponses.readResult(folder.result())
        expect({ id, gist: gist(result) }).toEqual({ id, gist: gist(plainOnes) })
        expect([id, result.usage]).toEqual([id, plainOnes.usage])
        for (let cut = 0; cut < SAMPLED_CUTS; cut += 1) {
          const at = Math.floor(random.next() * bytes.length)
          expect([id, at, readStream(openaiResponses, cutAt(bytes, at))]).toEqual([id, at, whole])
        }
        if (bytes.length < SMALL_BYTES)
          expect([id, readStream(openaiResponses, bytewise(bytes))]).toEqual([id, whole])
      }
      expect(streams.length).toBeGreaterThan(200)
    })

    test('every stream said again says the same, folded too', () => {
      for (const { id, response } of streams) {
        if (failed.has(id)) continue
        const events = readStream(openaiResponses, [bytesOf(response.text)])
        const writer = openaiResponses.createStreamWriter({ ...options, origin: 'somebody' })
        const text = events.map((event) => writer.write(event)).join('') + writer.end()
        const again = foldEvents(readStream(openaiResponses, [bytesOf(text)]))
        const result = foldEvents(events)
        expect({ id, losses: writer.losses, gist: gist(again) }).toEqual({
          id,
          losses: [],
          gist: gist(result),
        })
        expect({ id, ...again.usage }).toMatchObject({ id, ...countsOf(result.usage) })
        const unfolded = unfold(result)
        const second = openaiResponses.createStreamWriter(options)
        const folded = unfolded.map((event) => second.write(event)).join('') + second.end()
        expect({ id, gist: gist(foldEvents(readStream(openaiResponses, [bytesOf(folded)]))) }).toEqual({
          id,
          gist: gist(result),
        })
      }
    })

    test('every stream passes through as it came, but for the marker that is none of this dialect', () => {
      for (const { id, response } of streams) {
        const { text = '' } = response
        if (failed.has(id) || !text.includes('event:') || text.includes(': keepalive')) continue
        // Where the last blank line never came it is added.
        const end = text.indexOf('\n\n', lastEventAt(text))
        const whole = end < 0 ? text.trimEnd() : text.slice(0, end)
        expect([id, passThrough(openaiResponses, [bytesOf(text)])]).toEqual([id, `${whole}\n\n`])
      }
    })

    test('an error inside a stream is classified and not let through (observation 14)', () => {
      for (const { id, response } of streams) {
        if (!failed.has(id)) continue
        const events = readStream(openaiResponses, [bytesOf(response.text)])
        expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'insufficient_quota' } })
        expect(passThrough(openaiResponses, [bytesOf(response.text)])).not.toMatch(/quota/)
      }
    })

    test('every refusal is classified', () => {
      for (const { id, response } of recordings.filter(isRefusal)) {
        const body = bytesOf(response.text ?? JSON.stringify(response.body ?? ''))
        const error = openaiResponses.readError({
          status: response.status,
          headers: response.headers ?? {},
          body,
        })
        expect([id, error.code]).not.toEqual([id, 'gateway_error'])
        // Observation 47.
        if (body.includes('previous_response_not_found'))
          expect(error.code).toBe('previous_response_not_found')
      }
    })

    test('every count of tokens is read and said again', () => {
      const counts = recordingsOf('openai-responses-count-tokens').filter((it) => !isRefusal(it))
      for (const { request, response } of counts) {
        if (isJsonObject(request?.body)) openaiResponses.peek(bytesOf(request.body), 'count-tokens')
        const tokens = openaiResponses.readTokenCount?.(bytesOf(response.body)) ?? 0
        expect(tokens).toBeGreaterThan(0)
        expect(JSON.parse(openaiResponses.writeTokenCount?.(tokens) ?? '')).toEqual(response.body)
      }
      expect(counts.length).toBeGreaterThan(0)
    })
  },
)

/** What has not ended (a response in the background) is said as incomplete. */
function finished(result: ReturnType<typeof openaiResponses.readResult>) {
  const candidates = result.candidates.map((candidate) => ({
    ...candidate,
    finish: candidate.finish ?? { reason: 'other' as const },
  }))
  return { ...result, candidates }
}

function countsOf(usage: { readonly raw?: unknown; readonly serviceTier?: string } | undefined) {
  const { raw: _raw, serviceTier: _tier, ...counts } = usage ?? {}
  return counts
}

/** Some recordings hold several streams, one after another: the first is the answer. */
function lastEventAt(text: string): number {
  return /"type": ?"response\.(?:completed|incomplete)"/.exec(text)?.index ?? 0
}
