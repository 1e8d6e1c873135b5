/** What every dialect must do, run by each with recordings of its own: `describeDialect(dialect, fixtures)`. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../canonical/event.ts'
import { createFold } from '../canonical/fold.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { unfold } from '../canonical/unfold.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Dialect, StreamFacts } from './dialect.ts'
import { describeErrors } from './dialect-errors.contract.ts'

export interface DialectFixtures {
  /** A request with tools, several messages and sampling fields, which asks for no stream. */
  readonly request: Readonly<Record<string, unknown>>
  /** A whole clean stream: text, a tool call and usage, no comments, terminal marker included. */
  readonly stream: string
  /** The plain answer of the same dialect, with text and a tool call. */
  readonly answer: Readonly<Record<string, unknown>>
  /** An event that is no JSON, framed as the dialect frames events. */
  readonly brokenEvent: string
  /** The name of the field in which the dialect's requests carry their messages. */
  readonly messagesField: string
  /** The name of the field in which they carry the ceiling on output tokens. Default `max_tokens`. */
  readonly ceilingField?: string
  /** How a ceiling is set, where its field does not stand at the top. */
  readonly withCeiling?: (max: unknown) => Readonly<Record<string, unknown>>
  /** The model and whether it streams are said by the path. */
  readonly isNamedByPath?: true
  /** Why its streams have no last word, where they have none. */
  readonly noLastWord?: string
  /** Why neither the stream nor the answer has a tool call, where the dialect knows none. */
  readonly noToolCalls?: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const bytesOf = (value: unknown) => encoder.encode(typeof value === 'string' ? value : JSON.stringify(value))

/** The events of a stream, fed in these chunks. */
export function readStream(dialect: Dialect, chunks: readonly Uint8Array[]): readonly InferenceEvent[] {
  const reader = dialect.createStreamReader()
  return [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]
}

/** The bytes a passthrough lets out of a stream fed in these chunks. */
export function passThrough(dialect: Dialect, chunks: readonly Uint8Array[], hidesUsage = false): string {
  const passthrough = dialect.createPassthrough({ hidesUsage })
  const out: Uint8Array[] = []
  for (const chunk of chunks) {
    const piece = passthrough.read(chunk)
    if (piece.length > 0) out.push(piece)
  }
  out.push(passthrough.end())
  return Buffer.concat(out).toString('utf8')
}

export function foldEvents(events: readonly InferenceEvent[]): InferenceResult {
  const fold = createFold()
  for (const event of events) fold.add(event)
  return fold.result()
}

export const bytewise = (bytes: Uint8Array) =>
  Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))

export const cutAt = (bytes: Uint8Array, at: number) => [bytes.subarray(0, at), bytes.subarray(at)]

/** What an answer says, whatever order its parts came in and whatever its raw fields. */
export function gist(result: InferenceResult) {
  return result.candidates.map((candidate) => ({
    index: candidate.index,
    finish: candidate.finish?.reason,
    text: said(candidate.parts, 'text'),
    reasoning: said(candidate.parts, 'reasoning'),
    refusal: said(candidate.parts, 'refusal'),
    calls: candidate.parts
      .filter((part) => part.type === 'tool-call')
      .map((part) => ({ id: part.id, name: part.name, arguments: part.arguments || '{}' })),
  }))
}

function said(parts: InferenceResult['candidates'][number]['parts'], type: 'text' | 'reasoning' | 'refusal') {
  return parts.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('')
}

const answerOptions = { responseId: 'id_1', modelId: 'model-1', createdAtS: 1_700_000_000, wantsUsage: true }

function writeStream(dialect: Dialect, events: readonly InferenceEvent[]): string {
  const writer = dialect.createStreamWriter(answerOptions)
  return events.map((event) => writer.write(event)).join('') + writer.end()
}

export function describeDialect(dialect: Dialect, fixtures: DialectFixtures): void {
  describe(`${dialect.id} keeps the contract of dialects`, () => {
    describeRequests(dialect, fixtures)
    describeStreams(dialect, fixtures)
    describeAnswers(dialect, fixtures)
    describeErrors(dialect)
  })
}

