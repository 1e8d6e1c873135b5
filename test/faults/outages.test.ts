/** Providers that are away for a while, in fast time over real sockets: rows 39 to 41. */

import { describe, expect, test, vi } from 'vitest'
import { sleep, systemClock } from '../../src/std/clock.ts'
import type { ClientAnswer } from '../support/client-answer.ts'
import { speedUpTime } from '../support/fast-time.ts'
import {
  ALL_CLIENTS,
  type Asking,
  type Bench,
  expectRefused,
  expectWhole,
  MODES,
  openBench,
} from '../support/upstreams.ts'

vi.setConfig({ maxConcurrency: 8 })
speedUpTime(12)

const EVERY_MS = 4_000
/** The longest cooldown, lengthened by chance, and the time until the next request. */
const BACK_WITHIN_MS = 30_000

/** One client after another, in every way of asking. */
function askingOf(index: number): Asking {
  return {
    client: ALL_CLIENTS[index % ALL_CLIENTS.length] ?? 'openai-chat',
    mode: MODES[index % MODES.length] ?? 'stream',
  }
}

interface Turn {
  readonly atMs: number
  readonly answer: ClientAnswer
  readonly primaryCalls: number
}

async function askRegularly(bench: Bench, count: number): Promise<readonly Turn[]> {
  const startMs = systemClock.nowMs()
  const turns: Turn[] = []
  for (let index = 0; index < count; index += 1) {
    const dueMs = startMs + index * EVERY_MS
    await sleep(systemClock, Math.max(0, dueMs - systemClock.nowMs()))
    const before = bench.calls('primary').length
    const atMs = systemClock.nowMs() - startMs
    const answer = await bench.ask(askingOf(index))
    turns.push({ atMs, answer, primaryCalls: bench.calls('primary').length - before })
  }
  return turns
}

function callsIn(turns: readonly Turn[]): number {
  return turns.reduce((sum, { primaryCalls }) => sum + primaryCalls, 0)
}

describe.concurrent('fault 39: an outage of a minute, and one that comes and goes', () => {
  test('fault 39: a minute of 503: everybody is answered, few probes, and the primary is back soon', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: 'openai-chat',
          text: 'From the primary.',
          faults: [{ fault: 'status-503', untilMs: 60_000 }],
        },
        backup: { dialect: 'anthropic-messages', text: 'From the backup.' },
      },
      retries: 2,
    })
    const turns = await askRegularly(bench, 24)
    for (const { answer } of turns) expect([answer.status, answer.error]).toEqual([200, undefined])
    const outage = turns.filter(({ atMs }) => atMs < 58_000)
    for (const { answer } of outage) expectWhole(answer, 'From the backup.')
    // Three failures open the breaker; then one probe at a time, after 5, 10 and 15 s and every 15 s.
    expect(callsIn(outage)).toBeLessThanOrEqual(10)
    expect(callsIn(outage)).toBeGreaterThanOrEqual(5)
    const late = turns.filter(({ atMs }) => atMs > 60_000 + BACK_WITHIN_MS)
    expect(late.length).toBeGreaterThan(0)
    for (const { answer } of late) expectWhole(answer, 'From the primary.')
    for (const { answer } of turns) {
      const { exchange } = await bench.recordOf(answer)
      expect(exchange.state).toBe('completed')
      expect(exchange.attempts).toBeLessThanOrEqual(3)
    }
    expect(bench.gateway.attempts.filter(({ isWaste }) => isWaste)).toEqual([])
  })

  test('fault 39: five seconds down, five seconds up: everybody is answered, and few of the calls are lost', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: 'anthropic-messages',
          text: 'From the primary.',
          faults: [{ fault: 'status-503', untilMs: 5_000, periodMs: 10_000 }],
        },
        backup: { dialect: 'openai-chat', text: 'From the backup.' },
      },
      retries: 2,
    })
    const turns = await askRegularly(bench, 20)
    for (const { answer } of turns) {
      expect([answer.status, answer.error]).toEqual([200, undefined])
      expect(['From the primary.', 'From the backup.']).toContain(answer.text)
    }
    const failed = bench.gateway.attempts.filter(({ outcome }) => outcome === 'failed')
    // Half of the time it is down: asked blindly, with its second tries, it would fail twenty times.
    expect(failed.length).toBeLessThanOrEqual(15)
    expect(failed.every(({ code }) => code === 'upstream_unavailable')).toBe(true)
  })
})

