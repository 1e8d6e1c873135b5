/**
 * The older rows before every dialect of a provider, each before a client of its own dialect and one of another: cuts,
 * silence, emptiness, nonsense in the middle, ends that are missing or come twice. Nothing that is cut is ever said whole.
 */

import { readAnswer } from '../support/client-answer.ts'
import { describe, expect, test, vi } from 'vitest'
import {
  answers,
  expectToldRefusal,
  inTurn,
  openDialectBench,
  type Pair,
  type Play,
  type ProviderCall,
  refuses,
  sayEvents,
  sayPaced,
  sayWhole,
  SOME_PAIRS,
  type Then,
} from '../support/dialect-bench.ts'
import type { VoicedDialect } from '../support/target-voices.ts'
import { ALL_TARGETS, IMPATIENT, expectTruncated, expectWhole, otherDialect } from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

const TEXT = 'One two three four five, ünïcödé 😀.'
const BACKUP = 'The backup says this in full.'

/** A fallback that speaks another dialect than the primary, and not the client's either where it can be helped. */
const backup = ({ target }: Pair) => ({
  dialect: otherDialect(target),
  play: answers({ text: BACKUP }),
})

/** The first word of the answer was said, and some more, and not the last. */
const inTheMiddle = ({ voice }: ProviderCall) => {
  const events = voice.events({ text: TEXT })
  return events.slice(0, voice.openingEvents + 3)
}

const cutAfterContent =
  (then: Then): Play =>
  (call) =>
    call.isStream
      ? sayPaced(call, inTheMiddle(call), then)
      : sayWhole(call, call.voice.whole({ text: TEXT }).slice(0, -20))

describe.concurrent('before any content', () => {
  const beginnings: readonly {
    readonly name: string
    readonly play: Play
    readonly codes: readonly string[]
    readonly isQuiet?: boolean
    readonly callsMax: number
  }[] = [
    {
      name: 'fault 56: its opening events, then a reset,',
      play: (call) =>
        sayPaced(call, call.voice.events({ text: TEXT }).slice(0, call.voice.openingEvents), 'reset'),
      codes: ['upstream_truncated', 'upstream_reset'],
      callsMax: 2,
    },
    {
      name: 'fault 56: its opening events, then the end,',
      play: (call) => sayEvents(call, call.voice.events({ text: TEXT }).slice(0, call.voice.openingEvents)),
      codes: ['upstream_truncated', 'empty_response'],
      callsMax: 2,
    },
    {
      name: 'fault 54: its opening events, then silence,',
      play: (call) =>
        sayEvents(call, call.voice.events({ text: TEXT }).slice(0, call.voice.openingEvents), 'silence'),
      codes: ['upstream_timeout'],
      isQuiet: true,
      callsMax: 1,
    },
    {
      name: 'fault 84: a whole answer without a word',
      play: (call) => sayEvents(call, call.voice.events({ text: '', outputTokens: 0 })),
      codes: ['empty_response'],
      callsMax: 2,
    },
    {
      name: 'fault 20: a 429 without an end',
      play: refuses({ status: 429, message: 'Too many requests.' }),
      codes: ['rate_limited'],
      callsMax: 1,
    },
    {
      name: 'fault 31: a 503 without an end',
      play: refuses({ status: 503, message: 'Service unavailable.' }),
      codes: ['upstream_unavailable'],
      callsMax: 2,
    },
    {
      name: 'fault 34: a web page',
      play: ({ response }) => {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end('<html>Please log in.</html>')
      },
      codes: ['upstream_bad_response'],
      callsMax: 2,
    },
  ]
  const cases = beginnings.flatMap((beginning) => SOME_PAIRS.map((pair) => ({ ...beginning, ...pair })))

  test.for(cases)('$name of $target: a client of $client has the whole answer of another', async (row) => {
    const { client, target, play, codes, callsMax } = row
    await using bench = await openDialectBench({
      providers: {
        primary: { dialect: target, play, ...(row.isQuiet === true ? { timeouts: IMPATIENT } : {}) },
        backup: backup(row),
      },
    })
    const answer = await bench.ask({ client, mode: 'stream' })
    expectWhole(answer, BACKUP)
    expect(answer.headers.get('x-holdfast-target')).toBe('backup/m')
    expect(bench.calls('primary').length).toBeLessThanOrEqual(callsMax)
    const { exchange, attempts } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'completed', target: 'backup/m' })
    expect(codes).toContain(attempts[0]?.code)
  })
})

