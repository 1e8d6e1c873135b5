/** A process that is behind with its work takes no more of it, keeps what it has, says so, and recovers by itself. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { OVERLOAD_KEPT } from '../../src/admission/admission.ts'
import { openWall } from '../../src/upstream/wall.ts'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'
import { openRawClient } from '../support/raw-client.ts'
import {
  chatBytes,
  contentOf,
  endingOf,
  openingOf,
  pause,
  PROOF_MS,
  provider,
} from './proofs.test-support.ts'
import { statusOf } from '../support/status-of.ts'

/** For four seconds, every turn of the loop takes four tenths of one. */
const BUSY = `
  process.on('SIGUSR2', () => {
    const endsAtMs = performance.now() + 4_000
    const turn = () => {
      const freeAtMs = performance.now() + 400
      while (performance.now() < freeAtMs);
      if (performance.now() < endsAtMs) setTimeout(turn, 0)
    }
    turn()
  })`
/** One turn of the loop, after some that gave a sign of life, does not end before the file is there. */
const stuckUntil = (file: string) => `
  import { existsSync } from 'node:fs'
  const spinForNothing = () => {
    while (!existsSync(${JSON.stringify(file)})) {
      const endsAtMs = performance.now() + 50
      while (performance.now() < endsAtMs);
    }
  }
  process.on('SIGUSR2', () => setTimeout(spinForNothing, 1_000))`
/** The rest after it, and a margin. */
const READY_AGAIN_MS = 20_000
const LONG_BODY_BYTES = 20 * 1024 ** 2

