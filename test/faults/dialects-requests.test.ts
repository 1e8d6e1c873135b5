/**
 * What a request meets on its way out: a quota that is spent for the day, abilities that a dialect or a model lacks,
 * models without a price, addresses that nobody here may visit. Rows 24, 89, 91 and 121.
 */

import { request } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { ClientDialect } from '../support/client-answer.ts'
import { describe, expect, test, vi } from 'vitest'
import {
  ALL_PAIRS,
  answers,
  expectToldRefusal,
  inTurn,
  openDialectBench,
  type Play,
  SOME_PAIRS,
} from '../support/dialect-bench.ts'
import { ALL_CLIENTS, expectWhole, requestPath } from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

const TEXT = 'One two three four five, ünïcödé 😀.'
const BACKUP = 'The backup says this in full.'

/** A question about a picture at an address. */
const pictureIn: Readonly<Record<ClientDialect, (url: string) => Record<string, unknown>>> = {
  'openai-chat': (url) => ({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ],
  }),
  'anthropic-messages': (url) => ({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image', source: { type: 'url', url } },
          { type: 'document', source: { type: 'url', url: `${url}.pdf` } },
        ],
      },
    ],
  }),
  'openai-responses': (url) => ({
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'What is this?' },
          { type: 'input_image', image_url: url, detail: 'auto' },
          { type: 'input_file', file_url: `${url}.pdf` },
        ],
      },
    ],
  }),
  gemini: (url) => ({
    contents: [
      {
        role: 'user',
        parts: [{ text: 'What is this?' }, { fileData: { fileUri: url, mimeType: 'image/png' } }],
      },
    ],
  }),
}

const parameters = { type: 'object', properties: { city: { type: 'string' } } }
const toolsIn: Readonly<Record<ClientDialect, Record<string, unknown>>> = {
  'openai-chat': { tools: [{ type: 'function', function: { name: 'weather', parameters } }] },
  'anthropic-messages': { tools: [{ name: 'weather', input_schema: parameters }] },
  'openai-responses': { tools: [{ type: 'function', name: 'weather', parameters, strict: false }] },
  gemini: { tools: [{ functionDeclarations: [{ name: 'weather', parameters }] }] },
}

function mapClients<Value>(
  valueOf: (client: ClientDialect) => Value,
): Readonly<Record<ClientDialect, Value>> {
  return {
    'openai-chat': valueOf('openai-chat'),
    'anthropic-messages': valueOf('anthropic-messages'),
    'openai-responses': valueOf('openai-responses'),
    gemini: valueOf('gemini'),
  }
}

describe.concurrent('fault 24: a quota that is spent for the day, and no word of when it comes back', () => {
  const spent: readonly {
    readonly name: string
    readonly body: object
    readonly target: 'gemini' | 'openai-chat'
  }[] = [
    {
      name: 'Google’s daily quota of a model',
      target: 'gemini',
      body: {
        error: {
          code: 429,
          message: 'You exceeded your current quota.',
          status: 'RESOURCE_EXHAUSTED',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
              violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }],
            },
          ],
        },
      },
    },
    {
      name: 'OpenRouter’s day of free models',
      target: 'openai-chat',
      body: { error: { code: 429, message: 'Rate limit exceeded: free-models-per-day' } },
    },
  ]
  const refuses =
    (body: object): Play =>
    ({ response }) => {
      response.writeHead(429, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
  const cases = spent.flatMap((one) => ALL_CLIENTS.map((client) => ({ ...one, client })))

  test.for(cases)(
    'fault 24: $name: a client of $client has the fallback, and the next one does not ask again',
    async ({ body, target, client }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: refuses(body) },
          backup: { dialect: 'anthropic-messages', play: answers({ text: BACKUP }) },
        },
      })
      const first = await bench.ask({ client, mode: 'stream' })
      expectWhole(first, BACKUP)
      const { attempts } = await bench.recordOf(first)
      expect(attempts[0]).toMatchObject({
        code: 'model_quota_exhausted',
        usageSource: 'none',
        isWaste: false,
      })
      const others = await Promise.all(Array.from({ length: 5 }, () => bench.ask({ client, mode: 'plain' })))
      for (const other of others) expectWhole(other, BACKUP)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )

  test.for(cases)(
    'fault 24: $name, alone: a client of $client is told not to come again, and nobody is asked again',
    async ({ body, target, client }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: inTurn(refuses(body), answers({ text: TEXT })) } },
      })
      for (const mode of ['stream', 'plain'] as const) {
        const answer = await bench.ask({ client, mode })
        expectToldRefusal(answer, 429, 'model_quota_exhausted')
        expect(answer.headers.get('x-should-retry')).toBe('false')
      }
      expect(bench.calls('primary')).toHaveLength(1)
      // The other models of the credential are served.
      expectWhole(await bench.ask({ client, mode: 'stream', model: 'primary/another' }), TEXT)
    },
  )
})

