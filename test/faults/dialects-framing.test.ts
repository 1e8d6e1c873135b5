/**
 * Bytes that are not what they should be: compressed where nobody asked, answers too many on one socket, frames and
 * numbers of events that do not add up, calls of tools and thoughts that break off. Rows 47, 53, 72, 73, 79 and 82.
 */

import { brotliCompressSync, crc32, gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { openWall, httpAnswer } from '../../src/upstream/wall.ts'
import { encodeEventStream } from '../../src/wire/eventstream-encode.ts'
import {
  answers,
  expectToldRefusal,
  openDialectBench,
  type Pair,
  type Play,
  type ProviderCall,
  sayEvents,
  sayPaced,
  SOME_PAIRS,
} from '../support/dialect-bench.ts'
import {
  CALL_ARGUMENTS,
  exceptionFrame,
  frame,
  namedEvent,
  numbered,
  responsesEvents,
  type SaidCall,
  targetVoices,
} from '../support/target-voices.ts'
import { ALL_CLIENTS, expectTruncated, expectWhole, otherDialect } from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

const TEXT = 'One two three four five, ünïcödé 😀.'
const BACKUP = 'The backup says this in full.'

const backup = ({ target }: Pick<Pair, 'target'>) => ({
  dialect: otherDialect(target),
  play: answers({ text: BACKUP }),
})

describe.concurrent('fault 47: a content encoding that was not asked for', () => {
  /** 64 MiB of nothing. */
  const bomb = Buffer.alloc(64 * 1_024 * 1_024)
  const gzipBomb = gzipSync(bomb)
  const brotliBomb = brotliCompressSync(bomb.subarray(0, 16 * 1_024 * 1_024))
  const wholeOf = ({ voice, isStream }: ProviderCall) =>
    isStream ? Buffer.concat(voice.events({ text: TEXT })) : Buffer.from(voice.whole({ text: TEXT }))
  const tenTimes = (bytes: Buffer) => {
    let wrapped = bytes
    for (let times = 0; times < 10; times += 1) wrapped = gzipSync(wrapped)
    return wrapped
  }
  const bodies: readonly {
    readonly name: string
    readonly encoding?: string
    make(call: ProviderCall): Buffer
  }[] = [
    { name: 'a bomb of gzip', encoding: 'gzip', make: () => gzipBomb },
    { name: 'a bomb of brotli', encoding: 'br', make: () => brotliBomb },
    { name: 'gzip in name only', encoding: 'gzip', make: wholeOf },
    { name: 'gzip without the name', make: (call) => gzipSync(wholeOf(call)) },
    {
      name: 'ten encodings, one in another,',
      encoding: Array(10).fill('gzip').join(', '),
      make: (call) => tenTimes(wholeOf(call)),
    },
    { name: 'an encoding nobody knows', encoding: 'x-bear', make: wholeOf },
  ]
  const encodes =
    ({ encoding, make }: (typeof bodies)[number]): Play =>
    (call) => {
      const { response, voice, isStream } = call
      response.writeHead(200, {
        'content-type': isStream ? voice.streamType : 'application/json',
        ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      })
      response.end(make(call))
    }

  test.for(bodies.flatMap((body) => SOME_PAIRS.map((pair) => ({ ...body, ...pair }))))(
    'fault 47: $name from $target: a client of $client has the answer of another, and alone a 502',
    async (row) => {
      const { client, target } = row
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: encodes(row) }, backup: backup(row) },
      })
      for (const mode of ['stream', 'plain'] as const) {
        expectWhole(await bench.ask({ client, mode }), BACKUP)
        const alone = await bench.ask({ client, mode, model: 'primary/m' })
        expect([502]).toContain(alone.status)
        expect(['upstream_bad_response', 'upstream_truncated']).toContain(alone.error?.code)
        expect(alone.raw).not.toContain('x-bear')
      }
    },
  )
})

