/** What recorded traffic holds of Messages, Responses, Gemini, Bedrock and other dialects (observations 43 to 55). */

import { describe, expect, test } from 'vitest'
import { anthropicMessages } from '../../src/dialects/index.ts'
import { anthropicStream } from './hand-written.test-support.ts'
import {
  answerOf,
  faultsOf,
  hasGemini,
  hasCorpus,
  readingOf,
  refusalOf,
  sayingOf,
  textOfRecording,
} from './observations.test-support.ts'

const partTypes = (id: string) =>
  answerOf(id).result.candidates.flatMap(({ parts }) => parts.map(({ type }) => type))

describe('other dialects (on recordings, skipped where there is no corpus)', () => {
  test.skipIf(!hasCorpus)(
    'observation 43: later counts of a Messages stream replace earlier ones',
    async () => {
      expect(
        await faultsOf('anthropic.anthropic-messages.0ebfe7d1fc', 'anthropic.anthropic-messages.05adcd8a04'),
      ).toEqual([])
    },
  )

  test('observation 43, of our own: input counted twice is counted once', () => {
    const text = anthropicStream([
      {
        type: 'message_start',
        message: { id: 'm', usage: { input_tokens: 10, output_tokens: 1 }, content: [] },
      },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        usage: { input_tokens: 12, output_tokens: 3 },
      },
      { type: 'message_stop' },
    ] as readonly { readonly type: string }[])
    const reader = anthropicMessages.createStreamReader()
    const events = [...reader.read(new TextEncoder().encode(text)), ...reader.end()]
    expect(events.findLast(({ type }) => type === 'usage-update')).toMatchObject({
      usage: { inputTokens: 12, outputTokens: 3 },
    })
  })

  test.skipIf(!hasCorpus)(
    'observation 44: a silent end is an answer, and a call without arguments has an empty object',
    async () => {
      const silent = answerOf('anthropic.anthropic-messages.02e5bb7c15')
      expect(silent.error).toBeUndefined()
      expect(silent.isComplete).toBe(true)
      expect(
        sayingOf('anthropic.anthropic-messages.0923976678').calls.map(({ input }) => input),
      ).toContainEqual({})
      expect(
        await faultsOf('anthropic.anthropic-messages.02e5bb7c15', 'anthropic.anthropic-messages.0923976678'),
      ).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 45: blocks and fields newer than any schema are kept raw',
    async () => {
      const ids = [
        'anthropic.anthropic-messages.71b091031a',
        'anthropic.anthropic-messages.00e13ab7cc',
        'anthropic.anthropic-messages.001f4066b6',
        'anthropic.anthropic-messages.4a971e6ff6',
      ]
      expect(partTypes('anthropic.anthropic-messages.4a971e6ff6')).toContain('opaque')
      expect(sayingOf('anthropic.anthropic-messages.bd168a6a5b').finish).toBe('pause')
      expect(await faultsOf(...ids, 'anthropic.anthropic-messages.bd168a6a5b')).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 46: items beyond text are kept, and early streams without numbers are read',
    async () => {
      const ids = ['94757faa25', 'f961939524', '0cd6646ee6', '07dd1b16be', '285c74ab24', '371e0bd526'].map(
        (hash) => `openai.openai-responses.${hash}`,
      )
      expect(textOfRecording('openai.openai-responses.371e0bd526')).not.toContain('sequence_number')
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 47: a response id that the server does not know has a code of its own',
    () => {
      expect(refusalOf('openai.openai-responses.c5852253c2').code).toBe('previous_response_not_found')
    },
  )

  test.skipIf(!hasGemini)(
    'observation 48: a STOP with calls is a tool call, and ends without content are ends',
    async () => {
      expect(sayingOf('vertex.gemini.60bcb1d704').finish).toBe('tool-calls')
      const ids = [
        'google.gemini.0f733a7f46',
        'google.gemini.6d63a1561f',
        'vertex.gemini.e6169b8074',
        'google.gemini.13a7bdc0d5',
        'vertex.gemini.60bcb1d704',
      ]
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 49: Bedrock counts the cache twice, opens no text blocks, and says a guardrail with 200',
    async () => {
      const ids = ['bedrock.bedrock-converse-stream.62c5a648d0', 'bedrock.bedrock-converse-stream.f7c4b4dfbb']
      const {
        cacheRead = 0,
        cacheWrite = 0,
        input = 0,
      } = readingOf('bedrock.bedrock-converse-stream.62c5a648d0').usage ?? {}
      expect(cacheRead + cacheWrite).toBeLessThanOrEqual(input)
      expect(sayingOf('bedrock.bedrock-converse.1dc0e43b8c').finish).toBe('content-filter')
      expect(await faultsOf(...ids, 'bedrock.bedrock-converse.1dc0e43b8c')).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 50: Ollama gives arguments as an object, no id, and stop after a call',
    async () => {
      const id = 'ollama.ollama-chat.0091e24805'
      const { calls, finish } = sayingOf(id)
      expect({ inputs: calls.map(({ input }) => input), finish }).toEqual({
        inputs: [{ city: 'Detroit' }],
        finish: 'tool-calls',
      })
      expect(await faultsOf(id)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)('observation 51: embeddings come as base64, of floats and of bytes', () => {
    const floats = embeddingOf('openai.openai-embeddings.186fd27135')
    expect(floats.length % 4).toBe(0)
    expect(floats.readFloatLE(0)).toSatisfy((value: number) => Math.abs(value) < 1)
    expect(embeddingOf('perplexity.openai-embeddings.21aa92f0fc')).toHaveLength(1024)
  })

  test.skipIf(!hasCorpus)(
    'observation 52: a moderation or filter beside the answer changes nothing in it',
    async () => {
      expect(await faultsOf('openai.openai-chat.7d043366ee', 'azure.openai-responses.12d2968795')).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 53: what a call cost stays in the raw usage or answer, in its own unit',
    async () => {
      const ids = [
        'vercel-gateway.openai-chat.086973b916',
        'xai.openai-chat.031a4909f8',
        'copilot.openai-chat.071e8b6d4a',
        'venice.openai-chat.0959dc9b73',
      ]
      const { usage } = answerOf('vercel-gateway.openai-chat.086973b916').result
      expect(JSON.stringify(usage?.raw)).toContain('"cost"')
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 54: leaked nulls and fields of servers do not reach other dialects',
    async () => {
      const ids = [
        'crusoe.openai-chat.1b53579cdf',
        'llamacpp.openai-chat.0676696df8',
        'zai.openai-chat.071fe79b3b',
      ]
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)('observation 55: the old function_call is a tool call', async () => {
    const id = 'openai.openai-chat.01009b537d'
    expect(sayingOf(id).finish).toBe('tool-calls')
    expect(sayingOf(id).calls).toHaveLength(1)
    expect(await faultsOf(id)).toEqual([])
  })
})

/** The bytes of the first embedding of a recorded answer. */
function embeddingOf(id: string): Buffer {
  const answer = JSON.parse(textOfRecording(id)) as { data: { embedding: string }[] }
  return Buffer.from(answer.data[0]?.embedding ?? '', 'base64')
}