describe.concurrent('fault 89: what a target lacks', () => {
  test('fault 89: several answers, of a dialect that gives one: the loss is named, or refused where nothing may be lost', async () => {
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'anthropic-messages', play: answers({ text: TEXT }) } },
    })
    const body = { n: 2, logprobs: true, seed: 7 }
    for (const mode of ['stream', 'plain'] as const) {
      const answer = await bench.ask({ client: 'openai-chat', mode, body })
      expectWhole(answer, TEXT)
      const losses = (answer.headers.get('x-holdfast-losses') ?? '').split(', ')
      expect(losses).toEqual(expect.arrayContaining(['n', 'logprobs', 'seed']))
      const { exchange } = await bench.recordOf(answer)
      expect(exchange.losses.map(({ field }) => field)).toEqual(
        expect.arrayContaining(['n', 'logprobs', 'seed']),
      )
    }
    await using strict = await openDialectBench({
      providers: { primary: { dialect: 'anthropic-messages', play: answers({ text: TEXT }) } },
      route: { strict: true },
    })
    const refused = await strict.ask({ client: 'openai-chat', mode: 'plain', body })
    expect(refused).toMatchObject({ status: 400, error: { code: 'loss_refused' } })
    expect(strict.calls('primary')).toHaveLength(0)
  })

  test('fault 89: the same, refused by a header', async () => {
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'anthropic-messages', play: answers({ text: TEXT }) } },
    })
    const headers = { 'x-holdfast-strict': 'true' }
    const refused = await bench.ask({ client: 'openai-chat', mode: 'plain', body: { n: 2 }, headers })
    expect(refused).toMatchObject({ status: 400, error: { code: 'loss_refused' } })
    expect(bench.calls('primary')).toHaveLength(0)
  })

  const needs: readonly {
    readonly what: string
    readonly ask: Readonly<Record<ClientDialect, Record<string, unknown>>>
  }[] = [
    {
      what: 'to look at a picture',
      ask: mapClients((client) => pictureIn[client]('https://example.com/a.png')),
    },
    { what: 'to call tools', ask: toolsIn },
  ]
  const cases = needs.flatMap((need) => ALL_CLIENTS.map((client) => ({ ...need, client })))

  test.for(cases)(
    'fault 89: a model that is known not to be able $what is not asked by a client of $client',
    async ({ ask, client }) => {
      // By what is published, the first has neither eyes nor tools, and the second has both.
      const targets = ['blind/gpt-3.5-turbo', 'able/gpt-4o']
      await using bench = await openDialectBench({
        providers: {
          blind: { dialect: 'openai-chat', provider: 'openai', play: answers({ text: TEXT }) },
          able: { dialect: 'openai-chat', provider: 'openai', play: answers({ text: BACKUP }) },
        },
        targets,
      })
      for (const mode of ['stream', 'plain'] as const) {
        expectWhole(await bench.ask({ client, mode, body: ask[client] }), BACKUP)
      }
      expect(bench.calls('blind')).toHaveLength(0)
      expectWhole(await bench.ask({ client, mode: 'plain' }), TEXT)
    },
  )

  test.for(cases)(
    'fault 89: where no model is able $what, a client of $client is told which lack it',
    async ({ ask, client }) => {
      await using bench = await openDialectBench({
        providers: {
          blind: { dialect: 'openai-chat', provider: 'openai', play: answers({ text: TEXT }) },
          deaf: { dialect: 'openai-chat', provider: 'openai', play: answers({ text: TEXT }) },
        },
        targets: ['blind/gpt-3.5-turbo', 'deaf/gpt-3.5-turbo'],
      })
      const answer = await bench.ask({ client, mode: 'stream', body: ask[client] })
      expectToldRefusal(answer, 400, 'capability_missing')
      // Anthropic's own programs go by a message of theirs.
      expect(answer.error?.message).toMatch(/blind\/gpt-3\.5-turbo|^capability_rejected: /)
      expect(answer.headers.get('x-should-retry')).toBe('false')
    },
  )

  test('fault 89: a target that can say it is preferred to one that loses it, where nothing may be lost', async () => {
    await using bench = await openDialectBench({
      providers: {
        primary: { dialect: 'anthropic-messages', play: answers({ text: TEXT }) },
        backup: { dialect: 'openai-chat', play: answers({ text: BACKUP }) },
      },
      route: { strict: true },
    })
    expectWhole(await bench.ask({ client: 'openai-chat', mode: 'plain', body: { logprobs: true } }), BACKUP)
    expect(bench.calls('primary')).toHaveLength(0)
  })
})

describe.concurrent('fault 91: a model whose price nobody knows', () => {
  test.for(SOME_PAIRS)(
    'fault 91: $target serves it to a client of $client, and nothing says that it cost nothing',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: TEXT }) } },
      })
      const answer = await bench.ask({ client, mode: 'stream', model: 'primary/brand-new-model' })
      expectWhole(answer, TEXT)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 })
      expect(exchange).not.toHaveProperty('costNanoUsd')
      expect(attempts[0]).not.toHaveProperty('costNanoUsd')
      expect(JSON.stringify([exchange, attempts])).not.toMatch(/"\w*(?:cost|price|usd)\w*":0\b/i)
    },
  )
})

