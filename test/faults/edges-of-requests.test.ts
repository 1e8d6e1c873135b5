/** Requests at the edge of what can be asked, before the whole gateway: rows 98, 99 and 118. */

import { describe, expect, test } from 'vitest'
import { StartError } from '../../src/app/start-error.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import { startTestGateway } from '../support/gateway.ts'
import { ALL_CLIENTS, type Asking, expectRefused, expectWhole, openBench } from '../support/upstreams.ts'

const MODES = ['stream', 'plain'] as const
const CASES = ALL_CLIENTS.flatMap((client) => MODES.map((mode) => ({ client, mode })))

type Fields = Readonly<Record<string, unknown>>

/** The ceiling of the answer as each dialect spells it. */
const CEILING: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'max_tokens',
  'anthropic-messages': 'max_tokens',
  'openai-responses': 'max_output_tokens',
  gemini: 'generationConfig.maxOutputTokens',
}

/** A body that differs from a good one in a field, which may stand in another. */
function bodyWith(path: string, value: unknown): Fields {
  const [outer = '', inner] = path.split('.')
  return { [outer]: inner === undefined ? value : { [inner]: value } }
}

/** Asks, and expects a refusal that names the field; returns the calls that it cost. */
async function refusedFor(asking: Asking, field: string): Promise<number> {
  await using bench = await openBench({ upstreams: { primary: { dialect: 'openai-chat' } } })
  const answer = await bench.ask(asking)
  expectRefused(answer, { status: 400, code: 'invalid_request', shouldRetry: false })
  const own = field.split('.').at(-1) ?? field
  expect(`${String(answer.error?.param)} ${answer.error?.message}`).toContain(own)
  const { exchange, attempts } = await bench.recordOf(answer)
  expect(exchange).toMatchObject({ state: 'rejected', code: 'invalid_request', status: 400, attempts: 0 })
  expect(exchange.usage).toBeUndefined()
  expect(attempts).toEqual([])
  return bench.calls('primary').length
}

describe.concurrent('fault 98: fields of the wrong type', () => {
  const wrong: Readonly<Record<ClientDialect, Fields>> = {
    'openai-chat': { messages: {}, temperature: 'NaN', max_tokens: '9e99', n: 1e9 },
    'anthropic-messages': { messages: {}, temperature: 'NaN', max_tokens: '9e99' },
    'openai-responses': { input: 7, temperature: 'NaN', max_output_tokens: '9e99' },
    gemini: { contents: 7, 'generationConfig.maxOutputTokens': '9e99' },
  }
  const cases = CASES.flatMap((one) =>
    Object.entries(wrong[one.client]).map(([field, value]) => ({ ...one, field, value })),
  )
  test.for(cases)('fault 98: $field of $client $mode is named, and nobody is asked', async (one) => {
    const { client, mode, field, value } = one
    expect(await refusedFor({ client, mode, body: bodyWith(field, value) }, field)).toBe(0)
  })
})

describe.concurrent('fault 99: numbers at the edge', () => {
  const edges = [-1, 2 ** 53, 2 ** 63]
  test.for(CASES.flatMap((one) => edges.map((value) => ({ ...one, value }))))(
    'fault 99: a ceiling of $value from $client $mode is refused by name, and nothing is counted',
    async ({ client, mode, value }) => {
      const field = CEILING[client]
      expect(await refusedFor({ client, mode, body: bodyWith(field, value) }, field)).toBe(0)
    },
  )

  test.for(CASES)('fault 99: a ceiling of a billion passes from $client $mode', async (one) => {
    const { client, mode } = one
    await using bench = await openBench({ upstreams: { primary: { dialect: 'openai-chat', text: 'Fine.' } } })
    expectWhole(await bench.ask({ client, mode, body: bodyWith(CEILING[client], 1e9) }), 'Fine.')
    expect(bench.calls('primary')).toHaveLength(1)
  })
})

describe.concurrent('fault 118: a model nobody serves', () => {
  test.for(CASES)('fault 118: $client $mode is told 404 with its name, and nobody is asked', async (one) => {
    // With a single provider, names that nobody lists are its own business.
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat' }, second: { dialect: 'anthropic-messages' } },
    })
    for (const model of ['smarter', 'nobody/m', '__proto__']) {
      const answer = await bench.ask({ ...one, model })
      expectRefused(answer, { status: 404, code: 'model_not_found', shouldRetry: false })
      expect(answer.error?.message).toContain(model)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'rejected', attempts: 0 })
    }
    expect([...bench.calls('primary'), ...bench.calls('second')]).toEqual([])
  })
})

describe.concurrent('fault 118: routes in a circle', () => {
  const provider = { dialect: 'openai-chat', baseUrl: 'http://127.0.0.1:9/v1', credential: 'c-0123456789' }
  const config = (routes: object) => ({ discover: false, providers: { one: provider }, routes })
  const circles = [
    { name: 'a route that names itself', routes: { a: { targets: ['a'] } } },
    { name: 'two that name each other', routes: { a: { targets: ['b'] }, b: { targets: ['a'] } } },
    {
      name: 'a fallback that leads back',
      routes: { a: { targets: ['one/m', 'b'] }, b: { targets: ['c'] }, c: { targets: ['one/n', 'a'] } },
    },
  ]

  test.for(circles)('fault 118: $name: the gateway does not start, and says which way round', async (one) => {
    const starting = startTestGateway({ config: config(one.routes) })
    await expect(starting).rejects.toThrow(StartError)
    await expect(starting).rejects.toThrow(/circle \(a -> /)
  })

  test('fault 118: read again with a circle in it, the file is refused and the old one serves on', async () => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat', text: 'Still.' } },
    })
    bench.gateway.writeConfig(config({ smart: { targets: ['smart'] } }))
    const faults = await bench.gateway.running.reload()
    expect(faults.map(({ message }) => message).join('\n')).toContain('circle')
    expectWhole(await bench.ask({ client: 'openai-chat', mode: 'plain' }), 'Still.')
  })
})
