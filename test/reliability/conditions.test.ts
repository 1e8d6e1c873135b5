/** Conditions and affinity in front of the whole gateway: what a client sends decides who serves it. */

import { expect, onTestFinished, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

async function startGateway(targets: readonly unknown[], balance?: string): Promise<TestGateway> {
  const gateway = await startTestGateway({
    config: {
      discover: false,
      routes: { smart: { targets, ...(balance === undefined ? {} : { balance }) } },
    },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

interface Ask {
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: object
  readonly prompt?: string
}

/** Who served it; its status where nobody did. */
async function servedBy(gateway: TestGateway, { headers = {}, fields = {}, prompt = 'hi' }: Ask = {}) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: 'smart',
      max_tokens: 8,
      messages: [{ role: 'user', content: prompt }],
      ...fields,
    }),
  })
  await response.text()
  const id = response.headers.get('x-request-id')
  const record = await gateway.exchange(({ exchangeId }) => exchangeId === id)
  return record.target ?? response.status
}

const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]

test.each<[string, Ask]>([
  ['request.header("X-Team") == "archive"', { headers: { 'x-team': 'archive' } }],
  ['request.priority == "low"', { headers: { 'x-holdfast-priority': 'low' } }],
  ['request.inputTokens > 1000', { prompt: 'x'.repeat(8_000) }],
  ['request.hasTools', { fields: { tools } }],
  ['request.stream', { fields: { stream: true } }],
])('%s sends the request elsewhere, and others not', async (when, meant) => {
  const gateway = await startGateway([{ target: 'simulator/special', when }, 'simulator/usual'])
  expect(await servedBy(gateway, meant)).toBe('simulator/special')
  expect(await servedBy(gateway)).toBe('simulator/usual')
})

test('a request that no condition is meant for is refused, and a fault in one is told of once', async () => {
  const gateway = await startGateway([{ target: 'simulator/a', when: 'request.headers["x-team"] == "a"' }])
  for (let count = 0; count < 3; count += 1) expect(await servedBy(gateway)).toBe(400)
  expect(gateway.notices.filter(({ name }) => name === 'condition_failed')).toHaveLength(1)
  expect(await servedBy(gateway, { headers: { 'x-team': 'a' } })).toBe('simulator/a')
})

test('affinity keeps what begins alike at one target, and spreads what does not', async () => {
  const gateway = await startGateway(['simulator/a', 'simulator/b', 'simulator/c'], 'affinity')
  const first = await servedBy(gateway, { prompt: 'one' })
  for (let count = 0; count < 5; count += 1) expect(await servedBy(gateway, { prompt: 'one' })).toBe(first)
  const all = new Set<unknown>()
  for (let count = 0; count < 24; count += 1) all.add(await servedBy(gateway, { prompt: `prompt ${count}` }))
  expect(all.size).toBe(3)
})
