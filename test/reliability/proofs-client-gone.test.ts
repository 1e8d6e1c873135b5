/** Nobody pays for an answer that nobody reads: a client that leaves takes its call to the provider with it, in every phase. */

import { expect, test } from 'vitest'
import { openWall, type ReceivedRequest, until, type Wall } from '../../src/upstream/wall.ts'
import type { FirstDialect } from '../support/client-answer.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'
import { type AskedChat, chatBytes, contentOf, openingOf, provider, quantile } from './proofs.test-support.ts'
import { statusOf } from '../support/status-of.ts'

const SAMPLES = 12
const GONE_P99_MS = 100

interface Phase {
  readonly name: string
  readonly ask: Partial<AskedChat>
  /** What the provider does with the request, and then no more. */
  readonly answer: (request: ReceivedRequest, dialect: FirstDialect) => void
  /** What has reached the client by then. */
  readonly reached?: string
}

const PHASES: readonly Phase[] = [
  { name: 'waiting for headers', ask: {}, answer: () => {} },
  {
    name: 'waiting for the first token',
    ask: {},
    answer: ({ socket }, dialect) => void socket.write(openingOf(dialect)),
  },
  {
    name: 'mid-stream',
    ask: {},
    answer: ({ socket }, dialect) => void socket.write(openingOf(dialect) + contentOf(dialect, 'words')),
    reached: 'words',
  },
  { name: 'a plain answer', ask: { stream: false, maxTokens: 16 }, answer: () => {} },
  {
    name: 'an answer that is folded',
    ask: { stream: false },
    answer: ({ socket }, dialect) => void socket.write(openingOf(dialect) + contentOf(dialect, 'words')),
  },
]

/** Ways of leaving; the last one is fault 110. */
const WAYS: readonly ((client: RawClient) => void)[] = [
  ({ socket }) => socket.destroy(),
  ({ socket }) => socket.resetAndDestroy(),
  ({ socket }) => socket.end(),
]

const all: number[] = []

/** One provider, one gateway; each request is handed to the test as it arrives at the provider. */
async function openStage(target: FirstDialect) {
  let onRequest: (request: ReceivedRequest) => void = () => {}
  const wall = await openWall((request) => onRequest(request))
  const gateway = await startTestGateway({
    config: { discover: false, providers: { up: provider(wall.origin, target) } },
  })
  return {
    wall,
    gateway,
    arrival: () => new Promise<ReceivedRequest>((resolve) => (onRequest = resolve)),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await wall[Symbol.asyncDispose]()
    },
  }
}

/** From the client's leaving to the moment the provider sees its connection end, ms. */
async function leaveOnce(
  { gateway, arrival }: { gateway: TestGateway; arrival: () => Promise<ReceivedRequest> },
  phase: Phase,
  { client: dialect, target, way }: { client: FirstDialect; target: FirstDialect; way: number },
): Promise<number> {
  const arrived = arrival()
  const client = await openRawClient(gateway.port, { allowHalfOpen: true })
  client.send(chatBytes({ model: 'up/m', dialect, ...phase.ask }))
  const request = await arrived
  phase.answer(request, target)
  if (phase.reached !== undefined) await client.until(phase.reached)
  // What was written has been read on the other side.
  else await new Promise((resolve) => setTimeout(resolve, 3))
  const closed = new Promise<number>((resolve) => {
    const note = () => resolve(performance.now())
    request.socket.once('end', note).once('close', note)
  })
  const leftAtMs = performance.now()
  WAYS[way % WAYS.length]?.(client)
  const closedAtMs = await closed
  client.socket.destroy()
  return closedAtMs - leftAtMs
}

const PAIRS = [
  { client: 'openai-chat', target: 'openai-chat' },
  { client: 'anthropic-messages', target: 'openai-chat' },
  { client: 'openai-chat', target: 'anthropic-messages' },
  { client: 'anthropic-messages', target: 'anthropic-messages' },
] as const

