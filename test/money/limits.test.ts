/** Limits of keys and projects at the client's door, over HTTP: what is told in each dialect, and what is given back. */

import OpenAI, { toFile } from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RateLimits } from '../../src/keys/records.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import type { ClientAnswer, ClientDialect } from '../support/client-answer.ts'
import { eventually, type MoneyStage, NAMES, openMoneyStage } from '../support/money-stage.ts'
import { chatAnswer } from '../support/told-answers.ts'
import { startToldProvider } from '../support/told-provider.ts'
import { ALL_CLIENTS } from '../support/upstreams.ts'

interface Limited extends MoneyStage {
  readonly key1: string
  readonly key2: string
}

/** Two keys of one project; the limits are the first key's, or the project's. */
async function openLimited(
  limits: RateLimits,
  {
    of = 'key',
    scenario,
    config,
  }: {
    readonly of?: 'key' | 'project'
    readonly scenario?: ScenarioInput
    readonly config?: Readonly<Record<string, unknown>>
  } = {},
): Promise<Limited> {
  const keys: string[] = []
  const stage = await openMoneyStage({
    ...(scenario === undefined ? {} : { scenario }),
    ...(config === undefined ? {} : { config }),
    async prepare(ledger) {
      const project = await ledger.project('shop', of === 'project' ? { limits } : {})
      const first = { name: 'one', project, ...(of === 'key' ? { limits } : {}) }
      for (const asked of [first, { name: 'two', project }]) keys.push((await ledger.key(asked)).secret)
    },
  })
  const [key1 = '', key2 = ''] = keys
  return { ...stage, key1, key2 }
}

const told = ({ status, error }: ClientAnswer) => (status === 200 ? 200 : `${status} ${error?.code}`)
const modelOf = (client: ClientDialect) => `${NAMES[client]}/m`

describe('requests a minute', () => {
  test.each(ALL_CLIENTS)(
    'are counted and refused in the words of %s, with how long to wait',
    async (client) => {
      const stage = await openLimited({ requestsPerMinute: 3 })
      const ask = () => stage.ask({ client, key: stage.key1, model: modelOf(client) })
      const first = await ask()
      expect(told(first)).toBe(200)
      if (client === 'openai-chat' || client === 'openai-responses') {
        expect(first.headers.get('x-ratelimit-limit-requests')).toBe('3')
        expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('2')
      }
      if (client === 'anthropic-messages') {
        expect(first.headers.get('anthropic-ratelimit-requests-limit')).toBe('3')
        expect(first.headers.get('anthropic-ratelimit-requests-remaining')).toBe('2')
        expect(first.headers.get('anthropic-ratelimit-requests-reset')).toMatch(/Z$/)
      }
      await ask()
      await ask()
      const refused = await ask()
      expect(told(refused)).toBe('429 key_rate_limited')
      expect(refused.headers.get('x-should-retry')).toBe('true')
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(20)
      // The other key of the project has no limit, and a refused request reaches nobody.
      expect(told(await stage.ask({ client, key: stage.key2, model: modelOf(client) }))).toBe(200)
      expect(stage.simulator.calls.filter(({ method }) => method === 'POST')).toHaveLength(4)
      const { request, attempts } = await stage.record(refused)
      expect([request.code, request.costNanoUsd, attempts]).toEqual(['key_rate_limited', 0, []])
    },
  )

  test('of a project bind all of its keys together', async () => {
    const stage = await openLimited({ requestsPerMinute: 2 }, { of: 'project' })
    expect(told(await stage.ask({ client: 'openai-chat', key: stage.key1 }))).toBe(200)
    expect(told(await stage.ask({ client: 'openai-chat', key: stage.key2 }))).toBe(200)
    for (const key of [stage.key1, stage.key2])
      expect(told(await stage.ask({ client: 'openai-chat', key }))).toBe('429 key_rate_limited')
  })

  test('that failed at no cost are given back', async () => {
    const stage = await openLimited({ requestsPerMinute: 2 })
    for (let asked = 0; asked < 5; asked += 1)
      expect(told(await stage.ask({ client: 'openai-chat', key: stage.key1, model: 'nobody/x' }))).toMatch(
        /^404/,
      )
    expect(told(await stage.ask({ client: 'openai-chat', key: stage.key1 }))).toBe(200)
  })

  test('a rotated key has no second set of them', async () => {
    const stage = await openLimited({ requestsPerMinute: 2 })
    expect(told(await stage.ask({ client: 'openai-chat', key: stage.key1 }))).toBe(200)
    const { secret } = await stage.rotate('one')
    expect(told(await stage.ask({ client: 'openai-chat', key: secret }))).toBe(200)
    for (const key of [stage.key1, secret])
      expect(told(await stage.ask({ client: 'openai-chat', key }))).toBe('429 key_rate_limited')
  })

  test('the official client waits as long as it is told, and is served then', async () => {
    const stage = await openLimited({ requestsPerMinute: 60 })
    const client = new OpenAI({ apiKey: stage.key1, baseURL: `${stage.url}/v1`, maxRetries: 2 })
    const ask = () =>
      client.chat.completions.create({ model: 'chat/m', messages: [{ role: 'user', content: 'hi' }] })
    await Promise.all(Array.from({ length: 61 }, ask))
    expect(stage.gateway.exchanges.filter(({ code }) => code === 'key_rate_limited').length).toBeGreaterThan(
      0,
    )
  })
})

