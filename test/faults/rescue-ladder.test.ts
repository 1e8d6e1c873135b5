/**
 * Streams that break off after content, and who goes on with them: rows 63, 72 to 74, 79 and 82 as the ladder of rescue
 * sees them. What becomes of them without a rescue stands with their rows elsewhere.
 */

import { describe, expect, test, vi } from 'vitest'
import { arrayOf, objectOf, stringOf } from '../../src/std/json.ts'
import type { ClientAnswer } from '../support/client-answer.ts'
import {
  answers,
  type DialectBench,
  openDialectBench,
  type Play,
  type PlayedProvider,
  type ProviderCall,
  sayEvents,
  sayPaced,
  sayRefused,
  SOME_PAIRS,
} from '../support/dialect-bench.ts'
import {
  CALL_ARGUMENTS,
  frame,
  namedEvent,
  numbered,
  responsesEvents,
  targetVoices,
} from '../support/target-voices.ts'
import { ALL_CLIENTS, expectTruncated, expectWhole, otherDialect } from '../support/upstreams.ts'

vi.setConfig({ maxConcurrency: 8 })

const TEXT = 'One two three four five, ünïcödé 😀.'
const CLIENTS = ALL_CLIENTS.map((client) => ({ client }))

function openLadder(providers: Readonly<Record<string, PlayedProvider>>, targets?: readonly string[]) {
  return openDialectBench({ providers, retries: 0, route: { rescue: 'safe' }, ...(targets && { targets }) })
}

/** Its answer up to the middle, and then something else. */
const breaks =
  (then: (call: ProviderCall) => readonly Buffer[]): Play =>
  (call) => {
    const said = call.voice.events({ text: TEXT }).slice(0, call.voice.openingEvents + 3)
    return sayPaced(call, [...said, ...then(call)])
  }

async function expectRescued(bench: DialectBench, answer: ClientAnswer, rung: 1 | 2): Promise<void> {
  expectWhole(answer, TEXT)
  const { exchange, attempts } = await bench.recordOf(answer)
  expect(exchange).toMatchObject({ state: 'rescued', rescueRung: rung })
  expect(attempts[0]).toMatchObject({ outcome: 'failed', isWaste: true })
  expect(attempts.at(-1)).toMatchObject({ outcome: 'completed', usageSource: 'reported', isWaste: false })
}

describe.concurrent('fault 63: an error event after content', () => {
  test.for(SOME_PAIRS)('fault 63: from $target: $client has its whole answer from another', async (pair) => {
    await using bench = await openLadder({
      primary: {
        dialect: pair.target,
        play: breaks(({ voice }) => [voice.failure('The server had an error.')]),
      },
      backup: { dialect: otherDialect(pair.target), play: answers({ text: TEXT }) },
    })
    await expectRescued(bench, await bench.ask({ client: pair.client, mode: 'stream' }), 2)
    expect(bench.calls('backup')).toHaveLength(1)
  })
})

describe.concurrent('fault 74: a fallback that takes no beginning of an answer', () => {
  const MODEL = 'claude-3-5-haiku-20241022'
  const TARGETS = ['primary/m', `backup/${MODEL}`]

  /** The beginning of the answer that the request gives, where it gives one. */
  const begunBy = ({ body }: ProviderCall): string | undefined => {
    const last = arrayOf(body['messages']).map(objectOf).at(-1)
    if (last?.['role'] !== 'assistant') return undefined
    const { content } = last
    return (
      stringOf(content) ??
      arrayOf(content)
        .map((part) => stringOf(objectOf(part)?.['text']))
        .join('')
    )
  }

  /** Refuses the beginning of an answer, and answers everything else. */
  const refusesPrefill: Play = (call) => {
    const message = 'This model does not support assistant message prefill.'
    if (begunBy(call) !== undefined) sayRefused(call.response, call.voice.refusal({ status: 400, message }))
    else sayEvents(call, call.voice.events({ text: TEXT }))
  }

  const claude = (play: Play): PlayedProvider => ({
    dialect: 'anthropic-messages',
    provider: 'anthropic',
    play,
  })
  /** Ends after a word: no beginning may end in white space. */
  const cut: PlayedProvider = {
    dialect: 'openai-chat',
    play: (call) =>
      sayPaced(call, call.voice.events({ text: 'One two three' }).slice(0, -call.voice.endingEvents)),
  }

  test.for(CLIENTS)(
    'fault 74: one that takes it goes on for $client where the first stopped',
    async (one) => {
      const goesOn: Play = (call) => {
        const text = TEXT.slice((begunBy(call) ?? '').length)
        return sayEvents(call, call.voice.events({ text }))
      }
      await using bench = await openLadder({ primary: cut, backup: claude(goesOn) }, TARGETS)
      const answer = await bench.ask({ client: one.client, mode: 'stream' })
      await expectRescued(bench, answer, 1)
      const [call] = bench.calls('backup')
      expect(bench.calls('backup')).toHaveLength(1)
      expect(call && begunBy(call)).toBe('One two three')
    },
  )

  test.for(CLIENTS)('fault 74: one that refuses it for $client is followed by the next rung', async (one) => {
    await using bench = await openLadder(
      {
        primary: cut,
        backup: claude(refusesPrefill),
        third: { dialect: 'gemini', play: answers({ text: TEXT }) },
      },
      [...TARGETS, 'third/m'],
    )
    const answer = await bench.ask({ client: one.client, mode: 'stream' })
    await expectRescued(bench, answer, 2)
    const { attempts } = await bench.recordOf(answer)
    // A refusal of the beginning costs nothing.
    expect(attempts[1]).toMatchObject({ outcome: 'failed', usageSource: 'none', isWaste: false })
  })

  test.for(CLIENTS)('fault 74: nobody else there, $client is told in-band', async (one) => {
    const refusesAll: Play = (call) =>
      sayRefused(call.response, call.voice.refusal({ status: 400, message: 'No beginnings.' }))
    await using bench = await openLadder({ primary: cut, backup: claude(refusesAll) }, TARGETS)
    const answer = await bench.ask({ client: one.client, mode: 'stream' })
    expectTruncated(answer, 'upstream_truncated')
    expect(TEXT.startsWith(answer.text)).toBe(true)
    expect((await bench.recordOf(answer)).exchange.state).toBe('truncated')
  })
})

