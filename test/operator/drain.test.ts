import { describe, expect, onTestFinished, test } from 'vitest'
import { createScenario, type ScenarioInput } from '../../src/simulator/scenario.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import { type GatewayProcess, type LogLine, startProcess } from '../support/gateway-process.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'

const STREAMS = 200
const PER_TOKEN_MS = 20
/** About a second at that pace, and far longer than any test. */
const scenario: ScenarioInput = {
  pace: { firstTokenMs: 5, perTokenMs: PER_TOKEN_MS },
  answers: [
    { model: 'short', text: 'word '.repeat(40) },
    { model: 'long', text: 'word '.repeat(20_000) },
  ],
}

async function startBefore(shutdown: object): Promise<GatewayProcess> {
  const simulator = await startSimulator({ scenario: createScenario(scenario) })
  onTestFinished(() => simulator.close())
  const provider = (dialect: string) => ({
    dialect,
    baseUrl: `${simulator.origin}/v1`,
    credential: 'provider-key-0123456789',
    models: ['short', 'long'],
  })
  const gateway = await startProcess({
    config: {
      discover: false,
      shutdown,
      providers: { chat: provider('openai-chat'), messages: provider('anthropic-messages') },
    },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

function streamRequest(dialect: 'chat' | 'messages', model: string): string {
  const body = JSON.stringify({
    model,
    max_tokens: 30_000,
    stream: true,
    messages: [{ role: 'user', content: 'Go on.' }],
  })
  const path = dialect === 'chat' ? '/v1/chat/completions' : '/v1/messages'
  return `POST ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`

/** Streams of both clients over both targets, the length by turns, each of them begun. */
async function openStreams(port: number, count: number, model?: string): Promise<readonly RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => openRawClient(port)))
  for (const [at, client] of clients.entries()) {
    const target = Math.floor(at / 4) % 2 === 0 ? 'chat' : 'messages'
    const length = model ?? (at % 2 === 0 ? 'short' : 'long')
    client.send(streamRequest(Math.floor(at / 2) % 2 === 0 ? 'chat' : 'messages', `${target}/${length}`))
  }
  await Promise.all(clients.map((client) => client.until('word')))
  return clients
}

/** Of so many streams each has its one record, and each attempt too. */
function expectOneRecordEach(gateway: GatewayProcess, count: number): readonly LogLine[] {
  const records = gateway.linesLike({ msg: 'exchange', operation: 'chat' })
  expect(new Set(records.map((line) => line['exchangeId'])).size).toBe(count)
  expect(records).toHaveLength(count)
  expect(gateway.linesLike({ msg: 'attempt' })).toHaveLength(count)
  return records
}

const isWhole = (text: string) => text.includes('data: [DONE]') || text.includes('"type":"message_stop"')

describe('fault 124: SIGTERM under two hundred streams', () => {
  test('each comes to its end or to an in-band error at the deadline; no reset, every record written, exit 0', async () => {
    const gateway = await startBefore({ wait: '400ms', drain: '1500ms' })
    const kept = await openRawClient(gateway.port)
    kept.send(get('/readyz'))
    expect(await kept.until('"ready"')).toMatch(/^HTTP\/1\.1 200 /)
    const streams = await openStreams(gateway.port, STREAMS)

    const signalledAtMs = performance.now()
    gateway.kill('SIGTERM')
    await gateway.line({ notice: 'gateway_stopping' })
    kept.send(get('/readyz'))
    expect(await kept.until('shutting down')).toMatch(/HTTP\/1\.1 503 [^]*"not ready"/)
    // Balancers have yet to turn away: what they still send is served.
    const late = await openRawClient(gateway.port)
    late.send(get('/v1/models'))
    expect(await late.until('"list"')).toMatch(/^HTTP\/1\.1 200 /)

    await expect
      .poll(
        () =>
          openRawClient(gateway.port).then(
            (one) => one.socket.destroy(),
            (error) => error.code,
          ),
        { timeout: 3_000 },
      )
      .toBe('ECONNREFUSED')
    const { code, atMs } = await gateway.exited
    expect(code).toBe(0)
    expect(atMs - signalledAtMs).toBeGreaterThan(1_800)
    expect(atMs - signalledAtMs).toBeLessThan(5_000)

    const ends = await Promise.all(streams.map((client) => client.closed()))
    expect(ends.filter(({ reset }) => reset)).toHaveLength(0)
    for (const [at, { text }] of ends.entries()) {
      expect(text).toMatch(/\r\n0\r\n\r\n$/)
      expect(isWhole(text)).toBe(at % 2 === 0)
      expect(text.includes('gateway_shutting_down')).toBe(at % 2 === 1)
    }
    const records = expectOneRecordEach(gateway, STREAMS)
    expect(records.filter((line) => line['state'] === 'completed')).toHaveLength(STREAMS / 2)
    const cut = records.filter((line) => line['state'] !== 'completed')
    expect(new Set(cut.map((line) => `${String(line['state'])} ${String(line['code'])}`))).toEqual(
      new Set(['truncated gateway_shutting_down']),
    )
  })
})

describe('fault 125: signals', () => {
  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
  ] as const)(
    '%s and later %s: the second ends it at once with 130, and nothing is missing in the log',
    async (first, second) => {
      const gateway = await startBefore({ wait: '1m', drain: '10m' })
      const streams = await openStreams(gateway.port, 20, 'long')
      gateway.kill(first)
      const stopping = await gateway.line({ notice: 'gateway_stopping' })
      const signalledAtMs = performance.now()
      // Very soon after the first it would be taken for the same; one of these is the second.
      const again = setInterval(() => gateway.kill(second), 100)
      // It is obeyed from here on: one more would meet a process that listens to no signal any more, and kill it.
      await Promise.race(streams.map((client) => client.closed()))
      clearInterval(again)
      const { code, atMs } = await gateway.exited
      expect(stopping['facts']).toMatchObject({ waitMs: 60_000, drainMs: 600_000, openCalls: 20 })
      expect(code).toBe(130)
      expect(atMs - signalledAtMs).toBeLessThan(2_000)
      await Promise.all(streams.map((client) => client.closed()))
      expectOneRecordEach(gateway, 20)
    },
  )

  test('SIGINT twice at once, as Ctrl-C comes under npm, still drains', async () => {
    const gateway = await startBefore({ drain: '10s' })
    const streams = await openStreams(gateway.port, 10, 'short')
    gateway.kill('SIGINT')
    await gateway.line({ notice: 'gateway_stopping' })
    gateway.kill('SIGINT')
    const { code } = await gateway.exited
    expect(code).toBe(0)
    for (const client of streams) expect(isWhole((await client.closed()).text)).toBe(true)
    expectOneRecordEach(gateway, 10)
  })

  test('SIGTERM to an idle gateway ends it at once with 0, even where the drain may take minutes', async () => {
    const gateway = await startBefore({})
    const idle = await openRawClient(gateway.port)
    const signalledAtMs = performance.now()
    gateway.kill('SIGTERM')
    const { code, atMs } = await gateway.exited
    expect(code).toBe(0)
    expect(atMs - signalledAtMs).toBeLessThan(1_500)
    await idle.closed()
  })
})
