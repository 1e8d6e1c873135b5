/**
 * What every dialect must do that only providers speak, run by each with fixtures of its own:
 * `describeTargetDialect(dialect, fixtures)`.
 */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../canonical/event.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { JsonObject } from '../std/json.ts'
import { bytewise, cutAt, foldEvents, gist } from './dialect.contract.ts'
import type { TargetDialect } from './dialect.ts'

export interface TargetDialectFixtures {
  /** A whole clean stream: text, a tool call and usage, its last word included. Bytes where its frames are binary. */
  readonly stream: string | Uint8Array
  /** The plain answer that says the same as the stream. */
  readonly answer: JsonObject
  /** An event that makes no sense, framed as the dialect frames events. */
  readonly brokenEvent: string | Uint8Array
  /** Where in the stream's bytes an event may be put: after its first event. */
  readonly afterFirstEvent: number
  /** A stream that fails in the middle, after its first text, and the code that this amounts to. */
  readonly failedStream: { readonly stream: string | Uint8Array; readonly code: string }
  /** The least that must be named of `richRequest`: fields of losses that the dialect has for sure. */
  readonly losses: readonly string[]
  /** Refusals, and what they amount to. */
  readonly refusals: readonly {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body: string
    readonly code: string
  }[]
}

const bytesOf = (value: unknown): Uint8Array =>
  value instanceof Uint8Array
    ? value
    : new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** A request in which something of every kind is asked for. */
export const richRequest: InferenceRequest = {
  modelId: 'asked-for',
  stream: true,
  wantsStreamUsage: true,
  messages: [
    { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
    {
      role: 'user',
      parts: [
        { type: 'text', text: 'Zürich 🌦?', cacheHint: { ttl: '5m' } },
        { type: 'image', source: { kind: 'base64', data: 'AAAA', mediaType: 'image/png' } },
        {
          type: 'document',
          title: 'Notes',
          source: { kind: 'text', text: 'It rains.', mediaType: 'text/plain' },
        },
        { type: 'audio', source: { kind: 'base64', data: 'AAAA', mediaType: 'audio/wav' } },
        { type: 'opaque', dialect: 'another', value: { type: 'hologram' } },
      ],
    },
    {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'signed thought', signature: 'proof-of-another', origin: 'another' },
        { type: 'text', text: 'I look.' },
        { type: 'tool-call', id: 'call_1', name: 'weather', arguments: '{"city":"Zürich"}' },
        { type: 'tool-call', id: 'call_2', name: 'clock', arguments: '' },
      ],
    },
    {
      role: 'tool',
      parts: [
        { type: 'tool-result', toolCallId: 'call_1', parts: [{ type: 'text', text: '21 °C' }] },
        { type: 'tool-result', toolCallId: 'call_2', parts: [{ type: 'text', text: 'no' }], isError: true },
      ],
    },
  ],
  tools: [
    {
      kind: 'function',
      name: 'weather',
      description: 'd',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
    { kind: 'function', name: 'clock' },
    { kind: 'opaque', dialect: 'another', name: 'crystal_ball', value: { type: 'crystal_ball' } },
  ],
  toolChoice: { type: 'required' },
  temperature: 0,
  topP: 0.5,
  topK: 7,
  maxOutputTokens: 100,
  stopSequences: ['END'],
  candidateCount: 2,
  metadata: { team: 'a' },
  vendor: { dialect: 'another', fields: { x_unheard_of: 1 } },
}

/** Of `richRequest`, whatever the dialect. */
const alwaysLost = ['n', 'x_unheard_of', 'tools.crystal_ball', 'messages.hologram', 'messages.thinking']

export function readTargetStream(
  dialect: TargetDialect,
  chunks: readonly Uint8Array[],
): readonly InferenceEvent[] {
  const reader = dialect.createStreamReader()
  return [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]
}

export function describeTargetDialect(dialect: TargetDialect, fixtures: TargetDialectFixtures): void {
  describe(`${dialect.id} keeps the contract of dialects that only providers speak`, () => {
    describeRequests(dialect, fixtures)
    describeStreams(dialect, fixtures)
    describeAnswers(dialect, fixtures)
    describeErrors(dialect, fixtures)
  })
}

