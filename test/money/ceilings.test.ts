/** What becomes of an answer whose provider goes on beyond the ceiling it was told, where a budget pays. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import fc from 'fast-check'
import OpenAI from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LedgerEntry, RequestRow } from '../../src/ledger/entry.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { parseJson } from '../../src/std/json.ts'
import type { ClientAnswer, ClientDialect } from '../support/client-answer.ts'
import {
  DOLLAR,
  INPUT_NANO,
  type MadeKey,
  type MoneyPlan,
  type MoneyStage,
  NAMES,
  openMoneyStage,
  OUTPUT_NANO,
  PRICE,
} from '../support/money-stage.ts'
import { ALL_CLIENTS, type Mode, requestBody } from '../support/upstreams.ts'

interface KeyedStage extends MoneyStage {
  readonly paid: MadeKey
  readonly free: MadeKey
}

/** One key whose budget pays, and one that no budget bounds. */
async function openKeyed(plan: MoneyPlan = {}): Promise<KeyedStage> {
  let keys: { readonly paid: MadeKey; readonly free: MadeKey } | undefined
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      const paid = await ledger.key({ name: 'paid' })
      const free = await ledger.key({ name: 'free' })
      await ledger.budget({ scope: { kind: 'key', id: paid.id }, nanoUsd: 1_000 * DOLLAR, name: 'pocket' })
      keys = { paid, free }
      await plan.prepare?.(ledger)
    },
  })
  if (keys === undefined) throw new Error('nothing was prepared')
  return { ...stage, ...keys }
}

type Check = (asked: {
  readonly answer: ClientAnswer
  readonly request: RequestRow
  readonly entry: LedgerEntry | undefined
  readonly mode: 'stream' | 'fold'
  readonly told: string
}) => void

const CEILING = { stream: 100, fold: 8_192, plain: 100 } as const

/** The client's ceiling, in the words of its dialect. */
function ceilingOf(client: ClientDialect, mode: Mode): Readonly<Record<string, unknown>> {
  const tokens = CEILING[mode]
  switch (client) {
    case 'openai-chat':
    case 'anthropic-messages':
      return { max_tokens: tokens }
    case 'openai-responses':
      return { max_output_tokens: tokens }
    case 'gemini':
      return { generationConfig: { maxOutputTokens: tokens } }
  }
}

/** Four times the ceiling, and some fifty tokens an event. */
function runaway(kind = 'text'): ScenarioInput {
  return {
    pace: { tokensPerChunk: 50, perTokenMs: 0.01 },
    faults: [
      { fault: 'ignores-ceiling', parameters: { tokens: 4 * CEILING.stream, kind }, model: 'm' },
      { fault: 'ignores-ceiling', parameters: { tokens: 4 * CEILING.fold, kind }, model: 'long' },
    ],
  }
}

/** The stage's providers with a model for long answers beside the other. */
const MODELS = { stream: 'm', plain: 'm', fold: 'long' } as const

const LENGTH: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'length',
  'anthropic-messages': 'max_tokens',
  'openai-responses': 'max_output_tokens',
  gemini: 'MAX_TOKENS',
}

/** The most that is held: a token for each byte, and the ceiling. */
function heldAtMost(client: ClientDialect, mode: Mode): number {
  const asked = requestBody({ client, mode, body: ceilingOf(client, mode) })
  // A translation may be longer than what the client sent.
  const bytes = 2 * JSON.stringify(asked).length + 200
  return bytes * INPUT_NANO + CEILING[mode] * OUTPUT_NANO
}

/** Each provider, streamed to the client and folded for it. */
const EACH = ALL_CLIENTS.flatMap((provider) =>
  (['stream', 'fold'] as const).map((mode) => ({ provider, mode })),
)
/** What one read can bring: of the simulator some events of fifty tokens. */
const ONE_READ_NANO = 16_384 * OUTPUT_NANO