describe.concurrent('after content', () => {
  const breaks = [
    { name: 'fault 57: the end', by: 'end', code: 'upstream_truncated' },
    { name: 'fault 57: a reset', by: 'reset', code: 'upstream_truncated' },
    { name: 'fault 58: silence', by: 'silence', code: 'upstream_timeout' },
  ] as const
  const cases = breaks.flatMap((one) => SOME_PAIRS.map((pair) => ({ ...one, ...pair })))
  // Only the silence is short: a busy machine must not be taken for a provider that never began.
  const timeouts = (by: Then) => (by === 'silence' ? { timeouts: { idle: '500ms' } } : {})

  test.for(cases)(
    '$name of $target in the middle: a client of $client is told, and gets no last word',
    async ({ client, target, by, code }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: cutAfterContent(by), ...timeouts(by) },
          backup: { dialect: target, play: answers({ text: 'Never glued to it.' }) },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, code)
      expect(answer.text).not.toBe('')
      expect(TEXT.startsWith(answer.text)).toBe(true)
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'truncated', code })
    },
  )

  test.for(cases)(
    '$name of $target in the middle: a client of $client that waits for the whole has that of another',
    async (row) => {
      const { client, target, by, code } = row
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: cutAfterContent(by), ...timeouts(by) },
          backup: backup(row),
        },
      })
      const answer = await bench.ask({ client, mode: 'fold' })
      expectWhole(answer, BACKUP)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({ outcome: 'failed', code, isWaste: true })
    },
  )

  test.for(SOME_PAIRS)(
    'fault 43: a plain answer of $target that is cut never reaches a client of $client',
    async (pair) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: pair.target, play: cutAfterContent('end') }, backup: backup(pair) },
      })
      expectWhole(await bench.ask({ client: pair.client, mode: 'plain' }), BACKUP)
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )

  test.for(SOME_PAIRS)(
    'fault 59: all words of $target and no finish is never a success for a client of $client',
    async ({ client, target }) => {
      const noFinish: Play = (call) =>
        sayPaced(call, call.voice.events({ text: TEXT }).slice(0, -call.voice.endingEvents))
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: noFinish } },
        retries: 0,
      })
      expectTruncated(await bench.ask({ client, mode: 'stream' }), 'upstream_truncated')
      expectToldRefusal(await bench.ask({ client, mode: 'fold' }), 502, 'upstream_truncated')
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )
})

describe.concurrent('what is odd and does no harm', () => {
  const odd: readonly {
    readonly name: string
    readonly flag?: string
    /** A dialect in which this is no fault. */
    readonly notFrom?: VoicedDialect
    change(call: ProviderCall): readonly Buffer[]
  }[] = [
    {
      name: 'fault 61: an event in the middle that is no JSON',
      flag: 'parse_anomaly',
      change: ({ voice }) => {
        const events = voice.events({ text: TEXT })
        return events.toSpliced(voice.openingEvents + 2, 0, voice.garbage)
      },
    },
    {
      name: 'fault 76: everything of the end said twice',
      change: ({ voice }) => {
        const events = voice.events({ text: TEXT })
        return [...events, ...events.slice(-voice.endingEvents)]
      },
    },
    {
      name: 'fault 76: more words after the end',
      // It has no last word: where its own tools run, several chunks give a reason to finish, and words follow.
      notFrom: 'gemini',
      change: ({ voice }) => {
        const events = voice.events({ text: TEXT })
        return [...events, ...events.slice(voice.openingEvents, voice.openingEvents + 2)]
      },
    },
    {
      name: 'fault 65: everything in one piece',
      change: ({ voice }) => [Buffer.concat(voice.events({ text: TEXT }))],
    },
    {
      name: 'fault 65: byte after byte',
      change: ({ voice }) =>
        Array.from(Buffer.concat(voice.events({ text: TEXT })), (byte) => Buffer.of(byte)),
    },
  ]
  const cases = odd.flatMap((one) =>
    SOME_PAIRS.filter(({ target }) => target !== one.notFrom).map((pair) => ({ ...one, ...pair })),
  )

  test.for(cases)(
    '$name from $target: a client of $client has the whole text once',
    async ({ client, target, flag, change }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: (call) => sayEvents(call, change(call)) } },
      })
      for (const mode of ['stream', 'fold'] as const) {
        const answer = await bench.ask({ client, mode })
        expectWhole(answer, TEXT)
        const { attempts } = await bench.recordOf(answer)
        expect(attempts).toHaveLength(1)
        if (flag !== undefined) expect(attempts[0]?.flags).toContain(flag)
      }
    },
  )

  test.for(SOME_PAIRS)(
    'fault 78: a plain answer of $target to a client of $client that streams is said as a stream',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: (call) => sayWhole(call, call.voice.whole({ text: TEXT })) },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
      expectWhole(answer, TEXT)
    },
  )

  test.for(SOME_PAIRS)(
    'fault 30: one 500 of $target costs a client of $client nothing but a second try',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: {
            dialect: target,
            play: inTurn(refuses({ status: 500, message: 'Once.' }), answers({ text: TEXT })),
          },
        },
      })
      expectWhole(await bench.ask({ client, mode: 'stream' }), TEXT)
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )
})

describe.concurrent('a client of gemini that reads one growing array instead of events', () => {
  const path = '/v1beta/models/smart:streamGenerateContent'
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hello' }] }] })
  const targets = ALL_TARGETS.map((target) => ({ target }))

  test.for(targets)(
    'fault 57: $target breaks off in the middle: the array is closed, its last element the error',
    async ({ target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: cutAfterContent('reset') } },
      })
      const response = await fetch(bench.gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      const answer = await readAnswer(response, 'gemini')
      expect(answer.status).toBe(200)
      expect(answer.values.at(-1)).toMatchObject({ error: { status: 'UNAVAILABLE' } })
      expect(answer).toMatchObject({
        hasTerminal: false,
        error: { code: 'upstream_truncated', isPartial: true },
      })
      expect(answer.text).not.toBe('')
      expect(TEXT.startsWith(answer.text)).toBe(true)
    },
  )

  test.for(targets)(
    'fault 56: $target breaks off before any content: another answers, in one array',
    async ({ target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: (call) => sayEvents(call, [], 'reset') },
          backup: backup({ client: 'gemini', target }),
        },
      })
      const response = await fetch(bench.gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expectWhole(await readAnswer(response, 'gemini'), BACKUP)
      expect(bench.calls('backup')).toHaveLength(1)
    },
  )
})
