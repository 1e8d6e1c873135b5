/** A client that does not read is not paid for with our memory: a thousand of them under providers that never stop. */

import { expect, onTestFinished, test } from 'vitest'
import { openWall, type ReceivedRequest } from '../../src/upstream/wall.ts'
import type { FirstDialect } from '../support/client-answer.ts'
import { startProcess } from '../support/gateway-process.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'
import { chatBytes, contentOf, openingOf, pause, PROOF_MS, provider } from './proofs.test-support.ts'
import { statusOf } from '../support/status-of.ts'

const READERS = 1_000
const MIB = 1024 ** 2
const OPENED_TOGETHER = 25
/** What a busy process keeps for itself, and its collector has not given back yet. */
const SLACK_BYTES = 40 * MIB
/** Nothing moves any more where nothing has for this long. */
const STILL_MS = 300

/** Writes without end and as fast as it is taken. */
function pour({ socket }: ReceivedRequest, dialect: FirstDialect, onWritten: (bytes: number) => void): void {
  const block = Buffer.from(contentOf(dialect, 'word '.repeat(800)).repeat(4))
  const on = () => {
    do onWritten(block.length)
    while (!socket.destroyed && socket.write(block))
  }
  socket.on('drain', on)
  socket.write(openingOf(dialect))
  on()
}

test('faults 81, 111, SEC-56: a thousand clients that never read cost less than a megabyte each', {
  timeout: PROOF_MS,
}, async () => {
  const written: Record<FirstDialect, number> = { 'openai-chat': 0, 'anthropic-messages': 0 }
  const open = (dialect: FirstDialect) =>
    openWall((request) => pour(request, dialect, (bytes) => (written[dialect] += bytes)))
  const walls = [await open('openai-chat'), await open('anthropic-messages')]
  onTestFinished(async () => {
    for (const wall of walls) await wall[Symbol.asyncDispose]()
  })
  const [chat, messages] = walls.map((wall) => wall.origin)
  const gateway = await startProcess({
    config: {
      discover: false,
      limits: { eventLoopLag: '1m' },
      providers: {
        chat: provider(chat ?? '', 'openai-chat'),
        messages: provider(messages ?? '', 'anthropic-messages'),
      },
    },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())

  const memoryBytes = async () => (await statusOf(gateway.adminUrl)).process.memoryBytes
  const untilStill = async () => {
    for (let before = -1; before !== sum(written); await pause(STILL_MS)) before = sum(written)
  }
  /** Each reads the beginning, and then nothing. */
  const openReaders = async (count: number): Promise<readonly RawClient[]> => {
    const readers: RawClient[] = []
    while (readers.length < count) {
      const batch = Array.from({ length: Math.min(OPENED_TOGETHER, count - readers.length) }, (_, place) =>
        openReader(gateway.port, readers.length + place),
      )
      readers.push(...(await Promise.all(batch)))
    }
    await untilStill()
    return readers
  }
  const leave = async (readers: readonly RawClient[]) => {
    for (const { socket } of readers) socket.destroy()
    await expect
      .poll(async () => (await statusOf(gateway.adminUrl)).process.requestsInFlight, { timeout: 5_000 })
      .toBe(0)
  }

  // Once to warm up: code that is compiled and heap that has grown are there before the measurement begins.
  await leave(await openReaders(20))
  const before = await memoryBytes()
  const readers = await openReaders(READERS)
  expect((await statusOf(gateway.adminUrl)).process.requestsInFlight).toBe(READERS)
  const growth = (await memoryBytes()) - before
  console.log(`${READERS} slow readers: ${(growth / READERS / 1024).toFixed(0)} KiB each, resident`)
  expect(growth).toBeLessThan(READERS * MIB + SLACK_BYTES)

  // Whoever reads is served meanwhile, and one that reads again goes on.
  const served = await openReader(gateway.port, 0)
  served.socket.resume()
  const readBefore = sum(written)
  await expect.poll(() => sum(written) - readBefore).toBeGreaterThan(8 * MIB)
  served.socket.destroy()
  await leave(readers)
  await expect
    .poll(() => walls.flatMap((wall) => wall.sockets).filter((socket) => !socket.destroyed).length, {
      timeout: 5_000,
    })
    .toBe(0)
})

async function openReader(port: number, at: number): Promise<RawClient> {
  const dialect: FirstDialect = at % 2 === 0 ? 'openai-chat' : 'anthropic-messages'
  const target = Math.floor(at / 2) % 2 === 0 ? 'chat' : 'messages'
  const client = await openRawClient(port)
  client.send(chatBytes({ model: `${target}/m`, dialect }))
  await client.until('word')
  client.socket.pause()
  return client
}

function sum(written: Readonly<Record<FirstDialect, number>>): number {
  return written['openai-chat'] + written['anthropic-messages']
}