describe.concurrent('fault 53: one more answer on the socket than was asked for', () => {
  test.for(SOME_PAIRS)(
    'fault 53: what $target pipelines is never delivered to the next client of $client',
    async ({ client, target }) => {
      const voice = targetVoices[target]
      const plain = (text: string) => httpAnswer(200, voice.whole({ text }))
      await using wall = await openWall(({ socket, number }) => {
        socket.write(Buffer.concat([plain(`Answer ${number}.`), plain(`Stolen ${number}.`)]))
      })
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: '' }), origin: wall.origin } },
      })
      for (const number of [1, 2, 3]) {
        const answer = await bench.ask({ client, mode: 'plain' })
        expect(answer.raw).not.toContain('Stolen')
        expectWhole(answer, `Answer ${number}.`)
      }
      expect(wall.requests).toHaveLength(3)
      expect(new Set(wall.requests.map(({ socket }) => socket)).size).toBe(3)
      const alerts = bench.gateway.notices.filter(({ name }) => name === 'connection_desynchronised')
      expect(alerts).toHaveLength(3)
      expect(alerts[0]).toMatchObject({ level: 'error', facts: { origin: wall.origin } })
      expect(JSON.stringify(alerts)).not.toContain('Stolen')
    },
  )

  test.for(SOME_PAIRS)(
    'fault 53: nor to one that streams, and what $target adds to a stream of $client is no part of it',
    async ({ client, target }) => {
      const voice = targetVoices[target]
      const said = Buffer.concat(voice.events({ text: TEXT }))
      await using wall = await openWall(({ socket }) => {
        const headers = { 'content-type': voice.streamType }
        const stolen = Buffer.concat(voice.events({ text: 'Stolen.' }))
        socket.write(Buffer.concat([httpAnswer(200, said, headers), httpAnswer(200, stolen, headers)]))
      })
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: '' }), origin: wall.origin } },
      })
      const all = await Promise.all([1, 2, 3].map(() => bench.ask({ client, mode: 'stream' })))
      for (const answer of all) {
        expectWhole(answer, TEXT)
        const { attempts } = await bench.recordOf(answer)
        expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported' }])
      }
      expect(wall.requests).toHaveLength(3)
    },
  )

  test('fault 53: an answer that nobody asked for yet drops its socket', async () => {
    const voice = targetVoices['openai-chat']
    await using wall = await openWall(({ socket, number }) => {
      socket.write(httpAnswer(200, voice.whole({ text: `Answer ${number}.` })), () => {
        setImmediate(() => socket.write(httpAnswer(200, voice.whole({ text: 'Stolen.' }))))
      })
    })
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'openai-chat', play: answers({ text: '' }), origin: wall.origin } },
    })
    for (let times = 0; times < 5; times += 1) {
      const answer = await bench.ask({ client: 'openai-responses', mode: 'plain' })
      expect(answer.raw).not.toContain('Stolen')
      expect(answer.text).toMatch(/^Answer \d\.$/)
    }
  })
})

describe.concurrent('fault 72: the arguments of a tool call break off', () => {
  const calling = SOME_PAIRS.flatMap((pair) => {
    const { call } = targetVoices[pair.target]
    return call === undefined ? [] : [{ ...pair, call }]
  })
  const eachTarget = calling.filter(({ client, target }) => client !== target)
  const cut =
    ({ opening, pieces }: SaidCall): Play =>
    (call) =>
      sayPaced(call, [...opening, ...pieces.slice(0, 2)], 'reset')
  const whole =
    ({ opening, pieces, ending }: SaidCall): Play =>
    (call) =>
      sayEvents(call, [...opening, ...pieces, ...ending])

  test.for(calling)(
    'fault 72: $target: a client of $client that waits gets the whole call of another, nothing glued',
    async ({ client, target, call }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: cut(call) },
          backup: { dialect: target, play: whole(call) },
        },
      })
      const answer = await bench.ask({ client, mode: 'fold' })
      expect(answer.error).toBeUndefined()
      expect(answer.toolCalls).toMatchObject([{ name: 'weather', arguments: CALL_ARGUMENTS }])
      expect(answer.headers.get('x-holdfast-target')).toBe('backup/m')
    },
  )

  test.for(calling.filter(({ client }) => client !== 'gemini'))(
    'fault 72: $target: a client of $client that streams never sees the end of a call that has none',
    async ({ client, target, call }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: cut(call) },
          backup: { dialect: target, play: whole(call) },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, 'upstream_truncated')
      expect(answer.raw).not.toMatch(/content_block_stop|arguments\.done|output_item\.done|"tool_calls"\}/)
      expect(answer.raw).not.toContain(CALL_ARGUMENTS)
    },
  )

  test.for(eachTarget)(
    'fault 72: $target: a client of gemini, whose dialect has calls in one piece only, gets the whole call of another',
    async ({ target, call }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: cut(call) },
          backup: { dialect: target, play: whole(call) },
        },
      })
      const answer = await bench.ask({ client: 'gemini', mode: 'stream' })
      expect(answer.error).toBeUndefined()
      expect(answer.toolCalls).toMatchObject([{ name: 'weather', arguments: CALL_ARGUMENTS }])
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'completed', target: 'backup/m' })
      expect(attempts[0]).toMatchObject({ outcome: 'failed', code: 'upstream_truncated', isWaste: true })
    },
  )

  test.for(eachTarget)(
    'fault 72: $target: a call whose arguments come slowly and in full is waited for by a client of gemini',
    async ({ target, call: { opening, pieces, ending } }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: (call) => sayPaced(call, [...opening, ...pieces, ...ending]) },
        },
      })
      const answer = await bench.ask({ client: 'gemini', mode: 'stream' })
      expect(answer.error).toBeUndefined()
      expect(answer.toolCalls).toMatchObject([{ name: 'weather', arguments: CALL_ARGUMENTS }])
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})