describe('fault 80: an answer beyond its ceiling that a budget pays for', () => {
  const askEach = async (stage: KeyedStage, client: ClientDialect, check: Check) => {
    await Promise.all(
      EACH.map(async ({ provider, mode }) => {
        const model = `${NAMES[provider]}/${MODELS[mode]}`
        const body = ceilingOf(client, mode)
        const answer = await stage.ask({ client, mode, model, body, key: stage.paid.secret })
        const told = `${mode} from ${provider}: ${answer.raw.slice(-1_000)}`
        const { request, attempts } = await stage.record(answer)
        expect(attempts, told).toHaveLength(1)
        const [entry] = attempts
        check({ answer, request, entry, mode, told })
        expect(entry?.costNanoUsd, told).toBeLessThanOrEqual(
          heldAtMost(client, mode) + (entry?.basis === 'reported' ? ONE_READ_NANO : 0),
        )
        expect(entry?.costNanoUsd, told).toBeGreaterThan(CEILING[mode] * OUTPUT_NANO)
      }),
    )
    const calls = stage.simulator.calls.filter(({ method }) => method === 'POST')
    expect(calls).toHaveLength(EACH.length)
    await Promise.all(calls.map(({ settled }) => settled))
    expect(calls.map(({ state }) => state)).toEqual(EACH.map(() => 'peer-left'))
  }

  test.each(ALL_CLIENTS)('ends by length for %s, at what was held', async (client) => {
    const stage = await openKeyed({ scenario: runaway() })
    await askEach(stage, client, ({ answer, request, entry, mode, told }) => {
      expect(answer.error, told).toBeUndefined()
      expect([answer.status, answer.finish, answer.hasTerminal], told).toEqual([200, LENGTH[client], true])
      expect(answer.text).toMatch(/^on and on/)
      expect(answer.text.length, told).toBeLessThan(3.9 * CEILING[mode] * 4)
      if (mode === 'fold') expect(answer.headers.get('x-holdfast-warning')).toContain('ceiling_ignored')
      expect(request).toMatchObject({ state: 'truncated', code: 'budget_exceeded', status: 200 })
      expect(entry).toMatchObject({ outcome: 'cancelled', code: 'budget_exceeded', isWaste: false })
    })
  })

  test.each(ALL_CLIENTS)('ends with the error for %s where that is configured', async (client) => {
    const stage = await openKeyed({ scenario: runaway(), config: { budgets: { atLimit: 'error' } } })
    await askEach(stage, client, ({ answer, request, mode, told }) => {
      expect(answer.error?.code, told).toBe('budget_exceeded')
      expect(answer.error?.message).toContain('the budget "pocket" holds for it')
      expect(answer.hasTerminal, told).toBe(false)
      if (mode === 'stream') expect(answer.text).toMatch(/^on and on/)
      else expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([429, 'false'])
      const state = mode === 'stream' ? 'truncated' : 'failed'
      expect(request).toMatchObject({ state, code: 'budget_exceeded' })
    })
  })

  test('is whole and charged as reported where no budget pays', async () => {
    const stage = await openKeyed({ scenario: runaway() })
    for (const client of ALL_CLIENTS) {
      const answer = await stage.ask({
        client,
        mode: 'stream',
        model: `${NAMES[client]}/m`,
        body: ceilingOf(client, 'stream'),
        key: stage.free.secret,
      })
      expect(answer.text).toHaveLength(4 * CEILING.stream * 4)
      const { request, attempts } = await stage.record(answer)
      expect(request.state).toBe('completed')
      expect(attempts).toMatchObject([{ basis: 'reported', outputTokens: 4 * CEILING.stream }])
    }
  })

  test('in one piece is charged as it was made: there is nothing left to be saved', async () => {
    const stage = await openKeyed({ scenario: runaway() })
    for (const client of ALL_CLIENTS) {
      const answer = await stage.ask({
        client,
        mode: 'plain',
        model: `${NAMES[client]}/m`,
        body: ceilingOf(client, 'plain'),
        key: stage.paid.secret,
      })
      expect(answer.text).toHaveLength(4 * CEILING.stream * 4)
      const { attempts } = await stage.record(answer)
      expect(attempts).toMatchObject([{ basis: 'reported', outputTokens: 4 * CEILING.stream }])
    }
  })
})

