/** Every fault does on the wire what its description says, seen by a client that reads raw bytes. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ManualClock } from './clock.test-support.ts'
import { faults, nearestFault } from './faults.ts'
import type { RawAnswer } from './raw-client.test-support.ts'
import { ask, askOn, chat, eventsOf, requestText, textOfStream } from './raw-client.test-support.ts'
import type { SimulatorServer } from './server.ts'
import { startSimulator } from './server.ts'

const WHOLE = 'This is a simulated answer: no model was asked. You said: hello'
const OPENAI = '/v1/chat/completions'
const ANTHROPIC = '/v1/messages'
const DIALECTS = [OPENAI, ANTHROPIC]

let server: SimulatorServer
const tested = new Set<string>()

beforeAll(async () => {
  server = await startSimulator()
})
afterAll(() => server.close())

interface Asking {
  readonly path?: string
  readonly stream?: boolean
  readonly fields?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly until?: (bytes: Buffer) => boolean
}

/** Asks for a fault by name. */
function struck(fault: string, asking: Asking = {}): Promise<RawAnswer> {
  tested.add(fault.replace(/\(.*/, ''))
  const { path = OPENAI, stream = false, fields = {}, headers = {}, until } = asking
  return ask(server.port, {
    path,
    headers: { 'x-simulate': fault, ...headers },
    body: chat({ stream, stream_options: { include_usage: true }, ...fields }),
    ...(until ? { until } : {}),
  })
}

function streamed(fault: string, asking: Asking = {}): Promise<RawAnswer> {
  return struck(fault, { stream: true, ...asking })
}

function json(answer: RawAnswer) {
  return JSON.parse(answer.body.toString())
}

/** Parsed events; what is no JSON stays text. */
function events(answer: RawAnswer) {
  return eventsOf(answer.body).map((data) => {
    try {
      return JSON.parse(data)
    } catch {
      return data
    }
  })
}

const after = (text: string) => (bytes: Buffer) => bytes.includes(text)

/** Sends the request and leaves the connection open until the fault has been done to it, as far as it is done at once. */
async function held(fault: string, asking: Asking = {}) {
  tested.add(fault.replace(/\(.*/, ''))
  const started = server.nextCall()
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  const { path = OPENAI, stream = false } = asking
  socket.write(requestText({ path, headers: { 'x-simulate': fault }, body: chat({ stream }) }))
  const call = await started
  await vi.waitFor(() => expect(call.fault).toBeDefined())
  return { call, socket }
}

describe('faults of the connection', () => {
  test('refuse-connection, reset-while-reading, reset-before-head reset before any byte', async () => {
    for (const fault of ['refuse-connection', 'reset-while-reading', 'reset-before-head']) {
      const answer = await struck(fault)
      expect([fault, answer.ending, answer.bytes.length]).toEqual([fault, 'rst', 0])
    }
  })

  test('reset-while-reading resets once its bytes have come, before the body is whole', async () => {
    tested.add('reset-while-reading')
    const started = server.nextCall()
    const socket = connect(server.port, '127.0.0.1')
    const gone = once(socket, 'error')
    socket.write(
      `POST ${OPENAI} HTTP/1.1\r\nx-simulate: reset-while-reading(after=20000)\r\ncontent-length: 1000000\r\n\r\n`,
    )
    socket.write(`{"model":"mock","filler":"${'x'.repeat(19_000)}`)
    const call = await started
    await vi.waitFor(() => expect(call.bodyBytes).toBeGreaterThan(19_000))
    expect(call.state).toBe('running')
    socket.write('x'.repeat(5000))
    await gone
    expect(call.requestEndMs).toBeUndefined()
    expect(call.bodyBytes).toBeLessThan(30_000)
  })

  test('black-hole and silent write nothing and go on doing so', async () => {
    for (const fault of ['black-hole(reading=go-on)', 'silent']) {
      const { call, socket } = await held(fault)
      expect(call).toMatchObject({ state: 'running', bytesWritten: 0 })
      socket.destroy()
      await call.settled
      expect(call.state).toBe('peer-left')
    }
  })

  test('black-hole stops reading', async () => {
    tested.add('black-hole')
    const started = server.nextCall()
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      `POST ${OPENAI} HTTP/1.1\r\nx-simulate: black-hole\r\ncontent-length: 90000000\r\n\r\n{"model":"mock"`,
    )
    const block = Buffer.alloc(16_777_216, 'x')
    for (let count = 0; count < 5; count += 1) socket.write(block)
    const call = await started
    await vi.waitFor(() => expect(call.fault).toContain('black-hole'))
    expect(call.bodyBytes).toBeLessThan(16_777_216)
    expect(socket.writableLength).toBeGreaterThan(0)
    socket.destroy()
  })

  test('refuse-early answers while the body is still on its way, then closes', async () => {
    tested.add('refuse-early')
    const socket = connect(server.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(
      `POST ${OPENAI} HTTP/1.1\r\nx-simulate: refuse-early(status=429)\r\ncontent-length: 1000000\r\n\r\n{"model":"mock",`,
    )
    await once(socket, 'end')
    expect(text).toMatch(/^HTTP\/1\.1 429 /)
    expect(text).toContain('connection: close')
  })

  test('close-before-head closes in order before any byte', async () => {
    expect(await struck('close-before-head')).toMatchObject({ ending: 'fin', bytes: Buffer.alloc(0) })
  })

  test('close-idle answers, promises keep-alive, and closes', async () => {
    const answer = await struck('close-idle', { until: () => false })
    expect(answer).toMatchObject({ status: 200, isWhole: true, ending: 'fin' })
    expect(answer.headers['connection']).toBe('keep-alive')
  })

  test('reset-reused answers the first request of a connection and resets on the second', async () => {
    tested.add('reset-reused')
    const socket = connect(server.port, '127.0.0.1')
    const request = { headers: { 'x-simulate': 'reset-reused' }, body: chat() }
    expect(await askOn(socket, request)).toMatchObject({ status: 200, ending: 'held' })
    expect(await askOn(socket, request)).toMatchObject({ bytes: Buffer.alloc(0), ending: 'rst' })
  })

  test('garbage-status-line, duplicate-content-length, length-and-chunked break HTTP', async () => {
    const garbage = await struck('garbage-status-line', { until: after('\r\n\r\n') })
    expect(garbage.text).not.toMatch(/^HTTP\//)
    const twice = await struck('duplicate-content-length', { until: after('simulated') })
    expect(twice.text.match(/content-length/g)).toHaveLength(2)
    const both = await struck('length-and-chunked', { until: after('simulated') })
    expect(both.text).toMatch(/content-length: \d+\r\ntransfer-encoding: chunked/)
  })

  test('huge-header sends a header of a megabyte', async () => {
    const answer = await struck('huge-header', { until: after('simulated') })
    expect(answer.headers['x-huge']).toHaveLength(1_048_576)
  })

  test('endless-1xx sends interim answers without an end', async () => {
    const answer = await struck('endless-1xx(everyMs=1)', {
      until: (bytes) => bytes.toString().split('HTTP/1.1 103').length > 20,
    })
    expect(answer.ending).toBe('held')
    expect(answer.text).not.toContain('HTTP/1.1 200')
  })

  test('slow-head sends its head byte by byte', async () => {
    const clock = new ManualClock()
    const slow = await startSimulator({ clock })
    tested.add('slow-head')
    const started = slow.nextCall()
    const answering = ask(slow.port, { headers: { 'x-simulate': 'slow-head' }, body: chat() })
    const call = await started
    for (let count = 1; count <= 5; count += 1) {
      await vi.waitFor(() => expect(call.bytesWritten).toBe(count))
      clock.advance(1000)
    }
    clock.advance(1_000_000)
    expect(await answering).toMatchObject({ status: 200, isWhole: true })
    await slow.close()
  })

  test('extra-response sends a second answer nobody asked for', async () => {
    const answer = await struck('extra-response', { until: after('"stray":true}') })
    expect(answer.text.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(await struck('extra-response(end=close)', { until: () => false })).toMatchObject({ ending: 'fin' })
  })
})

describe('faults of status', () => {
  const named = [...faults.keys()].filter((name) => /^status-\d+$/.test(name))

  test.each(named)('%s refuses in both dialects', async (fault) => {
    const openai = await struck(fault)
    const anthropic = await struck(fault, { path: ANTHROPIC })
    expect([openai.status, anthropic.status]).toEqual([Number(fault.slice(7)), Number(fault.slice(7))])
    expect(json(openai).error.message).toContain('simulated')
    expect(json(anthropic)).toMatchObject({
      type: 'error',
      error: { message: expect.stringContaining('simulated') },
    })
  })

  test('status takes any status and message', async () => {
    const answer = await struck('status(status=418,message=short and stout)')
    expect([answer.status, json(answer).error.message]).toEqual([418, 'short and stout'])
  })

  test.each(['2', '86400', '-1', 'soon', '1e309'])(
    'rate-limit tells retry-after %s as it stands',
    async (value) => {
      const answer = await struck(`rate-limit(after=${value},ms=500)`)
      expect([answer.status, answer.headers['retry-after'], answer.headers['retry-after-ms']]).toEqual([
        429,
        value,
        '500',
      ])
    },
  )

  test('rate-limit knows a date gone by, and no header at all', async () => {
    const past = await struck('rate-limit(after=past-date)')
    expect(Date.parse(past.headers['retry-after'] ?? '')).toBeLessThan(Date.parse(past.headers['date'] ?? ''))
    expect((await struck('rate-limit(after=none)')).headers['retry-after']).toBeUndefined()
  })

  test.each([
    ['slow-down', 429, 'slow_down'],
    ['daily-quota', 429, 'daily_quota_exceeded'],
    ['insufficient-quota', 429, 'insufficient_quota'],
    ['insufficient-quota(vendor=deepseek)', 402, 'invalid_request_error'],
    ['insufficient-quota(vendor=qwen)', 400, 'Arrearage'],
    ['unauthorized', 401, 'invalid_api_key'],
    ['model-not-found', 404, 'model_not_found'],
    ['context-length', 400, 'context_length_exceeded'],
    ['content-policy', 400, 'content_policy_violation'],
    ['unsupported-parameter(parameter=top_k)', 400, 'unsupported_parameter'],
    ['overloaded', 529, 'overloaded'],
  ])('%s answers %i with code %s', async (fault, status, code) => {
    const answer = await struck(fault)
    expect([answer.status, json(answer).error.code]).toEqual([status, code])
  })

  test('forbidden answers 403', async () => {
    expect((await struck('forbidden', { path: ANTHROPIC })).status).toBe(403)
  })

  test('context-length and content-policy have words for every vendor', async () => {
    for (const name of ['context-length', 'content-policy', 'insufficient-quota']) {
      const vendor = faults.get(name)?.parameters['vendor']
      const vendors = vendor?.kind === 'choice' ? vendor.choices : []
      expect(vendors.length).toBeGreaterThan(4)
      for (const each of vendors) {
        const answer = await struck(`${name}(vendor=${each})`)
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(json(answer).error.message.length).toBeGreaterThan(5)
      }
    }
  })

  test.each(['negative', 'garbage', 'huge'])(
    'bad-limit-headers (%s) come with a good answer',
    async (kind) => {
      const answer = await struck(`bad-limit-headers(kind=${kind})`)
      expect(answer.status).toBe(200)
      expect(answer.headers['x-ratelimit-remaining-requests']).toMatch(/^(-1|plenty; maybe|9{400})$/)
    },
  )

  test('error-in-success hides an error of another status under 200', async () => {
    const answer = await struck('error-in-success(status=429)')
    expect([answer.status, json(answer).error.code]).toEqual([200, 429])
  })

  test.each([502, 520, 524, 200])('html answers %i with a page', async (status) => {
    const answer = await struck(`html(status=${status})`)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toContain('text/html')
    expect(answer.body.toString()).toMatch(/^<!DOCTYPE html>/)
  })

  test.each([204, 205, 304])('no-content answers %i with no body', async (status) => {
    expect(await struck(`no-content(status=${status})`)).toMatchObject({
      status,
      isWhole: true,
      body: Buffer.alloc(0),
    })
  })

  test('partial-content and redirect answer 206, and 3xx to another host', async () => {
    expect(await struck('partial-content')).toMatchObject({ status: 206, isWhole: true })
    const answer = await struck('redirect(status=301)')
    expect([answer.status, answer.headers['location']]).toEqual([
      301,
      'http://169.254.169.254/latest/meta-data/',
    ])
  })

  test('error-not-json, error-empty have bodies that tell nothing', async () => {
    const text = await struck('error-not-json')
    expect(() => json(text)).toThrow()
    expect(await struck('error-empty(status=502)')).toMatchObject({ status: 502, body: Buffer.alloc(0) })
  })

  test('error-huge sends a body of the length asked for', async () => {
    const answer = await struck('error-huge(bytes=300000)', { until: (bytes) => bytes.length > 300_100 })
    expect(answer.headers['content-length']).toBe('300000')
    expect(json(answer).error.message.length).toBeGreaterThan(299_000)
  })

  test('error-gzip-bomb unpacks to far more than it is', async () => {
    const answer = await struck('error-gzip-bomb(megabytes=8)')
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(answer.body).length / answer.body.length).toBeGreaterThan(500)
  })

  test('error-echo repeats credentials and host', async () => {
    const answer = await struck('error-echo', {
      headers: { authorization: 'Bearer sk-secret', 'x-api-key': 'sk-other' },
    })
    expect(json(answer).error.message).toMatch(/Bearer sk-secret.*sk-other.*simulator\.test/)
  })
})

describe('faults of a plain body', () => {
  test.each([
    ['end', 'held', true],
    ['rst', 'rst', false],
    ['fin', 'fin', false],
    ['chunk-abort', 'fin', false],
  ])('cut-body by %s sends so many bytes of JSON', async (by, ending, isWhole) => {
    const answer = await struck(`cut-body(byte=33,by=${by})`)
    expect([answer.body.toString().slice(0, 6), answer.ending, answer.isWhole]).toEqual([
      '{"id":',
      ending,
      isWhole,
    ])
    expect(answer.body.toString().replace(/data: $/, '')).toHaveLength(33)
  })

  test('length-too-large and no-last-chunk end before their framing does', async () => {
    const short = await struck('length-too-large(extra=10)')
    expect(short).toMatchObject({ ending: 'fin', isWhole: false })
    expect(short.body.length).toBe(Number(short.headers['content-length']) - 10)
    const endless = await struck('no-last-chunk')
    expect(endless).toMatchObject({ ending: 'fin', isWhole: false })
    expect(json(endless).choices).toHaveLength(1)
  })

  test('no-length tells its end by closing', async () => {
    const answer = await struck('no-length')
    expect(answer).toMatchObject({ ending: 'fin', isWhole: true })
    expect(answer.headers['content-length']).toBeUndefined()
    expect(json(answer).choices).toHaveLength(1)
  })

  test('blank-lines come before the JSON, at their own pace', async () => {
    const answer = await struck('blank-lines(count=7,everyMs=1)')
    expect(answer.body.toString()).toMatch(/^\n{7}\{/)
    expect(json(answer).choices).toHaveLength(1)
  })

  test('endless-body goes on', async () => {
    const answer = await struck('endless-body', { until: (bytes) => bytes.length > 3_000_000 })
    expect(answer).toMatchObject({ ending: 'held', isWhole: false })
  })

  test('slow-body sends a few bytes, then waits', async () => {
    const clock = new ManualClock()
    const slow = await startSimulator({ clock })
    tested.add('slow-body')
    const first = await ask(slow.port, {
      headers: { 'x-simulate': 'slow-body(bytes=3)' },
      body: chat(),
      until: after('{"i'),
    })
    expect(first.body.toString()).toBe('{"i')
    await slow.close()
    expect(json(await struck('slow-body(bytes=100,everyMs=1)')).choices).toHaveLength(1)
  })

  test('body-bomb unpacks to very much in each encoding', async () => {
    const unpack = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync }
    for (const [encoding, open] of Object.entries(unpack)) {
      const answer = await struck(`body-bomb(encoding=${encoding},megabytes=2)`)
      expect(answer.headers['content-encoding']).toBe(encoding)
      expect(open(answer.body).length).toBe(2 * 1_048_576)
      expect(answer.body.length).toBeLessThan(10_000)
    }
  })

  test('wrong-encoding claims an encoding the body does not have', async () => {
    const answer = await struck('wrong-encoding')
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(json(answer).choices).toHaveLength(1)
  })

  test('encoding-chain packs the body ten times', async () => {
    const answer = await struck('encoding-chain')
    expect(answer.headers['content-encoding']?.split(', ')).toHaveLength(10)
    let body = answer.body
    for (let round = 0; round < 10; round += 1) body = gunzipSync(body)
    expect(JSON.parse(body.toString()).choices).toHaveLength(1)
  })

  test('sse-for-plain and json-for-stream answer in the other form', async () => {
    for (const path of DIALECTS) {
      const sse = await struck('sse-for-plain', { path })
      expect(sse.headers['content-type']).toContain('text/event-stream')
      expect(textOfStream(sse.body)).toBe(WHOLE)
      const plain = await streamed('json-for-stream', { path })
      expect(plain.headers['content-type']).toBe('application/json')
      expect(JSON.stringify(json(plain))).toContain(WHOLE)
    }
  })
})

describe('faults of content', () => {
  const kinds = {
    'duplicate-keys': /^\{("[^"]+"):"first",\1:/,
    'proto-key': /^\{"__proto__":\{"polluted":true\}/,
    'not-a-number': /"score":NaN/,
    'lone-surrogate': /"\\ud83d /,
    'null-character': /"\\u0000/,
    'unknown-fields': /"future":\{/,
  }

  test.each(Object.entries(kinds))(
    'strange-json (%s) stands in plain answers and streams of both dialects',
    async (kind, pattern) => {
      for (const path of DIALECTS) {
        expect((await struck(`strange-json(kind=${kind})`, { path })).body.toString()).toMatch(pattern)
        const answer = await streamed(`strange-json(kind=${kind})`, { path })
        expect(eventsOf(answer.body).filter((data) => pattern.test(data))).toHaveLength(1)
      }
    },
  )

  test('deep-json nests ten thousand levels', async () => {
    expect((await struck('deep-json')).body.toString()).toContain('['.repeat(10_000))
  })

  test('wrong-model names another model, wherever the model is named', async () => {
    for (const path of DIALECTS) {
      expect(json(await struck('wrong-model(model=other)', { path })).model).toBe('other')
      const [first] = events(await streamed('wrong-model(model=other)', { path }))
      expect((first.message ?? first).model).toBe('other')
    }
  })

  test('choices are empty, null, missing, or hold nothing', async () => {
    const answers = async (path: string) => {
      const list = []
      for (const kind of ['empty', 'null', 'missing', 'message-null', 'content-null']) {
        const value = json(await struck(`choices(kind=${kind})`, { path }))
        list.push('choices' in value ? value.choices : value.content)
      }
      return list
    }
    expect(await answers(OPENAI)).toMatchObject([
      [],
      null,
      undefined,
      [{ message: null }],
      [{ message: { content: null } }],
    ])
    expect(await answers(ANTHROPIC)).toMatchObject([
      [],
      null,
      undefined,
      [null],
      [{ type: 'text', text: null }],
    ])
  })

  test('empty-answer finishes by stop and says nothing', async () => {
    const openai = json(await struck('empty-answer'))
    expect(openai).toMatchObject({
      choices: [{ message: { content: null }, finish_reason: 'stop' }],
      usage: { completion_tokens: 0 },
    })
    expect(json(await struck('empty-answer', { path: ANTHROPIC }))).toMatchObject({
      content: [],
      stop_reason: 'end_turn',
    })
    expect(textOfStream((await streamed('empty-answer')).body)).toBe('')
  })

  test('reasoning-only finishes by length without text', async () => {
    const answer = json(await struck('reasoning-only'))
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: null, reasoning_content: expect.any(String) },
    })
  })

  test('unknown-finish ends with a word nobody knows', async () => {
    expect(json(await struck('unknown-finish')).choices[0].finish_reason).toBe('tired')
    expect(json(await struck('unknown-finish', { path: ANTHROPIC })).stop_reason).toBe('tired')
    expect((await streamed('unknown-finish')).text).toContain('"finish_reason":"tired"')
    expect((await streamed('unknown-finish', { path: ANTHROPIC })).text).toContain('"stop_reason":"tired"')
  })

  test.each([
    ['missing', undefined],
    ['null', '"usage":null'],
    ['negative', /"(completion|output)_tokens":-5/],
    ['string', /"(completion|output)_tokens":"12"/],
    ['huge', /"(completion|output)_tokens":1e308/],
    ['overflow', /"(completion|output)_tokens":9223372036854775808/],
    ['fraction', /"(completion|output)_tokens":1\.5/],
  ])('usage (%s) is wrong in plain answers and streams of both dialects', async (kind, pattern) => {
    for (const path of DIALECTS) {
      for (const stream of [false, true]) {
        const text = (await struck(`usage(kind=${kind})`, { path, stream })).body.toString()
        if (pattern === undefined) expect(text).not.toContain('"usage":{')
        else expect(text).toMatch(pattern)
      }
    }
  })
})

describe('faults of a stream in time', () => {
  test('late-first-token, stall: the clock decides when the rest comes', async () => {
    const clock = new ManualClock()
    const slow = await startSimulator({ clock })
    for (const [fault, seen] of [
      ['late-first-token(ms=20000)', ''],
      ['stall(token=5,ms=30000)', WHOLE.slice(0, 20)],
    ]) {
      tested.add(String(fault).replace(/\(.*/, ''))
      const started = slow.nextCall()
      const answering = ask(slow.port, {
        headers: { 'x-simulate': String(fault) },
        body: chat({ stream: true }),
      })
      const call = await started
      await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
      const { tokensGenerated } = call
      clock.advance(19_999)
      expect(call.tokensGenerated).toBe(tokensGenerated)
      expect(tokensGenerated).toBe(String(seen).length / 4)
      clock.advance(30_000)
      const answer = await answering
      expect(textOfStream(answer.body)).toBe(WHOLE)
      expect(answer.isWhole).toBe(true)
    }
    await slow.close()
  })

  test.each(['never-first-token', 'head-only', 'stall(ms=0)'])(
    '%s holds the stream open in silence',
    async (fault) => {
      const { call, socket } = await held(fault, { stream: true })
      const written = call.bytesWritten
      expect(written).toBeGreaterThan(100)
      expect(call).toMatchObject({ state: 'running', tokensGenerated: fault.startsWith('stall') ? 5 : 0 })
      socket.destroy()
      await call.settled
      expect(call.bytesWritten).toBe(written)
    },
  )

  test.each([
    ['comments', OPENAI, ': keep-alive\n\n'],
    ['pings', ANTHROPIC, 'event: ping'],
    ['empty-deltas', OPENAI, '"content":""'],
    ['empty-deltas', ANTHROPIC, '"text":""'],
  ])('only-pings (%s at %s) shows signs of life and nothing else', async (kind, path, sign) => {
    const answer = await streamed(`only-pings(kind=${kind},everyMs=1)`, {
      path,
      until: (bytes) => bytes.toString().split(sign).length > 10,
    })
    expect(answer.ending).toBe('held')
    expect(textOfStream(answer.body)).toBe('')
  })

  test('reset-after-start resets after the opening event', async () => {
    for (const path of DIALECTS) {
      const answer = await streamed('reset-after-start', { path })
      expect(answer.ending).toBe('rst')
      expect(answer.body.toString()).toMatch(path === OPENAI ? /"role":"assistant"/ : /message_start/)
      expect(textOfStream(answer.body)).toBe('')
    }
  })

  test.each([
    ['rst', 'rst'],
    ['fin', 'fin'],
    ['chunk-abort', 'fin'],
  ])('cut-stream by %s breaks off after its tokens', async (by, ending) => {
    for (const path of DIALECTS) {
      const answer = await streamed(`cut-stream(token=3,by=${by})`, { path })
      expect(answer).toMatchObject({ ending, isWhole: false })
      expect(textOfStream(answer.body)).toBe(WHOLE.slice(0, 12))
    }
  })

  test('cut-tool-arguments and cut-reasoning break off inside them', async () => {
    for (const path of DIALECTS) {
      const tool = await streamed('cut-tool-arguments(token=2)', { path })
      expect(tool.ending).toBe('rst')
      expect(tool.text).toMatch(/"(arguments|partial_json)":"ty\\":/)
      const reasoning = await streamed('cut-reasoning(token=3)', { path })
      expect(reasoning.ending).toBe('rst')
      expect(reasoning.text).toMatch(/"(reasoning_content|thinking)":"Simu"/)
      expect(textOfStream(reasoning.body)).toBe('')
    }
  })

  test('no-finish, done-without-finish, no-done leave out what their names say', async () => {
    for (const path of DIALECTS) {
      const [finish, done] =
        path === OPENAI ? [/"finish_reason":"stop"/, /\[DONE\]/] : [/message_delta/, /message_stop/]
      const neither = await streamed('no-finish', { path })
      expect(neither).toMatchObject({ isWhole: true, ending: 'held' })
      expect(neither.text).not.toMatch(finish)
      expect(neither.text).not.toMatch(done)
      const noFinish = await streamed('done-without-finish', { path })
      expect(noFinish.text).not.toMatch(finish)
      expect(noFinish.text).toMatch(done)
      const noDone = await streamed('no-done(end=close)', { path })
      expect(noDone.text).toMatch(finish)
      expect(noDone.text).not.toMatch(done)
      expect(noDone.isWhole).toBe(true)
    }
  })

  test('no-done and hold-after-done hold the socket', async () => {
    for (const fault of ['no-done', 'hold-after-done']) {
      const { call, socket } = await held(fault, { stream: true })
      expect(call).toMatchObject({ state: 'running', tokensGenerated: 16 })
      socket.destroy()
      await call.settled
      expect(call.state).toBe('peer-left')
    }
  })

  test('endless-generation goes on, and stops when nobody reads', async () => {
    const started = server.nextCall()
    const answer = await streamed('endless-generation', { until: (bytes) => bytes.length > 2_000_000 })
    expect(answer.ending).toBe('held')
    const call = await started
    await call.settled
    expect(call.state).toBe('peer-left')
  })
})

describe('faults of single events', () => {
  test.each(DIALECTS)('error-before-content and error-after-content at %s', async (path) => {
    const before = await streamed('error-before-content(error=overloaded)', { path })
    expect(before).toMatchObject({ status: 200, isWhole: true })
    expect(textOfStream(before.body)).toBe('')
    expect(events(before).at(-1).error.message).toBe('Overloaded')
    if (path === ANTHROPIC) expect(before.text).toContain('event: error\ndata: {"type":"error"')
    const later = await streamed('error-after-content(token=5,error=rate-limit)', { path })
    expect(textOfStream(later.body)).toBe(WHOLE.slice(0, 20))
    expect(later.text).not.toMatch(/\[DONE\]|message_stop/)
    expect(events(later).at(-1).error.message).toContain('Rate limit')
  })

  test('errors are told in other styles too', async () => {
    const router = events(await streamed('error-after-content(style=openrouter)')).at(-1)
    expect(router).toMatchObject({ error: { code: 529 }, choices: [{ finish_reason: 'error' }] })
    expect((await streamed('error-after-content(style=field)')).body.toString()).toMatch(
      /\n\nerror: \{.*\}\n\n$/,
    )
    expect((await streamed('error-line')).body.toString()).toMatch(/\n\n\{"error":\{.*\}\}\n\n$/)
  })

  test('malformed-event, unknown-event come between whole ones', async () => {
    for (const path of DIALECTS) {
      const broken = await streamed('malformed-event(token=3,count=2)', { path })
      expect(events(broken).filter((event) => typeof event === 'string' && event !== '[DONE]')).toHaveLength(
        2,
      )
      expect(textOfStream(broken.body)).toBe(WHOLE)
      const unknown = await streamed('unknown-event', { path })
      expect(unknown.text).toContain('event: future_event')
      expect(textOfStream(unknown.body)).toBe(WHOLE)
    }
  })

  test('content-filter ends the stream in the middle', async () => {
    const openai = await streamed('content-filter(token=5)')
    expect(textOfStream(openai.body)).toBe(WHOLE.slice(0, 20))
    expect(openai.text).toContain('"finish_reason":"content_filter"')
    const anthropic = await streamed('content-filter(token=5)', { path: ANTHROPIC })
    expect(anthropic.text).toMatch(/"stop_reason":"refusal"[^]*message_stop/)
  })

  test('after-terminal, two-starts, two-dones repeat or follow', async () => {
    for (const path of DIALECTS) {
      const done = path === OPENAI ? '[DONE]' : 'event: message_stop'
      const start = path === OPENAI ? '"role":"assistant","content":""' : 'event: message_start'
      const afterwards = (await streamed('after-terminal', { path })).text.split(done)[1]
      expect(afterwards).toMatch(/This/)
      expect((await streamed('two-starts', { path })).text.split(start)).toHaveLength(3)
      expect((await streamed('two-dones', { path })).text.split(done)).toHaveLength(3)
    }
  })

  test('changing-ids gives every event another id', async () => {
    const ids = events(await streamed('changing-ids')).flatMap((event) => event.id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('sse-in-text keeps the syntax of events inside the text', async () => {
    for (const path of DIALECTS) {
      const answer = await streamed('sse-in-text', { path })
      expect(textOfStream(answer.body)).toContain('simulated\n\ndata: [DONE]\n\nevent: message_stop\n')
      expect(textOfStream(answer.body)).toMatch(/still text$/)
    }
  })

  test('stream-choices holds nothing, null, or index 1 alone', async () => {
    const find = async (kind: string, path = OPENAI) =>
      events(await streamed(`stream-choices(kind=${kind})`, { path }))
    expect((await find('null')).some((event) => event.choices === null)).toBe(true)
    expect((await find('empty')).filter((event) => event.choices?.length === 0)).toHaveLength(2)
    expect((await find('missing')).some((event) => event.object && !('choices' in event))).toBe(true)
    expect((await find('delta-null')).some((event) => event.choices?.[0]?.delta === null)).toBe(true)
    expect((await find('index-1')).every((event) => (event.choices?.[0]?.index ?? 1) === 1)).toBe(true)
    expect((await find('null', ANTHROPIC)).some((event) => event.delta === null)).toBe(true)
    expect(
      (await find('missing', ANTHROPIC)).some(
        (event) => event.type === 'content_block_delta' && !('delta' in event),
      ),
    ).toBe(true)
  })

  test('stream-usage stands in every event, twice, on the finish, in the tail, or nowhere', async () => {
    const count = async (kind: string, path = OPENAI) =>
      events(await streamed(`stream-usage(kind=${kind})`, { path })).filter(
        (event) => event.usage ?? event.message?.usage,
      )
    expect((await count('every')).length).toBeGreaterThan(16)
    expect((await count('every')).map((event) => event.usage.completion_tokens).slice(0, 3)).toEqual([
      0, 1, 2,
    ])
    expect(await count('twice')).toHaveLength(2)
    expect((await count('finish')).map((event) => event.choices[0].finish_reason)).toEqual(['stop'])
    expect((await count('tail')).map((event) => event.choices)).toEqual([[]])
    expect(await count('none')).toEqual([])
    expect(await count('twice', ANTHROPIC)).toHaveLength(3)
  })
})

describe('faults of a stream in bytes', () => {
  test.each([
    ['crlf', /^data: .*\r\n\r\ndata: /],
    ['cr', /^data: [^\n]*\r\rdata: [^\n]*$/],
    ['bom', /^\ufeffdata: /],
    ['multi-line', /^data: \{\ndata: {2}"id"/],
    ['no-space', /^data:\{/],
    ['no-last-blank-line', /data: \[DONE\]\n$/],
    ['comments', /^: SIMULATED PROCESSING\n\ndata: /],
    ['ids', /^id: 7\nretry: 1000\ndata: /],
  ])('framing (%s) changes the lines, not the data', async (kind, pattern) => {
    const answer = await streamed(`framing(kind=${kind})`)
    expect(answer.isWhole).toBe(true)
    expect(answer.body.toString()).toMatch(pattern)
  })

  test('byte-by-byte sends every byte of the body in a chunk of its own', async () => {
    const answer = await streamed('byte-by-byte')
    expect(textOfStream(answer.body)).toBe(WHOLE)
    expect(answer.text.match(/(?<=\r\n)1\r\n/g)?.length).toBeGreaterThan(answer.body.length / 2)
  })

  test('invalid-utf8 holds one byte that is none', async () => {
    for (const path of DIALECTS) {
      const answer = await streamed('invalid-utf8', { path })
      expect(answer.body.filter((byte) => byte === 0xff)).toHaveLength(1)
      expect(answer.body.toString()).toContain('\ufffdhis')
    }
  })

  test('huge-event is one whole event of its size; long-line never ends', async () => {
    const huge = await streamed('huge-event(bytes=200000)', { until: after('[DONE]') })
    expect(events(huge).some((event) => event.filler?.length === 200_000)).toBe(true)
    expect(textOfStream(huge.body)).toBe(WHOLE)
    const line = await streamed('long-line')
    expect(line).toMatchObject({ isWhole: true })
    expect(line.body.toString().split('\n').at(-1)).toHaveLength(65_536 + 'data: {"filler":"'.length)
  })

  test('tiny-events come in their number before the content', async () => {
    for (const path of DIALECTS) {
      const answer = await streamed('tiny-events(count=3000)', {
        path,
        until: after(path === OPENAI ? '[DONE]' : 'message_stop'),
      })
      const sign = path === OPENAI ? '"choices":[]}' : 'event: ping'
      expect(answer.body.toString().split(sign).length - 1).toBeGreaterThanOrEqual(3000)
      expect(textOfStream(answer.body)).toBe(WHOLE)
    }
  })
})

describe('faults of tool calls', () => {
  const calls = async (kind: string) =>
    events(await streamed(`tool-deltas(kind=${kind})`)).flatMap(
      (event) => event.choices?.[0]?.delta?.tool_calls ?? [],
    )
  const blocks = async (kind: string) =>
    events(await streamed(`tool-deltas(kind=${kind})`, { path: ANTHROPIC }))
  const join = (deltas: { function?: { arguments?: string } }[]) =>
    deltas.map((delta) => delta.function?.arguments ?? '').join('')
  const both = '{"city":"Z\\u00fcrich 😀","simulated":true}'.repeat(2)

  test('tool-deltas come without, with the same, or with gaps in their index', async () => {
    expect((await calls('no-index')).every((delta) => !('index' in delta))).toBe(true)
    expect((await calls('same-index')).every((delta) => delta.index === 0)).toBe(true)
    expect([...new Set((await calls('gap-index')).map((delta) => delta.index))]).toEqual([3, 8])
    expect(
      (await blocks('same-index'))
        .filter((event) => event.type === 'content_block_start')
        .map((event) => event.index),
    ).toEqual([0, 0])
  })

  test('tool-deltas come with an empty id, none, or an empty name again and again', async () => {
    expect((await calls('empty-id')).filter((delta) => delta.id === '')).toHaveLength(2)
    expect((await calls('no-id')).every((delta) => delta.id === undefined)).toBe(true)
    expect(
      (await calls('repeated-name')).filter((delta) => delta.function.name === '').length,
    ).toBeGreaterThan(4)
    const [empty] = (await blocks('empty-id')).filter((event) => event.content_block)
    expect(empty.content_block.id).toBe('')
    const [none] = (await blocks('no-id')).filter((event) => event.content_block)
    expect('id' in none.content_block).toBe(false)
  })

  test('tool-deltas name the tool late', async () => {
    const named = (await calls('late-name')).map((delta) => delta.function.name)
    expect(named[0]).toBeUndefined()
    expect(named.filter((name) => name === 'simulated_tool')).toHaveLength(2)
    const [block] = (await blocks('late-name')).filter((event) => event.content_block)
    expect(block.content_block.name).toBe('')
  })

  test('tool-deltas split escapes and surrogate pairs, and come whole at once', async () => {
    const split = await calls('split-escapes')
    expect(split.every((delta) => (delta.function.arguments?.length ?? 0) <= 1)).toBe(true)
    expect(join(split)).toBe(both)
    const whole = await calls('whole-at-once')
    expect(whole).toHaveLength(4)
    expect(join(whole)).toBe(both)
    const partial = (await blocks('split-escapes')).flatMap((event) => event.delta?.partial_json ?? [])
    expect(partial.join('')).toBe(both)
  })

  test('tool-deltas hold arguments that are no JSON', async () => {
    const deltas = await calls('invalid-json')
    const first = join(deltas.filter((delta) => delta.index === 0))
    expect(() => JSON.parse(first)).toThrow()
  })
})

describe('the registry', () => {
  test('has no fault that was not seen on the wire here', () => {
    expect([...faults.keys()].filter((name) => !tested.has(name))).toEqual([])
  })

  test('describes every fault and parameter in a sentence', () => {
    for (const fault of faults.values()) {
      expect(fault.description).toMatch(/^[A-Z].*\.$/)
      for (const parameter of Object.values(fault.parameters)) expect(parameter.description).not.toBe('')
    }
  })

  test('finds the name that was meant', () => {
    expect(nearestFault('cut-steam')).toBe('cut-stream')
    expect(nearestFault('statsu-503')).toBe('status-503')
    expect(nearestFault('something else entirely')).toBeUndefined()
  })
})