function describeRequests(dialect: Dialect, fixtures: DialectFixtures): void {
  const { request, messagesField, ceilingField = 'max_tokens', isNamedByPath = false } = fixtures
  const { withCeiling = (max: unknown) => ({ [ceilingField]: max }) } = fixtures
  const named = isNamedByPath ? { modelId: 'm', stream: false } : undefined
  const codeOf = (body: unknown) => {
    try {
      dialect.peek(bytesOf(body), 'chat', named)
    } catch (thrown) {
      return thrown instanceof GatewayError ? [thrown.code, thrown.facts.param] : thrown
    }
    return 'accepted'
  }

  const refusalOf = (body: unknown) => {
    try {
      dialect.peek(bytesOf(body), 'chat', named)
    } catch (thrown) {
      return String(thrown)
    }
    return 'accepted'
  }

  test('peeks at what routing needs', () => {
    const asked = { model: 'some/"model"', stream: true }
    const body = bytesOf(isNamedByPath ? request : { ...request, ...asked })
    const envelope = dialect.peek(body, 'chat', { modelId: asked.model, stream: true })
    expect(envelope).toMatchObject({
      dialect: dialect.id,
      modelId: 'some/"model"',
      stream: true,
      candidateCount: 1,
      bodyBytes: body.byteLength,
    })
    expect(dialect.peek(bytesOf(request), 'chat', named).stream).toBe(false)
  })

  test('refuses what is not one JSON object, and names the field that is wrong', () => {
    for (const body of ['', ' ', '[]', '"x"', '{', '{}x', '{"model":NaN}', '{"model":"a","model":"b"}']) {
      expect(codeOf(body)).toEqual(['invalid_json', undefined])
    }
    expect(codeOf({ ...request, [messagesField]: {} })).toEqual(['invalid_request', messagesField])
    expect(codeOf({ ...request, [messagesField]: [] })).toEqual(['invalid_request', messagesField])
    for (const max of [-1, 1.5, 2 ** 53, 1e300, '9e99']) {
      expect(codeOf({ ...request, ...withCeiling(max) })).toEqual(['invalid_request', ceilingField])
    }
  })

  test.skipIf(isNamedByPath)('refuses a model and a stream that are none', () => {
    expect(codeOf({ ...request, model: 7 })).toEqual(['invalid_request', 'model'])
    expect(codeOf({ ...request, model: '' })).toEqual(['invalid_request', 'model'])
    expect(codeOf({ ...request, stream: 'true' })).toEqual(['invalid_request', 'stream'])
  })

  test('fault 95: a model named like a member of Object is a name', () => {
    for (const model of ['__proto__', 'constructor', 'toString']) {
      const path = isNamedByPath ? { modelId: model } : undefined
      expect(dialect.peek(bytesOf({ ...request, model }), 'chat', path).modelId).toBe(model)
      expect(dialect.readRequest(bytesOf({ ...request, model }), path).modelId).toBe(model)
    }
    dialect.readRequest(bytesOf(`{"__proto__":{"polluted":1},${JSON.stringify(request).slice(1)}`), named)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  test('never says the body back', () => {
    const secret = 'the-secret-prompt'
    const wrongType = { ...request, [messagesField]: { [secret]: secret } }
    for (const body of [`{"model":"${secret}`, wrongType, { [secret]: 1 }]) {
      expect(refusalOf(body)).not.toMatch(new RegExp(`accepted|${secret}`))
    }
  })

  test('patches the model and leaves every other byte', () => {
    const text = `{ "x-unknown" : 1.50, ${JSON.stringify({ ...request, model: 'm\\' }).slice(1)}`
    const body = bytesOf(text)
    const patched = dialect.patchRequest(body, dialect.peek(body, 'chat', named), { modelId: 'new "name"' })
    const wanted = isNamedByPath ? text : text.replace('"m\\\\"', '"new \\"name\\""')
    expect(decoder.decode(patched)).toBe(wanted)
  })

  test('patches a copy, even where nothing changes', () => {
    const body = bytesOf(request)
    const envelope = dialect.peek(body, 'chat', named)
    const patched = dialect.patchRequest(body, envelope, { modelId: envelope.modelId })
    expect(patched.buffer).not.toBe(body.buffer)
    expect(decoder.decode(patched)).toBe(decoder.decode(body))
  })

  test.skipIf(isNamedByPath)('patches a plain request into a stream', () => {
    const { stream: _stream, ...plain } = request
    for (const body of [
      bytesOf(plain),
      bytesOf({ ...plain, stream: false }),
      bytesOf({ ...plain, stream: null }),
    ]) {
      const envelope = dialect.peek(body, 'chat')
      const patched = dialect.patchRequest(body, envelope, { modelId: 'm', stream: true, streamUsage: true })
      const again = dialect.peek(patched, 'chat')
      expect(again).toMatchObject({ modelId: 'm', stream: true, wantsStreamUsage: true })
      const before: object = JSON.parse(decoder.decode(body))
      expect(JSON.parse(decoder.decode(patched))).toMatchObject({ ...before, model: 'm', stream: true })
    }
  })

  test('a request read and written again asks for the same', () => {
    const read = dialect.readRequest(bytesOf(request), named)
    const { fields, losses } = dialect.writeRequest(read, { modelId: read.modelId, stream: read.stream })
    expect(losses).toEqual([])
    expect(dialect.readRequest(bytesOf(fields), named)).toEqual(read)
  })
}

/** What is wrong with the order of events: parts opened, grown and closed, and none left open at the finish. */
function faultsOfForm(events: readonly InferenceEvent[]): readonly string[] {
  const open = new Set<string>()
  const faults: string[] = []
  const check = (holds: boolean, event: InferenceEvent) => {
    if (!holds) faults.push(JSON.stringify(event))
  }
  for (const event of events) {
    if (event.type === 'finish') check(open.size === 0, event)
    if (!('part' in event) || event.type === 'opaque') continue
    const key = `${event.candidate}/${event.part}`
    if (event.type.endsWith('-start')) open.add(key)
    else if (event.type.endsWith('-end')) check(open.delete(key), event)
    else check(open.has(key), event)
  }
  return faults
}

function describeStreams(dialect: Dialect, fixtures: DialectFixtures): void {
  const { stream, brokenEvent, noToolCalls, noLastWord } = fixtures
  const hasLastWord = noLastWord === undefined
  const bytes = bytesOf(stream)
  const whole = readStream(dialect, [bytes])

  test('a whole stream is complete, terminated and without anomalies', () => {
    const reader = dialect.createStreamReader()
    reader.read(bytes)
    expect([reader.isComplete, reader.isTerminated, reader.anomalies]).toEqual([true, hasLastWord, 0])
    expect(whole[0]?.type).toBe('answer-start')
    expect(gist(foldEvents(whole))[0]?.text).not.toBe('')
    expect((gist(foldEvents(whole))[0]?.calls.length ?? 0) > 0).toBe(noToolCalls === undefined)
    expect(foldEvents(whole).usage?.outputTokens).toBeGreaterThan(0)
  })

  test('parts are opened before they grow, and all are closed before the finish', () => {
    expect(faultsOfForm(whole)).toEqual([])
  })

  test('fault 65: every cut and single bytes give the same events', () => {
    expect(readStream(dialect, bytewise(bytes))).toEqual(whole)
    for (let at = 0; at <= bytes.length; at += 1) expect(readStream(dialect, cutAt(bytes, at))).toEqual(whole)
  })

  test('fault 65: a passthrough lets a clean stream out byte by byte as it came', () => {
    expect(passThrough(dialect, bytewise(bytes))).toBe(stream)
    for (let at = 0; at <= bytes.length; at += 1) expect(passThrough(dialect, cutAt(bytes, at))).toBe(stream)
  })

  test('a passthrough, a folder and a reader agree on the facts', () => {
    const passthrough = dialect.createPassthrough({ hidesUsage: false })
    const folder = dialect.createFolder()
    passthrough.read(bytes)
    passthrough.end()
    folder.read(bytes)
    folder.end()
    expect(look(passthrough.facts)).toEqual(look(folder.facts))
    const { usage } = foldEvents(whole)
    expect(look(passthrough.facts)).toMatchObject({
      hasContent: true,
      isComplete: true,
      isTerminated: hasLastWord,
      usage,
    })
  })

  test('one candidate where two were asked for is all there is once the last word was said', () => {
    const reader = dialect.createStreamReader({ candidates: 2 })
    const passthrough = dialect.createPassthrough({ hidesUsage: false, candidates: 2 })
    const folder = dialect.createFolder({ candidates: 2 })
    const events = [...reader.read(bytes), ...reader.end()]
    const out = Buffer.concat([passthrough.read(bytes), passthrough.end()]).toString()
    folder.read(bytes)
    folder.end()
    expect(events).toEqual(whole)
    expect(out).toBe(stream)
    expect([reader, passthrough.facts, folder.facts].map(({ isComplete }) => isComplete)).toEqual([
      true,
      true,
      true,
    ])
  })

  test('a folder gives the plain answer of the same stream', () => {
    const folder = dialect.createFolder()
    for (const byte of bytewise(bytes)) folder.read(byte)
    folder.end()
    expect(gist(dialect.readResult(folder.result()))).toEqual(gist(foldEvents(whole)))
  })

  test('fault 61: a broken event is left out and counted, the rest is delivered', () => {
    const blank = /\r?\n\r?\n/.exec(stream)
    const at = blank === null ? 0 : blank.index + blank[0].length
    const bent = bytesOf(stream.slice(0, at) + brokenEvent + stream.slice(at))
    const reader = dialect.createStreamReader()
    const events = [...reader.read(bent), ...reader.end()]
    expect(events).toEqual(whole)
    expect(reader.anomalies).toBe(1)
    expect(passThrough(dialect, [bent])).toBe(stream)
  })

  test.skipIf(!hasLastWord)('fault 76: what follows the last word is dropped', () => {
    const twice = bytesOf(stream + stream)
    const reader = dialect.createStreamReader()
    expect([...reader.read(twice), ...reader.end()]).toEqual(whole)
    expect(reader.anomalies).toBeGreaterThan(0)
    expect(passThrough(dialect, [twice])).toBe(stream)
  })

  test('fault 57: a stream that broke off is never complete and never gets a terminal', () => {
    for (let at = 0; at < bytes.length / 2; at += 7) {
      const reader = dialect.createStreamReader()
      const events = [...reader.read(bytes.subarray(0, at)), ...reader.end()]
      expect(reader.isComplete).toBe(false)
      expect(events.some(({ type }) => type === 'finish')).toBe(false)
      const out = passThrough(dialect, [bytes.subarray(0, at)])
      expect(stream.startsWith(out) || stream.startsWith(out.trimEnd())).toBe(true)
    }
  })

  test('a stream said again says the same', () => {
    const again = writeStream(dialect, whole)
    expect(gist(foldEvents(readStream(dialect, [bytesOf(again)])))).toEqual(gist(foldEvents(whole)))
  })

  test('a writer says no terminal after half an answer', () => {
    const half = whole.filter(({ type }) => type !== 'finish')
    const text = writeStream(dialect, half)
    const reader = dialect.createStreamReader()
    reader.read(bytesOf(text))
    reader.end()
    expect(reader.isComplete).toBe(false)
  })

  test('fault 122: text that looks like an event stays text', () => {
    const text = 'a\n\ndata: [DONE]\n\nevent: error\r\ndata: {"error":1}\r\n\r\n"\u2028'
    const events: InferenceEvent[] = [
      { type: 'answer-start' },
      { type: 'text-start', candidate: 0, part: 0 },
      { type: 'text-delta', candidate: 0, part: 0, text },
      { type: 'text-end', candidate: 0, part: 0 },
      { type: 'finish', candidate: 0, finish: { reason: 'stop' } },
    ]
    const read = foldEvents(readStream(dialect, [bytesOf(writeStream(dialect, events))]))
    expect(gist(read)).toMatchObject([{ text, finish: 'stop' }])
  })

  test('the heartbeat is no content', () => {
    expect(readStream(dialect, [bytesOf(dialect.heartbeat + stream)])).toEqual(whole)
    const reader = dialect.createStreamReader()
    expect(reader.read(bytesOf(dialect.heartbeat))).toEqual([])
  })
}

function describeAnswers(dialect: Dialect, { answer }: DialectFixtures): void {
  test('fault 45: white space before a plain answer is no fault', () => {
    const result = dialect.readResult(bytesOf(`\n\n   \r\n${JSON.stringify(answer)}\n`))
    expect(result).toEqual(dialect.readResult(bytesOf(answer)))
    expect(gist(result)[0]?.text).not.toBe('')
  })

  test('a plain answer written, or said as a stream, is read as the same', () => {
    const result = dialect.readResult(bytesOf(answer))
    const { body } = dialect.writeResult(result, answerOptions)
    expect(gist(dialect.readResult(bytesOf(body)))).toEqual(gist(result))
    const stream = writeStream(dialect, unfold(result))
    expect(gist(foldEvents(readStream(dialect, [bytesOf(stream)])))).toEqual(gist(result))
  })

  test('fault 43: a plain answer cut anywhere is refused', () => {
    const bytes = bytesOf(answer)
    for (let at = 0; at < bytes.length; at += 1) {
      expect(() => dialect.readResult(bytes.subarray(0, at))).toThrow(GatewayError)
    }
  })

  test('fault 48: depth and strange keys do no harm', () => {
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(() => dialect.readResult(bytesOf(deep))).toThrow(GatewayError)
    dialect.readResult(bytesOf(`{"__proto__":{"polluted":1},${JSON.stringify(answer).slice(1)}`))
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
}

/** The live view of a stream, as the values it shows now. */
function look(facts: StreamFacts) {
  const { hasContent, isComplete, isTerminated, finish, usage, modelId, error, anomalies } = facts
  const hasMalformedToolCall = facts.hasMalformedToolCall === true
  return {
    hasContent,
    isComplete,
    isTerminated,
    finish,
    usage,
    modelId,
    error,
    anomalies,
    hasMalformedToolCall,
  }
}
