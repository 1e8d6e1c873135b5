/** Stopping loses nothing: five hundred streams in a process of its own, and every kind of being told to stop. */

import { expect, onTestFinished, test } from 'vitest'
import { createScenario } from '../../src/simulator/scenario.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import type { FirstDialect } from '../support/client-answer.ts'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'
import { chatBytes, PROOF_MS, provider } from './proofs.test-support.ts'

const STREAMS = 500
/** Opened at one time: a machine under test has few cores, and this is no proof of how fast they are. */
const OPENED_TOGETHER = 100
/** Slow, since it is the number of the streams that counts here, and not that of their words. */
const PER_TOKEN_MS = 500

async function startWith(drain: string): Promise<GatewayProcess> {
  const simulator = await startSimulator({
    scenario: createScenario({
      pace: { firstTokenMs: 5, perTokenMs: PER_TOKEN_MS },
      answers: [
        { model: 'short', text: 'word '.repeat(7) },
        { model: 'long', text: 'word '.repeat(400) },
      ],
    }),
  })
  onTestFinished(() => simulator.close())
  const gateway = await startProcess({
    config: {
      discover: false,
      shutdown: { drain },
      // Shedding has a proof of its own.
      limits: { eventLoopLag: '1m' },
      providers: {
        chat: { ...provider(simulator.origin, 'openai-chat'), models: ['short', 'long'] },
        messages: { ...provider(simulator.origin, 'anthropic-messages'), models: ['short', 'long'] },
      },
    },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

interface OpenStream {
  readonly client: RawClient
  readonly isShort: boolean
}

/** Both clients over both targets, short and long by turns, each with its first word. */
async function openStreams(port: number): Promise<readonly OpenStream[]> {
  const streams: OpenStream[] = []
  while (streams.length < STREAMS) {
    const batch = await Promise.all(
      Array.from({ length: OPENED_TOGETHER }, async (_, place) => {
        const at = streams.length + place
        const isShort = at % 2 === 0
        const dialect: FirstDialect = Math.floor(at / 2) % 2 === 0 ? 'openai-chat' : 'anthropic-messages'
        const target = Math.floor(at / 4) % 2 === 0 ? 'chat' : 'messages'
        const client = await openRawClient(port)
        client.send(chatBytes({ model: `${target}/${isShort ? 'short' : 'long'}`, dialect }))
        await client.until('word')
        return { client, isShort }
      }),
    )
    streams.push(...batch)
  }
  return streams
}

const isWhole = (text: string) => text.includes('data: [DONE]') || text.includes('"type":"message_stop"')

/** One record each: of so many streams, no more and no fewer. */
function recordsOf(gateway: GatewayProcess) {
  const records = gateway.linesLike({ msg: 'exchange', operation: 'chat' })
  expect(records).toHaveLength(STREAMS)
  expect(new Set(records.map((line) => line['exchangeId'])).size).toBe(STREAMS)
  return records
}

test('fault 124: SIGTERM under five hundred streams: none is reset, each ends whole or says why not, exit 0', {
  timeout: PROOF_MS,
}, async () => {
  const gateway = await startWith('7s')
  const streams = await openStreams(gateway.port)
  const signalledAtMs = performance.now()
  gateway.kill('SIGTERM')
  const { code, atMs } = await gateway.exited
  const ends = await Promise.all(
    streams.map(async ({ client, isShort }) => ({ ...(await client.closed()), isShort })),
  )
  console.log(`drained ${STREAMS} streams in ${Math.round(atMs - signalledAtMs)} ms`)
  expect(code).toBe(0)
  expect(ends.filter(({ reset }) => reset)).toHaveLength(0)
  for (const { text, isShort } of ends) {
    expect(text).toMatch(/\r\n0\r\n\r\n$/)
    expect([isWhole(text), text.includes('gateway_shutting_down')]).toEqual([isShort, !isShort])
  }
  const states = Map.groupBy(recordsOf(gateway), (line) => line['state'])
  expect(states.get('completed')).toHaveLength(STREAMS / 2)
  expect(states.get('truncated')).toHaveLength(STREAMS / 2)
})

test('fault 125: a second signal under five hundred streams ends it within two seconds, and every record is written', {
  timeout: PROOF_MS,
}, async () => {
  const gateway = await startWith('10m')
  const streams = await openStreams(gateway.port)
  gateway.kill('SIGTERM')
  await gateway.line({ notice: 'gateway_stopping' })
  const signalledAtMs = performance.now()
  gateway.kill('SIGINT')
  const { code, atMs } = await gateway.exited
  expect(code).toBe(130)
  expect(atMs - signalledAtMs).toBeLessThan(2_000)
  await Promise.all(streams.map(({ client }) => client.closed()))
  recordsOf(gateway)
})
