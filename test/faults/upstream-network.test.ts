/** Names, certificates and what else stands between us and a provider, seen by a client: rows 3 to 7, 14 and 18. */

import { ADDRCONFIG, type LookupAddress } from 'node:dns'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { createServer as createNetServer, type AddressInfo, type LookupFunction, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createScenario } from '../../src/simulator/scenario.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import { systemClock } from '../../src/std/clock.ts'
import { EXPIRED, GOOD, KEY, OTHER_HOST } from '../../src/upstream/certificates.test-support.ts'
import { createResolver } from '../../src/upstream/resolver.ts'
import { createUndiciTransport } from '../../src/upstream/undici-transport.ts'
import { openRawWall, openWall } from '../../src/upstream/wall.ts'
import { startProcess } from '../support/gateway-process.ts'
import {
  type Asking,
  ALL_CLIENTS,
  type Bench,
  expectRefused,
  expectWhole,
  openBench,
} from '../support/upstreams.ts'

const HOST = 'provider.test'
const MODES = ['stream', 'plain', 'fold'] as const
const ASKINGS: readonly Asking[] = ALL_CLIENTS.map((client, index) => ({
  client,
  mode: MODES[index % MODES.length] ?? 'stream',
}))

type NameServer = (hostname: string) => string | NodeJS.ErrnoException | undefined

/** Answers as it is told; what it gives no answer for hangs. */
function resolverOf(answerOf: NameServer): LookupFunction {
  return createResolver(systemClock, {
    lookup: (hostname, _options, callback) => {
      const answer = answerOf(hostname)
      if (answer instanceof Error) callback(answer, [])
      else if (answer !== undefined) callback(null, [{ address: answer, family: 4 } satisfies LookupAddress])
    },
  })
}

