/** Everything ever recorded of this dialect goes through every face of it. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { createFold } from '../../canonical/fold.ts'
import type { Part } from '../../canonical/message.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { createSeededRandom } from '../../std/ids.ts'
import type { JsonObject } from '../../std/json.ts'
import { anthropicMessages } from './index.ts'
import { normalBlocks, normalMessages, normalTools } from './normal-form.test-support.ts'
import { hasRecordings, readRecordings, whySkipped } from './recordings.test-support.ts'

const recordings = readRecordings('anthropic-messages')
const streams = recordings.flatMap((recording) =>
  recording.stream === undefined ? [] : [{ ...recording, stream: recording.stream }],
)
/** One recording holds two answers one after the other; what follows the first end is never let through. */
const wholeStreams = streams.filter(
  ({ stream }) =>
    stream.toString().split('"type":"message_start"').length === 2 && stream.includes('"message_stop"'),
)
const answers = recordings.flatMap((recording) =>
  recording.body === undefined || recording.status !== 200 ? [] : [{ ...recording, body: recording.body }],
)
const refusals = recordings.filter(({ status }) => status !== 200)

/** Vertex names the model in the URL; a client of ours names it in the body. */
function requestBytes(request: JsonObject): Buffer {
  return Buffer.from(JSON.stringify({ model: 'claude-sonnet-4-5', ...request }))
}

const requests = recordings.flatMap(({ id, request, status }) =>
  request === undefined ? [] : [{ id, status, bytes: requestBytes(request) }],
)

function sayAgain(bytes: Buffer): JsonObject {
  const request = anthropicMessages.readRequest(bytes)
  const options = { modelId: request.modelId, stream: request.stream }
  return anthropicMessages.writeRequest(request, options).fields
}

function readAll(chunks: Iterable<Uint8Array>): readonly InferenceEvent[] {
  const reader = anthropicMessages.createStreamReader()
  const events: InferenceEvent[] = []
  for (const chunk of chunks) events.push(...reader.read(chunk))
  return [...events, ...reader.end()]
}

function* bytesOf(stream: Uint8Array): Iterable<Uint8Array> {
  for (let index = 0; index < stream.length; index += 1) yield stream.subarray(index, index + 1)
}

/** Errors compare by what they say. */
function plain(events: readonly InferenceEvent[]): unknown {
  return events.map((event) =>
    event.type === 'error' ? { code: event.error.code, message: event.error.message } : event,
  )
}

describe.skipIf(!hasRecordings)(`recorded requests${whySkipped}`, () => {
  test('are there', () => {
    expect(requests.length).toBeGreaterThan(600)
  })

  test('are peeked with their model, stream and ceiling', () => {
    for (const { id, bytes, status } of requests) {
      if (status === 400) continue
      const said = JSON.parse(bytes.toString()) as { model: string; stream?: boolean; max_tokens: number }
      const envelope = anthropicMessages.peek(bytes, 'chat')
      expect(
        { model: envelope.modelId, stream: envelope.stream, ceiling: envelope.maxOutputTokens },
        id,
      ).toEqual({ model: said.model, stream: said.stream ?? false, ceiling: said.max_tokens })
    }
  })

  test('are read, and refused where Anthropic refused their form', () => {
    for (const { id, bytes, status } of requests) {
      try {
        anthropicMessages.readRequest(bytes)
      } catch (error) {
        expect(error, id).toBeInstanceOf(GatewayError)
        expect(status, id).toBe(400)
      }
    }
  })

  test('said again in this dialect keep messages, system and tools', () => {
    let compared = 0
    for (const { id, bytes, status } of requests) {
      if (status === 400) continue
      const said = JSON.parse(bytes.toString()) as JsonObject
      const fields = sayAgain(bytes)
      expect(normalMessages(fields['messages']), id).toEqual(normalMessages(said['messages']))
      expect(normalBlocks(fields['system']), id).toEqual(normalBlocks(said['system']))
      expect(normalTools(fields['tools']), id).toEqual(normalTools(said['tools']))
      compared += 1
    }
    expect(compared).toBeGreaterThan(600)
  })

  test('said again are the same however often', () => {
    for (const { id, bytes, status } of requests) {
      if (status === 400) continue
      const once = sayAgain(bytes)
      expect(sayAgain(Buffer.from(JSON.stringify(once))), id).toEqual(once)
    }
  })

  test('said again keep what is asked of the model', () => {
    for (const { id, bytes, status } of requests) {
      if (status === 400) continue
      const request = anthropicMessages.readRequest(bytes)
      const again = anthropicMessages.readRequest(Buffer.from(JSON.stringify(sayAgain(bytes))))
      for (const name of [
        'output',
        'vendor',
        'userId',
        'stopSequences',
        'cacheHint',
        'serviceTier',
      ] as const) {
        expect(again[name], `${id} ${name}`).toEqual(request[name])
      }
      expect(again.toolChoice, id).toEqual(request.tools && request.toolChoice)
    }
  })

  test('to count tokens are peeked', () => {
    const counted = readRecordings('anthropic-count-tokens')
    expect(counted.length).toBeGreaterThan(0)
    for (const { id, request } of counted) {
      if (request === undefined) continue
      const envelope = anthropicMessages.peek(requestBytes(request), 'count-tokens')
      expect(envelope.stream, id).toBe(false)
    }
  })
})