describe('tokens a minute', () => {
  test('are taken by the ceiling and given back by what was used', async () => {
    const stage = await openLimited(
      { tokensPerMinute: 10_000 },
      { scenario: { answers: [{ text: 'Yes.' }] } },
    )
    const remaining = ({ headers }: ClientAnswer) => Number(headers.get('x-ratelimit-remaining-tokens'))
    const asking = { client: 'openai-chat', key: stage.key1, body: { max_tokens: 9_000 } } as const
    // Were the ceiling kept, the second one would have no room.
    for (let asked = 1; asked <= 5; asked += 1) {
      const answer = await stage.ask(asking)
      expect([asked, told(answer)]).toEqual([asked, 200])
      await stage.record(answer)
      expect(remaining(answer)).toBeLessThan(10_000)
    }
    const next = await stage.ask({ ...asking, body: { max_tokens: 1 } })
    expect(remaining(next)).toBeGreaterThan(9_500)
  })

  test.each(['inputTokensPerMinute', 'outputTokensPerMinute', 'tokensPerMinute'] as const)(
    '%s refuses what asks for more than there is',
    async (limit) => {
      const stage = await openLimited({ [limit]: 500 })
      const asking = { client: 'anthropic-messages', key: stage.key1, model: 'messages/m' } as const
      const fits = await stage.ask({ ...asking, body: { max_tokens: 10 } })
      expect(told(fits)).toBe(200)
      const large = limit === 'outputTokensPerMinute' ? {} : { prompt: 'word '.repeat(1_000) }
      const refused = await stage.ask({ ...asking, ...large, body: { max_tokens: 600 } })
      expect(told(refused)).toBe('429 key_rate_limited')
      expect(refused.error?.type).toBe('rate_limit_error')
    },
  )
})