describe('fault 80: what is open when an answer is ended', () => {
  const stream = (stage: KeyedStage, client: ClientDialect, provider: ClientDialect, body: object = {}) =>
    stage.ask({
      client,
      mode: 'stream',
      model: `${NAMES[provider]}/m`,
      body: { ...ceilingOf(client, 'stream'), ...body },
      key: stage.paid.secret,
    })
  const pairs = ALL_CLIENTS.flatMap((client) => ALL_CLIENTS.map((provider) => ({ client, provider })))

  // With a rescue the beginning of a call is kept back; without one it has been sent.
  test.each(['off', 'safe'])('is never half a tool call: the error is said (rescue: %s)', async (rescue) => {
    const routes = Object.fromEntries(
      Object.values(NAMES).map((name) => [`by-${name}`, { targets: [`${name}/m`], rescue }]),
    )
    const stage = await openKeyed({ scenario: runaway('tool-call'), config: { routes } })
    for (const { client, provider } of pairs) {
      // Gemini makes a call in one piece: it is whole, or it is not there.
      if (provider === 'gemini') continue
      const answer = await stage.ask({
        client,
        mode: 'stream',
        model: `by-${NAMES[provider]}`,
        body: ceilingOf(client, 'stream'),
        key: stage.paid.secret,
      })
      const told = `${client} from ${provider}: ${answer.raw.slice(-1_000)}`
      expect(answer.error?.code, told).toBe('budget_exceeded')
      expect(answer.hasTerminal, told).toBe(false)
      expect(answer.toolCalls.filter((call) => parseJson(call.arguments) !== undefined)).toEqual([])
      const { request } = await stage.record(answer)
      expect(request.code).toBe('budget_exceeded')
    }
  })

  test('may be a thought', async () => {
    const stage = await openKeyed({ scenario: runaway('reasoning') })
    for (const { client, provider } of pairs) {
      const answer = await stream(stage, client, provider)
      const told = `${client} from ${provider}: ${answer.raw.slice(-1_000)}`
      // An open item of reasoning of the Responses API ends with a proof that only its maker can give.
      const isEnded = client !== 'openai-responses' || provider !== 'openai-responses'
      expect(answer.error?.code, told).toBe(isEnded ? undefined : 'budget_exceeded')
      if (isEnded) expect([answer.finish, answer.hasTerminal], told).toEqual([LENGTH[client], true])
      const { request } = await stage.record(answer)
      expect(request).toMatchObject({ state: 'truncated', code: 'budget_exceeded' })
    }
  })

  test('may be several answers, each of which is ended', async () => {
    const stage = await openKeyed({ scenario: runaway() })
    for (const provider of ['openai-chat', 'gemini'] as const) {
      const { values, raw } = await stream(stage, 'openai-chat', provider, { n: 2 })
      const finishes = values.flatMap(({ choices }) =>
        // Sound: it is OpenAI's form of a chunk.
        (choices as readonly { readonly index: number; readonly finish_reason?: string }[]).flatMap(
          ({ index, finish_reason }) => (finish_reason ? [`${index} ${finish_reason}`] : []),
        ),
      )
      expect(finishes.toSorted(), raw.slice(-1_000)).toEqual(['0 length', '1 length'])
    }
  })

  test('is an answer of the oldest API too', async () => {
    const stage = await openKeyed({ scenario: runaway() })
    const client = new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: stage.paid.secret, maxRetries: 0 })
    const asked = { model: 'chat/m', prompt: 'Say it.', max_tokens: 100 }
    const chunks = await client.completions.create({ ...asked, stream: true })
    let text = ''
    let finish: string | null = null
    for await (const { choices } of chunks) {
      text += choices[0]?.text ?? ''
      finish = choices[0]?.finish_reason ?? finish
    }
    expect([finish, text.slice(0, 9)]).toEqual(['length', 'on and on'])
  })

  test('is read by the official SDKs as an answer of full length', async () => {
    const stage = await openKeyed({ scenario: runaway() })
    const { url } = stage
    const apiKey = stage.paid.secret
    const messages = [{ role: 'user', content: 'Say it.' } as const]
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
    const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 })
    const google = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
    for (const provider of ALL_CLIENTS) {
      const model = `${NAMES[provider]}/m`
      const chat = openai.chat.completions.stream({ model, messages, max_tokens: 100 })
      expect((await chat.finalChatCompletion()).choices[0]?.finish_reason).toBe('length')
      const message = await anthropic.messages.stream({ model, messages, max_tokens: 100 }).finalMessage()
      expect([message.stop_reason, message.usage.output_tokens > 100]).toEqual(['max_tokens', true])
      const response = await openai.responses
        .stream({ model, input: 'Say it.', max_output_tokens: 100 })
        .finalResponse()
      expect([response.status, response.incomplete_details?.reason]).toEqual([
        'incomplete',
        'max_output_tokens',
      ])
      expect(response.output_text).toMatch(/^on and on/)
      const said = await google.models.generateContentStream({
        model,
        contents: 'Say it.',
        config: { maxOutputTokens: 100 },
      })
      const finishes: unknown[] = []
      for await (const { candidates } of said) finishes.push(candidates?.[0]?.finishReason)
      expect(finishes.at(-1)).toBe('MAX_TOKENS')
    }
  })
})

