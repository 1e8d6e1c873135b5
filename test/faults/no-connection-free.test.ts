/** Row 141 through the whole gateway: ports, descriptors or connections run out here, and no provider is blamed for it. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Transport } from '../../src/std/transport.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startProcess } from '../support/gateway-process.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'
import { statusOf } from '../support/status-of.ts'

const ANSWER = JSON.stringify({
  id: 'c1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})

interface Shortage extends Transport {
  /** What calls of hosts that begin so fail with before anything leaves; the others are answered. */
  short: { readonly host: string; readonly code: string } | undefined
  calls: number
}

function createShortage(code: string, host = 'first'): Shortage {
  return {
    short: { host, code },
    calls: 0,
    send(request, handler) {
      this.calls += 1
      const short = this.short
      setImmediate(() => {
        if (short !== undefined && request.origin.includes(`//${short.host}.`)) {
          handler.onFailure({ phase: 'connect', code: short.code })
          return
        }
        handler.onSend()
        handler.onHeaders(200, { 'content-type': 'application/json' })
        handler.onData(Buffer.from(ANSWER))
        handler.onEnd()
      })
      return { pause() {}, resume() {}, abort() {} }
    },
    close: () => Promise.resolve(),
  }
}

const provider = (name: string) => ({
  dialect: 'openai-chat',
  baseUrl: `http://${name}.test/v1`,
  credential: `credential-of-${name}-0123456789`,
  models: ['m'],
})
const config = {
  discover: false,
  providers: { first: provider('first'), second: provider('second') },
  routes: { alone: { targets: ['first/m'] }, beside: { targets: ['first/m', 'second/m'] } },
}

const asks = {
  'openai-chat': {
    path: '/v1/chat/completions',
    body: (model: string) => ({ model, messages: [{ role: 'user', content: 'hi' }] }),
    type: (error: Readonly<Record<string, unknown>>) => [error['type'], error['code']],
    told: ['overloaded_error', 'no_connection_free'],
  },
  'anthropic-messages': {
    path: '/v1/messages',
    body: (model: string) => ({ model, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }),
    type: (error: Readonly<Record<string, unknown>>) => [error['type']],
    told: ['overloaded_error'],
  },
  gemini: {
    path: '/v1beta/models/alone:generateContent',
    body: () => ({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }),
    type: (error: Readonly<Record<string, unknown>>) => [error['status']],
    told: ['UNAVAILABLE'],
  },
} as const

const ask = (url: string, dialect: keyof typeof asks = 'openai-chat', model = 'alone') =>
  fetch(url + asks[dialect].path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(asks[dialect].body(model)),
  })

/** More than any breaker needs to open. */
const MANY = 30

describe('fault 141: ports, descriptors or memory of our own run out', () => {
  test.each(['EADDRNOTAVAIL', 'EMFILE', 'ENFILE', 'ENOBUFS', 'HOLDFAST_NO_CONNECTION_FREE'])(
    '%s: the client is told 503 and when to come again; no breaker opens, and the first request after it is served',
    async (code) => {
      const transport = createShortage(code)
      await using gateway = await startTestGateway({ config, transport })
      for (let asked = 0; asked < MANY; asked += 1) {
        const answer = await ask(gateway.url)
        expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([503, 'true'])
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
        await answer.arrayBuffer()
      }
      // Each was tried once: a try more would take what there is none of.
      expect(transport.calls).toBe(MANY)
      for (const attempt of gateway.attempts)
        expect(attempt).toMatchObject({ code: 'no_connection_free', usageSource: 'none', isWaste: false })
      expect(gateway.attempts).toHaveLength(MANY)
      const { targets } = await statusOf(gateway.running.adminUrl)
      expect(
        targets.filter(({ state, consecutiveFailures }) => state !== 'closed' || consecutiveFailures > 0),
      ).toEqual([])

      transport.short = undefined
      expect((await ask(gateway.url)).status).toBe(200)
    },
  )

  test.each(Object.entries(asks))(
    'is said to a client of %s in its own words',
    async (dialect, { type, told }) => {
      await using gateway = await startTestGateway({ config, transport: createShortage('EADDRNOTAVAIL') })
      // Sound: the names are those of the table.
      const answer = await ask(gateway.url, dialect as keyof typeof asks)
      expect(answer.status).toBe(503)
      // An error of every dialect stands under this name.
      const { error } = (await answer.json()) as { error: Readonly<Record<string, unknown>> }
      expect(type(error)).toEqual(told)
      expect(String(error['message'])).toContain('this machine has no port free')
    },
  )

  test('asks the next target, to which there may be a connection', async () => {
    await using gateway = await startTestGateway({ config, transport: createShortage('EADDRNOTAVAIL') })
    const answer = await ask(gateway.url, 'openai-chat', 'beside')
    expect([answer.status, answer.headers.get('x-holdfast-target')]).toEqual([200, 'second/m'])
    expect(gateway.attempts.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'no_connection_free'],
      ['completed', undefined],
    ])
  })
})

test.skipIf(process.platform !== 'linux')(
  'fault 141: a process with no descriptor left for a provider says so, and serves as soon as there is one',
  async () => {
    const upstream = createServer((request, response) => {
      // Kept, the connection would serve the next request without another descriptor.
      request.resume().on('end', () => response.writeHead(200, { connection: 'close' }).end(ANSWER))
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void upstream.close())
    await once(upstream, 'listening')
    // Sound: it listens on a port.
    const { port } = upstream.address() as AddressInfo
    const up = { dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${port}/v1`, models: ['m'] }
    await using gateway = await startProcess({
      config: { discover: false, providers: { up } },
      descriptors: 64,
    })
    const body = JSON.stringify(asks['openai-chat'].body('up/m'))
    const first = await openRawClient(gateway.port)
    const others: RawClient[] = []
    for (let opened = 0; opened < 120; opened += 1) others.push(await openRawClient(gateway.port))
    await gateway.line({ notice: 'accept_failed' })
    /** The last answer, whole. */
    const asked = async () => {
      const before = first.text.length
      first.send(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      await expect.poll(() => first.text.slice(before), { timeout: 10_000 }).toMatch(/\r\n\r\n.*\}$/s)
      return first.text.slice(before)
    }
    let refusal = await asked()
    // The process closes a file of its own now and then: whoever comes next takes what is free.
    while (refusal.startsWith('HTTP/1.1 200')) {
      for (let opened = 0; opened < 5; opened += 1) others.push(await openRawClient(gateway.port))
      refusal = await asked()
    }
    expect(refusal).toMatch(/^HTTP\/1\.1 503 .*no_connection_free/s)
    expect(refusal).toMatch(/retry-after: [1-9]/i)
    for (const { socket } of others) socket.destroy()
    await expect.poll(asked, { timeout: 10_000 }).toMatch(/^HTTP\/1\.1 200 /)
    expect(gateway.linesLike({ to: 'open' })).toEqual([])
    first.socket.destroy()
  },
)