test('fault 91: a model whose price is known says what it cost', async () => {
  await using bench = await openDialectBench({
    providers: { primary: { dialect: 'openai-chat', provider: 'openai', play: answers({ text: TEXT }) } },
  })
  const answer = await bench.ask({ client: 'gemini', mode: 'stream', model: 'primary/gpt-4o' })
  const { exchange } = await bench.recordOf(answer)
  expect(exchange.costNanoUsd).toBe(11 * 2_500 + 7 * 10_000)
})

describe('fault 121: addresses inside a request', () => {
  test.concurrent.for(ALL_PAIRS)(
    'fault 121: nobody here visits one from a client of $client: $target gets it as it is, or it is named as lost, or refused',
    async ({ client, target }) => {
      let visits = 0
      const inside = createServer((socket) => {
        visits += 1
        socket.destroy()
      })
      await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve))
      // Sound: a listening TCP server has an address of this shape.
      const { port } = inside.address() as AddressInfo
      const url = `http://127.0.0.1:${port}/secret.png`
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: TEXT }) } },
      })
      const answer = await bench.ask({ client, mode: 'plain', body: pictureIn[client](url) })
      const sent = JSON.stringify(bench.calls('primary').map(({ body }) => body))
      const isNamed = (answer.headers.get('x-holdfast-losses') ?? '') !== ''
      if (client === target) expect(sent).toContain(url)
      if (answer.status === 200) expect(sent.includes(url) || isNamed).toBe(true)
      else expect(answer.error?.code).toMatch(/^(?:loss_refused|invalid_request|not_supported)$/)
      expect(visits).toBe(0)
      await new Promise((resolve) => inside.close(resolve))
    },
  )

  test.concurrent.for(ALL_CLIENTS.map((client) => ({ client })))(
    'fault 121: data of 100 MB in an address from a client of $client is refused before it is read',
    async ({ client }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: 'openai-chat', play: answers({ text: TEXT }) } },
      })
      const path = requestPath({ client, mode: 'plain' })
      const declared = await sendHead(bench.gateway.url + path, { 'content-length': String(134_217_728) })
      expect(declared).toBe(413)
      expect(bench.calls('primary')).toHaveLength(0)
    },
  )

  test('fault 121: data that comes without a length is refused when it passes the bound, not when it ends', async () => {
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'openai-chat', play: answers({ text: TEXT }) } },
      limits: { bodyBytes: 1_048_576 },
    })
    const begin =
      '{"model":"smart","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,'
    const { status, sentBytes } = await sendEndless(`${bench.gateway.url}/v1/chat/completions`, begin)
    expect(status).toBe(413)
    expect(sentBytes).toBeLessThan(100_000_000)
    expect(bench.calls('primary')).toHaveLength(0)
  })

  test('fault 121: data within the bound reaches the provider byte for byte, in its own dialect and in another', async () => {
    const data = Buffer.alloc(3_000_000, 'holdfast').toString('base64')
    const url = `data:image/png;base64,${data}`
    await using bench = await openDialectBench({
      providers: {
        primary: { dialect: 'openai-chat', play: answers({ text: TEXT }) },
        other: { dialect: 'anthropic-messages', play: answers({ text: TEXT }) },
      },
    })
    for (const model of ['primary/m', 'other/m']) {
      expectWhole(
        await bench.ask({ client: 'openai-chat', mode: 'plain', model, body: pictureIn['openai-chat'](url) }),
        TEXT,
      )
    }
    expect(JSON.stringify(bench.calls('primary')[0]?.body)).toContain(url)
    expect(JSON.stringify(bench.calls('other')[0]?.body)).toContain(data)
  })
})

/** The status that answers a request whose body never comes. */
function sendHead(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } })
    sent.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
      sent.destroy()
    })
    sent.on('error', reject)
    sent.flushHeaders()
  })
}

/** Sends base64 in chunks until it is told to stop. */
function sendEndless(url: string, begin: string): Promise<{ status: number | undefined; sentBytes: number }> {
  return new Promise((resolve, reject) => {
    const chunk = Buffer.alloc(65_536, 'QUJD')
    let sentBytes = 0
    let isAnswered = false
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } })
    sent.on('response', (response) => {
      isAnswered = true
      response.resume()
      resolve({ status: response.statusCode, sentBytes })
      sent.destroy()
    })
    sent.on('error', (error) => {
      if (!isAnswered) reject(error)
    })
    const pump = (): void => {
      if (isAnswered || sentBytes > 100_000_000) return
      sentBytes += chunk.length
      if (sent.write(chunk)) setImmediate(pump)
      else sent.once('drain', pump)
    }
    sent.write(begin, pump)
  })
}