describe.skipIf(!hasRecordings)(`recorded answers${whySkipped}`, () => {
  test('are read whole, and written again with the same content', () => {
    for (const { id, body } of answers) {
      const result = anthropicMessages.readResult(Buffer.from(JSON.stringify(body)))
      const written = anthropicMessages.writeResult(result, writeOptions)
      const again = JSON.parse(written.body) as JsonObject
      expect(normalBlocks(again['content']), id).toEqual(normalBlocks(body['content']))
      expect(again['stop_reason'], id).toBe(body['stop_reason'])
      expect(again['stop_sequence'], id).toBe(body['stop_sequence'] ?? null)
      expect(written.losses, id).toEqual([])
    }
  })

  test('report the tokens they report', () => {
    for (const { id, body } of answers) {
      const { usage } = anthropicMessages.readResult(Buffer.from(JSON.stringify(body)))
      const raw = body['usage'] as Record<string, number | null>
      if (raw['iterations']) continue
      const input =
        (raw['input_tokens'] ?? 0) +
        (raw['cache_read_input_tokens'] ?? 0) +
        (raw['cache_creation_input_tokens'] ?? 0)
      expect([usage?.inputTokens, usage?.outputTokens], id).toEqual([input, raw['output_tokens']])
    }
  })
})

describe.skipIf(!hasRecordings)(`recorded refusals${whySkipped}`, () => {
  const codes: Readonly<Record<number, readonly string[]>> = {
    400: ['upstream_invalid_request', 'context_length_exceeded'],
    401: ['upstream_auth'],
    404: ['upstream_model_not_found'],
    429: ['rate_limited', 'request_over_limit'],
    500: ['upstream_error'],
    529: ['upstream_overloaded'],
  }

  test('are classified by their status and words', () => {
    expect(refusals.length).toBeGreaterThan(40)
    for (const { id, status, headers, body } of refusals) {
      const error = anthropicMessages.readError({ status, headers, body: Buffer.from(JSON.stringify(body)) })
      expect(codes[status], id).toContain(error.code)
      expect(error.message, id).not.toMatch(/00000000-0000/)
    }
  })
})

describe.skipIf(!hasRecordings)(`recorded streams${whySkipped}`, () => {
  test('are there', () => {
    expect(streams.length).toBeGreaterThan(200)
  })

  test('end in a finish and close every part before it, or in an error', () => {
    for (const { id, stream } of streams) {
      const events = readAll([stream])
      const isFailed = events.some(({ type }) => type === 'error')
      expect(isFailed, id).toBe(!stream.includes('"message_stop"'))
      if (isFailed) expect(events.at(-1)?.type, id).toBe('error')
      else expectWellFormed(events, id)
    }
  })

  test('fault 65: fed byte by byte give the events of the whole (all streams)', { timeout: 60_000 }, () => {
    for (const { id, stream } of streams) {
      expect(plain(readAll(bytesOf(stream))), id).toEqual(plain(readAll([stream])))
    }
  })

  test('fault 65: cut in two at every byte give the events of the whole (streams up to 1,100 bytes)', () => {
    for (const { id, stream } of streams.filter(({ stream }) => stream.length <= 1100)) {
      expect(firstOddCut(stream, allCuts(stream.length)), id).toBeUndefined()
    }
  })

  test('fault 65: cut in two at 12 random bytes give the events of the whole (longer streams)', () => {
    const random = createSeededRandom(65)
    for (const { id, stream } of streams.filter(({ stream }) => stream.length > 1100)) {
      const cuts = Array.from({ length: 12 }, () => Math.floor(random.next() * stream.length))
      expect(firstOddCut(stream, cuts), id).toBeUndefined()
    }
  })

  test('give the same events with the cuts of the network they came over', () => {
    for (const { id, stream, chunkLengths } of streams) {
      if (chunkLengths === undefined) continue
      expect(plain(readAll(cutBy(stream, chunkLengths))), id).toEqual(plain(readAll([stream])))
    }
  })

  test('pass through with every byte unchanged, whole and byte by byte', { timeout: 60_000 }, () => {
    for (const { id, stream } of wholeStreams) {
      // Framing may be tidied between events (surplus blank lines, a marker of another dialect), never an event.
      const expected = eventTexts(stream.toString()).filter((text) => !text.includes('[DONE]'))
      for (const chunks of [[stream], bytesOf(stream)]) {
        const passed = passThrough(chunks)
        expect(eventTexts(passed.text), id).toEqual(expected)
        expect({ complete: passed.facts.isComplete, anomalies: passed.facts.anomalies }, id).toEqual({
          complete: true,
          anomalies: 0,
        })
      }
    }
  })

  test('pass through byte for byte where they hold nothing but events', () => {
    let same = 0
    for (const { id, stream } of wholeStreams) {
      const text = stream.toString()
      if (text.includes('[DONE]') || /\n\n\n/.test(text) || !text.endsWith('\n\n')) continue
      expect(passThrough([stream]).text === text, id).toBe(true)
      same += 1
    }
    expect(same).toBeGreaterThan(150)
  })

  test('tell passthrough and reader the same facts', () => {
    for (const { id, stream } of streams) {
      const { facts } = passThrough([stream])
      const result = foldOf(readAll([stream]))
      expect(facts.usage, id).toEqual(result.usage)
      expect(facts.finish, id).toEqual(result.candidates[0]?.finish)
      expect(facts.modelId, id).toBe(result.modelId)
    }
  })

  test('fold raw into a plain answer that reads as the folded events', () => {
    for (const { id, stream } of wholeStreams) {
      const folder = anthropicMessages.createFolder()
      folder.read(stream)
      folder.end()
      const fromRaw = anthropicMessages.readResult(folder.result())
      const { raw: _raw, ...fromEvents } = foldOf(readAll([stream]))
      const { raw: _rawToo, ...read } = fromRaw
      expect(normalResult(read), id).toEqual(normalResult(fromEvents))
    }
  })

  test('said again as a stream of this dialect read as the same answer', () => {
    for (const { id, stream } of wholeStreams) {
      const events = readAll([stream])
      const writer = anthropicMessages.createStreamWriter(writeOptions)
      const text = events.map((event) => writer.write(event)).join('') + writer.end()
      const again = foldOf(readAll([Buffer.from(text)]))
      expect(writer.losses, id).toEqual([])
      expect(sayable(again), id).toEqual(sayable(foldOf(events)))
    }
  })
})

