/** Why an answer ended, from every provider to every client: nobody takes a cut or refused answer for a whole one. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { detailsOf } from '../support/answer-details.ts'
import { chatSaying, geminiSaying, messagesSaying, responsesSaying } from '../support/front-sayings.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import {
  CLIENTS,
  FRONT_TARGETS,
  type FrontTarget,
  MODES,
  openPairStage,
  type PairStage,
  type Saying,
} from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const TEXT = 'Det regner.'
const MESSAGE = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed' }
const OUTPUT = [{ ...MESSAGE, content: [{ type: 'output_text', text: TEXT, annotations: [] }] }]
const chat = (finish: string) =>
  chatSaying([{ message: { content: TEXT }, deltas: [{ content: TEXT }], finish }])
const messages = (stopReason: string, stopSequence?: string) =>
  messagesSaying({
    content: [{ type: 'text', text: TEXT }],
    stopReason,
    ...(stopSequence === undefined ? {} : { stopSequence }),
  })
const gemini = (finish: string) => geminiSaying([{ parts: [{ text: TEXT }], finish }])

interface Ending {
  readonly name: string
  /** A provider that is not named does not end so. */
  readonly said: Partial<Readonly<Record<FrontTarget, Saying>>>
  readonly told: Readonly<Record<ClientDialect, string>>
  /** Where a client is told by its provider in a word that no other provider has. */
  readonly own?: Partial<Readonly<Record<FrontTarget, string>>>
}

const endings: readonly Ending[] = [
  {
    name: 'it was said',
    said: {
      chat: chat('stop'),
      messages: messages('end_turn'),
      responses: responsesSaying({ output: OUTPUT }),
      gemini: gemini('STOP'),
    },
    told: {
      'openai-chat': 'stop',
      'anthropic-messages': 'end_turn',
      'openai-responses': 'completed',
      gemini: 'STOP',
    },
  },
  {
    name: 'it grew too long',
    said: {
      chat: chat('length'),
      messages: messages('max_tokens'),
      responses: responsesSaying({ output: OUTPUT, incomplete: 'max_output_tokens' }),
      gemini: gemini('MAX_TOKENS'),
    },
    told: {
      'openai-chat': 'length',
      'anthropic-messages': 'max_tokens',
      'openai-responses': 'max_output_tokens',
      gemini: 'MAX_TOKENS',
    },
  },
  {
    name: 'the window ran full',
    said: { messages: messages('model_context_window_exceeded') },
    told: {
      'openai-chat': 'length',
      'anthropic-messages': 'model_context_window_exceeded',
      'openai-responses': 'max_output_tokens',
      gemini: 'MAX_TOKENS',
    },
  },
  {
    name: 'it was filtered',
    said: {
      chat: chat('content_filter'),
      messages: messages('refusal'),
      responses: responsesSaying({ output: OUTPUT, incomplete: 'content_filter' }),
      gemini: gemini('SAFETY'),
    },
    told: {
      'openai-chat': 'content_filter',
      'anthropic-messages': 'refusal',
      'openai-responses': 'content_filter',
      gemini: 'SAFETY',
    },
  },
  {
    name: 'it said too much of what it had learnt',
    said: { gemini: gemini('RECITATION') },
    told: {
      'openai-chat': 'content_filter',
      'anthropic-messages': 'refusal',
      'openai-responses': 'content_filter',
      gemini: 'RECITATION',
    },
  },
  {
    name: 'a word was met at which to stop',
    said: { messages: messages('stop_sequence', 'END') },
    told: {
      'openai-chat': 'stop',
      'anthropic-messages': 'stop_sequence',
      'openai-responses': 'completed',
      gemini: 'STOP',
    },
  },
]

describe('that an answer ended because', () => {
  test.each(endings)('$name, every client is told', async ({ said, told }) => {
    for (const target of FRONT_TARGETS)
      for (const client of CLIENTS)
        for (const mode of MODES) {
          const says = said[target]
          if (says === undefined) continue
          const { answer } = await stage.ask({ client, target, mode, says })
          const where = `${target} -> ${client}, ${mode}`
          expect.soft(answer.error?.message, where).toBeUndefined()
          expect.soft(answer.text, where).toBe(TEXT)
          expect.soft(answer.finish, where).toBe(told[client])
        }
  })

  test('the model refused, in words, every client is told', async () => {
    const refusal = 'I will not say.'
    const said = {
      chat: chatSaying([{ message: { refusal }, deltas: [{ refusal }], finish: 'stop' }]),
      responses: responsesSaying({ output: [{ ...MESSAGE, content: [{ type: 'refusal', refusal }] }] }),
    }
    for (const target of ['chat', 'responses'] as const)
      for (const client of CLIENTS)
        for (const mode of MODES) {
          const { answer } = await stage.ask({ client, target, mode, says: said[target] })
          const where = `${target} -> ${client}, ${mode}`
          const isOpenais = client.startsWith('openai-')
          const words = isOpenais ? detailsOf(answer, client).refusal : answer.text
          expect.soft(words, where).toBe(refusal)
          if (client === 'anthropic-messages') expect.soft(answer.finish, where).toBe('refusal')
        }
  })

  test('the prompt was blocked, every client is told', async () => {
    const blocked = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 10, totalTokenCount: 10 },
      modelVersion: 'm',
    }
    const says = { whole: blocked, stream: `data: ${JSON.stringify(blocked)}\n\n` }
    const wanted = {
      'openai-chat': 'content_filter',
      'anthropic-messages': 'refusal',
      'openai-responses': 'content_filter',
      gemini: 'PROHIBITED_CONTENT',
    }
    for (const client of CLIENTS)
      for (const mode of MODES) {
        const { answer } = await stage.ask({ client, target: 'gemini', mode, says })
        expect.soft(answer.status, `${client}, ${mode}`).toBe(200)
        expect.soft(answer.finish, `${client}, ${mode}`).toBe(wanted[client])
      }
  })
})
