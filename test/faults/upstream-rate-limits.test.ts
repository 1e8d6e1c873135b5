/** Refusals that are about how much may be asked: rate limits, quotas, and what their headers say. Rows 19 to 23. */

import { describe, expect, test } from 'vitest'
import type { ClientAnswer } from '../support/client-answer.ts'
import {
  type Asking,
  type Bench,
  combinations,
  expectRefused,
  expectWhole,
  openBench,
  otherDialect,
} from '../support/upstreams.ts'

const ASKING: Asking = { client: 'openai-chat', mode: 'stream' }
const PAIRS = combinations({ modes: ['stream', 'plain'] })

function gapMs(bench: Bench, name: string): number {
  const [first, second] = bench.calls(name)
  if (!first || !second) throw new Error('there were not two calls')
  return second.startMs - (first.endMs ?? Number.NaN)
}

describe('fault 19: a 429 that says when', () => {
  test('fault 19: the same target is asked again after the two seconds it asked for', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: 'openai-chat',
          text: 'Patience pays.',
          faults: [{ fault: 'rate-limit(after=2)', first: 1 }],
        },
        backup: { dialect: 'anthropic-messages', text: 'Not needed.' },
      },
    })
    const answer = await bench.ask(ASKING)
    expectWhole(answer, 'Patience pays.')
    expect(gapMs(bench, 'primary')).toBeGreaterThanOrEqual(1_800)
    expect(bench.calls('primary')).toHaveLength(2)
    expect(bench.calls('backup')).toHaveLength(0)
    const { attempts } = await bench.recordOf(answer)
    expect(attempts).toMatchObject([
      { code: 'rate_limited', upstreamStatus: 429, usageSource: 'none', isWaste: false, flags: [] },
      { outcome: 'completed', usageSource: 'reported' },
    ])
  })

  test.concurrent.for(PAIRS)(
    'fault 19: a short wait is kept, then $client $mode from $target is answered',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: target,
            text: 'Patience pays.',
            faults: [{ fault: 'rate-limit(after=none,ms=300)', first: 1 }],
          },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'Patience pays.')
      expect(gapMs(bench, 'primary')).toBeGreaterThanOrEqual(290)
    },
  )

  test('fault 19: inside the window another request goes to the fallback at once', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: 'openai-chat', faults: [{ fault: 'rate-limit(after=20)', first: 1 }] },
        backup: { dialect: 'openai-chat', text: 'Here at once.' },
      },
    })
    for (let turn = 0; turn < 3; turn += 1) expectWhole(await bench.ask(ASKING), 'Here at once.')
    expect(bench.calls('primary')).toHaveLength(1)
    expect(bench.calls('backup')).toHaveLength(3)
  })
})

describe('fault 20: a 429 for ever', () => {
  test.concurrent.for(PAIRS)(
    'fault 20: the fallback answers $client $mode when $target is limited',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['rate-limit(after=none)'] },
          backup: { dialect: otherDialect(target), text: 'No limit here.' },
        },
      })
      expectWhole(await bench.ask({ client, mode }), 'No limit here.')
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )

  test.concurrent.for([
    { after: 'none', callsMax: 2, shownMax: 1 },
    { after: '1', callsMax: 2, shownMax: 1 },
    { after: '30', callsMax: 1, shownMax: 30 },
    { after: '600', callsMax: 1, shownMax: 60 },
  ])(
    'fault 20: alone, with Retry-After $after, few calls and a 429 that says when',
    async ({ after, callsMax, shownMax }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: 'openai-chat', faults: [`rate-limit(after=${after})`] } },
      })
      const startedMs = performance.now()
      const answer = await bench.ask({ client: 'anthropic-messages', mode: 'plain' })
      expect(performance.now() - startedMs).toBeLessThan(3_000)
      expectRefused(answer, { status: 429, code: 'rate_limited', shouldRetry: true })
      expectWait(answer, shownMax)
      const calls = bench.calls('primary').length
      expect(calls).toBeLessThanOrEqual(callsMax)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'failed', code: 'rate_limited', attempts: calls })
    },
  )

  test('fault 20: inside a long window nobody asks, and the client is told what is left of it', async () => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat', faults: ['rate-limit(after=40)'] } },
    })
    expectWait(await bench.ask(ASKING), 40)
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await bench.ask(ASKING)
      expectRefused(answer, { status: 429, code: 'rate_limited', shouldRetry: true })
      expectWait(answer, 40)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(30)
    }
    expect(bench.calls('primary')).toHaveLength(1)
  })
})