describe.concurrent('fault 73: a thought breaks off', () => {
  const thinks: Play = (call) => {
    const events = call.voice.events({ text: TEXT, reasoning: 'Let me think about this for a while.' })
    return sayPaced(call, events.slice(0, call.voice.openingEvents + 2), 'reset')
  }

  test.for(SOME_PAIRS)(
    'fault 73: $target: a client of $client that waits has the answer of another, started anew',
    async (row) => {
      const { client, target } = row
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: thinks }, backup: backup(row) },
      })
      const answer = await bench.ask({ client, mode: 'fold' })
      expectWhole(answer, BACKUP)
      expect(answer.raw).not.toContain('think')
    },
  )

  test.for(SOME_PAIRS)(
    'fault 73: $target: a client of $client that streams is told, and hears no other model',
    async (row) => {
      const { client, target } = row
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: thinks }, backup: backup(row) },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, 'upstream_truncated')
      expect(answer.text).toBe('')
      expect(bench.calls('backup')).toHaveLength(0)
    },
  )
})

describe.concurrent('fault 79: frames of Bedrock that do not add up', () => {
  const word = frame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'One ' } })
  const changed = (at: number) => {
    const bytes = Buffer.from(word)
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    return bytes
  }
  /** Says that it is 4 GiB long, with a checksum that agrees. */
  const huge = (() => {
    const bytes = Buffer.from(encodeEventStream({}, Buffer.alloc(64)))
    bytes.writeUInt32BE(0xff_ff_ff_f0, 0)
    bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
    return bytes
  })()
  const broken: readonly { readonly name: string; readonly bytes: Buffer; readonly code: string }[] = [
    { name: 'a frame with a bad checksum', bytes: changed(word.length - 1), code: 'upstream_truncated' },
    {
      name: 'a frame whose payload was changed',
      bytes: changed(word.length - 8),
      code: 'upstream_truncated',
    },
    { name: 'a prelude with a bad checksum', bytes: changed(9), code: 'upstream_truncated' },
    { name: 'a frame of 4 GiB', bytes: huge, code: 'upstream_truncated' },
    { name: 'a frame that is cut', bytes: word.subarray(0, -7), code: 'upstream_truncated' },
    {
      name: 'an exception of an unknown name',
      bytes: exceptionFrame('bearException', { message: 'A bear sat on the model.' }),
      code: 'upstream_error',
    },
    {
      name: 'an exception for overload',
      bytes: exceptionFrame('throttlingException', { message: 'Too many tokens, please wait.' }),
      code: 'rate_limited',
    },
  ]
  const cases = broken.flatMap((one) => ALL_CLIENTS.map((client) => ({ ...one, client })))

  test.for(cases)(
    'fault 79: $name before any content: a client of $client has the answer of another',
    async ({ client, bytes, code }) => {
      const play: Play = (call) => sayEvents(call, [frame('messageStart', { role: 'assistant' }), bytes])
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: 'bedrock-converse', play },
          backup: backup({ target: 'bedrock-converse' }),
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectWhole(answer, BACKUP)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]?.code).toBe(code)
    },
  )

  test.for(cases)(
    'fault 79: $name after content: a client of $client is told in-band, and one that waits has the answer of another',
    async ({ client, bytes, code }) => {
      const play: Play = (call) =>
        sayPaced(call, [frame('messageStart', { role: 'assistant' }), word, word, bytes])
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: 'bedrock-converse', play },
          backup: backup({ target: 'bedrock-converse' }),
        },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, code)
      expect(answer.text).toBe('One One ')
      expectWhole(await bench.ask({ client, mode: 'fold', model: 'smart' }), BACKUP)
      expect(bench.calls('primary')).toHaveLength(code === 'rate_limited' ? 1 : 2)
    },
  )

  test('fault 79: frames that nobody asked for after the end change nothing', async () => {
    await using bench = await openDialectBench({
      providers: {
        primary: {
          dialect: 'bedrock-converse',
          play: (call) => sayEvents(call, [...call.voice.events({ text: TEXT }), changed(9), word]),
        },
      },
    })
    expectWhole(await bench.ask({ client: 'openai-chat', mode: 'stream' }), TEXT)
    expect(bench.calls('primary')).toHaveLength(1)
  })
})