describe('what costs nothing takes no tokens, though it is a request', () => {
  // So few requests that none comes back while a test goes on, on a busy machine either.
  const limits = { tokensPerMinute: 10_000, requestsPerMinute: 6 }
  const kept = { routes: { kept: { targets: ['chat/m'], cache: true } } }
  const remaining = (kind: 'tokens' | 'requests', { headers }: { readonly headers: Headers }) =>
    Number(headers.get(`x-ratelimit-remaining-${kind}`))
  const keyed = { 'idempotency-key': 'one-and-the-same' }

  test.each([
    ['a hit of the cache', { model: 'kept' }, ['x-holdfast-cache', 'HIT']],
    ['a replay', { headers: keyed }, ['x-holdfast-recall', 'replayed']],
  ] as const)('%s', async (_what, how, [header, value]) => {
    const stage = await openLimited(limits, { config: kept, scenario: { answers: [{ text: 'Yes.' }] } })
    const asking = { client: 'openai-chat', key: stage.key1, body: { max_tokens: 6_000 }, ...how } as const
    const first = await stage.ask(asking)
    expect(told(first)).toBe(200)
    await stage.record(first)
    for (let asked = 1; asked <= 4; asked += 1) {
      const again = await stage.ask(asking)
      expect([told(again), again.headers.get(header)]).toEqual([200, value])
      expect(remaining('tokens', again)).toBeGreaterThan(9_500)
      if (asked === 4) expect(remaining('requests', again)).toBeLessThan(4)
    }
    expect(stage.simulator.calls.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  test.each([
    ['of its idempotency key', { headers: keyed }, ['x-holdfast-recall', 'attached']],
    ['that the cache would answer', { model: 'kept' }, ['x-holdfast-cache-reason', 'coalesced']],
  ] as const)('a reader of the running answer %s', async (_what, how, [header, value]) => {
    const stage = await openLimited(limits, {
      config: kept,
      scenario: { answers: [{ text: 'word '.repeat(200) }], pace: { firstTokenMs: 10, perTokenMs: 25 } },
    })
    const leaving = new AbortController()
    const asking = {
      client: 'openai-chat',
      mode: 'stream',
      key: stage.key1,
      body: { max_tokens: 4_000 },
      ...how,
    } as const
    expect((await stage.send(asking, leaving.signal)).status).toBe(200)
    // Each of them would hold as much as the first, while it reads.
    for (let readers = 1; readers <= 4; readers += 1) {
      const reader = await stage.send(asking, leaving.signal)
      expect([reader.status, reader.headers.get(header)]).toEqual([200, value])
      expect(remaining('tokens', reader)).toBeGreaterThan(5_500)
      expect(remaining('tokens', reader)).toBeLessThan(8_500)
      if (readers === 4) expect(remaining('requests', reader)).toBeLessThan(4)
    }
    leaving.abort()
  })

  test('counting tokens, of more than a key may use', async () => {
    const stage = await openLimited({ inputTokensPerMinute: 1_000, requestsPerMinute: 6 })
    for (let asked = 1; asked <= 5; asked += 1) {
      const answer = await fetch(`${stage.url}/v1/messages/count_tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': stage.key1 },
        body: JSON.stringify({
          model: 'messages/m',
          messages: [{ role: 'user', content: 'word '.repeat(2_000) }],
        }),
      })
      expect(await answer.json()).toMatchObject({ input_tokens: expect.any(Number) })
      expect(answer.headers.get('anthropic-ratelimit-input-tokens-remaining')).toBe('1000')
      if (asked === 5)
        expect(Number(answer.headers.get('anthropic-ratelimit-requests-remaining'))).toBeLessThan(4)
    }
  })

  test('keeping a file and asking after it', async () => {
    const stage = await openLimited({ tokensPerMinute: 1_000, requestsPerMinute: 3 })
    const client = new OpenAI({ apiKey: stage.key1, baseURL: `${stage.url}/v1`, maxRetries: 0 })
    const file = await toFile(Buffer.alloc(100_000, 'x'), 'a.jsonl')
    const uploaded = await client.files.create({ file, purpose: 'batch' }).withResponse()
    expect(remaining('tokens', uploaded.response)).toBe(1_000)
    const listed = await client.files.list().withResponse()
    expect(remaining('tokens', listed.response)).toBe(1_000)
    expect(remaining('requests', listed.response)).toBeLessThan(3)
  })

  test('and a usual answer that says nothing of its tokens keeps what it asked for', async () => {
    const stage = await openLimited(limits, {
      scenario: { answers: [{ text: 'Yes.' }], faults: [{ fault: 'usage(kind=missing)' }] },
    })
    const asking = { client: 'openai-chat', key: stage.key1, body: { max_tokens: 9_000 } } as const
    const first = await stage.ask(asking)
    expect(told(first)).toBe(200)
    await stage.record(first)
    const second = await stage.ask(asking)
    expect(told(second)).toBe('429 key_rate_limited')
    expect(remaining('tokens', second)).toBeLessThan(5_000)
  })
})

describe('pictures, sound and files', () => {
  const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const data = Buffer.concat([PNG, Buffer.alloc(300_000, 'pixels')]).toString('base64')
  const url = `data:image/png;base64,${data}`
  const text = 'What is in it?'
  const bodies: Readonly<Record<ClientDialect, Readonly<Record<string, unknown>>>> = {
    'openai-chat': {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ],
    },
    'openai-responses': {
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text },
            { type: 'input_image', image_url: url, detail: 'auto' },
          ],
        },
      ],
    },
    'anthropic-messages': {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
          ],
        },
      ],
    },
    gemini: {
      contents: [{ role: 'user', parts: [{ text }, { inlineData: { mimeType: 'image/png', data } }] }],
    },
  }

  test.each(ALL_CLIENTS)('are not taken by their bytes, in the words of %s', async (client) => {
    const stage = await openLimited({ inputTokensPerMinute: 5_000 })
    const body = { ...bodies[client], ...bound(client) }
    const answer = await stage.ask({ client, key: stage.key1, model: modelOf(client), body })
    expect(told(answer)).toBe(200)
    if (client === 'gemini') return
    const header =
      client === 'anthropic-messages'
        ? 'anthropic-ratelimit-input-tokens-remaining'
        : 'x-ratelimit-remaining-tokens'
    const left = Number(answer.headers.get(header))
    expect(left).toBeGreaterThan(3_000)
    expect(left).toBeLessThan(4_500)
  })

  test('that are taken for more than a key may use are let through by a full bucket', async () => {
    const stage = await openLimited({ tokensPerMinute: 1_000 })
    const client = new OpenAI({ apiKey: stage.key1, baseURL: `${stage.url}/v1`, maxRetries: 0 })
    const file = await toFile(Buffer.alloc(200_000, 'sound'), 'a.mp3')
    expect(await client.audio.transcriptions.create({ model: 'chat/m', file })).toHaveProperty('text')
  })

  test('are no way out for text: more of it than a key may use is refused for good, and said so', async () => {
    const stage = await openLimited({ inputTokensPerMinute: 5_000 })
    const refused = await stage.ask({
      client: 'openai-chat',
      key: stage.key1,
      prompt: 'word '.repeat(6_000),
    })
    expect(told(refused)).toBe('429 key_rate_limited')
    expect(refused.error?.message).toMatch(
      /the text of this request alone takes about 75\d\d: send less text/,
    )
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(refused.headers.has('retry-after')).toBe(false)
  })
})

describe('requests at one time', () => {
  const slow: ScenarioInput = { pace: { firstTokenMs: 50, perTokenMs: 30 } }

  test('a place is given back however the request ends: whole, refused, cut, left, folded', async () => {
    const stage = await openLimited(
      { concurrentRequests: 1 },
      { scenario: { ...slow, faults: [{ fault: 'cut-stream', model: 'm-cut' }] } },
    )
    const { key1: key } = stage
    for (const client of ALL_CLIENTS) {
      const ends = [
        () => stage.ask({ client, key, mode: 'plain', model: modelOf(client), body: bound(client) }),
        () => stage.ask({ client, key, mode: 'stream', model: modelOf(client) }),
        () => stage.ask({ client, key, mode: 'stream', model: `${NAMES[client]}/m-cut` }),
        () => stage.ask({ client, key, mode: 'plain', model: 'nobody/x' }),
        async () => {
          const leaving = new AbortController()
          const response = await stage.send(
            { client, key, mode: 'stream', model: modelOf(client) },
            leaving.signal,
          )
          await response.body?.getReader().read()
          leaving.abort()
          return response
        },
      ]
      for (const end of ends) {
        await end()
        // The place is free as soon as the gateway knows of the end.
        const next = await eventually('a place is free', async () => {
          const answer = await stage.ask({ client: 'openai-chat', key, body: { max_tokens: 1 } })
          return answer.status === 200 ? answer : undefined
        })
        expect(told(next)).toBe(200)
      }
    }
    // Given back once each: two at a time are one too many still.
    const both = await Promise.all([1, 2].map(() => stage.ask({ client: 'openai-chat', key })))
    expect(both.map(told).map(String).sort()).toEqual(['200', '429 key_rate_limited'])
  })

  test('of a project are shared by its keys', async () => {
    const stage = await openLimited({ concurrentRequests: 2 }, { of: 'project', scenario: slow })
    const { key1, key2 } = stage
    const answers = await Promise.all(
      [key1, key2, key1, key2].map((key) => stage.ask({ client: 'openai-chat', key, mode: 'stream' })),
    )
    expect(answers.map(told).map(String).sort()).toEqual([
      '200',
      '200',
      '429 key_rate_limited',
      '429 key_rate_limited',
    ])
  })

  test('fault 112: a duplicate under one Idempotency-Key needs no place: it reads along with the one that has it', async () => {
    const stage = await openLimited({ concurrentRequests: 1, requestsPerMinute: 3 }, { scenario: slow })
    const headers = { 'idempotency-key': 'one' }
    const asked = { client: 'openai-chat', key: stage.key1, mode: 'stream', headers } as const
    const first = await stage.send(asked)
    const begun = first.body?.getReader()
    await begun?.read()
    const duplicate = stage.ask(asked)
    const other = await stage.ask({ ...asked, prompt: 'something else' })
    const keyless = await stage.ask({ ...asked, headers: {} })
    expect([told(other), told(keyless)]).toEqual(['422 idempotency_mismatch', '429 key_rate_limited'])
    const attached = await duplicate
    expect([told(attached), attached.headers.get('x-holdfast-recall')]).toEqual([200, 'attached'])
    for (let part = await begun?.read(); part?.done === false; part = await begun?.read());
    expect(stage.simulator.calls.filter(({ method }) => method === 'POST')).toHaveLength(1)
    // It gave no place back that it never had, and counted as a request: after one more it is too many.
    const both = await Promise.all([1, 2].map(() => stage.ask({ client: 'openai-chat', key: stage.key1 })))
    expect(both.map(told).map(String).sort()).toEqual(['200', '429 key_rate_limited'])
    const last = await eventually('the place is free', async () => {
      const answer = await stage.ask({ client: 'openai-chat', key: stage.key1 })
      return /at one time/.test(answer.error?.message ?? '') ? undefined : answer
    })
    expect([told(last), /requests a minute/.test(last.error?.message ?? '')]).toEqual([
      '429 key_rate_limited',
      true,
    ])
  })
})

/** Few tokens, so that it is over soon. */
function bound(client: ClientDialect): Readonly<Record<string, unknown>> {
  if (client === 'gemini') return { generationConfig: { maxOutputTokens: 2 } }
  return client === 'openai-responses' ? { max_output_tokens: 16 } : { max_tokens: 2 }
}

test('what the cache asks to compare questions takes no place of the request that it is asked for', async () => {
  const provider = await startToldProvider(({ path }) => ({
    body: path.endsWith('/embeddings')
      ? { object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [3, 4] }] }
      : chatAnswer('hello', { prompt_tokens: 1, completion_tokens: 1 }),
  }))
  onTestFinished(() => provider[Symbol.asyncDispose]())
  let key = ''
  const stage = await openMoneyStage({
    providers: { told: { dialect: 'openai-chat', baseUrl: `${provider.origin}/v1`, models: ['m'] } },
    config: { routes: { alike: { targets: ['told/m'], cache: { semantic: { embeddings: 'told/m' } } } } },
    async prepare(ledger) {
      key = (await ledger.key({ name: 'one', limits: { concurrentRequests: 1 } })).secret
    },
  })
  const ask = (content: string) =>
    stage.ask({ client: 'openai-chat', key, model: 'alike', body: { messages: [{ role: 'user', content }] } })
  expect(told(await ask('How do I reset my password?'))).toBe(200)
  const again = await ask('how can I reset the password')
  expect([told(again), again.headers.get('x-holdfast-cache-reason')]).toEqual([200, 'alike'])
})