describe.concurrent('fault 40: a probe that begins well and ends dead', () => {
  const ends = [
    { fault: 'reset-after-start', code: 'upstream_truncated', mode: 'stream' },
    { fault: 'head-only', code: 'upstream_timeout', mode: 'fold' },
    { fault: 'cut-stream(token=3,by=fin)', code: 'upstream_truncated', mode: 'fold' },
  ] as const

  test.for(ends.flatMap((end) => ALL_CLIENTS.map((client) => ({ ...end, client }))))(
    'fault 40: after a 200 and then $fault the breaker stays open ($client $mode)',
    async ({ fault, code, mode, client }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: 'openai-chat',
            faults: [{ fault: 'status-503', calls: [1, 2, 3] }, { fault }],
            timeouts: { firstToken: '5s', idle: '5s' },
          },
          backup: { dialect: 'anthropic-messages', text: 'From the backup.' },
        },
        retries: 0,
      })
      const ask = async () => {
        expectWhole(await bench.ask({ client, mode }), 'From the backup.')
        return bench.calls('primary').length
      }
      await ask()
      await ask()
      expect(await ask()).toBe(3)
      expect(await ask()).toBe(3)
      await sleep(systemClock, 5_600)
      // The probe: its status was 200, and it is worth nothing.
      expect(await ask()).toBe(4)
      expect(bench.gateway.attempts.findLast(({ target }) => target === 'primary/m')).toMatchObject({
        outcome: 'failed',
        code,
        usageSource: 'unknown',
        isWaste: true,
      })
      expect(await ask()).toBe(4)
      expect(await ask()).toBe(4)
    },
  )
})

describe.concurrent('fault 41: every target is out', () => {
  test.for(ALL_CLIENTS.flatMap((client) => (['stream', 'plain'] as const).map((mode) => ({ client, mode }))))(
    'fault 41: $client $mode: the least bad is tried once; else 503 and when to come back',
    async ({ client, mode }) => {
      await using bench = await openBench({
        upstreams: {
          one: { dialect: 'openai-chat', faults: ['status-503'] },
          two: { dialect: 'anthropic-messages', faults: ['status-503'] },
        },
        retries: 0,
      })
      const callsNow = () => bench.calls('one').length + bench.calls('two').length
      for (let turn = 0; turn < 3; turn += 1) {
        expectRefused(await bench.ask({ client, mode }), {
          status: 503,
          code: 'upstream_unavailable',
          shouldRetry: true,
        })
      }
      expect(callsNow()).toBe(6)
      for (let turn = 0; turn < 3; turn += 1) {
        const before = callsNow()
        const answer = await bench.ask({ client, mode })
        expect(answer.status).toBe(503)
        expect(callsNow() - before).toBeLessThanOrEqual(1)
        // The earliest moment at which one of them may be asked again.
        const seconds = Number(answer.headers.get('retry-after'))
        expect(seconds).toBeGreaterThan(0)
        expect(seconds).toBeLessThanOrEqual(17)
        const { exchange } = await bench.recordOf(answer)
        expect(exchange).toMatchObject({ state: 'failed', status: 503 })
        expect(exchange.costNanoUsd ?? 0).toBe(0)
      }
    },
  )

  test('fault 41: the one tried all the same answers, and all is well again', async () => {
    await using bench = await openBench({
      upstreams: {
        one: { dialect: 'openai-chat', faults: [{ fault: 'status-503', first: 3 }], text: 'Back.' },
        two: { dialect: 'anthropic-messages', faults: [{ fault: 'status-503', first: 3 }], text: 'Back.' },
      },
      retries: 0,
    })
    for (let turn = 0; turn < 3; turn += 1) await bench.ask(askingOf(turn))
    for (let turn = 0; turn < 4; turn += 1) expectWhole(await bench.ask(askingOf(turn)), 'Back.')
    expect([...bench.calls('one'), ...bench.calls('two')]).toHaveLength(10)
  })
})
