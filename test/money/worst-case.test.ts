/** What is held covers what a request can make its provider do: several answers, tools that read on their own, work in the background. */

import { describe, expect, test } from 'vitest'
import type { Budget } from '../../src/ledger/budget.ts'
import {
  DOLLAR,
  eventually,
  INPUT_NANO,
  type MoneyStage,
  openMoneyStage,
  OUTPUT_NANO,
} from '../support/money-stage.ts'

interface Bounded extends MoneyStage {
  readonly budget1: Budget
  readonly key1: string
  post(
    path: string,
    body: object,
  ): Promise<{ readonly status: number; readonly text: string; readonly headers: Headers }>
}

async function openBounded(nanoUsd: number, scenario = {}): Promise<Bounded> {
  let key1 = ''
  let budget1: Budget | undefined
  const stage = await openMoneyStage({
    scenario,
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      key1 = made.secret
      budget1 = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd })
    },
  })
  if (budget1 === undefined) throw new Error('nothing was prepared')
  const post: Bounded['post'] = async (path, body) => {
    const response = await fetch(stage.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key1}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
  return { ...stage, budget1, key1, post }
}

const posts = ({ simulator }: MoneyStage) => simulator.calls.filter(({ method }) => method === 'POST')
const bodyOf = (stage: MoneyStage) => JSON.parse(Buffer.from(posts(stage).at(-1)?.body ?? []).toString())

describe('the ceiling of each answer', () => {
  const tokens = 800

  test.each([
    { what: 'n', path: '/v1/chat/completions', body: { n: 4, messages: [{ role: 'user', content: 'hi' }] } },
    { what: 'best_of', path: '/v1/completions', body: { best_of: 4, prompt: 'hi' } },
    { what: 'a list of prompts', path: '/v1/completions', body: { prompt: ['a', 'b', 'c', 'd'] } },
  ])('is a part of what is left, where $what makes four of them', async ({ path, body }) => {
    const stage = await openBounded(300 * INPUT_NANO + tokens * OUTPUT_NANO)
    const { status } = await stage.post(path, { model: 'chat/m', max_tokens: 4_000, ...body })
    if (posts(stage).length === 0) {
      // What cannot be asked of this provider is not asked at all.
      expect(status).toBeGreaterThanOrEqual(400)
      return
    }
    const sent = bodyOf(stage)
    expect(sent.max_tokens ?? sent.max_completion_tokens).toBeLessThanOrEqual((tokens + 100) / 4)
  })
})

