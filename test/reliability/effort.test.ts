/** How much is done for a request when things fail, and how many may ask at once; over real sockets. */

import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { ALL_CLIENTS, expectRefused, expectWhole, openBench } from '../support/upstreams.ts'

const REQUESTS = 60

describe('when every target fails', () => {
  test('fault 115: the SDK asks again and again, and the providers see hardly more than was asked', async () => {
    await using bench = await openBench({
      upstreams: {
        first: { dialect: 'openai-chat', faults: ['status-503'] },
        second: { dialect: 'anthropic-messages', faults: ['status-500'] },
      },
      retries: 2,
    })
    const client = new OpenAI({ baseURL: `${bench.gateway.url}/v1`, apiKey: 'none', maxRetries: 2 })
    const ask = () =>
      client.chat.completions
        .create({ model: 'smart', messages: [{ role: 'user', content: 'hello' }], max_tokens: 20 })
        .then(
          () => 'answered',
          (error: unknown) => (error instanceof OpenAI.APIError ? error.status : error),
        )
    const asked: ReturnType<typeof ask>[] = []
    for (let wave = 0; wave < REQUESTS / 10; wave += 1) {
      const begun = Array.from({ length: 10 }, ask)
      asked.push(...begun)
      // The next ones come when the first of these has learned what there is to learn.
      await Promise.race([...begun, bench.gateway.exchange(({ state }) => state === 'failed')])
    }
    const ends = await Promise.all(asked)
    expect(ends.every((end) => end === 503 || end === 502)).toBe(true)
    const calls = bench.calls('first').length + bench.calls('second').length
    // A fifth more, the floor of three in each window of ten seconds, and what was under way before anything had failed.
    expect(calls).toBeLessThanOrEqual(REQUESTS * 1.2 + 3 + 10)
  })

  test('fault 115: a thousand repeated requests are shed, and told not to come again', async () => {
    await using bench = await openBench({
      upstreams: { only: { dialect: 'openai-chat', faults: ['status-503'], breaker: false } },
      retries: 0,
    })
    const headers = { 'x-stainless-retry-count': '2' }
    for (let turn = 0; turn < 4; turn += 1) await bench.ask({ client: 'openai-chat', mode: 'plain' })
    const before = bench.calls('only').length
    const answers = []
    for (let batch = 0; batch < 20; batch += 1) {
      const asked = Array.from({ length: 50 }, () =>
        bench.ask({ client: 'openai-chat', mode: 'plain', headers }),
      )
      answers.push(...(await Promise.all(asked)))
    }
    expect(bench.calls('only').length - before).toBeLessThanOrEqual(3 + 0.2 * 4)
    const shed = answers.filter(({ error }) => error?.code === 'retry_budget_spent')
    expect(shed.length).toBeGreaterThanOrEqual(990)
    for (const answer of shed)
      expectRefused(answer, { status: 503, code: 'retry_budget_spent', shouldRetry: false })
  })
})

describe('a local server with slots', () => {
  test('fault 105: serves as many as it has, keeps the others waiting, and never hears of one that left', async () => {
    await using bench = await openBench({
      upstreams: {
        local: { dialect: 'openai-chat', text: 'One at a time.', pace: { firstTokenMs: 60 }, slots: 2 },
      },
    })
    const leaving = new AbortController()
    const asked = Array.from({ length: 6 }, () => bench.ask({ client: 'openai-chat', mode: 'stream' }))
    const left = fetch(`${bench.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: 'x' }], stream: true }),
    }).then(
      () => 'answered',
      () => 'left',
    )
    await Promise.all(asked.slice(0, 2))
    leaving.abort()
    expect(await left).toBe('left')
    for (const answer of await Promise.all(asked)) expectWhole(answer, 'One at a time.')
    const calls = bench.calls('local')
    expect(calls).toHaveLength(6)
    const atOnce = calls.map(
      (call) =>
        calls.filter((other) => other.startMs <= call.startMs && (other.endMs ?? 0) > call.startMs).length,
    )
    expect(Math.max(...atOnce)).toBeLessThanOrEqual(2)
    expect(await bench.gateway.exchange(({ state }) => state === 'client_gone')).toMatchObject({
      attempts: 0,
    })
  })
})

describe.concurrent('a refusal by content policy', () => {
  test.for(ALL_CLIENTS)('goes to the next target where the route wishes it: %s', async (client) => {
    await using bench = await openBench({
      upstreams: {
        prudish: { dialect: 'openai-chat', faults: ['content-policy'] },
        other: { dialect: 'anthropic-messages', text: 'Gladly.' },
      },
      route: { policyFallback: true },
    })
    expectWhole(await bench.ask({ client, mode: 'stream' }), 'Gladly.')
    expect(bench.calls('prudish')).toHaveLength(1)
  })

  test.for(ALL_CLIENTS)('fault 28: is the last word where it does not: %s', async (client) => {
    await using bench = await openBench({
      upstreams: {
        prudish: { dialect: 'openai-chat', faults: ['content-policy'] },
        other: { dialect: 'anthropic-messages', text: 'Gladly.' },
      },
    })
    expectRefused(await bench.ask({ client, mode: 'stream' }), {
      status: 400,
      code: 'content_policy',
      shouldRetry: false,
    })
    expect(bench.calls('other')).toHaveLength(0)
  })
})