test.for(PAIRS)('faults 106-108, 110: $client over $target', async (pair) => {
  await using stage = await openStage(pair.target)
  for (const phase of PHASES) {
    const figures: number[] = []
    for (let way = 0; way < SAMPLES; way += 1) figures.push(await leaveOnce(stage, phase, { ...pair, way }))
    all.push(...figures)
    expect(Math.max(...figures), phase.name).toBeLessThan(1_000)
  }
  // Each left its one record, and holds nothing.
  await expect.poll(() => stage.gateway.exchanges.length).toBe(PHASES.length * SAMPLES)
  expect(new Set(stage.gateway.exchanges.map(({ state }) => state))).toEqual(new Set(['client_gone']))
  expect(new Set(stage.gateway.attempts.map(({ outcome }) => outcome))).toEqual(new Set(['cancelled']))
})

test('fault 105: who leaves while waiting costs no call, and its place is free within the same time', async () => {
  const WAITING = 60
  await using wall: Wall = await openWall(({ socket, number }) => {
    if (number > 1) return
    const body = '{"error":{"message":"slower"}}'
    socket.write(
      `HTTP/1.1 429 Too Many\r\ncontent-type: application/json\r\nretry-after-ms: 2500\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
  })
  await using gateway = await startTestGateway({
    config: {
      discover: false,
      providers: { up: provider(wall.origin) },
      routes: { smart: { targets: ['up/m'], retries: 0 } },
    },
  })
  const first = await openRawClient(gateway.port)
  first.send(chatBytes({ model: 'smart' }))
  await first.until('\r\n\r\n')
  first.socket.destroy()
  const clients = await Promise.all(Array.from({ length: WAITING }, () => openRawClient(gateway.port)))
  for (const client of clients) client.send(chatBytes({ model: 'smart' }))
  const inFlight = async () => (await statusOf(gateway.running.adminUrl)).process
  await expect.poll(inFlight, { interval: 20 }).toMatchObject({ requestsInFlight: WAITING })
  for (const client of clients) {
    const before = gateway.exchanges.length
    const leftAtMs = performance.now()
    client.socket.destroy()
    await until(() => gateway.exchanges.length > before)
    all.push(performance.now() - leftAtMs)
  }
  expect(await inFlight()).toMatchObject({ requestsInFlight: 0 })
  expect(gateway.exchanges.filter(({ state }) => state === 'client_gone')).toHaveLength(WAITING)
  // Their wait is over, and nobody calls.
  await new Promise((resolve) => setTimeout(resolve, 2_600))
  expect(wall.requests).toHaveLength(1)
})

test('fault 105: who leaves the queue of a target whose slots are taken costs no call either', async () => {
  const WAITING = 40
  await using wall: Wall = await openWall(({ socket }) => void socket.write(openingOf('openai-chat')))
  await using gateway = await startTestGateway({
    config: { discover: false, providers: { up: { ...provider(wall.origin), slots: 1 } } },
  })
  const ask = async () => {
    const client = await openRawClient(gateway.port)
    client.send(chatBytes({ model: 'up/m' }))
    return client
  }
  const holder = await ask()
  await expect.poll(() => wall.requests.length, { interval: 10 }).toBe(1)
  const clients = await Promise.all(Array.from({ length: WAITING }, ask))
  const gates = async () => (await statusOf(gateway.running.adminUrl)).gates
  await expect
    .poll(gates, { interval: 20 })
    .toMatchObject([{ target: 'up/m', inFlight: 1, slots: 1, queued: WAITING }])
  for (const client of clients) {
    const before = gateway.exchanges.length
    const leftAtMs = performance.now()
    client.socket.destroy()
    await until(() => gateway.exchanges.length > before)
    all.push(performance.now() - leftAtMs)
  }
  expect(await gates()).toMatchObject([{ inFlight: 1, queued: 0 }])
  holder.socket.destroy()
  await expect.poll(gates, { interval: 20 }).toMatchObject([{ inFlight: 0, queued: 0 }])
  expect(wall.requests).toHaveLength(1)
})

test('in 99 of 100 cases the provider sees it within 100 ms', () => {
  const p99Ms = quantile(all, 0.99)
  const shown = [0.5, 0.99, 1].map((share) => `${quantile(all, share).toFixed(1)} ms`)
  console.log(
    `client gone to provider closed, ${all.length} times: p50 ${shown[0]}, p99 ${shown[1]}, longest ${shown[2]}`,
  )
  expect(all.length).toBeGreaterThanOrEqual(200)
  expect(p99Ms).toBeLessThanOrEqual(GONE_P99_MS)
})