function describeRequests(dialect: TargetDialect, { losses: expected }: TargetDialectFixtures): void {
  const write = (stream: boolean) => dialect.writeRequest(richRequest, { modelId: 'their-name', stream })

  test('a rich request is written as JSON, and the same each time', () => {
    const { fields } = write(true)
    expect(JSON.parse(JSON.stringify(fields))).toEqual(fields)
    expect(write(true)).toEqual(write(true))
    const text = JSON.stringify(fields)
    for (const said of ['Be brief.', 'Zürich 🌦?', 'I look.', 'It rains.', '21 °C', 'weather', 'END'])
      expect(text).toContain(said)
  })

  test('what cannot be said is named, each field once, with a reason', () => {
    const { losses } = write(true)
    const named = losses.map(({ field }) => field)
    expect(named).toEqual(expect.arrayContaining([...alwaysLost, ...expected]))
    expect(new Set(named).size).toBe(named.length)
    for (const { reason } of losses) expect(reason.length).toBeGreaterThan(10)
  })

  test('the proof of another maker is never sent', () => {
    expect(JSON.stringify(write(true).fields)).not.toMatch(/proof-of-another|signed thought/)
  })

  test('a plain request loses nothing', () => {
    const plain: InferenceRequest = {
      modelId: 'm',
      stream: false,
      wantsStreamUsage: false,
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
      maxOutputTokens: 5,
      temperature: 0,
    }
    expect(dialect.writeRequest(plain, { modelId: 'm', stream: false }).losses).toEqual([])
  })

  test('the path is known for a chat, and other operations are refused', () => {
    const path = dialect.path({ operation: 'chat', modelId: 'a/b', stream: false })
    expect(path).toMatch(/^\/[^/]/)
    expect(() => dialect.path({ operation: 'moderations', modelId: 'm', stream: false })).toThrow(
      GatewayError,
    )
  })
}

function describeStreams(dialect: TargetDialect, fixtures: TargetDialectFixtures): void {
  const bytes = bytesOf(fixtures.stream)
  const whole = readTargetStream(dialect, [bytes])

  test('a whole stream is complete, terminated and without anomalies', () => {
    const reader = dialect.createStreamReader()
    reader.read(bytes)
    expect([reader.isComplete, reader.isTerminated, reader.anomalies]).toEqual([true, true, 0])
    expect(reader.end()).toEqual([])
    const [said] = gist(foldEvents(whole))
    expect(whole[0]?.type).toBe('answer-start')
    expect(said?.text).not.toBe('')
    expect(said?.calls.length).toBeGreaterThan(0)
    expect(said?.finish).toBe('tool-calls')
    expect(foldEvents(whole).usage?.outputTokens).toBeGreaterThan(0)
  })

  test('parts are opened before they grow, and all are closed before the finish', () => {
    expect(faultsOfForm(whole)).toEqual([])
  })

  test('fault 65: every cut and single bytes give the same events', () => {
    expect(readTargetStream(dialect, bytewise(bytes))).toEqual(whole)
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(readTargetStream(dialect, cutAt(bytes, at))).toEqual(whole)
    }
  })

  test('fault 61: a broken event is left out and counted, the rest is delivered', () => {
    const at = fixtures.afterFirstEvent
    const bent = Buffer.concat([bytes.subarray(0, at), bytesOf(fixtures.brokenEvent), bytes.subarray(at)])
    const reader = dialect.createStreamReader()
    expect([...reader.read(bent), ...reader.end()]).toEqual(whole)
    expect([reader.anomalies, reader.isComplete]).toEqual([1, true])
  })

  test('many broken events in a row are an error', () => {
    const broken = Buffer.concat(Array.from({ length: 20 }, () => bytesOf(fixtures.brokenEvent)))
    const reader = dialect.createStreamReader()
    const events = [...reader.read(broken), ...reader.read(bytes), ...reader.end()]
    expect(events.map(({ type }) => type)).toEqual(['error'])
    expect(reader.isComplete).toBe(false)
  })

  test('fault 76: what follows the last word is dropped', () => {
    const reader = dialect.createStreamReader()
    expect([...reader.read(Buffer.concat([bytes, bytes])), ...reader.end()]).toEqual(whole)
    expect(reader.anomalies).toBeGreaterThan(0)
  })

  test('fault 57: a stream that broke off is never complete', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      const reader = dialect.createStreamReader()
      const events = [...reader.read(bytes.subarray(0, at)), ...reader.end()]
      expect(reader.isComplete).toBe(events.some(({ type }) => type === 'finish'))
      expect(reader.isComplete && at < bytes.length / 2).toBe(false)
    }
  })

  test('a failure in the middle is an error after what was said, and nothing follows it', () => {
    const { stream, code } = fixtures.failedStream
    const reader = dialect.createStreamReader()
    const events = [...reader.read(bytesOf(stream)), ...reader.read(bytes), ...reader.end()]
    const last = events.at(-1)
    expect(last?.type === 'error' ? last.error.code : last?.type).toBe(code)
    expect(events.some(({ type }) => type === 'text-delta')).toBe(true)
    expect(events.some(({ type }) => type === 'finish')).toBe(false)
    expect(reader.isComplete).toBe(false)
  })
}

