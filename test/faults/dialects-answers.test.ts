/**
 * Answers that are strange in what they say, from every dialect of a provider: of another model, without a word, all
 * thought, blocked, with calls nobody can read, with words and events that nobody knows yet. Rows 52 and 83 to 88.
 */

import { describe, expect, test, vi } from 'vitest'
import type { ClientAnswer, ClientDialect } from '../support/client-answer.ts'
import {
  answers,
  expectToldRefusal,
  inTurn,
  openDialectBench,
  type Pair,
  type Play,
  sayEvents,
  sayWhole,
  SOME_PAIRS,
} from '../support/dialect-bench.ts'
import { dataEvent, frame, type SaidAnswer } from '../support/target-voices.ts'
import { ALL_CLIENTS, ALL_TARGETS, MODES, expectWhole, otherDialect } from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

const TEXT = 'One two three four five, ünïcödé 😀.'
const BACKUP = 'The backup says this in full.'

const backup = ({ target }: Pair) => ({
  dialect: otherDialect(target),
  play: answers({ text: BACKUP }),
})

/** Says its events where a stream was asked for, and its body where not. */
function says(events: readonly Buffer[], body: string): Play {
  return (call) => (call.isStream ? sayEvents(call, events) : sayWhole(call, body))
}

/** What each client calls an answer that a filter ended, one that ran into its ceiling, and one that just ended. */
const endings: Readonly<
  Record<ClientDialect, { filtered: string; cut: string; natural: readonly string[] }>
> = {
  'openai-chat': { filtered: 'content_filter', cut: 'length', natural: ['stop'] },
  'anthropic-messages': { filtered: 'refusal', cut: 'max_tokens', natural: ['end_turn'] },
  'openai-responses': { filtered: 'content_filter', cut: 'max_output_tokens', natural: ['completed'] },
  gemini: { filtered: 'SAFETY', cut: 'MAX_TOKENS', natural: ['STOP', 'OTHER'] },
}

function expectWholeEnding(answer: ClientAnswer, finish: string | undefined): void {
  expect(answer.error).toBeUndefined()
  expect(answer.status).toBe(200)
  expect(answer.hasTerminal).toBe(true)
  expect(answer.finish).toBe(finish)
}

const everyMode = (pairs: readonly Pair[]) =>
  pairs.flatMap((pair) => MODES.map((mode) => ({ ...pair, mode })))

describe.concurrent('fault 52: another model in the answer than was asked for', () => {
  const namesModels = SOME_PAIRS.filter(
    ({ target }) => target !== 'bedrock-converse' && target !== 'cohere-chat',
  )

  test.for(everyMode(namesModels))(
    'fault 52: $target answers a client of $client as $mode with another model: it passes, is told and flagged',
    async ({ client, target, mode }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: answers({ text: TEXT, modelId: 'smaller-model-9b' }) },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      expect(answer.headers.get('x-holdfast-upstream-model')).toBe('smaller-model-9b')
      expect(answer.headers.get('x-holdfast-target')).toBe('primary/m')
      expect(answer.raw).toContain('smaller-model-9b')
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.target).toBe('primary/m')
      expect(attempts).toMatchObject([{ target: 'primary/m', outcome: 'completed' }])
      expect(attempts[0]?.flags).toContain('other_model')
    },
  )

  test('fault 52: the model that was asked for is nothing to tell', async () => {
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'openai-chat', play: answers({ text: TEXT }) } },
    })
    const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
    expect(answer.headers.has('x-holdfast-upstream-model')).toBe(false)
    expect((await bench.recordOf(answer)).attempts[0]?.flags).toEqual([])
  })

  test('fault 52: a name that no header can carry is made safe', async () => {
    const modelId = 'bad\r\nset-cookie: a=b'
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'openai-chat', play: answers({ text: TEXT, modelId }) } },
    })
    const answer = await bench.ask({ client: 'anthropic-messages', mode: 'plain' })
    expect(answer.headers.get('x-holdfast-upstream-model')).toBe('bad%0D%0Aset-cookie: a=b')
    expect(answer.headers.has('set-cookie')).toBe(false)
  })
})

describe.concurrent('fault 83: a prompt that Gemini blocks', () => {
  const blocked = {
    promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
    usageMetadata: { promptTokenCount: 11, totalTokenCount: 11 },
    modelVersion: 'm',
    responseId: 'voice',
  }
  const cases = ALL_CLIENTS.flatMap((client) => MODES.map((mode) => ({ client, mode })))

  test.for(cases)(
    'fault 83: is a filtered answer to a client of $client as $mode, not an error, and not tried again',
    async ({ client, mode }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: 'gemini', play: says([dataEvent(blocked)], JSON.stringify(blocked)) },
          backup: { dialect: 'openai-chat', play: answers({ text: BACKUP }) },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWholeEnding(answer, client === 'gemini' ? 'PROHIBITED_CONTENT' : endings[client].filtered)
      expect(answer.text).toBe('')
      expect(bench.calls('primary')).toHaveLength(1)
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'completed', usage: { inputTokens: 11 } })
    },
  )
})

