import { randomBytes } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'

const REQUESTS = 3_000
const CONCURRENT = 100

/** A provider of both dialects whose every word is the nonce it was sent, in pieces and after pauses of any length. */
async function startNonceProvider(): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const nonce = /nonce-[0-9a-f]{24}/.exec(body)?.[0] ?? 'none'
      const isStream = /"stream":\s*true/.test(body)
      const isMessages = request.url?.endsWith('/messages') === true
      void answer(response, { nonce, isStream, isMessages })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server on TCP has an address with a port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

interface Asked {
  readonly nonce: string
  readonly isStream: boolean
  readonly isMessages: boolean
}

/** Enough pieces that the streams of many requests are always in the air together. */
const PIECES = 8

async function answer(response: ServerResponse, asked: Asked): Promise<void> {
  const pause = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
  await pause()
  const json = { 'content-type': 'application/json' }
  if (!asked.isStream) {
    const body = JSON.stringify(asked.isMessages ? message(asked.nonce) : completion(asked.nonce))
    const at = Math.floor(Math.random() * body.length)
    response.writeHead(200, json).write(body.slice(0, at))
    await pause()
    response.end(body.slice(at))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of asked.isMessages ? messageEvents(asked.nonce) : completionEvents(asked.nonce)) {
    if (response.destroyed) return
    response.write(event)
    await pause()
  }
  response.end()
}

const usage = { prompt_tokens: 1, completion_tokens: 8, total_tokens: 9 }
const messageUsage = { input_tokens: 1, output_tokens: 8 }

const completion = (nonce: string) => ({
  id: `chatcmpl-${nonce}`,
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: nonce }, finish_reason: 'stop' }],
  usage,
})

const message = (nonce: string) => ({
  id: `msg_${nonce}`,
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: nonce }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: messageUsage,
})

function completionEvents(nonce: string): readonly string[] {
  const chunk = (fields: object) =>
    `data: ${JSON.stringify({ id: `chatcmpl-${nonce}`, object: 'chat.completion.chunk', created: 1, model: 'm', ...fields })}\n\n`
  return [
    ...Array.from({ length: PIECES }, () =>
      chunk({ choices: [{ index: 0, delta: { content: `${nonce} ` }, finish_reason: null }] }),
    ),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    chunk({ choices: [], usage }),
    'data: [DONE]\n\n',
  ]
}

function messageEvents(nonce: string): readonly string[] {
  const event = (type: string, fields: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
  return [
    event('message_start', { message: { ...message(nonce), content: [], stop_reason: null } }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...Array.from({ length: PIECES }, () =>
      event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: `${nonce} ` } }),
    ),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: messageUsage }),
    event('message_stop', {}),
  ]
}

interface Asking {
  readonly prompt: string
  readonly ceiling: number
  readonly target: string
  readonly isStream: boolean
}

/** How each dialect asks, and how a whole answer of it ends: as a stream, and in one piece. */
const CLIENTS = [
  ({ prompt, ceiling, target, isStream }: Asking) => ({
    path: '/v1/messages',
    body: {
      model: `${target}/m`,
      stream: isStream,
      max_tokens: ceiling,
      messages: [{ role: 'user', content: prompt }],
    },
    lastWords: /"message_stop"/,
    ending: /"end_turn"/,
  }),
  ({ prompt, ceiling, target, isStream }: Asking) => ({
    path: '/v1/chat/completions',
    body: {
      model: `${target}/m`,
      stream: isStream,
      max_tokens: ceiling,
      messages: [{ role: 'user', content: prompt }],
    },
    lastWords: /\[DONE\]/,
    ending: /"stop"/,
  }),
  ({ prompt, ceiling, target, isStream }: Asking) => ({
    path: '/v1/responses',
    body: { model: `${target}/m`, stream: isStream, max_output_tokens: ceiling, input: prompt, store: false },
    lastWords: /"response\.completed"/,
    ending: /"status":\s*"completed"/,
  }),
  ({ prompt, ceiling, target, isStream }: Asking) => ({
    path: `/v1beta/models/${target}%2Fm:${isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: {
      contents: [{ role: 'user', parts: [{ text: prompt }] }],
      generationConfig: { maxOutputTokens: ceiling },
    },
    lastWords: /"finishReason":\s*"STOP"/,
    ending: /"finishReason":\s*"STOP"/,
  }),
] as const

test('SEC-42: of thousands of mixed requests, some of them broken off, every answer holds its own words and no other’s', async () => {
  const baseUrl = await startNonceProvider()
  const provider = (dialect: string) => ({
    dialect,
    baseUrl,
    credential: 'provider-key-0123456789',
    models: ['m'],
  })
  await using gateway = await startTestGateway({
    config: {
      discover: false,
      providers: { chat: provider('openai-chat'), messages: provider('anthropic-messages') },
    },
  })
  const tally = { whole: 0, brokenOff: 0 }
  const wrong: string[] = []
  let sent = 0

  const ask = async (turn: number) => {
    const nonce = `nonce-${randomBytes(12).toString('hex')}`
    const isStream = turn % 2 === 0
    // Sound: there are as many as the remainder says.
    const client = CLIENTS[Math.floor(turn / 2) % CLIENTS.length] as (typeof CLIENTS)[number]
    const target = Math.floor(turn / 8) % 2 === 0 ? 'chat' : 'messages'
    const abort = new AbortController()
    const isBrokenOff = Math.random() < 0.2
    if (isBrokenOff) setTimeout(() => abort.abort(), Math.random() * 40)
    try {
      // A short ceiling goes upstream as it is, a long one as a stream that is folded.
      const asked = client({
        prompt: `Say ${nonce}.`,
        ceiling: turn % 3 === 0 ? 64 : 8_192,
        target,
        isStream,
      })
      const response = await fetch(gateway.url + asked.path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(asked.body),
        signal: abort.signal,
      })
      const text = await response.text()
      const said = new Set(text.match(/nonce-[0-9a-f]{24}/g))
      const isWhole = (isStream ? asked.lastWords : asked.ending).test(text)
      if (response.status === 200 && isWhole && said.size === 1 && said.has(nonce)) tally.whole += 1
      else wrong.push(`${response.status} ${nonce}: ${text.slice(0, 500)}`)
    } catch (error) {
      if (abort.signal.aborted) tally.brokenOff += 1
      else wrong.push(String(error))
    }
  }
  const client = async () => {
    while (sent < REQUESTS) {
      sent += 1
      await ask(sent)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, client))

  expect(wrong).toEqual([])
  expect(tally.whole + tally.brokenOff).toBe(REQUESTS)
  expect(tally.brokenOff).toBeGreaterThan(REQUESTS / 20)
  // Whoever left before the request was read whole is no exchange of the story, and still has its record.
  await expect
    .poll(() => new Set(gateway.exchanges.map(({ exchangeId }) => exchangeId)).size)
    .toBe(gateway.exchanges.length)
  expect(gateway.exchanges.filter(({ state }) => state === 'completed').length).toBeGreaterThanOrEqual(
    tally.whole,
  )
  expect(gateway.exchanges.filter(({ state }) => state !== 'completed' && state !== 'client_gone')).toEqual(
    [],
  )
}, 60_000)