/** What is wrong with the order of events. */
function faultsOfForm(events: readonly InferenceEvent[]): readonly string[] {
  const open = new Set<string>()
  const faults: string[] = []
  for (const event of events) {
    const key = 'part' in event ? `${event.candidate}/${event.part}` : ''
    const isInOrder = event.type.endsWith('-start')
      ? event.type === 'answer-start' || !open.has(key)
      : event.type === 'finish'
        ? open.size === 0
        : !('part' in event) || event.type === 'opaque' || open.has(key)
    if (!isInOrder) faults.push(JSON.stringify(event))
    if ('part' in event && event.type.endsWith('-start')) open.add(key)
    if (event.type.endsWith('-end')) open.delete(key)
  }
  return faults
}

function describeAnswers(dialect: TargetDialect, fixtures: TargetDialectFixtures): void {
  const bytes = bytesOf(fixtures.answer)

  test('a plain answer says what its stream amounts to', () => {
    const folded = foldEvents(readTargetStream(dialect, [bytesOf(fixtures.stream)]))
    const plain = dialect.readResult(bytes)
    expect(gist(plain)).toEqual(gist(folded))
    const { raw: _plainRaw, ...plainUsage } = plain.usage ?? {}
    const { raw: _foldedRaw, ...foldedUsage } = folded.usage ?? {}
    expect(plainUsage).toEqual(foldedUsage)
  })

  test('fault 45: white space before a plain answer is no fault', () => {
    const padded = Buffer.concat([bytesOf('\n\n  \r\n'), bytes, bytesOf('\n')])
    expect(dialect.readResult(padded)).toEqual(dialect.readResult(bytes))
  })

  test('fault 43: a plain answer cut anywhere is refused', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      expect(() => dialect.readResult(bytes.subarray(0, at))).toThrow(GatewayError)
    }
  })

  test('fault 48: depth, strange keys and other objects do no harm', () => {
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    for (const body of [deep, '{}', '[]', 'null', '{"a":1}']) {
      expect(() => dialect.readResult(bytesOf(body))).toThrow(GatewayError)
    }
    dialect.readResult(bytesOf(`{"__proto__":{"polluted":1},${JSON.stringify(fixtures.answer).slice(1)}`))
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
}

function describeErrors(dialect: TargetDialect, { refusals }: TargetDialectFixtures): void {
  test('every status is classified, with any body', () => {
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '"no"',
      '<html><title>x</title>',
      '{"error":{}}',
      'a\u0000b',
    ]) {
      for (let status = 400; status < 600; status += 1) {
        const error = dialect.readError({ status, headers: {}, body: bytesOf(body) })
        expect(error.code).not.toBe('gateway_error')
        expect(error.message).not.toMatch(/[<>]|\p{Cc}/u)
      }
    }
  })

  test.each(refusals)('$status $body is $code', ({ status, headers = {}, body, code }) => {
    expect(dialect.readError({ status, headers, body: bytesOf(body) }).code).toBe(code)
  })
}
