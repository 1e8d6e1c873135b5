/** Streams whose bytes are cut, framed, mis-encoded or piled up in odd ways: rows 65 to 68 and 81. */

import { describe, expect, test, vi } from 'vitest'
import { openWall } from '../../src/upstream/wall.ts'
import { readAnswer } from '../support/client-answer.ts'
import { STREAMED } from '../support/fault-rows.ts'
import { openRawClient } from '../support/raw-client.ts'
import { STREAM_END, streamEvents, streamHead } from '../support/stream-events.ts'
import {
  combinations,
  expectRefused,
  expectTruncated,
  expectWhole,
  openBench,
  otherDialect,
  rawRequest,
} from '../support/upstreams.ts'

vi.setConfig({ maxConcurrency: 8 })

const STREAMS = combinations({ modes: ['stream'] })
const TEXT = 'Grüße aus Zürich 😀👩‍👩‍👧, "quoted" \\ and\nlines.'

describe.concurrent('fault 65: wherever a stream is cut', () => {
  test.for(STREAMED)(
    'fault 65: $client $mode from $target reads the same bytes in one piece and byte by byte',
    async ({ client, mode, target }) => {
      const events = streamEvents[target]
      const contents = TEXT.split(' ').map((word) => events.content(`${word} `))
      const whole = Buffer.from(events.opening + contents.join('') + events.finish + events.last)
      await using wall = await openWall(({ socket, number }) => {
        socket.setNoDelay(true)
        socket.write(streamHead())
        if (number === 1) socket.write(Buffer.concat([chunkOf(whole), Buffer.from(STREAM_END)]))
        else {
          for (const byte of whole) socket.write(chunkOf(Buffer.of(byte)))
          socket.write(STREAM_END)
        }
      })
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, origin: wall.origin } },
      })
      const inOne = await bench.ask({ client, mode })
      const inMany = await bench.ask({ client, mode })
      expectWhole(inOne, `${TEXT} `)
      expect(withoutItsOwn(inMany.raw)).toBe(withoutItsOwn(inOne.raw))
      const asIs = mode === 'stream' && client === target
      // An OpenAI client that did not ask for usage does not get it; Messages always has it.
      if (asIs && client === 'anthropic-messages') expect(inMany.raw).toBe(whole.toString())
      const { attempts } = await bench.recordOf(inMany)
      expect(attempts[0]?.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 })
    },
  )

  test.for(STREAMED)(
    'fault 65: the simulator byte by byte, to $client $mode from $target',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: ['byte-by-byte'] } },
      })
      expectWhole(await bench.ask({ client, mode }), TEXT)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})

/** Without what two answers of the gateway never share: its ids, and a Unix time that may tick between them. */
function withoutItsOwn(raw: string): string {
  expect(raw).not.toBe('')
  return raw.replaceAll(/"(?:created|created_at|completed_at)":\d+/g, '').replaceAll(/_req[0-9a-f]{36}/g, '')
}

function chunkOf(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

describe.concurrent('fault 66: however events are framed', () => {
  const kinds = ['crlf', 'cr', 'bom', 'multi-line', 'no-space', 'no-last-blank-line', 'comments', 'ids']
  test.for(kinds.flatMap((kind) => STREAMED.map((one) => ({ kind, ...one }))))(
    'fault 66: $kind from $target reads the same for $client $mode',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: [`framing(kind=${kind})`] } },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported', flags: [] }])
    },
  )
})

test.concurrent.for(STREAMED)(
  'fault 67: a byte that is no UTF-8 becomes one replacement character ($client $mode from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: target, text: 'Words with a stain.', faults: ['invalid-utf8'] } },
    })
    expectWhole(await bench.ask({ client, mode }), '\ufffdords with a stain.')
    expect(bench.calls('primary')).toHaveLength(1)
  },
)

