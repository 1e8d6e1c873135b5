/**
 * A provider's own words reach the client in its dialect: every dialect of a provider before every dialect of a client,
 * as a refusal and inside a stream.
 */

import { describe, expect, test, vi } from 'vitest'
import {
  ALL_PAIRS,
  answers,
  expectToldRefusal,
  openDialectBench,
  refuses,
  sayEvents,
  sayPaced,
} from '../support/dialect-bench.ts'
import { expectTruncated, expectWhole } from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 12 })

const TEXT = 'One two three four, ünïcödé 😀.'
const WORDS = 'Temperature 7 is above the maximum of 2 in this model.'
const CRASH = 'The model runner fell over a cable in row seven.'

describe.concurrent('every target before every client', () => {
  test.for(ALL_PAIRS)(
    'a whole answer of $target reaches a client of $client in each way of asking',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: TEXT }) } },
      })
      for (const mode of ['stream', 'fold', 'plain'] as const) {
        expectWhole(await bench.ask({ client, mode }), TEXT)
      }
      expect(bench.calls('primary').map(({ isStream }) => isStream)).toEqual([true, true, false])
    },
  )

  test.for(ALL_PAIRS)(
    'a refusal of $target is told to a client of $client in its provider’s words',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: refuses({ status: 400, message: WORDS }) },
          backup: { dialect: target, play: answers({ text: 'Never asked.' }) },
        },
      })
      for (const mode of ['stream', 'plain'] as const) {
        const answer = await bench.ask({ client, mode })
        expectToldRefusal(answer, 400, 'upstream_invalid_request')
        expect(answer.error?.message).toBe(WORDS)
        expect(answer.headers.get('x-should-retry')).toBe('false')
      }
      expect(bench.calls('backup')).toHaveLength(0)
    },
  )

  test.for(ALL_PAIRS)(
    'an outage of $target, alone, is told to a client of $client in its provider’s words',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: refuses({ status: 500, message: CRASH }) } },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectToldRefusal(answer, 502, 'upstream_error')
      expect(answer.error?.message).toContain(CRASH)
      expect(answer.headers.get('x-should-retry')).toBe('true')
    },
  )

  test.for(ALL_PAIRS)(
    'an error that $target says inside its stream: a client of $client hears it, in-band after content and with a status before',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: {
            dialect: target,
            play: (call) => {
              const { voice } = call
              const events = voice.events({ text: TEXT })
              if (call.number === 1)
                return sayPaced(call, [...events.slice(0, -voice.endingEvents - 2), voice.failure(CRASH)])
              return sayEvents(call, [voice.failure(CRASH)])
            },
          },
        },
        retries: 0,
      })
      const late = await bench.ask({ client, mode: 'stream' })
      expectTruncated(late, 'upstream_error')
      expect(late.error?.message).toContain(CRASH)
      expect(late.text).not.toBe('')
      expect(TEXT.startsWith(late.text)).toBe(true)
      const early = await bench.ask({ client, mode: 'stream' })
      expectToldRefusal(early, 502, 'upstream_error')
      expect(early.error?.message).toContain(CRASH)
      const { exchange, attempts } = await bench.recordOf(late)
      expect(exchange).toMatchObject({ state: 'truncated', code: 'upstream_error' })
      expect(attempts).toMatchObject([{ outcome: 'failed', isWaste: true }])
    },
  )
})