const noSuchName = (hostname: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' })

/** A bench whose primary stands at a name, with a fallback beside it where `hasBackup`. */
function openNamed(lookup: LookupFunction, origin: string, hasBackup: boolean): Promise<Bench> {
  return openBench({
    upstreams: {
      primary: { dialect: 'openai-chat', origin, timeouts: { connect: '300ms' } },
      ...(hasBackup ? { backup: { dialect: 'anthropic-messages', text: 'From the backup.' } } : {}),
    },
    transport: createUndiciTransport({ lookup, trustedCertificates: [GOOD, OTHER_HOST, EXPIRED] }),
  })
}

/** Both ways: the fallback answers every client, and alone every client is told. Costs nothing either way. */
async function expectFallbackAndRefusal(
  lookup: LookupFunction,
  origin: string,
  wanted: { readonly code: string; readonly shouldRetry: boolean; readonly calls: number },
): Promise<Bench['gateway']['notices']> {
  await using beside = await openNamed(lookup, origin, true)
  await using alone = await openNamed(lookup, origin, false)
  for (const asking of ASKINGS) {
    const answered = await beside.ask(asking)
    expectWhole(answered, 'From the backup.')
    const { attempts } = await beside.recordOf(answered)
    expect(attempts.at(-1)).toMatchObject({ target: 'backup/m', outcome: 'completed' })
    for (const attempt of attempts.slice(0, -1))
      expect(attempt).toMatchObject({ code: wanted.code, usageSource: 'none', isWaste: false })
  }
  const [first] = ASKINGS
  if (first === undefined) throw new Error('nobody asks')
  const refused = await alone.ask(first)
  expectRefused(refused, { status: 502, code: wanted.code, shouldRetry: wanted.shouldRetry })
  const { exchange, attempts } = await alone.recordOf(refused)
  expect(exchange).toMatchObject({ state: 'failed', code: wanted.code, attempts: wanted.calls })
  expect(attempts.map(({ usageSource }) => usageSource)).toEqual(Array.from(attempts, () => 'none'))
  return [...alone.gateway.notices, ...beside.gateway.notices]
}

describe.concurrent('fault 3: a name that does not exist', () => {
  test('fault 3: the fallback answers every client, and alone each is told', async () => {
    const notices = await expectFallbackAndRefusal(resolverOf(noSuchName), `http://${HOST}:80`, {
      code: 'upstream_unreachable',
      shouldRetry: true,
      calls: 2,
    })
    expect(notices).not.toContainEqual(expect.objectContaining({ name: 'blocked_address' }))
  })
})

describe.concurrent('fault 4: a name server that hangs', () => {
  test('fault 4: costs the connect limit, and other names are served meanwhile', async () => {
    const simulator = await startSimulator({
      scenario: createScenario({ answers: [{ text: 'Elsewhere.' }] }),
    })
    try {
      const lookup = resolverOf((hostname) => (hostname === HOST ? undefined : '127.0.0.1'))
      await using bench = await openBench({
        upstreams: {
          silent: { dialect: 'openai-chat', origin: `http://${HOST}`, timeouts: { connect: '1s' } },
          other: { dialect: 'openai-chat', origin: `http://other.test:${simulator.port}` },
        },
        targets: ['silent/m', 'other/m'],
        transport: createUndiciTransport({ lookup }),
      })
      // Five ask for the silent name at once: more than there are threads for look-ups.
      const waiting = Promise.all([...ASKINGS, ...ASKINGS].slice(0, 5).map((asking) => bench.ask(asking)))
      const meanwhile = await bench.ask({ client: 'gemini', mode: 'plain', model: 'other/m' })
      expectWhole(meanwhile, 'Elsewhere.')
      expect(bench.gateway.attempts.filter(({ target }) => target === 'silent/m')).toEqual([])
      for (const answer of await waiting) {
        expectWhole(answer, 'Elsewhere.')
        const { attempts } = await bench.recordOf(answer)
        expect(attempts[0]).toMatchObject({ code: 'upstream_unreachable', usageSource: 'none' })
      }
    } finally {
      await simulator.close()
    }
  })
})

describe.concurrent('fault 5: a public name that turns into an address of this machine', () => {
  test('fault 5: it is never dialled, the fallback answers, and it is a security event', async () => {
    await using wall = await openRawWall(() => undefined)
    const port = new URL(wall.origin).port
    const notices = await expectFallbackAndRefusal(reboundName(), `http://${HOST}:${port}`, {
      code: 'blocked_address',
      shouldRetry: false,
      calls: 1,
    })
    expect(wall.sockets).toHaveLength(0)
    expect(notices).toContainEqual(expect.objectContaining({ level: 'warn', name: 'blocked_address' }))
    expect(JSON.stringify(notices)).not.toContain('credential-of')
  })
})

/** A resolver that has answered for the name with a public address before, and from now on says 127.0.0.1. */
function reboundName(): LookupFunction {
  let asked = 0
  const lookup = resolverOf(() => {
    asked += 1
    return asked === 1 ? '93.184.215.14' : '127.0.0.1'
  })
  // As Node asks for a socket.
  lookup(HOST, { all: true, hints: ADDRCONFIG }, () => undefined)
  return lookup
}

async function listen(server: Server): Promise<AsyncDisposable & { readonly origin: string }> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  // Sound: a listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}

const anyName = resolverOf(() => '127.0.0.1')

describe.concurrent('fault 6: a provider that cannot prove who it is', () => {
  const servers = [
    { name: 'an expired certificate', options: { cert: EXPIRED } },
    { name: 'a certificate for another host', options: { cert: OTHER_HOST } },
    {
      name: 'TLS 1.0 and nothing newer',
      options: { cert: GOOD, minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
    },
  ] as const

  test.for(servers)(
    'fault 6: $name: nothing is sent to it, and the fallback answers',
    async ({ options }) => {
      let received = 0
      const server = createTlsServer({ key: KEY, ...options }, (socket) => {
        socket.on('error', () => undefined)
        socket.on('data', (bytes) => void (received += bytes.length))
      })
      server.on('tlsClientError', () => undefined)
      await using listening = await listen(server)
      await expectFallbackAndRefusal(anyName, listening.origin, {
        code: 'upstream_tls',
        shouldRetry: false,
        calls: 1,
      })
      expect(received).toBe(0)
    },
  )

  test('fault 6: a certificate that nobody vouches for', async () => {
    const server = createTlsServer({ key: KEY, cert: GOOD })
    server.on('tlsClientError', () => undefined)
    await using listening = await listen(server)
    for (const asking of ASKINGS) {
      await using bench = await openBench({
        upstreams: { primary: { dialect: 'openai-chat', origin: listening.origin } },
      })
      const answer = await bench.ask(asking)
      expectRefused(answer, { status: 502, code: 'upstream_tls', shouldRetry: false })
      expect((await bench.recordOf(answer)).attempts).toMatchObject([{ usageSource: 'none' }])
    }
  })
})

test.concurrent('fault 7: a TLS handshake that stalls costs the connect limit, once and once more', async () => {
  await using wall = await openRawWall(() => undefined)
  await expectFallbackAndRefusal(anyName, wall.origin.replace('http:', 'https:'), {
    code: 'upstream_unreachable',
    shouldRetry: true,
    calls: 2,
  })
  expect(wall.sockets.length).toBeGreaterThan(1)
})

describe.concurrent('fault 14: a server of HTTP/2', () => {
  test('fault 14: one that offers nothing else is not spoken to, and the fallback answers', async () => {
    let requests = 0
    const server = createSecureServer({ key: KEY, cert: GOOD, allowHTTP1: false })
    server.on('stream', (stream: ServerHttp2Stream) => {
      requests += 1
      stream.respond({ ':status': 200 }, { endStream: true })
    })
    server.on('tlsClientError', () => undefined)
    server.on('unknownProtocol', (socket: { destroy(): void }) => socket.destroy())
    await using listening = await listen(server)
    await expectFallbackAndRefusal(anyName, listening.origin, {
      code: 'upstream_tls',
      shouldRetry: false,
      calls: 1,
    })
    expect(requests).toBe(0)
  })

  test('fault 14: one that offers both is spoken to in HTTP/1.1', async () => {
    const versions: string[] = []
    const server = createSecureServer({ key: KEY, cert: GOOD, allowHTTP1: true }, (request, response) => {
      versions.push(request.httpVersion)
      request.resume()
      response.setHeader('content-type', 'application/json')
      const message = { role: 'assistant', content: 'In the old way.' }
      const choices = [{ index: 0, message, finish_reason: 'stop' }]
      response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices }))
    })
    await using listening = await listen(server)
    await using bench = await openNamed(anyName, listening.origin, false)
    expectWhole(await bench.ask({ client: 'openai-responses', mode: 'plain' }), 'In the old way.')
    expect(versions).toEqual(['1.1'])
  })

  // A SETTINGS frame, then GOAWAY: with last stream 0 and NO_ERROR, REFUSED_STREAM or ENHANCE_YOUR_CALM.
  test.for([0x0, 0x7, 0xb])(
    'fault 14: its frames in answer to a plain request, with the error %i, are no HTTP',
    async (error) => {
      const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
      const goAway = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, error])
      await using wall = await openWall(({ socket }) => socket.end(Buffer.concat([settings, goAway])))
      await expectFallbackAndRefusal(anyName, wall.origin, {
        code: 'upstream_protocol',
        shouldRetry: true,
        calls: 2,
      })
      expect(wall.requests.length).toBeGreaterThan(1)
    },
  )
})

