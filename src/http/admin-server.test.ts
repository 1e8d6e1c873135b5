import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openRawClient } from '../../test/support/raw-client.ts'
import type { Readiness } from '../exchange/gateway.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { createAdminServer } from './admin-server.ts'
import type { OperatorView, StatusReport } from './operator-view.ts'

const REPORT: StatusReport = {
  version: '1.2.3',
  at: '2026-01-02T12:00:00.000Z',
  startedAt: '2026-01-02T09:00:00.000Z',
  state: 'serving',
  config: { generation: 1, inForceSince: '2026-01-02T09:00:00.000Z' },
  process: {
    requestsInFlight: 0,
    requestsInFlightMax: 1,
    bufferedBytes: 0,
    bufferedBytesMax: 1,
    eventLoopLagMs: 0,
    isOverloaded: false,
    memoryBytes: 1,
  },
  targets: [],
  gates: [],
  retryBudgets: [],
}

interface AdminPlan {
  readonly view?: Partial<OperatorView>
  readonly readiness?: Readiness
}

async function startAdmin({ view = {}, readiness = { isReady: true, reasons: [] } }: AdminPlan = {}) {
  const telemetry = createTelemetry()
  const notices: NoticeRecord[] = []
  telemetry.notices.subscribe((notice) => notices.push(notice))
  const server = createAdminServer({
    view: { status: () => REPORT, explain: () => undefined, ...view },
    readiness: () => readiness,
    metrics: async () => 'up 1\n',
    telemetry,
  })
  onTestFinished(() => server.close())
  const { port, url } = await server.listen('127.0.0.1', 0)
  return { server, port, url, notices }
}

/** With headers that fetch does not let a caller set. */
function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number | undefined; headers: Readonly<Record<string, unknown>>; text: string }> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
    })
      .on('error', reject)
      .end()
  })
}

describe('the admin listener', () => {
  test('tells the status, the metrics, that it lives, and whether it is ready', async () => {
    const { url } = await startAdmin()
    expect(await (await fetch(`${url}/status`)).json()).toEqual(REPORT)
    expect(await (await fetch(`${url}/status?pretty`)).json()).toEqual(REPORT)
    const metrics = await fetch(`${url}/metrics`)
    expect([metrics.headers.get('content-type'), await metrics.text()]).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'up 1\n',
    ])
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'alive' })
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready', reasons: [] })
  })

  test.each([
    [{ isReady: false, reasons: ['It stops.'] }, 503, 'not ready'],
    [{ isReady: true, isDegraded: true, reasons: ['It is behind.'] }, 200, 'degraded'],
  ] as const)('says where it is not as ready as it could be: %o', async (readiness, status, word) => {
    const { url } = await startAdmin({ readiness })
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      status,
      { status: word, reasons: readiness.reasons },
    ])
  })

  test('explains a request whose trace is kept, and says in JSON where none is', async () => {
    const explain = (id: string) => (id === 'req_1' ? { requestId: id, steps: [] } : undefined)
    const { url } = await startAdmin({ view: { explain } })
    expect(await (await fetch(`${url}/explain/req_1`)).json()).toEqual({ requestId: 'req_1', steps: [] })
    for (const path of ['/explain/req_2', '/explain/', '/explain/a%2Fb', '/explain/x/y', '/', '/v1/models']) {
      const answer = await fetch(url + path)
      expect([path, answer.status, await answer.json()]).toEqual([
        path,
        404,
        { error: { message: expect.any(String) } },
      ])
    }
  })

  test('answers HEAD without a body', async () => {
    const { port } = await startAdmin()
    const answer = await ask(port, '/status', { method: 'HEAD' })
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(100)
  })

  test('changes nothing: every method but GET is refused', async () => {
    const { port } = await startAdmin()
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await ask(port, '/status', { method })
      expect([method, answer.status, answer.headers['allow']]).toEqual([method, 405, 'GET, HEAD'])
    }
  })

  test('does not read a body: its connection ends with the answer', async () => {
    const { port } = await startAdmin()
    const client = await openRawClient(port)
    client.send('GET /status HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10000000\r\n\r\nGET /metrics')
    const { text } = await client.closed()
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i)
  })
})

describe('SEC-16: pages in a browser', () => {
  test.each([
    'evil.example',
    'evil.example:4142',
    '127.0.0.1.evil.example',
    '169.254.169.254',
    '10.0.0.1:4142',
    'localhost@evil.example',
    'localhost.evil.example',
    '[::2]:4142',
    '0.0.0.0:4142',
    '127.0.0.1:4142/../',
  ])('a name rebound to this machine is not answered: host %s', async (host) => {
    const { port } = await startAdmin()
    const answer = await ask(port, '/status', { headers: { host } })
    expect(answer.status).toBe(421)
    expect(answer.text).not.toContain('1.2.3')
  })

  test.each(['localhost', 'LOCALHOST:4142', '127.0.0.1:9', '127.9.9.9', '[::1]:4142', 'holdfast.localhost'])(
    'a name of this machine is: host %s',
    async (host) => {
      const { port } = await startAdmin()
      expect((await ask(port, '/healthz', { headers: { host } })).status).toBe(200)
    },
  )

  test('a request without a name is not answered', async () => {
    const { port } = await startAdmin()
    const client = await openRawClient(port)
    client.send('GET /status HTTP/1.1\r\n\r\n')
    expect(await client.until('}')).toMatch(/^HTTP\/1\.1 421 /)
    client.socket.destroy()
  })

  test.each([{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])(
    'a page from elsewhere is refused: %o',
    async (headers) => {
      const { port } = await startAdmin()
      expect((await ask(port, '/status', { headers })).status).toBe(403)
    },
  )

  test('no answer may be read by another origin, framed, kept, or taken for something else', async () => {
    const { port } = await startAdmin()
    for (const path of ['/status', '/nowhere', '/metrics']) {
      const { headers } = await ask(port, path, { headers: { origin: 'http://localhost:3000' } })
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      })
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
  })
})

test('a defect is one answer, one notice, and not told in its own words', async () => {
  const { url, notices } = await startAdmin({
    view: {
      status: () => {
        throw new TypeError('secret inside')
      },
    },
  })
  const answer = await fetch(`${url}/status`)
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('secret inside')
  expect(notices).toMatchObject([{ name: 'admin_defect', level: 'error', facts: { kind: 'TypeError' } }])
  expect(JSON.stringify(notices)).not.toContain('secret inside')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('closes at once, with whoever is connected, before it listened and twice', async () => {
  const { server, port } = await startAdmin()
  const idle = await openRawClient(port)
  await server.close()
  expect((await idle.closed()).text).toBe('')
  await server.close()
  const never = createAdminServer({
    view: { status: () => REPORT, explain: () => undefined },
    readiness: () => ({ isReady: true, reasons: [] }),
    metrics: async () => '',
    telemetry: createTelemetry(),
  })
  await never.close()
})