describe.concurrent('fault 82: the numbers of events of the Responses API', () => {
  const events = numbered(responsesEvents({ text: TEXT }))
  const deltas = events.flatMap(({ type }, index) => (type === 'response.output_text.delta' ? [index] : []))
  const [first = 0, second = 0, third = 0] = deltas

  const swapped = (() => {
    // Numbers change places; the words stay in the order in which they came.
    const numbers = events.map((event) => event['sequence_number'])
    ;[numbers[second], numbers[third]] = [numbers[third], numbers[second]]
    return events.map((event, index) => ({ ...event, sequence_number: numbers[index] }))
  })()
  const twice = events.map((event) => ({ ...event, sequence_number: 7 }))
  const none = events.map(({ sequence_number: _number, ...event }) => event)
  const skipping = events.map((event, index) => ({ ...event, sequence_number: index * 10 }))
  const harmless = [
    { name: 'out of order', said: swapped, isOdd: true },
    { name: 'all the same', said: twice, isOdd: true },
    { name: 'in steps of ten', said: skipping, isOdd: true },
    { name: 'missing', said: none, isOdd: false },
  ]
  const clients = ALL_CLIENTS.map((client) => ({ client }))

  test.for(harmless.flatMap((one) => clients.map((client) => ({ ...one, ...client }))))(
    'fault 82: numbers that are $name: a client of $client has every word in the order in which it came',
    async ({ client, said, isOdd }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: 'openai-responses', play: (call) => sayEvents(call, said.map(namedEvent)) },
        },
      })
      for (const mode of ['stream', 'fold'] as const) {
        const answer = await bench.ask({ client, mode })
        expectWhole(answer, TEXT)
        const { attempts } = await bench.recordOf(answer)
        expect(attempts[0]?.flags.includes('parse_anomaly')).toBe(isOdd)
      }
    },
  )

  test.for(clients)(
    'fault 82: words are lost in a gap: a client of $client is told that the answer broke off',
    async ({ client }) => {
      const gap = events.toSpliced(second, 1)
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: 'openai-responses', play: (call) => sayPaced(call, gap.map(namedEvent)) },
          backup: { dialect: 'openai-responses', play: answers({ text: 'Never glued to it.' }) },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, 'upstream_truncated')
      expect(answer.raw).not.toContain('Never')
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'truncated', code: 'upstream_truncated' })
    },
  )

  test.for(clients)(
    'fault 82: words that change places with their numbers: a client of $client hears none that are wrong',
    async ({ client }) => {
      const [one, other] = [events[second], events[third]]
      if (one === undefined || other === undefined) throw new Error('too few words')
      const displaced = events.toSpliced(second, 1, other).toSpliced(third, 1, one)
      await using bench = await openDialectBench({
        providers: {
          primary: {
            dialect: 'openai-responses',
            play: (call) => sayPaced(call, displaced.map(namedEvent)),
          },
          backup: { dialect: 'openai-responses', play: answers({ text: 'Never glued to it.' }) },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, 'upstream_truncated')
      expect(answer.raw).not.toContain('Never')
      const { attempts } = await bench.recordOf(answer)
      expect(attempts).toMatchObject([{ outcome: 'failed', usageSource: 'unknown', isWaste: true }])
      expect(attempts[0]?.flags).toContain('parse_anomaly')
    },
  )

  test.for(clients)(
    'fault 82: the first words are lost in a gap: a client of $client has them from what repeats them',
    async ({ client }) => {
      const gap = events.toSpliced(first, deltas.length)
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: 'openai-responses', play: (call) => sayEvents(call, gap.map(namedEvent)) },
        },
      })
      const answer = await bench.ask({ client, mode: 'fold' })
      expectWhole(answer, TEXT)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )

  test('fault 82: a client that waits is given the answer that the last event repeats', async () => {
    const gap = events.toSpliced(second, 1)
    await using bench = await openDialectBench({
      providers: {
        primary: { dialect: 'openai-responses', play: (call) => sayEvents(call, gap.map(namedEvent)) },
      },
      retries: 0,
    })
    expectWhole(await bench.ask({ client: 'openai-responses', mode: 'fold' }), TEXT)
    expectToldRefusal(await bench.ask({ client: 'openai-chat', mode: 'fold' }), 502, 'upstream_truncated')
    expect(bench.calls('primary')).toHaveLength(2)
  })
})
