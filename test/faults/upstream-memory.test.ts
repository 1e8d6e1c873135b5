/** What hostile upstreams and slow clients cost in memory: rows 46, 68 and 81, measured on a gateway in a process of its own. */

import { describe, expect, test } from 'vitest'
import { createScenario } from '../../src/simulator/scenario.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'
import { startGateway } from '../support/running-gateway.ts'

const MIB = 1024 ** 2
/** What the collector may not have given back yet. */
const COLLECTOR_SLACK_BYTES = 40 * MIB

async function residentBytes(origin: string): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text()
  const bytes = /^process_memory_usage_bytes\S* (\S+)/m.exec(metrics)?.[1]
  if (bytes === undefined) throw new Error('the gateway does not say how much memory it uses')
  return Number(bytes)
}

/** The most it used while the work ran, above what it used before. */
async function growthDuring(origin: string, work: () => Promise<unknown>): Promise<number> {
  const before = await residentBytes(origin)
  let peak = before
  const state = { isDone: false }
  const watch = async () => {
    while (!state.isDone) {
      peak = Math.max(peak, await residentBytes(origin))
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  const watching = watch()
  await work()
  state.isDone = true
  await watching
  return peak - before
}

async function openSetting(fault: string) {
  const simulator = await startSimulator({ scenario: createScenario({ faults: [{ fault }] }) })
  const gateway = await startGateway(`
providers:
  primary: { dialect: openai-chat, baseUrl: ${simulator.origin}/v1, credential: none-needed-here, models: [m], breaker: false }
routes:
  smart: { targets: [primary/m], retries: 0 }
limits: { responseBytes: 8MiB }
`)
  const ask = async (stream: boolean) => {
    const response = await fetch(`${gateway.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: requestBody(stream),
    })
    return { status: response.status, text: await response.text() }
  }
  return {
    simulator,
    gateway,
    ask,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await simulator.close()
    },
  }
}

function requestBody(stream: boolean): string {
  return JSON.stringify({
    model: 'smart',
    messages: [{ role: 'user', content: 'x' }],
    stream,
    ...(stream ? {} : { max_tokens: 100 }),
  })
}

describe('memory', () => {
  test('fault 46: ten endless bodies at once cost their cap each and no more', async () => {
    await using setting = await openSetting('endless-body')
    await setting.ask(false)
    const growth = await growthDuring(setting.gateway.origin, async () => {
      for (let round = 0; round < 3; round += 1) {
        const answers = await Promise.all(Array.from({ length: 10 }, () => setting.ask(false)))
        for (const { status, text } of answers) {
          expect(status).toBe(502)
          expect(text).toContain('response_too_large')
        }
      }
    })
    expect(growth).toBeLessThan(10 * 8 * MIB + 3 * COLLECTOR_SLACK_BYTES)
  })

  test('fault 68: streams with an event of 40 MB cost no more than the bound of one event each', async () => {
    await using setting = await openSetting('huge-event')
    await setting.ask(true)
    const growth = await growthDuring(setting.gateway.origin, async () => {
      const answers = await Promise.all(Array.from({ length: 4 }, () => setting.ask(true)))
      for (const { text } of answers) expect(text).not.toContain('[DONE]')
    })
    expect(growth).toBeLessThan(4 * 2 * 16 * MIB + 3 * COLLECTOR_SLACK_BYTES)
  })

  test('fault 81: twenty clients that read nothing cost less than a megabyte each', async () => {
    await using setting = await openSetting('endless-generation')
    const { gateway, simulator } = setting
    const stalled = () =>
      stalledReaders(gateway.port, 20, () => simulator.calls.map((call) => call.bytesWritten))
    // What a busy process keeps for itself is there before the measurement begins.
    await leave(await stalled())
    let readers: readonly RawClient[] = []
    const growth = await growthDuring(gateway.origin, async () => {
      readers = await stalled()
    })
    expect(growth).toBeLessThan(20 * MIB + COLLECTOR_SLACK_BYTES)
    await leave(readers)
    await Promise.all(simulator.calls.map((call) => call.settled))
    expect(simulator.calls.filter(({ state }) => state === 'peer-left')).toHaveLength(40)
  })
})

/** Clients that ask for a stream, read its beginning and then nothing, until everything behind them stands still. */
async function stalledReaders(
  port: number,
  count: number,
  progress: () => readonly number[],
): Promise<readonly RawClient[]> {
  const body = requestBody(true)
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const readers: RawClient[] = []
  while (readers.length < count) {
    const reader = await openRawClient(port)
    readers.push(reader)
    reader.send(head + body)
    await reader.until('agai')
    reader.socket.pause()
  }
  await allStandStill(progress)
  return readers
}

async function leave(readers: readonly RawClient[]): Promise<void> {
  await Promise.all(
    readers.map(({ socket }) => {
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.destroy()
      return closed
    }),
  )
}

/** Resolves when nothing has moved for a while. */
async function allStandStill(read: () => readonly number[]): Promise<void> {
  let last = ''
  for (let still = 0; still < 4; ) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const now = read().join()
    still = now === last ? still + 1 : 0
    last = now
  }
}