async function startGateway(origin: string, limits: object = {}, preload = BUSY): Promise<GatewayProcess> {
  const gateway = await startProcess({
    config: {
      discover: false,
      limits,
      providers: { up: provider(origin) },
      routes: { smart: { targets: ['up/m'], retries: 0 } },
    },
    nodeArguments: ['--import', './preload.mjs'],
    prepare: (folder) => writeFileSync(join(folder, 'preload.mjs'), preload),
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

test('fault 137: an event loop that is blocked sheds before the body, finishes what runs, and recovers', {
  timeout: PROOF_MS,
}, async () => {
  let isEnding = false
  await using wall = await openWall(({ socket }) => {
    socket.write(openingOf('openai-chat') + contentOf('openai-chat', 'word'))
    const timer = setInterval(() => {
      if (!isEnding) return
      clearInterval(timer)
      socket.write(endingOf('openai-chat'))
    }, 50)
    socket.on('close', () => clearInterval(timer))
  })
  const gateway = await startGateway(wall.origin)
  const streams = await Promise.all(Array.from({ length: OVERLOAD_KEPT }, () => openRawClient(gateway.port)))
  for (const stream of streams) stream.send(chatBytes({ model: 'smart' }))
  await Promise.all(streams.map((stream) => stream.until('word')))

  gateway.kill('SIGUSR2')
  const blocked = await gateway.line({ notice: 'event_loop_blocked' })
  expect(blocked).toMatchObject({ level: 'warn', facts: { lagMs: expect.any(Number) } })
  expect(await statusOf(gateway.adminUrl)).toMatchObject({
    state: 'degraded',
    process: { isOverloaded: true, requestsInFlight: OVERLOAD_KEPT },
  })
  const readiness = await fetch(`${gateway.adminUrl}/readyz`)
  expect([readiness.status, await readiness.json()]).toMatchObject([200, { status: 'degraded' }])
  const late = await openRawClient(gateway.port)
  late.send(`POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\ncontent-length: ${LONG_BODY_BYTES}\r\n\r\n`)
  expect(await late.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1\r\n/i)
  late.socket.destroy()

  const recovered = await gateway.line({ notice: 'event_loop_recovered' })
  const { longestLagMs } = recovered['facts'] as { longestLagMs: number } // As overload-notices.ts has it.
  expect(longestLagMs).toBeGreaterThan(200)
  expect(gateway.linesLike({ notice: 'event_loop_blocked' })).toHaveLength(1)
  isEnding = true
  for (const stream of streams) expect(await stream.until('[DONE]')).toContain('word')
  const next = await openRawClient(gateway.port)
  next.send(chatBytes({ model: 'smart' }))
  expect(await next.until('[DONE]')).toMatch(/^HTTP\/1\.1 200 /)
  for (const { socket } of [...streams, next]) socket.destroy()
  expect(wall.requests).toHaveLength(OVERLOAD_KEPT + 1)
})

test('fault 137: an event loop that is stuck is seen from beside it: where is told at once and logged, and it is not ready for a while', {
  timeout: PROOF_MS,
}, async () => {
  await using wall = await openWall(({ socket }) => {
    socket.write(openingOf('openai-chat') + contentOf('openai-chat', 'word') + endingOf('openai-chat'))
  })
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-stuck-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const end = join(folder, 'end')
  const gateway = await startGateway(wall.origin, {}, stuckUntil(end))
  const ready = async (url: string) => {
    const answer = await fetch(`${url}/readyz`)
    return { status: answer.status, body: await answer.json() }
  }
  expect((await ready(gateway.url)).status).toBe(200)

  gateway.kill('SIGUSR2')
  await expect
    .poll(() => gateway.printed(), { timeout: 30_000 })
    .toMatch(/^holdfast: nothing was done for \d+ ms, stuck in .*spinForNothing \(.*preload\.mjs:\d+\)/m)
  // Told from beside, while nothing else could be.
  expect(gateway.linesLike({ notice: 'event_loop_stuck' })).toEqual([])
  writeFileSync(end, '')

  for (const url of [gateway.url, gateway.adminUrl])
    expect(await ready(url)).toMatchObject({
      status: 503,
      body: { status: 'not ready', reasons: [expect.stringContaining('stuck')] },
    })
  const told = await gateway.line({ notice: 'event_loop_stuck' })
  expect(told).toMatchObject({
    level: 'error',
    facts: { stuckMs: expect.any(Number), stack: expect.stringContaining('spinForNothing') },
  })
  const client = await openRawClient(gateway.port)
  client.send(chatBytes({ model: 'smart' }))
  expect(await client.until('[DONE]')).toMatch(/^HTTP\/1\.1 200 /)
  client.socket.destroy()

  await expect.poll(async () => (await ready(gateway.url)).status, { timeout: READY_AGAIN_MS }).toBe(200)
  expect(gateway.linesLike({ notice: 'event_loop_stuck' })).toHaveLength(1)
  expect(gateway.printed()).not.toContain('Debugger')
  gateway.kill('SIGTERM')
  expect((await gateway.exited).code).toBe(0)
})

test('fault 138: requests of low priority are turned away first, and none of them reaches a provider', async () => {
  const PLACES = 20
  await using wall = await openWall(() => {})
  const gateway = await startGateway(wall.origin, { requestsInFlight: PLACES })
  const ask = async (priority: string) => {
    const client = await openRawClient(gateway.port)
    onTestFinished(() => void client.socket.destroy())
    client.send(chatBytes({ model: 'smart', headers: { 'x-holdfast-priority': priority } }))
    return client
  }
  const inFlight = async () => (await statusOf(gateway.adminUrl)).process.requestsInFlight
  for (let asked = 0; asked < PLACES * 0.8; asked += 1) await ask('low')
  await expect.poll(inFlight).toBe(PLACES * 0.8)
  expect(await (await ask('low')).until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 /)
  for (const priority of ['normal', 'high', 'normal', 'high']) await ask(priority)
  await expect.poll(inFlight).toBe(PLACES)
  for (const priority of ['low', 'normal', 'high'])
    expect(await (await ask(priority)).until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 [^]*retry-after/i)
  await pause(50)
  expect(wall.requests).toHaveLength(PLACES)
})