describe.concurrent('fault 84: a natural end and not one word', () => {
  test.for(everyMode(SOME_PAIRS))(
    'fault 84: $target says nothing to a client of $client as $mode: once more, then another',
    async (row) => {
      const { client, target, mode } = row
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: answers({ text: '', outputTokens: 0 }) },
          backup: backup(row),
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, BACKUP)
      expect(bench.calls('primary')).toHaveLength(2)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts.map(({ code }) => code)).toEqual(['empty_response', 'empty_response', undefined])
      for (const attempt of attempts.slice(0, 2)) expect(attempt).toMatchObject({ isWaste: true })
    },
  )

  // The dialects that count thoughts; without a count nobody can tell them from words.
  const countsThoughts = SOME_PAIRS.filter(({ target }) =>
    ['openai-chat', 'openai-responses', 'gemini'].includes(target),
  )

  test.for(everyMode(countsThoughts))(
    'fault 84: $target has thought, which it hides, and says nothing to a client of $client as $mode',
    async ({ client, target, mode }) => {
      const thinks = answers({ text: '', outputTokens: 5, reasoningTokens: 5 })
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: inTurn(thinks, answers({ text: TEXT })) } },
      })
      expectWhole(await bench.ask({ client, mode }), TEXT)
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )

  test.for(SOME_PAIRS)(
    'fault 84: $target, alone, that says nothing is a 502 to a client of $client',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: '', outputTokens: 0 }) } },
      })
      for (const mode of ['stream', 'plain'] as const) {
        expectToldRefusal(await bench.ask({ client, mode }), 502, 'empty_response')
      }
      expect(bench.calls('primary')).toHaveLength(4)
    },
  )
})

describe.concurrent('fault 85: a tool call that its own provider could not read', () => {
  const gemini = (() => {
    const candidate = {
      finishReason: 'MALFORMED_FUNCTION_CALL',
      finishMessage: 'Malformed function call: print(',
      index: 0,
    }
    const answer = {
      candidates: [candidate],
      usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 4, totalTokenCount: 15 },
      modelVersion: 'm',
    }
    return says([dataEvent(answer)], JSON.stringify(answer))
  })()
  const bedrock = (() => {
    const facts = { usage: { inputTokens: 11, outputTokens: 4, totalTokens: 15 } }
    const stopReason = 'malformed_tool_use'
    const output = { message: { role: 'assistant', content: [] } }
    return says(
      [
        frame('messageStart', { role: 'assistant' }),
        frame('messageStop', { stopReason }),
        frame('metadata', facts),
      ],
      JSON.stringify({ output, stopReason, ...facts }),
    )
  })()
  const plays = { gemini, 'bedrock-converse': bedrock } as const
  const words = { gemini: 'MALFORMED_FUNCTION_CALL', 'bedrock-converse': 'malformed_tool_use' } as const
  const cases = (['gemini', 'bedrock-converse'] as const)
    .filter((target) => ALL_TARGETS.includes(target))
    .flatMap((target) => ALL_CLIENTS.flatMap((client) => MODES.map((mode) => ({ target, client, mode }))))

  test.for(cases)(
    'fault 85: $target as $mode gets one more try, and the client of $client its answer',
    async ({ client, target, mode }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: inTurn(plays[target], answers({ text: TEXT })) } },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      expect(bench.calls('primary')).toHaveLength(2)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({ outcome: 'failed', isWaste: true })
    },
  )

  test.for(cases)(
    'fault 85: $target as $mode that never gets it right is named to the client of $client',
    async ({ client, target, mode }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: plays[target] } },
      })
      const answer = await bench.ask({ client, mode })
      expectToldRefusal(answer, 502, 'empty_response')
      expect(answer.error?.message).toContain(words[target])
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )
})

