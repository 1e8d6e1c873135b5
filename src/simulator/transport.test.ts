/** The simulator in process keeps the transport's promises, and every fault ends there as it ends over a real socket. */

import { Agent } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TransportFailure, TransportRequest } from '../std/transport.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { askedIn } from './dialect-asking.test-support.ts'
import { faults } from './faults.ts'
import { chat, textOfStream } from './raw-client.test-support.ts'
import { SIMULATED_DIALECTS } from './request.ts'
import { createScenario } from './scenario.ts'
import type { SimulatorServer } from './server.ts'
import { startSimulator } from './server.ts'
import type { SimulatorTransport } from './transport.ts'
import { createSimulatorTransport } from './transport.ts'

const WHOLE = 'This is a simulated answer: no model was asked. You said: hello'

interface Outcome {
  readonly status?: number
  readonly body: string
  readonly bytes: number
  readonly ending: 'end' | 'failure'
  readonly failure?: TransportFailure
  readonly events: readonly string[]
}

function request(
  fields: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): TransportRequest {
  return {
    origin: 'http://simulator.invalid',
    path: '/v1/chat/completions',
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(chat(fields))),
    connectMs: 1000,
  }
}

function send(transport: SimulatorTransport, sent: TransportRequest): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const events: string[] = []
  const chunks: Uint8Array[] = []
  let status: number | undefined
  const done = (ending: Outcome['ending'], failure?: TransportFailure) => {
    events.push(ending)
    const body = Buffer.concat(chunks)
    resolve({
      ...(status === undefined ? {} : { status }),
      body: body.toString(),
      bytes: body.length,
      ending,
      ...(failure ? { failure } : {}),
      events,
    })
  }
  transport.send(sent, {
    onSend: () => events.push('send'),
    onHeaders: (code) => {
      events.push('headers')
      status = code
    },
    onData: (chunk) => {
      chunks.push(chunk)
    },
    onEnd: () => done('end'),
    onFailure: (failure) => done('failure', failure),
  })
  return promise
}

describe('the transport', () => {
  test('sends, then tells the head, then the body, then the end', async () => {
    const transport = createSimulatorTransport()
    const outcome = await send(transport, request({ stream: true }))
    expect(outcome.events).toEqual(['send', 'headers', 'end'])
    expect(textOfStream(outcome.body)).toBe(WHOLE)
    expect(transport.calls).toMatchObject([
      { state: 'answered', tokensGenerated: 16, model: 'mock', connection: 0 },
    ])
  })

  test('calls no handler before send has returned', async () => {
    const transport = createSimulatorTransport()
    let hasReturned = false
    const finished = new Promise<boolean>((resolve) => {
      transport.send(request({}), {
        onSend: () => resolve(hasReturned),
        onHeaders: () => {},
        onData: () => {},
        onEnd: () => {},
        onFailure: () => {},
      })
    })
    hasReturned = true
    expect(await finished).toBe(true)
  })

  test('keeps its pace by the clock it was given', async () => {
    const clock = new ManualClock()
    const transport = createSimulatorTransport({ clock, pace: { firstTokenMs: 1000, perTokenMs: 10 } })
    const answering = send(transport, request({ stream: true }))
    await Promise.resolve()
    const [call] = transport.calls
    expect(call?.tokensGenerated).toBe(0)
    clock.advance(999)
    expect(call?.tokensGenerated).toBe(0)
    clock.advance(1)
    expect(call?.tokensGenerated).toBe(1)
    clock.advance(149)
    expect(call?.state).toBe('running')
    clock.advance(1)
    expect(call?.state).toBe('answered')
    expect(textOfStream((await answering).body)).toBe(WHOLE)
  })

  test('holds still while paused, and goes on from there', async () => {
    const transport = createSimulatorTransport()
    const { promise, resolve } = Promise.withResolvers<string>()
    let text = ''
    let chunks = 0
    const call = transport.send(request({ stream: true }), {
      onSend: () => {},
      onHeaders: () => {},
      onData: (chunk) => {
        text += Buffer.from(chunk).toString()
        chunks += 1
        if (chunks === 3) call.pause()
      },
      onEnd: () => resolve(text),
      onFailure: () => {},
    })
    await Promise.resolve()
    expect(chunks).toBe(3)
    call.resume()
    expect(textOfStream(await promise)).toBe(WHOLE)
  })

  test('calls nothing after an abort, and records that the caller left', async () => {
    const transport = createSimulatorTransport({ clock: new ManualClock(), pace: { perTokenMs: 10 } })
    const events: string[] = []
    const call = transport.send(request({ stream: true }), {
      onSend: () => {},
      onHeaders: () => {},
      onData: () => {
        events.push('data')
        if (events.length === 2) call.abort()
      },
      onEnd: () => events.push('end'),
      onFailure: () => events.push('failure'),
    })
    await transport.close()
    expect(events).toEqual(['data', 'data'])
    expect(transport.calls).toMatchObject([{ state: 'peer-left', tokensGenerated: 1 }])
  })

  test('lets other work happen during an answer without an end', async () => {
    const transport = createSimulatorTransport()
    const { promise, resolve } = Promise.withResolvers<number>()
    let bytes = 0
    const call = transport.send(request({ stream: true, model: 'mock!endless-generation' }), {
      onSend: () => {},
      onHeaders: () => {},
      onData: (chunk) => {
        bytes += chunk.length
      },
      onEnd: () => {},
      onFailure: () => {},
    })
    setTimeout(() => {
      call.abort()
      resolve(bytes)
    }, 1)
    expect(await promise).toBeGreaterThan(0)
  })

  test('meets rules of a scenario as the server does', async () => {
    const scenario = createScenario({ faults: [{ fault: 'status-503', first: 2 }] })
    const transport = createSimulatorTransport({ scenario })
    const statuses = []
    for (let count = 0; count < 3; count += 1) statuses.push((await send(transport, request({}))).status)
    expect(statuses).toEqual([503, 503, 200])
  })
})