describe('SEC-49: a ceiling in both of its spellings', () => {
  const tokens = 800
  const spellings = [
    { max_tokens: 10, max_completion_tokens: 4_000 },
    { max_tokens: 4_000, max_completion_tokens: 10 },
    { max_completion_tokens: 4_000, max_tokens: null },
    { max_tokens: 4_000, max_completion_tokens: 3_000 },
  ]
  // A provider of the client's own dialect gets the bytes as they came; for the others one number is written.
  const others = ['messages/m', 'responses/m', 'google/m']
  const cases = [
    ...spellings.map((body) => ({ body, model: 'chat/m' })),
    ...others.flatMap((model) => spellings.slice(0, 2).map((body) => ({ body, model }))),
  ]

  test.each(cases)('holds for whichever the provider reads: $body to $model', async ({ body, model }) => {
    const limit = 300 * INPUT_NANO + tokens * OUTPUT_NANO
    const stage = await openBounded(limit, { answers: [{ text: 'word '.repeat(5_000) }] })
    const { status, headers } = await stage.post('/v1/chat/completions', {
      model,
      ...body,
      messages: [{ role: 'user', content: 'hi' }],
    })
    expect(status).toBe(200)
    const sent = bodyOf(stage)
    const told = [
      sent.max_tokens,
      sent.max_completion_tokens,
      sent.max_output_tokens,
      sent.generationConfig?.maxOutputTokens,
    ].filter((ceiling) => typeof ceiling === 'number')
    expect(told.length).toBeGreaterThan(0)
    // The whole limit pays for no more, were all of it output.
    for (const ceiling of told) expect(ceiling).toBeLessThanOrEqual(limit / OUTPUT_NANO)
    const { request } = await stage.record({ headers })
    expect(request.costNanoUsd).toBeGreaterThan(0)
    expect(request.costNanoUsd).toBeLessThanOrEqual(limit)
    expect((await stage.standing(stage.budget1)).spent).toBe(request.costNanoUsd)
  })

  test.each([
    { max_tokens: 10, max_completion_tokens: 4_000 },
    { max_tokens: 4_000, max_completion_tokens: 10 },
  ])('a request is let through by what the larger of %j may cost', async (body) => {
    // Room for one such answer, and for a hundred of the smaller ceiling.
    const stage = await openBounded(300 * INPUT_NANO + 6_000 * OUTPUT_NANO, {
      pace: { firstTokenMs: 300 },
      answers: [{ text: 'word '.repeat(20) }],
    })
    const asked = { model: 'chat/m', ...body, messages: [{ role: 'user', content: 'hi' }] }
    await Promise.all(Array.from({ length: 4 }, () => stage.post('/v1/chat/completions', asked)))
    const told = posts(stage).map(({ body: sent }) => JSON.parse(Buffer.from(sent).toString()))
    const most = told.map((one) => Math.max(one.max_tokens ?? 0, one.max_completion_tokens ?? 0))
    // Whatever each was told, all of them together have room, were they to use it up.
    expect(most.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(6_000 + 300)
    expect(most.length).toBeGreaterThan(0)
  })
})

describe('a tool that the provider runs', () => {
  const tools = [
    [
      'openai-responses',
      '/v1/responses',
      { model: 'responses/m', input: 'hi', max_output_tokens: 20, tools: [{ type: 'web_search' }] },
    ],
    [
      'anthropic-messages',
      '/v1/messages',
      {
        model: 'messages/m',
        max_tokens: 20,
        messages: [{ role: 'user', content: 'hi' }],
        tools: [{ type: 'web_search_20260101', name: 'web_search' }],
      },
    ],
    [
      'gemini',
      '/v1beta/models/google%2Fm:generateContent',
      {
        contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
        generationConfig: { maxOutputTokens: 20 },
        tools: [{ googleSearch: {} }],
      },
    ],
  ] as const

  test.each(tools)(
    'may fill the window with what it finds, so that as much is held: %s',
    async (_dialect, path, body) => {
      const stage = await openBounded(DOLLAR / 10)
      const refused = await stage.post(path, body)
      expect(refused.status).toBe(429)
      expect(refused.text).toMatch(/has no room for this request/)
      expect(posts(stage)).toEqual([])
    },
  )

  test('a function of the client’s own with such a name reads nothing', async () => {
    const stage = await openBounded(DOLLAR / 10)
    const { status } = await stage.post('/v1/chat/completions', {
      model: 'chat/m',
      max_tokens: 20,
      messages: [{ role: 'user', content: 'use web_search' }],
      tools: [
        {
          type: 'function',
          function: { name: 'web_search', parameters: { type: 'object', properties: {} } },
        },
      ],
    })
    expect(status).toBe(200)
  })
})

describe('an answer that is made in the background', () => {
  test('is paid for by the budget of its key', async () => {
    const stage = await openBounded(DOLLAR)
    const { status, text } = await stage.post('/v1/responses', {
      model: 'responses/m',
      input: 'hi',
      background: true,
    })
    expect(status).toBe(200)
    const { id } = JSON.parse(text) as { readonly id: string }
    await eventually('it is made', async () => {
      const response = await fetch(`${stage.url}/v1/responses/${id}`, {
        headers: { authorization: `Bearer ${stage.key1}` },
      })
      return (await response.text()).includes('"completed"') ? true : undefined
    })
    const { costNanoUsd } = await stage.books(1)
    expect(costNanoUsd).toBeGreaterThan(0)
    expect((await stage.standing(stage.budget1)).spent).toBe(costNanoUsd)
  })

  test('fails where the budget has no room, and asks nobody', async () => {
    const stage = await openBounded(1_000)
    const { text } = await stage.post('/v1/responses', {
      model: 'responses/m',
      input: 'hi',
      background: true,
    })
    const { id } = JSON.parse(text) as { readonly id?: string }
    if (id === undefined) expect(text).toContain('budget_exceeded')
    else
      await eventually('it has failed', async () => {
        const response = await fetch(`${stage.url}/v1/responses/${id}`, {
          headers: { authorization: `Bearer ${stage.key1}` },
        })
        return (await response.text()).includes('budget') ? true : undefined
      })
    expect(posts(stage)).toEqual([])
  })
})
