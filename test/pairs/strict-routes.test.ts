/** Routes on which nothing may be lost, and targets that lack what is asked: every client is served by who can, or told. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientDialect } from '../support/client-answer.ts'
import { CLIENTS, openPairStage, type PairStage, pairRequest } from '../support/pair-stage.ts'
import { responsesSaying } from '../support/front-sayings.ts'
import { geminiAnswer, chatAnswer, messagesAnswer } from '../support/told-answers.ts'
import { type AskedOfProvider, openToldStage, type ToldStage } from '../support/told-provider.ts'

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } }

describe('a strict route', () => {
  let stage: PairStage
  beforeAll(async () => {
    stage = await openPairStage({
      routes: {
        whole: { targets: ['messages/m', 'chat/m', 'gemini/m'], strict: true },
        wordy: { targets: ['messages/m', 'bedrock/m'], strict: true },
        loose: { targets: ['messages/m', 'chat/m'] },
      },
    })
  })
  afterAll(() => stage[Symbol.asyncDispose]())

  /** What the Messages API cannot say. */
  const seeded: Partial<Record<ClientDialect, Readonly<Record<string, unknown>>>> = {
    'openai-chat': { seed: 7 },
    gemini: { generationConfig: { seed: 7 } },
  }

  test.each(['openai-chat', 'gemini'] as const)(
    'goes on to the first target that loses nothing, for a client of %s',
    async (client) => {
      const body = seeded[client] ?? {}
      const told = await stage.ask({ client, target: 'whole', body })
      expect(told.answer.status).toBe(200)
      expect(told.losses).toEqual([])
      expect(told.answer.headers.get('x-holdfast-target')).toBe('chat/m')
      expect(told.sent['seed']).toBe(7)
    },
  )

  test.each(['openai-chat', 'gemini'] as const)(
    'refuses where every target loses something, and names it and them, to a client of %s',
    async (client) => {
      const told = await stage.ask({ client, target: 'wordy', body: seeded[client] ?? {} })
      expect(told.answer.status).toBe(400)
      expect(told.answer.error?.code).toBe('loss_refused')
      expect(told.answer.error?.message).toContain('seed')
      expect(told.asked).toBeUndefined()
    },
  )

  test('a route that is not strict serves it, and names what was lost', async () => {
    const told = await stage.ask({ client: 'openai-chat', target: 'loose', body: { seed: 7 } })
    expect(told.answer.headers.get('x-holdfast-target')).toBe('messages/m')
    expect(told.losses).toEqual(['seed'])
    const record = await stage.stage.gateway.exchange(
      ({ exchangeId }) => exchangeId === told.answer.headers.get('x-request-id'),
    )
    expect(record.losses.map(({ field }) => field)).toEqual(['seed'])
  })

  test.each(CLIENTS)('serves what every target can say, for a client of %s', async (client) => {
    const told = await stage.ask({ client, target: 'whole' })
    expect(told.answer.status).toBe(200)
    expect(told.answer.headers.get('x-holdfast-target')).toBe('messages/m')
  })
})

describe('a target whose model is known to lack what is asked', () => {
  let stage: ToldStage
  beforeAll(async () => {
    // OpenAI speaks both of its dialects, so that a client of Responses is asked on in its own.
    const says = (text: string) => (asked: AskedOfProvider) => ({
      body: asked.path.endsWith('/responses') ? responsesSaying({ output: [] }).whole : chatAnswer(text),
    })
    stage = await openToldStage(
      {
        lacking: { dialect: 'openai-chat', provider: 'openai', tell: says('lacking') },
        able: { dialect: 'openai-chat', provider: 'openai', tell: says('able') },
        unknown: { dialect: 'anthropic-messages', tell: () => ({ body: messagesAnswer('unknown') }) },
        other: { dialect: 'gemini', tell: () => ({ body: geminiAnswer('other') }) },
      },
      {
        routes: {
          both: { targets: ['lacking/gpt-3.5-turbo', 'able/gpt-4o'] },
          perhaps: { targets: ['lacking/gpt-3.5-turbo', 'unknown/m'] },
          none: { targets: ['lacking/gpt-3.5-turbo', 'able/gpt-3.5-turbo'] },
        },
      },
    )
  })
  afterAll(() => stage[Symbol.asyncDispose]())

  async function ask(client: ClientDialect, model: string, body: Readonly<Record<string, unknown>>) {
    const request = pairRequest({ client, model, mode: 'plain', body })
    const response = await fetch(stage.url + request.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request.body),
    })
    return {
      status: response.status,
      target: response.headers.get('x-holdfast-target'),
      text: await response.text(),
    }
  }

  const schemas: Readonly<Record<ClientDialect, Readonly<Record<string, unknown>>>> = {
    'openai-chat': {
      response_format: { type: 'json_schema', json_schema: { name: 'place', schema: SCHEMA } },
    },
    'anthropic-messages': { output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
    'openai-responses': { text: { format: { type: 'json_schema', name: 'place', schema: SCHEMA } } },
    gemini: { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: SCHEMA } },
  }

  // By the lightest measure of ours it is more than the window of the first, and fits into that of the second.
  const long = 'rain '.repeat(40_000)
  const longs: Readonly<Record<ClientDialect, Readonly<Record<string, unknown>>>> = {
    'openai-chat': { messages: [{ role: 'user', content: long }] },
    'anthropic-messages': { messages: [{ role: 'user', content: long }] },
    'openai-responses': { input: long },
    gemini: { contents: [{ role: 'user', parts: [{ text: long }] }] },
  }

  test.each(CLIENTS)(
    'is passed over for one that answers by a schema, for a client of %s',
    async (client) => {
      expect((await ask(client, 'both', schemas[client])).target).toBe('able/gpt-4o')
    },
  )

  test.each(CLIENTS)('is passed over for one with a larger window, for a client of %s', async (client) => {
    expect((await ask(client, 'both', longs[client])).target).toBe('able/gpt-4o')
  })

  test.each(CLIENTS)(
    'is passed over for one of whose model nothing is known, for a client of %s',
    async (client) => {
      expect((await ask(client, 'perhaps', schemas[client])).target).toBe('unknown/m')
    },
  )

  test.each(CLIENTS)('is not asked, and named, where no other is left, to a client of %s', async (client) => {
    const { status, text } = await ask(client, 'none', schemas[client])
    expect(status).toBe(400)
    expect(text).toContain('capability_missing')
  })
})
