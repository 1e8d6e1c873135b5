/** What recorded traffic holds of streamed chat completions and of reasoning (observations 28 to 42). */

import { describe, expect, test } from 'vitest'
import { openaiChat } from '../../src/dialects/index.ts'
import { chatDelta, chatStream } from './hand-written.test-support.ts'
import {
  answerOf,
  faultsOf,
  hasGemini,
  hasCorpus,
  readingOf,
  sayingOf,
  textOfRecording,
  toldToAnthropic,
} from './observations.test-support.ts'

const finishesOf = (id: string) => answerOf(id).events.filter(({ type }) => type === 'finish').length

describe('streamed chat (on recordings, skipped where there is no corpus)', () => {
  test.skipIf(!hasCorpus)(
    'observation 28: a finish that comes twice is said once, and usage after it is kept',
    async () => {
      for (const id of ['openrouter.openai-chat.06170ef8be', 'avian.openai-chat.139b931764']) {
        expect(finishesOf(id), id).toBe(1)
        expect(toldToAnthropic(id).split('event: message_delta').length, id).toBe(2)
        expect(await faultsOf(id)).toEqual([])
      }
      expect(readingOf('openrouter.openai-chat.06170ef8be').usage?.output).toBeGreaterThan(0)
    },
  )

  test.skipIf(!hasCorpus)('observation 29: of usage on every chunk the last one counts', async () => {
    const ids = [
      'perplexity.openai-chat.0f0536729d',
      'databricks.openai-chat.0fb3451413',
      'groq.openai-chat.03bd01cb5e',
    ]
    for (const id of ids) expect(readingOf(id).usage?.output, id).toBeGreaterThan(0)
    expect(await faultsOf(...ids)).toEqual([])
  })

  test('observation 29, of our own: usage is replaced, not added', () => {
    const usage = (tokens: number) => ({
      ...chatDelta({ content: 'a' }),
      usage: { prompt_tokens: 5, completion_tokens: tokens, total_tokens: 5 + tokens },
    })
    const reader = openaiChat.createStreamReader()
    const text = chatStream([usage(1), usage(2), chatDelta({}, 'stop')])
    const events = [...reader.read(new TextEncoder().encode(text)), ...reader.end()]
    expect(events.findLast(({ type }) => type === 'usage-update')).toMatchObject({
      usage: { outputTokens: 2 },
    })
  })

  test.skipIf(!hasCorpus)(
    'observation 30: a first chunk without choices, id and model is no obstacle',
    async () => {
      expect(await faultsOf('azure.openai-chat.0230bc3017', 'copilot.openai-chat.071e8b6d4a')).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)('observation 31: parallel calls without an index stay two calls', async () => {
    const ids = [
      'mistral.openai-chat.3761c839ef',
      'google.openai-chat.7573f26ac4',
      'ollama.openai-chat.bc2ad64849',
    ]
    for (const id of ids) expect(sayingOf(id).calls.length, id).toBeGreaterThan(0)
    expect(await faultsOf(...ids)).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 32: ids that are empty, absent or odd become ids that every client takes',
    async () => {
      const ids = [
        'google.openai-chat.7573f26ac4',
        'venice.openai-chat.94a654ae00',
        'alibaba.openai-chat.570172518c',
        'groq.openai-chat.151fdaa770',
      ]
      for (const id of ids) {
        const given = [...toldToAnthropic(id).matchAll(/"type":"tool_use","id":"([^"]*)"/g)].map(
          ([, callId]) => callId,
        )
        expect(given.length, id).toBeGreaterThan(0)
        expect(new Set(given).size, id).toBe(given.length)
        for (const callId of given) expect(callId, id).toMatch(/^[\w-]+$/)
      }
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 33: what comes with the finish reason is content all the same',
    async () => {
      const ids = ['mistral.openai-chat.1064d0c51e', 'zai.openai-chat.8994e53c19']
      for (const id of ids) {
        const { text, calls } = sayingOf(id)
        expect(text.length + calls.length, id).toBeGreaterThan(0)
      }
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)('observation 34: content after a finish, and a finish called eos', async () => {
    const ids = [
      'together.openai-chat.59f44385ed',
      'together.openai-chat.6cdcddca17',
      'together.openai-chat.4e757374d6',
    ]
    expect(sayingOf('together.openai-chat.4e757374d6').finish).toBe('stop')
    expect(await faultsOf(...ids)).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 35: an id that changes, is empty or is absent in mid-stream',
    async () => {
      const ids = ['groq.openai-chat.fbd35a0cd7', 'avian.openai-chat.139b931764']
      for (const id of ids)
        expect(
          answerOf(id).events.filter(({ type }) => type === 'answer-start'),
          id,
        ).toHaveLength(1)
      expect(await faultsOf(...ids, 'snowflake.openai-chat.902c96268d')).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)('observation 36: odd finish reasons mean what the answer shows', async () => {
    expect(sayingOf('azure.openai-chat.2503d18e23').finish).toBe('tool-calls')
    expect(sayingOf('openai.openai-chat.05059819e5').finish).toBe('tool-calls')
    expect(sayingOf('mistral.openai-chat.be54e6b38e').finish).toBe('length')
    expect(
      await faultsOf(
        'azure.openai-chat.2503d18e23',
        'snowflake.openai-chat.22cfc6f2a0',
        'openai.openai-chat.05059819e5',
        'mistral.openai-chat.be54e6b38e',
      ),
    ).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 37: optional fields filled with nothing are nothing', async () => {
    const id = 'snowflake.openai-chat.22cfc6f2a0'
    const { calls, refusal } = sayingOf(id)
    expect(refusal).toBe('')
    for (const { name } of calls) expect(name).not.toBe('')
    expect(await faultsOf(id)).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 38: content that is absent, empty or a list of parts', async () => {
    expect(sayingOf('cerebras.openai-chat.27bb4d5bc6').calls.length).toBeGreaterThan(0)
    const { reasoning, text } = sayingOf('mistral.openai-chat.2ba072e5d5')
    expect(reasoning.length * text.length).toBeGreaterThan(0)
    expect(await faultsOf('cerebras.openai-chat.27bb4d5bc6', 'mistral.openai-chat.2ba072e5d5')).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 39: an empty list of calls is no call, and a call without a type is one',
    async () => {
      expect(sayingOf('huggingface.openai-chat.13f242ed41').calls).toEqual([])
      expect(sayingOf('huggingface.openai-chat.13f242ed41').finish).not.toBe('tool-calls')
      expect(sayingOf('mistral.openai-chat.1beaf616c3').calls.length).toBeGreaterThan(0)
      expect(await faultsOf('huggingface.openai-chat.13f242ed41', 'mistral.openai-chat.1beaf616c3')).toEqual(
        [],
      )
    },
  )
})

describe('reasoning (on recordings, skipped where there is no corpus)', () => {
  test.skipIf(!hasCorpus)(
    'observation 40: reasoning is found in each of its homes, and said once',
    async () => {
      const ids = [
        'deepseek.openai-chat.06ef477be1',
        'groq.openai-chat.fbd35a0cd7',
        'vercel-gateway.openai-chat.086973b916',
      ]
      for (const id of ids.slice(0, 2)) expect(sayingOf(id).reasoning, id).not.toBe('')
      expect(await faultsOf(...ids, 'google.openai-chat.993348f681')).toEqual([])
    },
  )

  test('observation 40, of our own: two homes with the same words are one', () => {
    const body = {
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'x',
            reasoning: 'why',
            reasoning_details: [{ type: 'reasoning.text', text: 'why' }],
          },
          finish_reason: 'stop',
        },
      ],
    }
    const { candidates } = openaiChat.readResult(new TextEncoder().encode(JSON.stringify(body)))
    expect(candidates[0]?.parts).toMatchObject([
      { type: 'reasoning', text: 'why' },
      { type: 'text', text: 'x' },
    ])
  })

  test.skipIf(!hasCorpus)(
    'observation 41: reasoning counted outside of the completion is part of the output',
    async () => {
      const id = 'xai.openai-chat.1f8caeda22'
      expect(readingOf(id).usage).toMatchObject({ output: 44 + 502, reasoning: 502 })
      expect(await faultsOf(id)).toEqual([])
    },
  )

  test.skipIf(!hasGemini)('observation 41: and so it is at Gemini', async () => {
    const id = 'google.gemini.00fc02ece0'
    const { output = 0, reasoning = 0 } = readingOf(id).usage ?? {}
    expect(output).toBeGreaterThan(reasoning)
    expect(await faultsOf(id)).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 42: signatures on their own and redacted thinking are kept',
    async () => {
      const ids = ['anthropic.anthropic-messages.0602191512', 'anthropic.anthropic-messages.f0a8b71fdd']
      for (const id of ids) expect(sayingOf(id).proofs, id).toBeGreaterThan(0)
      expect(textOfRecording('anthropic.anthropic-messages.f0a8b71fdd')).toContain('redacted_thinking')
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasGemini)('observation 42: thought signatures are kept wherever they hang', async () => {
    const ids = ['google.gemini.047b6feb56', 'google.gemini.34bd858c9e', 'google.gemini.11747603f6']
    expect(await faultsOf(...ids)).toEqual([])
  })
})
