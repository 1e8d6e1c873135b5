/** Streams that say themselves that they failed: before any content, and after it. Rows 62 and 63. */

import { describe, expect, test, vi } from 'vitest'
import { openWall } from '../../src/upstream/wall.ts'
import { readAnswer } from '../support/client-answer.ts'
import { piece, streamEvents, streamHead } from '../support/stream-events.ts'
import {
  combinations,
  expectRefused,
  expectTruncated,
  expectWhole,
  openBench,
  otherDialect,
} from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

/** Slow enough that the first token has reached the client before the rest is written. */
const PACE = { perTokenMs: 8 }
const TEXT = 'One two three four five six seven eight nine ten, and then some more of it.'
const STREAMS = combinations({ modes: ['stream'] })

const errors = {
  overloaded: { code: 'upstream_overloaded', status: 503, calls: 2, goesOn: true },
  server: { code: 'upstream_error', status: 502, calls: 2, goesOn: true },
  'rate-limit': { code: 'rate_limited', status: 429, calls: 2, goesOn: true },
  quota: { code: 'insufficient_quota', status: 429, calls: 1, goesOn: true },
  'context-length': { code: 'context_length_exceeded', status: 400, calls: 1, goesOn: true },
  policy: { code: 'content_policy', status: 400, calls: 1, goesOn: false },
} as const
const names = ['overloaded', 'server', 'rate-limit', 'quota', 'context-length', 'policy'] as const
const styles = ['event', 'openrouter', 'line', 'field'] as const

/** Messages has no place for OpenRouter's chunk; in Messages an error's class is in its type and its words. */
const told = names.flatMap((error) =>
  styles.flatMap((style) =>
    (['openai-chat', 'anthropic-messages'] as const)
      .filter((target) => target === 'openai-chat' || style === 'event')
      .map((target) => ({ error, style, target })),
  ),
)

describe.concurrent('fault 62: an error event before any content', () => {
  test.for(
    told.flatMap((one) =>
      combinations({ modes: ['stream', 'fold'], targets: [one.target] }).map((it) => ({ ...one, ...it })),
    ),
  )(
    'fault 62: $error as $style from $target: $client $mode has the fallback, or its real status',
    async ({ error, style, client, mode, target }) => {
      const { code, goesOn } = errors[error]
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: [`error-before-content(error=${error},style=${style})`] },
          backup: { dialect: otherDialect(target), text: 'The backup.' },
        },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode })
      if (goesOn) expectWhole(answer, 'The backup.')
      else expectRefused(answer, { status: 400, code, shouldRetry: false })
      expect(bench.calls('primary')).toHaveLength(1)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({ code, usageSource: 'none', isWaste: false })
    },
  )

  test.for(told.filter(({ style }) => style === 'event'))(
    'fault 62: $error from $target, alone, is an HTTP error with its real status',
    async ({ error, target }) => {
      const { code, status, calls } = errors[error]
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: [`error-before-content(error=${error})`] } },
      })
      const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
      expect({ status: answer.status, code: answer.error?.code }).toEqual({ status, code })
      expect(answer.error?.isPartial).toBe(false)
      expect(bench.calls('primary')).toHaveLength(calls)
    },
  )
})

describe.concurrent('fault 63: an error event after content', () => {
  test.for(
    told.flatMap((one) =>
      combinations({ modes: ['stream'], targets: [one.target] }).map((it) => ({ ...one, ...it })),
    ),
  )(
    'fault 63: $error as $style from $target: $client is told in-band, without a last word',
    async ({ error, style, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: target,
            text: TEXT,
            pace: PACE,
            faults: [`error-after-content(token=5,error=${error},style=${style})`],
          },
          backup: { dialect: target, text: 'Never glued to it.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectTruncated(answer, errors[error].code)
      expect(answer.text).not.toBe('')
      expect(TEXT.startsWith(answer.text)).toBe(true)
      if (client === 'openai-chat') expect(answer.finish).toBe('error')
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'truncated', code: errors[error].code })
      expect(attempts).toMatchObject([{ outcome: 'failed', usageSource: 'unknown', isWaste: true }])
    },
  )

  test.for(STREAMS)(
    'fault 63: in one piece with content, on a socket that stays open: $client from $target is told at once',
    async ({ client, mode, target }) => {
      const events = streamEvents[target]
      const committed = Promise.withResolvers<void>()
      const error =
        target === 'openai-chat'
          ? { error: { message: 'It broke.', type: 'server_error', code: 500 } }
          : { type: 'error', error: { type: 'api_error', message: 'It broke.' } }
      await using wall = await openWall(({ socket }) => {
        socket.write(streamHead() + piece(events.opening + events.content('Half')))
        const rest = `${events.content(' a word')}event: error\ndata: ${JSON.stringify(error)}\n\n`
        void committed.promise.then(() => socket.write(piece(rest)))
      })
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, origin: wall.origin } },
      })
      const response = await bench.send({ client, mode })
      const startedMs = performance.now()
      committed.resolve()
      const answer = await readAnswer(response, client)
      expect(performance.now() - startedMs).toBeLessThan(2_000)
      expectTruncated(answer, 'upstream_error')
      expect(answer.text).toBe('Half a word')
    },
  )

  test.for(['quota', 'rate-limit'] as const)(
    'fault 63: %s in the middle of a stream is remembered: the next request asks the fallback',
    async (error) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: 'openai-chat',
            text: TEXT,
            pace: PACE,
            faults: [{ fault: `error-after-content(error=${error})`, first: 1 }],
          },
          backup: { dialect: 'anthropic-messages', text: 'Elsewhere.' },
        },
      })
      const asking = { client: 'openai-chat', mode: 'stream' } as const
      expectTruncated(await bench.ask(asking), errors[error].code)
      expectWhole(await bench.ask(asking), 'Elsewhere.')
      expect(bench.calls('primary')).toHaveLength(1)
      const alerts = bench.gateway.notices.filter(({ name }) => name === 'credential_exhausted')
      expect(alerts).toHaveLength(error === 'quota' ? 1 : 0)
    },
  )

  test.for(combinations({ modes: ['fold'] }))(
    'fault 63: $client $mode from $target: nothing was sent, so the fallback answers',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['error-after-content(error=overloaded)'] },
          backup: { dialect: target, text: 'Whole.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'Whole.')
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({
        code: 'upstream_overloaded',
        usageSource: 'unknown',
        isWaste: true,
      })
    },
  )
})