describe.concurrent('fault 86: the ceiling met while the model was still thinking', () => {
  const thinking: SaidAnswer = {
    text: '',
    reasoning: 'Let me see. Five and',
    ending: 'length',
    outputTokens: 5,
    reasoningTokens: 5,
  }

  test.for(SOME_PAIRS)(
    'fault 86: $target passes to a client of $client with a warning beside it',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: answers(thinking) },
          backup: { dialect: target, play: answers({ text: BACKUP }) },
        },
      })
      for (const mode of ['plain', 'fold'] as const) {
        const answer = await bench.ask({ client, mode })
        expectWholeEnding(answer, endings[client].cut)
        expect(answer.text).toBe('')
        expect(answer.headers.get('x-holdfast-warning')).toBe('no_visible_text')
        const { attempts } = await bench.recordOf(answer)
        expect(attempts).toHaveLength(1)
        expect(attempts[0]?.flags).toContain('no_visible_text')
      }
      expectWholeEnding(await bench.ask({ client, mode: 'stream' }), endings[client].cut)
      expect(bench.calls('backup')).toHaveLength(0)
    },
  )

  test.for(SOME_PAIRS)(
    'fault 86: thoughts of $target that are hidden and nothing else: a client of $client that streams is warned',
    async ({ client, target }) => {
      const hidden: SaidAnswer = { text: '', ending: 'length', outputTokens: 5, reasoningTokens: 5 }
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers(hidden) } },
      })
      for (const mode of MODES) {
        const answer = await bench.ask({ client, mode })
        expectWholeEnding(answer, endings[client].cut)
        expect(answer.headers.get('x-holdfast-warning')).toBe('no_visible_text')
      }
    },
  )

  test('fault 86: an answer that was cut in its words needs no warning', async () => {
    await using bench = await openDialectBench({
      providers: { primary: { dialect: 'openai-chat', play: answers({ text: 'Let me', ending: 'length' }) } },
    })
    for (const mode of MODES) {
      const answer = await bench.ask({ client: 'openai-chat', mode })
      expect(answer.finish).toBe('length')
      expect(answer.headers.has('x-holdfast-warning')).toBe(false)
    }
  })
})

describe.concurrent('fault 87: an answer that breaks the schema it was asked to keep', () => {
  const broken = '{"city": 5, "extra": ["no such field"'
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  }
  const wanted: Readonly<Record<ClientDialect, object>> = {
    'openai-chat': {
      response_format: { type: 'json_schema', json_schema: { name: 'place', strict: true, schema } },
    },
    'anthropic-messages': { output_config: { format: { type: 'json_schema', schema } } },
    'openai-responses': { text: { format: { type: 'json_schema', name: 'place', strict: true, schema } } },
    gemini: {
      generationConfig: {
        maxOutputTokens: 600,
        responseMimeType: 'application/json',
        responseSchema: { type: 'OBJECT', properties: { city: { type: 'STRING' } } },
      },
    },
  }

  test.for(SOME_PAIRS)(
    'fault 87: $target passes to a client of $client as it is, at the first try',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: answers({ text: broken }) } },
      })
      for (const mode of ['stream', 'plain'] as const) {
        // Sound: every one of these is a plain object.
        expectWhole(
          await bench.ask({ client, mode, body: wanted[client] as Record<string, unknown> }),
          broken,
        )
      }
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )
})

describe.concurrent('fault 88: what nobody knows yet', () => {
  const WORD = 'met_a_bear'
  const isCut = (target: string) => (target === 'openai-responses' ? { ending: 'length' as const } : {})

  test.for(everyMode(SOME_PAIRS))(
    'fault 88: an unknown reason to finish of $target reaches a client of $client as $mode as it is, or as a word that it knows',
    async ({ client, target, mode }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: { dialect: target, play: answers({ text: TEXT, endingWord: WORD, ...isCut(target) }) },
        },
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.error).toBeUndefined()
      expect(answer.text).toBe(TEXT)
      expect(answer.hasTerminal).toBe(true)
      if (client === target) expect(answer.finish).toBe(WORD)
      else expect([...endings[client].natural, endings[client].cut]).toContain(answer.finish)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )

  test.for(SOME_PAIRS)(
    'fault 88: an event of an unknown kind from $target does not disturb a client of $client',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: {
            dialect: target,
            play: (call) => {
              const events = call.voice.events({ text: TEXT })
              sayEvents(call, events.toSpliced(call.voice.openingEvents + 1, 0, call.voice.strange))
            },
          },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectWhole(answer, TEXT)
      if (client === target) expect(answer.raw).toContain('sighting')
      else expect(answer.raw).not.toContain('sighting')
      expectWhole(await bench.ask({ client, mode: 'fold' }), TEXT)
    },
  )

  test.for(SOME_PAIRS)(
    'fault 88: an unknown field in a plain answer of $target passes to a client of its own dialect, and does not disturb one of $client',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          primary: {
            dialect: target,
            play: (call) =>
              sayWhole(
                call,
                call.voice.whole({ text: TEXT }).replace('{', '{"sighting":{"animal":"bear","n":1e3},'),
              ),
          },
        },
      })
      const answer = await bench.ask({ client, mode: 'plain' })
      expectWhole(answer, TEXT)
      expect(answer.raw.includes('"sighting":{"animal":"bear","n":1e3}')).toBe(client === target)
    },
  )
})
