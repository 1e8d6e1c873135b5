/** The simulator's server: what it records, how it notices a client that left, and how its connections behave. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { ask, askOn, chat, eventsOf, requestText, textOfStream } from './raw-client.test-support.ts'
import { createScenario } from './scenario.ts'
import type { SimulatorServer, SimulatorServerOptions } from './server.ts'
import { startSimulator } from './server.ts'

const servers: SimulatorServer[] = []

async function start(options: SimulatorServerOptions = {}): Promise<SimulatorServer> {
  const server = await startSimulator(options)
  servers.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function dial(port: number) {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

describe('a recorded call', () => {
  test('holds what the provider saw and what it did', async () => {
    const server = await start()
    const body = JSON.stringify(chat({ stream: true }))
    const answer = await ask(server.port, { body, headers: { 'x-test': 'yes' } })
    const [call] = server.calls
    expect(call).toMatchObject({
      number: 1,
      connection: 1,
      method: 'POST',
      path: '/v1/chat/completions',
      model: 'mock',
      isStream: true,
      state: 'answered',
      bodyBytes: body.length,
      bytesWritten: answer.bytes.length,
    })
    expect(call?.headers['x-test']).toBe('yes')
    expect(Buffer.from(call?.body ?? []).toString()).toBe(body)
    expect(call?.tokensGenerated).toBe(
      eventsOf(answer.body).filter((data) => data.includes('"content":"') && !data.includes('"role"')).length,
    )
  })

  test('is kept for the latest calls only', async () => {
    const server = await start({ callsMax: 2 })
    for (let count = 0; count < 3; count += 1) await ask(server.port, { body: chat() })
    expect(server.calls.map((call) => call.number)).toEqual([2, 3])
  })

  test.each(['reset', 'close'])(
    'notes at once that the client left mid-stream by %s, and stops generating',
    async (how) => {
      const server = await start({ pace: { perTokenMs: 5 } })
      const socket = await dial(server.port)
      const started = server.nextCall()
      await askOn(socket, {
        body: chat({ stream: true, model: 'lorem', max_tokens: 1000 }),
        until: (bytes) => bytes.includes('Simu'),
      })
      const call = await started
      expect(call.state).toBe('running')
      const leftMs = performance.now()
      if (how === 'reset') socket.resetAndDestroy()
      else socket.end()
      await call.settled
      expect(call.state).toBe('peer-left')
      expect((call.endMs ?? 0) - leftMs).toBeLessThan(100)
      const { tokensGenerated } = call
      expect(tokensGenerated).toBeGreaterThan(0)
      expect(tokensGenerated).toBeLessThan(1000)
    },
  )

  test('counts the tokens a plain answer had cost when its client left', async () => {
    const clock = new ManualClock()
    const server = await start({ clock, pace: { firstTokenMs: 1000, perTokenMs: 10 } })
    const socket = await dial(server.port)
    const started = server.nextCall()
    socket.write(requestText({ body: chat({ model: 'lorem', max_tokens: 100 }) }))
    const call = await started
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    clock.advance(1255)
    socket.destroy()
    await call.settled
    expect(call).toMatchObject({ state: 'peer-left', tokensGenerated: 25, bytesWritten: 0 })
  })
})

describe('a connection', () => {
  test('carries one request after another, and several sent at once in their order', async () => {
    const server = await start()
    const socket = await dial(server.port)
    const first = await askOn(socket, { body: chat() })
    const second = requestText({ body: chat({ model: 'echo' }) })
    const third = requestText({ path: '/v1/models' })
    socket.write(second)
    const answers = await askOn(socket, {
      path: '/v1/models',
      until: (bytes) => bytes.toString().split('"list"').length === 2,
    })
    socket.write(third)
    socket.destroy()
    expect(first.status).toBe(200)
    expect(answers.text.indexOf('simulated echo')).toBeGreaterThan(0)
    expect(answers.text.indexOf('simulated echo')).toBeLessThan(answers.text.indexOf('"list"'))
    expect(server.calls.slice(0, 3).map((call) => call.connection)).toEqual([1, 1, 1])
  })

  test('closes after the answer where the client asks for it', async () => {
    const server = await start()
    const answer = await ask(server.port, { body: chat(), headers: { connection: 'close' } })
    expect(answer).toMatchObject({ status: 200, ending: 'fin', isWhole: true })
  })

  test('takes a chunked body, byte by byte', async () => {
    const server = await start()
    const socket = await dial(server.port)
    const json = JSON.stringify(chat())
    const body = `${json.length.toString(16)}\r\n${json}\r\n0\r\ntrailer: 1\r\n\r\n`
    const answered = askOn(socket, {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked', 'x-more': '1' },
    })
    // The content-length of the helper's empty body makes this request a smuggled one.
    expect(await answered).toMatchObject({ status: 400, ending: 'fin' })
    const plain = await dial(server.port)
    const pieces = `POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${body}`
    const reading = once(plain, 'data')
    for (const byte of pieces) plain.write(byte)
    expect(String(await reading)).toContain('200 OK')
    plain.destroy()
    socket.destroy()
  })

  test.each([
    ['no request line', 'hello\r\n\r\n', 400],
    ['a space before the colon', 'GET / HTTP/1.1\r\nhost : x\r\n\r\n', 400],
    ['a folded header', 'GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
    ['a bad chunk size', 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400],
    ['a head too long', `GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}`, 431],
  ])('is turned away with %s', async (_, bytes, status) => {
    const server = await start()
    const socket = await dial(server.port)
    const reading = once(socket, 'data')
    socket.write(bytes)
    expect(String(await reading)).toContain(`HTTP/1.1 ${status} `)
    socket.destroy()
  })

  test('goes on when the client asks to be told to', async () => {
    const server = await start()
    const answer = await ask(server.port, {
      body: chat(),
      headers: { expect: '100-continue' },
      until: (bytes) => bytes.includes('"choices"'),
    })
    expect(answer.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  })
})

describe('the port', () => {
  async function isOpen(port: number): Promise<boolean> {
    const socket = connect(port, '127.0.0.1')
    const outcome = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    return outcome
  }

  test('can be closed and opened again by hand', async () => {
    const server = await start()
    await server.refuseConnections()
    expect(await isOpen(server.port)).toBe(false)
    await server.acceptConnections()
    expect(await isOpen(server.port)).toBe(true)
  })

  test('is closed inside the window of a refuse-connection rule, again and again with its period', async () => {
    const clock = new ManualClock()
    const faults = [{ fault: 'refuse-connection', fromMs: 0, untilMs: 5000, periodMs: 10_000 }]
    const server = await start({ clock, scenario: createScenario({ faults }) })
    expect(await isOpen(server.port)).toBe(false)
    clock.advance(5000)
    await vi.waitFor(async () => expect(await isOpen(server.port)).toBe(true))
    clock.advance(5000)
    await vi.waitFor(async () => expect(await isOpen(server.port)).toBe(false))
    clock.advance(5000)
    await vi.waitFor(async () => expect(await isOpen(server.port)).toBe(true))
  })

  test('answers only the key it was given, if it was given one', async () => {
    const server = await start({ credential: 'sk-right' })
    const { status: without } = await ask(server.port, { body: chat() })
    const { status: bearer } = await ask(server.port, {
      body: chat(),
      headers: { authorization: 'Bearer sk-right' },
    })
    const { status: header } = await ask(server.port, { body: chat(), headers: { 'x-api-key': 'sk-right' } })
    expect([without, bearer, header]).toEqual([401, 200, 200])
  })
})

describe('fixed answers', () => {
  test('have the length asked for', async () => {
    const server = await start({ fixed: { bodyBytes: 1024 } })
    const openai = await ask(server.port, { body: chat() })
    const anthropic = await ask(server.port, { path: '/v1/messages', body: chat() })
    expect(Math.abs(openai.body.length - 1024)).toBeLessThan(4)
    expect(Math.abs(anthropic.body.length - 1024)).toBeLessThan(4)
    expect(JSON.parse(openai.body.toString()).choices[0].message.content).toContain('simulated')
    expect(JSON.parse(anthropic.body.toString()).content[0].text).toContain('simulated')
  })

  test.each(['whole', 'each'] as const)('stream fifty chunks, written %s', async (writes) => {
    const server = await start({ fixed: { chunks: 50, writes } })
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const answer = await ask(server.port, { path, body: chat({ stream: true }) })
      expect(answer).toMatchObject({ status: 200, isWhole: true, ending: 'held' })
      expect(textOfStream(answer.body)).toHaveLength(200)
    }
    expect(server.calls.map((call) => call.state)).toEqual(['answered', 'answered'])
  })

  test('stay open after their first chunk where they are to be held', async () => {
    const server = await start({ fixed: { holds: true } })
    const socket = await dial(server.port)
    await askOn(socket, { body: chat({ stream: true }), until: (bytes) => bytes.includes('simu') })
    const [call] = server.calls
    expect(call?.state).toBe('running')
    socket.destroy()
    await call?.settled
    expect(call?.state).toBe('peer-left')
  })
})