describe.concurrent('fault 18: a proxy between us and the provider', () => {
  const answers = {
    'is down': undefined,
    'asks who we are': 'HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n',
  } as const

  test.for(Object.entries(answers))(
    'fault 18: none is used, so one in the environment that %s changes nothing',
    async ([, answer]) => {
      const sockets: unknown[] = []
      const proxy = createNetServer((socket) => {
        sockets.push(socket)
        socket.on('error', () => undefined)
        socket.once('data', () => (answer === undefined ? socket.resetAndDestroy() : socket.end(answer)))
      })
      await using listening = await listen(proxy)
      const address = listening.origin.replace('https:', 'http:')
      const simulator = await startSimulator({
        scenario: createScenario({ answers: [{ text: 'Directly.' }] }),
      })
      try {
        await using gateway = await startProcess({
          config: configOf(simulator.origin),
          env: proxyEnvironment(address),
        })
        const response = await fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: 'Say it.' }] }),
        })
        expect(response.status).toBe(200)
        expect(await response.text()).toContain('Directly.')
        expect(sockets).toEqual([])
      } finally {
        await simulator.close()
      }
    },
  )
})

function configOf(origin: string): object {
  const provider = { dialect: 'openai-chat', baseUrl: `${origin}/v1`, credential: 'credential-0123456789' }
  return {
    discover: false,
    providers: { primary: { ...provider, models: ['m'] } },
    routes: { smart: { targets: ['primary/m'] } },
  }
}

function proxyEnvironment(address: string): Readonly<Record<string, string>> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']
  const both = names.flatMap((name) => [name, name.toLowerCase()])
  return { ...Object.fromEntries(both.map((name) => [name, address])), NODE_USE_ENV_PROXY: '1', NO_PROXY: '' }
}