describe('fault 80: an answer that was ended', () => {
  test('is not finished by somebody else, and not asked for again', async () => {
    for (const atLimit of ['length', 'error']) {
      const stage = await openKeyed({
        scenario: runaway(),
        config: {
          budgets: { atLimit },
          routes: {
            stream: { targets: ['chat/m', 'messages/m'], rescue: 'full' },
            fold: { targets: ['chat/long', 'messages/long'], rescue: 'full' },
          },
        },
      })
      for (const mode of ['stream', 'fold'] as const) {
        for (const client of ALL_CLIENTS) {
          const body = ceilingOf(client, mode)
          const answer = await stage.ask({ client, mode, model: mode, body, key: stage.paid.secret })
          const { request, attempts } = await stage.record(answer)
          expect(request.code).toBe('budget_exceeded')
          expect(attempts.map(({ target }) => target)).toEqual([mode === 'stream' ? 'chat/m' : 'chat/long'])
        }
      }
    }
  })

  test('may be one that somebody else went on with', async () => {
    const stage = await openKeyed({
      scenario: {
        pace: { tokensPerChunk: 10, perTokenMs: 0.01 },
        answers: [{ text: 'on and on and '.repeat(20) }],
        faults: [
          { fault: 'cut-stream', parameters: { token: 30 }, dialect: 'openai-chat' },
          { fault: 'ignores-ceiling', parameters: { tokens: 400 }, dialect: 'anthropic-messages' },
        ],
      },
      config: { routes: { smart: { targets: ['chat/m', 'messages/m'], retries: 0 } } },
    })
    for (const client of ALL_CLIENTS) {
      const body = ceilingOf(client, 'stream')
      const answer = await stage.ask({ client, mode: 'stream', model: 'smart', body, key: stage.paid.secret })
      expect(answer.error, answer.raw.slice(-1_000)).toBeUndefined()
      expect([answer.finish, answer.hasTerminal]).toEqual([LENGTH[client], true])
      expect(answer.text).toMatch(/^(?:on and )+o?n?/)
      const { request, attempts } = await stage.record(answer)
      expect(request).toMatchObject({ state: 'truncated', code: 'budget_exceeded' })
      expect(attempts).toMatchObject([
        { target: 'chat/m', outcome: 'failed', isWaste: true },
        { target: 'messages/m', outcome: 'cancelled', code: 'budget_exceeded' },
      ])
    }
  })

  test('is not kept in the cache', async () => {
    const stage = await openKeyed({
      scenario: runaway(),
      config: { cache: { default: true }, routes: { smart: { targets: ['chat/long'] } } },
    })
    for (const mode of ['stream', 'fold'] as const) {
      for (const _ of [1, 2]) {
        const answer = await stage.ask({
          client: 'openai-chat',
          mode,
          model: 'smart',
          body: ceilingOf('openai-chat', mode),
          key: stage.paid.secret,
        })
        expect(answer.finish).toBe('length')
      }
    }
    expect(stage.simulator.calls.filter(({ method }) => method === 'POST')).toHaveLength(4)
  })

  test('leaves nothing held', async () => {
    let standing: (() => Promise<{ readonly spent: number; readonly leased: number }>) | undefined
    const stage = await openKeyed({
      scenario: runaway(),
      async prepare(ledger) {
        const budget = await ledger.budget({
          scope: { kind: 'all', id: '' },
          nanoUsd: 100 * DOLLAR,
          name: 'house',
        })
        standing = () => ledger.standing(budget)
      },
    })
    const asks = ALL_CLIENTS.map((client) =>
      stage.ask({
        client,
        mode: 'stream',
        model: `${NAMES[client]}/m`,
        body: ceilingOf(client, 'stream'),
        key: stage.paid.secret,
      }),
    )
    await Promise.all(asks)
    const books = await stage.books(asks.length)
    expect((await standing?.())?.spent).toBe(books.costNanoUsd)
  })
})

