/** Sources that are no links: shown where a dialect has a word for them, and named as lost elsewhere, in streams too. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { detailsOf } from '../support/answer-details.ts'
import { geminiSaying, messagesSaying, responsesSaying } from '../support/front-sayings.ts'
import { CLIENTS, MODES, openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const TEXT = 'First we eat.'

const sayings = {
  messages: messagesSaying({
    content: [
      {
        type: 'text',
        text: TEXT,
        citations: [
          {
            type: 'char_location',
            cited_text: 'we eat',
            document_index: 0,
            document_title: 'Plan',
            start_char_index: 6,
            end_char_index: 12,
          },
        ],
      },
    ],
  }),
  responses: responsesSaying({
    output: [
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [
          {
            type: 'output_text',
            text: TEXT,
            annotations: [{ type: 'file_citation', file_id: 'file-1', filename: 'Plan', index: 3 }],
          },
        ],
      },
    ],
  }),
  gemini: geminiSaying([
    {
      parts: [{ text: TEXT }],
      more: {
        groundingMetadata: {
          groundingChunks: [{ retrievedContext: { title: 'Plan', text: 'we eat' } }],
          groundingSupports: [{ segment: { endIndex: 12 }, groundingChunkIndices: [0] }],
        },
      },
    },
  ]),
}

const OWN = {
  messages: 'anthropic-messages',
  responses: 'openai-responses',
  gemini: 'gemini',
} as const

const pairs = (['messages', 'responses', 'gemini'] as const).flatMap((target) =>
  CLIENTS.map((client) => ({ target, client })),
)

test.each(pairs)('a document that $target names, at a client of $client', async ({ target, client }) => {
  const isOwn = OWN[target] === client
  const isShown = isOwn || client === 'gemini'
  for (const mode of MODES) {
    const { answer } = await stage.ask({ client, target, mode, says: sayings[target] })
    expect.soft(answer.error?.message, mode).toBeUndefined()
    expect.soft(answer.text, mode).toBe(TEXT)
    const { sources } = detailsOf(answer, client)
    expect.soft(sources.length, mode).toBe(isShown ? 1 : 0)
    if (isShown && !isOwn) expect.soft(sources[0]?.title, mode).toBe('Plan')
    // A stream has begun before its losses are known: they are in the record.
    const { losses } = await stage.stage.gateway.exchange(
      ({ exchangeId }) => exchangeId === answer.headers.get('x-request-id'),
    )
    const word = client === 'anthropic-messages' ? 'annotations' : 'citations'
    expect
      .soft(
        losses.map(({ field }) => field),
        mode,
      )
      .toEqual(isShown ? [] : [word])
  }
})
