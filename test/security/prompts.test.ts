import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const PROMPT =
  'Dear diary, today nobody saw what I did behind the "old" greenhouse, 在温室后面没有人看见我做了什么。'

/** Where the provider repeats what it was asked; a request names one as its model. */
const PLACES: Readonly<Record<string, (response: ServerResponse, echo: string) => void>> = {
  'refused-400': (response, echo) => refuse(response, 400, `Invalid content: ${echo}`),
  'refused-422': (response, echo) => refuse(response, 422, echo),
  'refused-404': (response, echo) => refuse(response, 404, `No such model for ${echo}`),
  'failed-500': (response, echo) => refuse(response, 500, `While answering ${echo}: out of memory`),
  'limited-429': (response, echo) => refuse(response, 429, `Too many requests like ${echo}`),
  'error-in-success': (response, echo) => refuse(response, 200, `Could not answer ${echo}`),
  'error-text': (response, echo) => response.writeHead(400, { 'content-type': 'text/plain' }).end(echo),
  'stream-error': (response, echo) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`event: error\ndata: ${JSON.stringify({ type: 'error', error: errorOf(echo) })}\n\n`)
  },
}

const errorOf = (message: string) => ({ type: 'invalid_request_error', message })

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ type: 'error', error: errorOf(message) }))
}

const provider = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => void chunks.push(chunk))
  request.on('end', () => {
    const asked: { model: string; messages: unknown } = JSON.parse(Buffer.concat(chunks).toString())
    PLACES[asked.model]?.(response, `${PROMPT} (${JSON.stringify(asked.messages)})`)
  })
})
let gateway: TestGateway

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  // A server on TCP has an address with a port.
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`
  const models = Object.keys(PLACES)
  gateway = await startTestGateway({
    config: {
      discover: false,
      providers: {
        chat: { dialect: 'openai-chat', baseUrl, models },
        messages: { dialect: 'anthropic-messages', baseUrl, models },
      },
      routes: Object.fromEntries(
        models.flatMap((model) => [
          [`chat-${model}`, { targets: [`chat/${model}`], retries: 0 }],
          [`messages-${model}`, { targets: [`messages/${model}`], retries: 0 }],
        ]),
      ),
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  provider.closeAllConnections()
  provider.close()
})

describe('SEC-25: a prompt that its provider repeats in a refusal', () => {
  const rows = Object.keys(PLACES).flatMap((place) =>
    ['chat', 'messages'].flatMap((target) =>
      ['/v1/chat/completions', '/v1/messages'].map((path) => [place, target, path] as const),
    ),
  )

  test.each(rows)(
    '%s by a provider of %s, asked at %s, is in nothing that is logged',
    async (place, target, path) => {
      const answer = await fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'x-holdfast-explain': '1' },
        body: JSON.stringify({
          model: `${target}-${place}`,
          max_tokens: 5_000,
          stream: true,
          messages: [{ role: 'user', content: PROMPT }],
        }),
      })
      await answer.text()
      const id = answer.headers.get('x-request-id')
      await gateway.exchange(({ exchangeId }) => exchangeId === id)
      const attempts = gateway.attempts.filter(({ exchangeId }) => exchangeId === id)
      expect(attempts.length).toBeGreaterThan(0)
      // Nor in what is told of how it was decided, to the client and at the operator's listener.
      const explained = await Promise.all(
        [gateway.url, gateway.running.adminUrl].map(async (url) =>
          (await fetch(`${url}/explain/${id}`)).text(),
        ),
      )
      for (const text of explained) expect(text).toContain(place)
      expect(explained.join('\n')).not.toMatch(/diary|nobody saw|greenhouse|在温室|没有人看见/)
      const published = JSON.stringify([attempts, gateway.exchanges, gateway.notices])
      expect(published).not.toMatch(/diary|nobody saw|greenhouse|在温室|没有人看见/)
    },
  )
})

describe('a request that is turned away', () => {
  test.each([
    ['messages that are none', { model: 'chat/x', messages: PROMPT }, '"messages" must be an array'],
    ['an unknown model', { model: 'nobody/x', messages: [{ role: 'user', content: PROMPT }] }, 'nobody/x'],
  ])('for %s is recorded with the reason, and without what it said', async (_name, body, reason) => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    await answer.text()
    const id = answer.headers.get('x-request-id')
    const record = await gateway.exchange(({ exchangeId }) => exchangeId === id)
    expect(record).toMatchObject({ state: 'rejected', attempts: 0 })
    expect(record.message).toContain(reason)
    expect(JSON.stringify(record)).not.toMatch(/diary|greenhouse/)
  })
})