describe.concurrent('fault 72: a cut inside a tool call', () => {
  const calling = SOME_PAIRS.flatMap((pair) => {
    const { call } = targetVoices[pair.target]
    return call === undefined ? [] : [{ ...pair, call }]
  })

  test.for(calling)(
    'fault 72: $target: a client of $client that streams has the whole call of another, once',
    async ({ client, target, call: { opening, pieces, ending } }) => {
      await using bench = await openLadder({
        primary: {
          dialect: target,
          play: (call) => sayPaced(call, [...opening, ...pieces.slice(0, 2)], 'reset'),
        },
        backup: { dialect: target, play: (call) => sayEvents(call, [...opening, ...pieces, ...ending]) },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expect(answer.error).toBeUndefined()
      expect(answer.hasTerminal).toBe(true)
      expect(answer.toolCalls).toMatchObject([{ name: 'weather', arguments: CALL_ARGUMENTS }])
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(['completed', 'rescued']).toContain(exchange.state)
      expect(exchange.target).toBe('backup/m')
      expect(attempts[0]).toMatchObject({ outcome: 'failed', code: 'upstream_truncated', isWaste: true })
    },
  )
})

describe.concurrent('fault 73: a cut inside a thought', () => {
  const thinks: Play = (call) => {
    const events = call.voice.events({ text: TEXT, reasoning: 'Let me think about this for a while.' })
    return sayPaced(call, events.slice(0, call.voice.openingEvents + 2), 'reset')
  }

  test.for(SOME_PAIRS)('fault 73: $target: a client of $client never hears two models', async (pair) => {
    await using bench = await openLadder({
      primary: { dialect: pair.target, play: thinks },
      backup: { dialect: otherDialect(pair.target), play: answers({ text: 'Thought by another.' }) },
    })
    const answer = await bench.ask({ client: pair.client, mode: 'stream' })
    const { exchange } = await bench.recordOf(answer)
    if (answer.raw.includes('Let')) {
      // The client has some of the thought: nobody else can have had it.
      expect(answer.raw).not.toContain('another')
      expect(answer.hasTerminal).toBe(false)
      expect(answer.error?.isPartial).toBe(true)
      expect(exchange.state).toBe('truncated')
    } else {
      expectWhole(answer, 'Thought by another.')
      expect(exchange.state).toBe('completed')
    }
  })
})

describe.concurrent('fault 79: a frame of Bedrock that does not add up, after content', () => {
  test.for(CLIENTS)('fault 79: $client has its whole answer from another', async ({ client }) => {
    const broken = frame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'no' } })
    broken.writeUInt32BE(0, broken.length - 4)
    await using bench = await openLadder({
      primary: { dialect: 'bedrock-converse', play: breaks(() => [broken]) },
      backup: { dialect: 'openai-chat', play: answers({ text: TEXT }) },
    })
    await expectRescued(bench, await bench.ask({ client, mode: 'stream' }), 2)
    expect(bench.calls('backup')).toHaveLength(1)
  })
})

describe.concurrent('fault 82: words that are lost in a gap', () => {
  test.for(CLIENTS)('fault 82: $client has its whole answer from another', async ({ client }) => {
    const events = numbered(responsesEvents({ text: TEXT }))
    const deltas = events.flatMap(({ type }, at) => (type === 'response.output_text.delta' ? [at] : []))
    const gap = events.toSpliced(deltas[2] ?? 0, 1)
    await using bench = await openLadder({
      primary: { dialect: 'openai-responses', play: (call) => sayPaced(call, gap.map(namedEvent)) },
      backup: { dialect: 'anthropic-messages', play: answers({ text: TEXT }) },
    })
    const answer = await bench.ask({ client, mode: 'stream' })
    // What came after the gap was delivered before the gap was known: no answer begins with it.
    expectTruncated(answer, 'rescue_diverged')
    const { exchange } = await bench.recordOf(answer)
    expect(exchange.state).toBe('truncated')
  })
})