/** Both headers and the body say the same wait, within the bound. */
function expectWait(answer: ClientAnswer, secondsMax: number): void {
  const seconds = Number(answer.headers.get('retry-after'))
  const ms = Number(answer.headers.get('retry-after-ms'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(Math.min(60, secondsMax))
  expect(Math.ceil(ms / 1_000)).toBe(seconds)
  expect(answer.values[0]).toMatchObject({ error: { holdfast: { retryable: true } } })
  const told = /"retry_after_ms":(\d+(?:\.\d+)?)/.exec(answer.raw)?.[1]
  expect(Math.ceil(Number(told))).toBe(ms)
}

describe('fault 21: a Retry-After that makes no sense', () => {
  const values = [
    { after: '86400', isOdd: false },
    { after: '86401', isOdd: true },
    { after: '-1', isOdd: true },
    { after: 'soon', isOdd: true },
    { after: 'past-date', isOdd: true },
    { after: '1e309', isOdd: true },
    { after: '9'.repeat(400), isOdd: true },
  ]

  test.concurrent.for(values)(
    'fault 21: "$after" with a fallback: nobody waits',
    async ({ after, isOdd }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: 'anthropic-messages', faults: [`rate-limit(after=${after})`] },
          backup: { dialect: 'openai-chat', text: 'Not limited.' },
        },
      })
      const startedMs = performance.now()
      const answer = await bench.ask(ASKING)
      expectWhole(answer, 'Not limited.')
      expect(performance.now() - startedMs).toBeLessThan(1_500)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({
        code: 'rate_limited',
        flags: isOdd ? ['header_anomaly'] : [],
      })
    },
  )

  test.concurrent.for(values)(
    'fault 21: "$after" alone: no long sleep, and a wait within bounds',
    async ({ after }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: 'openai-chat', faults: [`rate-limit(after=${after})`] } },
      })
      const startedMs = performance.now()
      const answer = await bench.ask({ client: 'openai-chat', mode: 'plain' })
      expect(performance.now() - startedMs).toBeLessThan(3_000)
      expectRefused(answer, { status: 429, code: 'rate_limited', shouldRetry: true })
      expectWait(answer, 60)
      expect(bench.calls('primary').length).toBeLessThanOrEqual(2)
    },
  )
})

describe('fault 22: retry-after-ms beside a Retry-After that disagrees', () => {
  test('fault 22: the shorter milliseconds win over a minute', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: 'openai-chat',
          text: 'After a moment.',
          faults: [{ fault: 'rate-limit(after=60,ms=350)', first: 1 }],
        },
      },
    })
    expectWhole(await bench.ask(ASKING), 'After a moment.')
    expect(gapMs(bench, 'primary')).toBeGreaterThanOrEqual(340)
    expect(gapMs(bench, 'primary')).toBeLessThan(3_000)
  })

  test('fault 22: the longer milliseconds win over nothing', async () => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat', faults: ['rate-limit(after=0,ms=25000)'] } },
    })
    const answer = await bench.ask(ASKING)
    expect(answer.headers.get('retry-after-ms')).toBe('25000')
    expect(bench.calls('primary')).toHaveLength(1)
  })
})

describe('fault 23: no quota and no money left', () => {
  const openaiVendors = ['openai', 'openai-spend', 'anthropic', 'deepseek', 'qwen', 'openrouter']
  const cases = [
    ...openaiVendors.map((vendor) => ({ target: 'openai-chat' as const, vendor })),
    ...['anthropic', 'deepseek', 'openrouter'].map((vendor) => ({
      target: 'anthropic-messages' as const,
      vendor,
    })),
  ]

  test.concurrent.for(cases)(
    'fault 23: $vendor in $target: the fallback answers, and the credential is not used again',
    async ({ target, vendor }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: [`insufficient-quota(vendor=${vendor})`] },
          backup: { dialect: otherDialect(target), text: 'Paid for.' },
        },
      })
      for (let turn = 0; turn < 3; turn += 1) {
        const answer = await bench.ask({ client: target, mode: turn === 1 ? 'plain' : 'stream' })
        expectWhole(answer, 'Paid for.')
      }
      expect(bench.calls('primary')).toHaveLength(1)
      expect(bench.calls('backup')).toHaveLength(3)
      expect(bench.gateway.notices.filter(({ name }) => name === 'credential_exhausted')).toHaveLength(1)
      expect(bench.gateway.attempts[0]).toMatchObject({ code: 'insufficient_quota', usageSource: 'none' })
    },
  )

  test('fault 23: alone, the client is told not to try again, and no model of the credential is asked', async () => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat', faults: ['insufficient-quota'] } },
      targets: ['primary/m', 'primary/other'],
    })
    for (const model of ['smart', 'smart', 'primary/m', 'primary/third']) {
      const answer = await bench.ask({ client: 'anthropic-messages', mode: 'plain', model })
      expectRefused(answer, { status: 429, code: 'insufficient_quota', shouldRetry: false })
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'failed', code: 'insufficient_quota' })
    }
    expect(bench.calls('primary')).toHaveLength(1)
  })

  test('fault 23: twenty requests at once raise one alert', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: 'openai-chat',
          faults: ['insufficient-quota'],
          pace: { firstTokenMs: 20 },
        },
        backup: { dialect: 'openai-chat', text: 'Paid for.' },
      },
    })
    const answers = await Promise.all(Array.from({ length: 20 }, () => bench.ask(ASKING)))
    for (const answer of answers) expectWhole(answer, 'Paid for.')
    expect(bench.gateway.notices.filter(({ name }) => name === 'credential_exhausted')).toHaveLength(1)
  })
})

describe.concurrent('fault 42: limit headers that make no sense', () => {
  const kinds = ['negative', 'garbage', 'huge']
  test.for(kinds.flatMap((kind) => combinations().map((one) => ({ kind, ...one }))))(
    'fault 42: $kind ones from $target are ignored: $client $mode is answered every time, without a wait',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: 'As ever.', faults: [`bad-limit-headers(kind=${kind})`] },
          backup: { dialect: otherDialect(target), text: 'Not needed.' },
        },
      })
      const startedMs = performance.now()
      const answers = await Promise.all([1, 2, 3].map(() => bench.ask({ client, mode })))
      for (const answer of [...answers, await bench.ask({ client, mode })]) {
        expectWhole(answer, 'As ever.')
        const { attempts } = await bench.recordOf(answer)
        expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported' }])
      }
      expect(performance.now() - startedMs).toBeLessThan(5_000)
      expect(bench.calls('primary')).toHaveLength(4)
      expect(bench.calls('backup')).toHaveLength(0)
    },
  )
})