describe('fault 68: events beyond all measure', () => {
  test.for(STREAMS)(
    'fault 68: one of 40 MB in the middle ends the stream in-band ($client from $target)',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['huge-event'], pace: { firstTokenMs: 5, perTokenMs: 5 } },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectTruncated(answer, 'event_too_large')
      expect(answer.raw.length).toBeLessThan(10_000)
      const [call] = bench.calls('primary')
      await call?.settled
      expect(call?.state).toBe('peer-left')
    },
  )

  test.for(combinations({ modes: ['fold'] }))(
    'fault 68: one of 40 MB: $client $mode from $target gets the fallback',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['huge-event'] },
          backup: { dialect: otherDialect(target), text: 'Of a sensible size.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'Of a sensible size.')
      expect(bench.calls('primary')).toHaveLength(1)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({ code: 'event_too_large', isWaste: true })
      const alone = await bench.ask({ client, mode, model: 'primary/m' })
      expectRefused(alone, { status: 502, code: 'event_too_large', shouldRetry: false })
    },
  )

  const floods = STREAMED.map((one) => ({
    ...one,
    count: one.client === one.target && one.mode === 'fold' ? 1_000_000 : 100_000,
  }))
  test.for(floods)(
    'fault 68: $count tiny events before the content: $client $mode from $target is answered',
    async ({ count, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: 'At last.', faults: [`tiny-events(count=${count})`] },
          backup: { dialect: otherDialect(target), text: 'At last.' },
        },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'At last.')
      // A stream holds back what comes before the content, but not without end; then it is the fallback's turn.
      const { attempts } = await bench.recordOf(answer)
      expect(attempts.map(({ code }) => code ?? 'none').at(-1)).toBe('none')
      if (mode === 'fold') expect(attempts).toHaveLength(1)
    },
  )

  test.for(STREAMS)(
    'fault 68: a line of 64 KB without an end is no answer ($client from $target)',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['long-line'], pace: { firstTokenMs: 5, perTokenMs: 5 } },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectTruncated(answer, 'upstream_truncated')
      expect(answer.raw.length).toBeLessThan(10_000)
    },
  )
})

describe('fault 81: an upstream faster than its client', () => {
  /** What the kernel's buffers of two connections can hold, and what is ours. */
  const IN_FLIGHT_BYTES_MAX = 24 * 1024 ** 2

  test.concurrent.for(STREAMS)(
    'fault 81: it is paused while $client from $target reads nothing, and hung up on when it leaves',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: ['endless-generation'] } },
      })
      const reader = await openRawClient(bench.gateway.port)
      reader.send(rawRequest({ client, mode }))
      await reader.until('agai')
      reader.socket.pause()
      const [call] = bench.calls('primary')
      if (!call) throw new Error('there was no call')
      const paused = await settledValue(() => call.bytesWritten)
      expect(paused).toBeLessThan(IN_FLIGHT_BYTES_MAX)
      expect(call.state).toBe('running')
      reader.socket.resume()
      await vi.waitFor(() => expect(call.bytesWritten).toBeGreaterThan(paused + 1_000_000), 5_000)
      reader.socket.destroy()
      await call.settled
      expect(call.state).toBe('peer-left')
      const exchange = await bench.gateway.exchange(() => true)
      expect(exchange.state).toBe('client_gone')
    },
  )

  test('fault 81: a slow reader loses nothing of a long answer', async () => {
    const long = 'words and more of them, '.repeat(5_000)
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'anthropic-messages', text: long } },
    })
    const response = await bench.send({
      client: 'openai-chat',
      mode: 'stream',
      body: { max_tokens: 32_000 },
    })
    const answer = await readAnswer(response, 'openai-chat')
    expectWhole(answer, long)
    expect(bench.calls('primary')).toHaveLength(1)
  })
})

/** The value once it has stood still for a while. */
async function settledValue(read: () => number): Promise<number> {
  let last = -1
  for (let still = 0; still < 4; ) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const value = read()
    still = value === last ? still + 1 : 0
    last = value
  }
  return last
}