/** A provider of Google's dialect that thinks for ever and shows nothing of it, but counts it. */
async function startThinker(): Promise<{ readonly origin: string; readonly calls: () => number }> {
  let calls = 0
  const server = createServer((request, response) => {
    calls += 1
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let thoughtsTokenCount = 0
    const timer = setInterval(() => {
      thoughtsTokenCount += 50
      const usageMetadata = { promptTokenCount: 10, thoughtsTokenCount }
      const candidates = [{ index: 0, content: { role: 'model', parts: [] } }]
      response.write(`data: ${JSON.stringify({ candidates, usageMetadata })}\r\n\r\n`)
    }, 1)
    response.on('close', () => clearInterval(timer))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  // Sound: it listens on a port.
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, calls: () => calls }
}

test('fault 80: thoughts that nobody sees end with the error, and are charged as they were counted', async () => {
  const thinker = await startThinker()
  const stage = await openKeyed({
    providers: {
      thinker: {
        dialect: 'gemini',
        baseUrl: `${thinker.origin}/v1beta`,
        credential: 'provider-key-0123456789',
        models: ['m'],
        prices: { m: PRICE },
      },
    },
    config: { routes: { smart: { targets: ['thinker/m', 'chat/m'], retries: 2 } } },
  })
  for (const client of ALL_CLIENTS) {
    const before = thinker.calls()
    const answer = await stage.ask({
      client,
      mode: 'stream',
      model: 'smart',
      body: ceilingOf(client, 'stream'),
      key: stage.paid.secret,
    })
    expect([answer.status, answer.error?.code]).toEqual([429, 'budget_exceeded'])
    expect(thinker.calls()).toBe(before + 1)
    const { request, attempts } = await stage.record(answer)
    expect(request).toMatchObject({ state: 'failed', code: 'budget_exceeded' })
    expect(attempts).toMatchObject([{ target: 'thinker/m', outcome: 'failed', isWaste: true }])
    const { outputTokens = 0, costNanoUsd = 0 } = attempts[0] ?? {}
    expect(outputTokens).toBeGreaterThan(CEILING.stream)
    expect(costNanoUsd).toBeGreaterThan(CEILING.stream * OUTPUT_NANO)
    expect(costNanoUsd).toBeLessThanOrEqual(heldAtMost(client, 'stream') + ONE_READ_NANO)
  }
})

test('an answer of a provider that keeps to its ceiling is never ended by us, whatever it says', async () => {
  const stage = await openKeyed()
  let asked = 0
  const words = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 4_000 }),
    fc
      .array(fc.constantFrom('a', 'on', '{"a":1}', '天地', ' ', '\n', 'internationalization', "don't"), {
        maxLength: 800,
      })
      .map((some) => some.join(' ')),
  )
  const dialect = fc.constantFrom(...ALL_CLIENTS)
  const ceiling = fc.integer({ min: 1, max: 1_500 })
  await fc.assert(
    fc.asyncProperty(
      words,
      dialect,
      dialect,
      ceiling,
      fc.boolean(),
      async (said, client, provider, tokens, isLong) => {
        asked += 1
        const field = client === 'openai-responses' ? 'max_output_tokens' : 'max_tokens'
        const body =
          client === 'gemini' ? { generationConfig: { maxOutputTokens: tokens } } : { [field]: tokens }
        const answer = await stage.ask({
          client,
          mode: 'stream',
          // One repeats what it is sent; the other has much to say to little, and ends at its ceiling.
          model: `${NAMES[provider]}/${isLong ? 'lorem' : 'echo'}`,
          prompt: isLong ? '.' : `.${said}`,
          body,
          key: stage.paid.secret,
        })
        expect(answer.error, answer.raw).toBeUndefined()
        expect(answer.hasTerminal).toBe(true)
        const whole = isLong ? answer.text : `[simulated echo] .${said}`
        expect(answer.text).toBe(whole.slice(0, answer.text.length))
        if (isLong) expect(answer.text.length).toBeGreaterThan(4 * (tokens - 1))
      },
    ),
    { numRuns: 150 },
  )
  const { requests, attempts } = await stage.books(asked)
  expect(new Set(requests.map(({ state }) => state))).toEqual(new Set(['completed']))
  expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['completed']))
})
