import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpAnswer, openWall } from '../../src/upstream/wall.ts'
import { startTestGateway } from '../support/gateway.ts'
import { type GatewayProcess, runToEnd, simulated, startSimulated } from '../support/gateway-process.ts'
import { openRawClient } from '../support/raw-client.ts'
import { statusOf } from '../support/status-of.ts'

/** A port that somebody else has. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  // A server on TCP has an address with a port.
  return (server.address() as { port: number }).port
}

const holdfastStatus = (gateway: GatewayProcess, ...words: readonly string[]) =>
  runToEnd({ command: 'status', words: ['--url', gateway.adminUrl, ...words] })

describe('the admin listener of a running gateway', () => {
  test('is apart from that for clients: neither has the paths of the other', async () => {
    const { adminUrl, url } = await startSimulated()
    expect(new URL(adminUrl).port).not.toBe(new URL(url).port)
    expect((await fetch(`${adminUrl}/v1/models`)).status).toBe(404)
    expect((await fetch(`${url}/status`)).status).toBe(404)
    expect((await fetch(`${url}/healthz`)).status).toBe(404)
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
    expect(metrics).toContain('holdfast_exchanges_in_flight')
  })

  test('SEC-16: a client key is worth nothing there, and none is asked for', async () => {
    const key = 'sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0'
    const { adminUrl, url } = await startSimulated({ config: { ...simulated, keys: [{ name: 'a', key }] } })
    expect((await fetch(`${url}/metrics`)).status).toBe(401)
    const headers = { authorization: `Bearer ${key}` }
    for (const path of ['/status', '/metrics', '/readyz']) {
      const texts = [await fetch(adminUrl + path), await fetch(adminUrl + path, { headers })]
      expect(texts.map(({ status }) => status)).toEqual([200, 200])
      for (const answer of texts) expect(await answer.text()).not.toContain(key)
    }
  })

  test('says what is in flight, which configuration is in force, and that it drains', async () => {
    await using gateway = await startTestGateway({ config: simulated })
    const { running } = gateway
    const first = await statusOf(running.adminUrl)
    expect(first).toMatchObject({
      state: 'serving',
      config: { generation: 1 },
      process: { requestsInFlight: 0, bufferedBytes: 0, isOverloaded: false },
    })
    expect(first.process.memoryBytes).toBeGreaterThan(1024 ** 2)

    const client = await openRawClient(gateway.port)
    onTestFinished(() => void client.socket.destroy())
    client.send(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n{"model":"simulator/mock",',
    )
    await expect
      .poll(async () => (await statusOf(running.adminUrl)).process)
      .toMatchObject({ requestsInFlight: 1 })

    gateway.writeConfig({ ...simulated, limits: { requestsInFlight: 7 } })
    expect(await running.reload()).toEqual([])
    gateway.writeConfig('broken: [')
    expect(await running.reload()).not.toEqual([])
    const second = await statusOf(running.adminUrl)
    expect(second).toMatchObject({
      config: { generation: 2 },
      process: { requestsInFlight: 1, requestsInFlightMax: 7 },
    })
    expect(Date.parse(second.config.inForceSince)).toBeGreaterThanOrEqual(
      Date.parse(first.config.inForceSince),
    )

    const stopped = running.stop(10_000)
    expect(await statusOf(running.adminUrl)).toMatchObject({ state: 'draining' })
    expect((await fetch(`${running.adminUrl}/readyz`)).status).toBe(503)
    client.socket.destroy()
    await stopped
    await expect(fetch(`${running.adminUrl}/healthz`)).rejects.toThrow('fetch failed')
  })

  test('is off where the file says so', async () => {
    const gateway = await startSimulated({
      config: { ...simulated, admin: false },
      words: ['--json', '--listen', '127.0.0.1:0'],
    })
    expect(gateway.lines[0]).not.toHaveProperty('adminUrl')
    expect(gateway.linesLike({ notice: 'admin_unavailable' })).toEqual([])
  })
})

describe('its address', () => {
  test('taken by somebody else is a reason not to start where somebody named it', async () => {
    const port = await takenPort()
    const inFile = await runToEnd({
      config: { ...simulated, admin: { listen: `127.0.0.1:${port}` } },
      words: ['--listen', '127.0.0.1:0'],
    })
    expect([inFile.code, inFile.stderr]).toEqual([
      3,
      `127.0.0.1:${port} is in use. Stop what listens there, or choose another address: holdfast start --admin 127.0.0.1:4242\n`,
    ])
  })

  test('that nobody named may be taken: of two gateways of one machine, one has it, and the other says so and starts', async () => {
    const words = ['--json', '--listen', '127.0.0.1:0']
    const gateways = [await startSimulated({ words }), await startSimulated({ words })]
    const [first, second] = gateways
    const withAdmin = gateways.filter((one) => one.lines[0]?.['adminUrl'] !== undefined)
    // Another gateway of this machine may have had it before both.
    expect(withAdmin.length).toBeLessThanOrEqual(1)
    const notice = await second?.line({ notice: 'admin_unavailable' })
    expect(notice).toMatchObject({ level: 'warn', facts: { address: '127.0.0.1:4142', code: 'EADDRINUSE' } })
    for (const gateway of [first, second]) expect((await fetch(`${gateway?.url}/livez`)).status).toBe(200)
  })

  test('beyond this machine is refused with 2, in the file and on the command line', async () => {
    const inFile = await runToEnd({ config: { ...simulated, admin: { listen: '0.0.0.0:4142' } } })
    expect(inFile.code).toBe(2)
    expect(inFile.stderr).toMatch(/holdfast\.yaml:\d+:\d+: admin\.listen: .*reaches beyond this machine/)
    const onLine = await runToEnd({ config: simulated, words: ['--admin', '[::]:4142'] })
    expect(onLine.code).toBe(2)
    expect(onLine.stderr).toContain('--admin: "[::]:4142" reaches beyond this machine')
  })
})

describe('what it says of targets and requests', () => {
  const key = 'sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0'
  const credential = 'provider-key-0123456789'

  async function startBefore(status: number, body: object) {
    const wall = await openWall(({ socket }) => socket.write(httpAnswer(status, JSON.stringify(body))))
    onTestFinished(() => wall[Symbol.asyncDispose]())
    const gateway = await startSimulated({
      config: {
        discover: false,
        keys: [
          { name: 'laptop', key },
          { name: 'phone', key: `${key}-2` },
        ],
        providers: {
          up: { dialect: 'openai-chat', baseUrl: `${wall.origin}/v1`, credential, models: ['m'] },
        },
        routes: { smart: { targets: ['up/m'], retries: 0 } },
      },
    })
    const ask = (headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
        body: JSON.stringify({ model: 'smart', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] }),
      })
    return { gateway, ask }
  }

  test('a target that fails is open, and why; the command ends with 1', async () => {
    const { gateway, ask } = await startBefore(500, { error: { message: 'It broke.' } })
    for (let turn = 0; turn < 4; turn += 1) await (await ask()).arrayBuffer()
    const { targets } = await statusOf(gateway.adminUrl)
    expect(targets).toMatchObject([
      {
        target: 'up/m',
        credential: expect.stringMatching(/^[0-9a-f]{8}$/),
        state: expect.stringMatching(/^(?:half-)?open$/),
        cause: { code: expect.stringMatching(/^upstream_/) },
      },
    ])
    const page = await holdfastStatus(gateway)
    expect(page.code).toBe(1)
    expect(page.stdout).toMatch(/up\/m +[0-9a-f]{8} +(?:half-)?open/)
    const json = await holdfastStatus(gateway, '--json')
    expect(json.code).toBe(1)
    for (const { stdout, stderr } of [page, json])
      for (const secret of [credential, key]) expect(stdout + stderr).not.toContain(secret)
  })

  test('a credential that is refused is dead until it is changed', async () => {
    const { gateway, ask } = await startBefore(401, { error: { message: `no such key ${credential}` } })
    await (await ask()).arrayBuffer()
    const status = await statusOf(gateway.adminUrl)
    expect(status.targets).toMatchObject([{ target: 'up/m', state: 'auth-dead', until: expect.any(String) }])
    expect(JSON.stringify(status)).not.toContain(credential)
  })

  test('a request that asks is explained: in a header, to its key, and to the operator', async () => {
    const { gateway, ask } = await startBefore(500, { error: { message: 'It broke.' } })
    const silent = await ask()
    expect(silent.headers.get('x-holdfast-explanation')).toBeNull()
    const asked = await ask({ 'x-holdfast-explain': '1' })
    expect(asked.headers.get('x-holdfast-explanation')).toMatch(/^[\x20-\x7e]*up\/m[\x20-\x7e]*$/)
    const id = asked.headers.get('x-request-id')
    const read = (authorization: string) =>
      fetch(`${gateway.url}/explain/${id}`, { headers: { authorization } })
    const own = await read(`Bearer ${key}`)
    expect(own.status).toBe(200)
    const explanation = await own.json()
    expect(explanation).toMatchObject({ requestId: id, route: 'smart', attempts: [{ target: 'up/m' }] })
    expect((await read(`Bearer ${key}-2`)).status).toBe(404)
    const operators = await fetch(`${gateway.adminUrl}/explain/${id}`)
    expect(await operators.json()).toEqual(explanation)
    const unasked = await fetch(`${gateway.adminUrl}/explain/${silent.headers.get('x-request-id')}`)
    expect(unasked.status).toBe(404)
  })
})

describe('holdfast status', () => {
  test('asks a running gateway: 0 and a page for people, or JSON for programs', async () => {
    const gateway = await startSimulated()
    const page = await holdfastStatus(gateway)
    expect(page).toMatchObject({ code: 0, stderr: '' })
    expect(page.stdout).toMatch(/^Holdfast \S+ is serving\nup \d+ s, configuration 1 in force/)
    const { code, stdout } = await holdfastStatus(gateway, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ state: 'serving', config: { generation: 1 } })
  })

  test('finds the gateway by its configuration', async () => {
    const port = await takenPort()
    const asked = await runToEnd({
      config: { ...simulated, admin: { listen: `127.0.0.1:${port + 1 > 65_535 ? port - 1 : port + 1}` } },
      command: 'status',
    })
    expect(asked.code).toBe(5)
    expect(asked.stderr).toMatch(/no gateway answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)/)
    const off = await runToEnd({ config: { ...simulated, admin: false }, command: 'status' })
    expect(off.code).toBe(2)
    expect(off.stderr).toContain('switches the admin listener off')
  })

  test('is 5 where no gateway answers, and where what answers is none', async () => {
    const gateway = await startSimulated()
    const wrong = await runToEnd({ command: 'status', words: ['--url', gateway.url] })
    expect(wrong.code).toBe(5)
    expect(wrong.stderr).toContain('(it answers 404)')
    const nobody = await runToEnd({
      command: 'status',
      words: ['--url', 'http://127.0.0.1:1', '--json'],
    })
    expect(nobody.code).toBe(5)
    expect(JSON.parse(nobody.stdout)).toMatchObject({ ok: false, url: 'http://127.0.0.1:1' })
  })

  test.each(['ftp://127.0.0.1', 'http://user:pass@127.0.0.1', ':::'])(
    '%s is no address to ask',
    async (url) => {
      const { code, stdout, stderr } = await runToEnd({ command: 'status', words: ['--url', url] })
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).not.toContain('pass@')
    },
  )
})