describe('each fault ends in process as it ends over a socket', () => {
  let server: SimulatorServer
  const agent = new Agent({ maxHeaderSize: 65_536 })

  beforeAll(async () => {
    server = await startSimulator()
  })
  afterAll(async () => {
    await agent.destroy()
    await server.close()
  })

  function dispatch({ path, method, headers, body }: TransportRequest): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const chunks: Buffer[] = []
    let status: number | undefined
    const done = (ending: Outcome['ending']) => {
      const bytes = Buffer.concat(chunks)
      resolve({
        ...(status === undefined ? {} : { status }),
        body: bytes.toString(),
        bytes: bytes.length,
        ending,
        events: [],
      })
    }
    agent.dispatch(
      {
        origin: server.origin,
        path,
        method,
        headers: { ...headers },
        ...(body instanceof Uint8Array ? { body } : {}),
      },
      {
        onRequestStart: () => {},
        onResponseStart: (_controller, code) => {
          status = code
        },
        onResponseData: (_controller, chunk) => {
          chunks.push(chunk)
        },
        onResponseEnd: () => done('end'),
        onResponseError: () => done('failure'),
      },
    )
    return promise
  }

  /** These never end, or only after minutes: their silence is tested on the wire and by the clock. */
  const ENDLESS = new Set([
    'black-hole',
    'silent',
    'endless-1xx',
    'endless-body',
    'endless-generation',
    'never-first-token',
    'head-only',
    'only-pings',
    'no-done',
    'hold-after-done',
    'slow-head',
    'slow-body',
    'late-first-token',
    'stall',
  ])
  /** One packs ids that differ from call to call, the other repeats the host it was asked at. */
  const DIFFERING = new Set(['encoding-chain', 'error-echo'])
  /** Their size is the point of them; the wire tests ask for less of it. */
  const LARGE: Readonly<Record<string, string>> = {
    'error-huge': 'error-huge(bytes=100000)',
    'error-gzip-bomb': 'error-gzip-bomb(megabytes=1)',
    'body-bomb': 'body-bomb(megabytes=1)',
    'huge-event': 'huge-event(bytes=100000)',
    'tiny-events': 'tiny-events(count=1000)',
  }

  test.each([...faults.values()].filter((fault) => !ENDLESS.has(fault.name)).map((fault) => fault.name))(
    '%s',
    async (name) => {
      const stream = faults.get(name)?.befalls === 'stream'
      const sent = request({ stream }, { 'x-simulate': LARGE[name] ?? name })
      const inProcess = await send(createSimulatorTransport(), sent)
      const overSocket = await dispatch(sent)
      const { status, ending, bytes } = overSocket
      // How much of a broken answer is seen is up to the client's parser.
      const isCut = ending === 'failure'
      expect({ status: inProcess.status, ending: inProcess.ending }).toEqual({ status, ending })
      if (!isCut && !DIFFERING.has(name)) expect(inProcess.bytes).toBe(bytes)
      if (isCut) expect(inProcess.failure?.phase).toBe(phaseOf(name, status))
    },
  )

  test.each(SIMULATED_DIALECTS)(
    'a good answer of %s is as long in process as over a socket',
    async (dialect) => {
      for (const stream of [false, true]) {
        const { path, body } = askedIn(dialect, { stream })
        const sent = { ...request({}), path, body: Buffer.from(JSON.stringify(body)) }
        const inProcess = await send(createSimulatorTransport(), sent)
        const overSocket = await dispatch(sent)
        expect(inProcess).toMatchObject({ status: 200, ending: 'end', bytes: overSocket.bytes })
      }
    },
  )

  function phaseOf(name: string, status: number | undefined): TransportFailure['phase'] {
    if (name === 'refuse-connection') return 'connect'
    return status === undefined ? 'request' : 'response'
  }
})
