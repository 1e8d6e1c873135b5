/** Clients that take their answers slowly or not at all, before the whole gateway: row 111. */

import { describe, expect, test, vi } from 'vitest'
import { httpLimits } from '../../src/http/http-limits.ts'
import { openRawClient } from '../support/raw-client.ts'
import { ALL_CLIENTS, openBench, rawRequest } from '../support/upstreams.ts'

const STALL_MS = 400

// Sound here alone: each test file has modules of its own, and a minute is too long for a test.
;(httpLimits as { writeStallMs: number }).writeStallMs = STALL_MS

vi.setConfig({ maxConcurrency: 4 })

const cases = ALL_CLIENTS.map((client) => ({
  client,
  target: client === 'openai-chat' ? ('anthropic-messages' as const) : ('openai-chat' as const),
}))

describe.concurrent('fault 111: a client that stops reading', () => {
  test.for(cases)(
    'fault 111, SEC-56: $client is cut after the limit, and the provider is hung up on ($target)',
    async ({ client, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: ['endless-generation'] } },
      })
      const reader = await openRawClient(bench.gateway.port)
      reader.send(rawRequest({ client, mode: 'stream' }))
      await reader.until('agai')
      reader.socket.pause()
      const [call] = bench.calls('primary')
      await call?.settled
      expect(call?.state).toBe('peer-left')
      reader.socket.resume()
      const { text } = await reader.closed()
      // Cut in the middle: no last word of any dialect, and no last chunk.
      expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed|\r\n0\r\n\r\n/)
      const exchange = await bench.gateway.exchange(() => true)
      expect(exchange).toMatchObject({ state: 'client_gone', attempts: 1 })
      expect(bench.gateway.attempts).toMatchObject([{ outcome: 'cancelled', usageSource: 'unknown' }])
    },
  )

  test.for(cases)(
    'fault 111: $client that reads slowly, yet reads, loses nothing ($target)',
    async ({ client, target }) => {
      const words = 'slow and steady '.repeat(60_000)
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: words } },
      })
      const reader = await openRawClient(bench.gateway.port)
      reader.send(rawRequest({ client, mode: 'stream' }))
      await reader.until('slow')
      // Pauses below the limit, until the end has come.
      const pacing = setInterval(() => {
        reader.socket.pause()
        setTimeout(() => reader.socket.resume(), 30)
      }, 40)
      try {
        await reader.until('\r\n0\r\n\r\n')
      } finally {
        clearInterval(pacing)
      }
      const exchange = await bench.gateway.exchange(() => true)
      expect(exchange.state).toBe('completed')
      expect(bench.calls('primary')).toHaveLength(1)
      reader.socket.destroy()
    },
  )
})
