/** Everything ever recorded of this dialect goes through every reader of it. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { createFold } from '../../canonical/fold.ts'
import { createSeededRandom } from '../../std/ids.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf } from '../../std/json.ts'
import { bedrockConverse } from './index.ts'
import { hasRecordings, readRecordings, whySkipped } from './recordings.test-support.ts'

const plain = readRecordings('bedrock-converse')
const streamed = readRecordings('bedrock-converse-stream')
const answers = plain.flatMap(({ id, status, body }) =>
  body === undefined || status !== 200 ? [] : [{ id, body }],
)
const streams = streamed.flatMap(({ id, stream, chunkLengths }) =>
  stream === undefined ? [] : [{ id, stream, chunkLengths }],
)
const refusals = [...plain, ...streamed].flatMap((recording) =>
  recording.body === undefined || recording.status === 200 ? [] : [{ ...recording, body: recording.body }],
)

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function read(chunks: Iterable<Uint8Array>) {
  const reader = bedrockConverse.createStreamReader()
  const events: InferenceEvent[] = []
  for (const chunk of chunks) events.push(...reader.read(chunk))
  events.push(...reader.end())
  return { events, isComplete: reader.isComplete, anomalies: reader.anomalies }
}

function* cutBy(stream: Buffer, lengths: readonly number[]): Iterable<Uint8Array> {
  let start = 0
  for (const length of lengths) {
    yield stream.subarray(start, start + length)
    start += length
  }
}

describe.skipIf(!hasRecordings)(`recorded answers${whySkipped}`, () => {
  test('are there', () => {
    expect(answers.length).toBeGreaterThan(160)
    expect(streams.length).toBeGreaterThan(45)
    expect(refusals.length).toBeGreaterThan(20)
  })

  test('are read with every block they hold', () => {
    for (const { id, body } of answers) {
      const content = arrayOf(objectOf(objectOf(body['output'])?.['message'])?.['content']).filter(
        isJsonObject,
      )
      if (content.every(({ text }) => text === '')) continue
      const { candidates, usage } = bedrockConverse.readResult(bytesOf(body))
      const blocks = content.filter(({ text }) => text !== '')
      expect(candidates[0]?.parts.length, id).toBe(blocks.length)
      expect(candidates[0]?.finish?.raw, id).toBe(body['stopReason'])
      expect((usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0), id).toBe(
        objectOf(body['usage'])?.['totalTokens'],
      )
    }
  })

  test('know of nothing but server tools that has no word', () => {
    const kinds = answers.flatMap(({ body }) => {
      if (body['usage'] === undefined) return []
      const { candidates } = bedrockConverse.readResult(bytesOf(body))
      return (candidates[0]?.parts ?? []).flatMap((part) =>
        part.type === 'opaque' ? Object.keys(part.value) : [],
      )
    })
    expect([...new Set(kinds)].toSorted()).toEqual(['reasoningContent', 'toolResult', 'toolUse'])
  })
})

describe.skipIf(!hasRecordings)(`recorded streams${whySkipped}`, () => {
  test('end in a finish after every part is closed, with the tokens they report', () => {
    for (const { id, stream } of streams) {
      const { events, isComplete, anomalies } = read([stream])
      expect({ isComplete, anomalies }, id).toEqual({ isComplete: true, anomalies: 0 })
      expect(events[0]?.type, id).toBe('answer-start')
      expect(
        events.filter(({ type }) => type === 'finish'),
        id,
      ).toHaveLength(1)
      expect(openAtFinish(events), id).toEqual([])
      const fold = createFold()
      for (const event of events) fold.add(event)
      const { usage } = fold.result()
      // Sound: the reader keeps the provider's own object.
      const raw = usage?.raw as JsonObject
      expect((usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0), id).toBe(raw['totalTokens'])
    }
  })

  test('fault 65: fed byte by byte give the events of the whole', { timeout: 60_000 }, () => {
    for (const { id, stream } of streams) {
      expect(read(Array.from(stream, (byte) => Uint8Array.of(byte))), id).toEqual(read([stream]))
    }
  })

  test('fault 65: cut in two at 40 random bytes give the events of the whole', () => {
    const random = createSeededRandom(65)
    for (const { id, stream } of streams) {
      const whole = JSON.stringify(read([stream]))
      for (let round = 0; round < 40; round += 1) {
        const cut = Math.floor(random.next() * stream.length)
        const again = read([stream.subarray(0, cut), stream.subarray(cut)])
        expect(JSON.stringify(again) === whole, `${id} cut at ${cut}`).toBe(true)
      }
    }
  })

  test('give the same events with the cuts of the network they came over', () => {
    const cut = streams.filter(({ chunkLengths }) => chunkLengths !== undefined)
    expect(cut.length).toBeGreaterThan(5)
    for (const { id, stream, chunkLengths } of cut) {
      expect(read(cutBy(stream, chunkLengths ?? [])), id).toEqual(read([stream]))
    }
  })
})

function openAtFinish(events: readonly InferenceEvent[]): readonly number[] {
  const open = new Set<number>()
  for (const event of events) {
    if (event.type === 'finish') break
    if (!('part' in event)) continue
    if (event.type.endsWith('-start')) open.add(event.part)
    if (event.type.endsWith('-end')) open.delete(event.part)
  }
  return [...open]
}

describe.skipIf(!hasRecordings)(`recorded refusals${whySkipped}`, () => {
  const codes: Readonly<Record<number, readonly string[]>> = {
    400: ['upstream_invalid_request', 'context_length_exceeded', 'upstream_model_not_found'],
    403: ['upstream_auth'],
    404: ['upstream_model_not_found'],
    429: ['rate_limited'],
    500: ['upstream_error'],
  }

  test('are classified by status, exception and words', () => {
    for (const { id, status, headers, body } of refusals) {
      const error = bedrockConverse.readError({ status, headers, body: bytesOf(body) })
      expect(codes[status], id).toContain(error.code)
      expect(error.facts.upstreamMessage, id).toBeDefined()
    }
  })
})

describe.skipIf(!hasRecordings)(`recorded counts of tokens${whySkipped}`, () => {
  test('are read', () => {
    const counts = readRecordings('bedrock-count-tokens').filter(({ status }) => status === 200)
    expect(counts.length).toBeGreaterThan(1)
    for (const { id, body } of counts) {
      expect(bedrockConverse.readTokenCount?.(bytesOf(body)), id).toBe(body?.['inputTokens'])
    }
  })
})