const writeOptions = { responseId: 'msg_test', modelId: 'claude-test', createdAtS: 0, wantsUsage: true }

function allCuts(length: number): readonly number[] {
  return Array.from({ length: length + 1 }, (_, cut) => cut)
}

/** The first cut that changes what is read. */
function firstOddCut(stream: Buffer, cuts: readonly number[]): number | undefined {
  const whole = JSON.stringify(plain(readAll([stream])))
  return cuts.find(
    (cut) => JSON.stringify(plain(readAll([stream.subarray(0, cut), stream.subarray(cut)]))) !== whole,
  )
}

function* cutBy(stream: Buffer, lengths: readonly number[]): Iterable<Uint8Array> {
  let start = 0
  for (const length of lengths) {
    yield stream.subarray(start, start + length)
    start += length
  }
}

function passThrough(chunks: Iterable<Uint8Array>) {
  const passthrough = anthropicMessages.createPassthrough({ hidesUsage: false })
  const passed: Uint8Array[] = []
  for (const chunk of chunks) passed.push(passthrough.read(chunk))
  passed.push(passthrough.end())
  return { text: Buffer.concat(passed).toString(), facts: passthrough.facts }
}

function eventTexts(text: string): readonly string[] {
  return text
    .split(/\n\n+/)
    .map((event) => event.trim())
    .filter((event) => event !== '')
}

function foldOf(events: readonly InferenceEvent[]): InferenceResult {
  const fold = createFold()
  for (const event of events) fold.add(event)
  return fold.result()
}

function expectWellFormed(events: readonly InferenceEvent[], id: string): void {
  const open = new Set<number>()
  for (const event of events) {
    if (event.type.endsWith('-start') && 'part' in event) open.add(event.part)
    if (event.type.endsWith('-end') && 'part' in event) open.delete(event.part)
    if (event.type === 'finish') expect([...open], id).toEqual([])
  }
  expect(events[0]?.type, id).toBe('answer-start')
  expect(events.filter(({ type }) => type === 'finish').length, id).toBe(1)
}

/** What a stream of ours can say of an answer: not the raw usage, how it was billed, nor the split of cache writes. */
function sayable({ responseId, modelId, candidates, usage }: InferenceResult): unknown {
  const { raw: _raw, serviceTier: _tier, speed: _speed, inferenceGeo: _geo, ...told } = usage ?? {}
  const { cacheWrite1hTokens: _hour, searches: _searches, ...counts } = told
  const parts = candidates.flatMap((candidate) => candidate.parts).filter((part) => !isNothing(part))
  return {
    responseId,
    modelId,
    parts: parts.map(parsedArguments),
    finish: candidates[0]?.finish,
    usage: { cacheReadTokens: 0, cacheWriteTokens: 0, ...counts },
  }
}

function normalResult(result: InferenceResult): unknown {
  return {
    ...result,
    candidates: result.candidates.map((candidate) => ({
      ...candidate,
      parts: candidate.parts.map(parsedArguments),
    })),
  }
}

/** Streams hold arguments as the model spaced them, plain answers as we print them. */
function parsedArguments(part: Part): unknown {
  return part.type === 'tool-call' ? { ...part, arguments: JSON.parse(part.arguments) as unknown } : part
}

function isNothing(part: Part): boolean {
  return part.type === 'text' && part.text === ''
}
