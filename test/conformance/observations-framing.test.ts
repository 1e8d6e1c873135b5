/** What recorded traffic holds of framing (observations 01 to 12): each is survived by the readers. */

import { describe, expect, test } from 'vitest'
import { openaiChat } from '../../src/dialects/index.ts'
import { chatDelta, chatStream } from './hand-written.test-support.ts'
import {
  answerOf,
  faultsOf,
  hasGemini,
  hasCorpus,
  passedOn,
  recordingOf,
  refusalOf,
  sayingOf,
  textOfRecording,
  toldToAnthropic,
} from './observations.test-support.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('framing (on recordings, skipped where there is no corpus)', () => {
  test.skipIf(!hasCorpus)(
    'observation 01: comments before any data are no content and no answer',
    async () => {
      const ids = ['openrouter.openai-chat.0bee03ed1d', 'xai.openai-responses.2e1a2ff13e']
      for (const id of ids) expect(textOfRecording(id).startsWith(':'), id).toBe(true)
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test('observation 01, of our own: a comment gives no event', () => {
    expect(openaiChat.createStreamReader().read(bytesOf(': PROCESSING\n\n'))).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 02: white space before a plain answer is no fault', async () => {
    const id = 'openrouter.openai-chat.0067303041'
    expect(textOfRecording(id)).toMatch(/^\s/)
    expect(await faultsOf(id)).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 03: padding inside the JSON of an event changes nothing', async () => {
    const id = 'anthropic.anthropic-messages.05adcd8a04'
    expect(textOfRecording(id)).toMatch(/ +\}\n/)
    expect(await faultsOf(id)).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 04: obfuscation is not handed on in another dialect', async () => {
    const ids = [
      'azure.openai-chat.0230bc3017',
      'mistral.openai-chat.0816f090c8',
      'bedrock.bedrock-converse-stream.06c0e98950',
      'copilot.openai-chat.190346f8fe',
    ]
    for (const id of ids) expect(toldToAnthropic(id), id).not.toMatch(/"(obfuscation|padding|p)":/)
    expect(await faultsOf(...ids)).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 05: CRLF line ends part events as LF does', async () => {
    const id = 'perplexity.openai-chat.34e5603234'
    expect(textOfRecording(id)).toContain('\r\n\r\n')
    expect(await faultsOf(id)).toEqual([])
  })

  test.skipIf(!hasGemini)('observation 05: and in the streams of Gemini', async () => {
    expect(await faultsOf('google.gemini.047b6feb56')).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 06: the marker [DONE] that a provider leaves out is added for the client',
    async () => {
      const ids = [
        'cerebras.openai-chat.01c2a7f90a',
        'perplexity.openai-chat.0f0536729d',
        'huggingface.openai-chat.942380e58b',
      ]
      for (const id of ids) {
        expect(textOfRecording(id), id).not.toContain('[DONE]')
        expect(passedOn(id).trimEnd().endsWith('data: [DONE]'), id).toBe(true)
      }
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)('observation 07: a [DONE] in a dialect that has none is not an event', async () => {
    const ids = ['openrouter.openai-responses.0755f0e0c9', 'bedrock.openai-responses.98da3703be']
    expect(textOfRecording('openrouter.openai-responses.0755f0e0c9')).toContain('[DONE]')
    expect(await faultsOf(...ids)).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 08: an error in a field of its own is an error, not an end',
    async () => {
      const id = 'gpustack.openai-chat.836bb4e951'
      const { error, isComplete } = answerOf(id)
      expect(error).toBeDefined()
      expect(isComplete).toBe(false)
      expect(await faultsOf(id)).toEqual([])
    },
  )

  test('observation 08, of our own: an "error:" field ends the stream as an error', () => {
    const reader = openaiChat.createStreamReader()
    const text = chatStream([chatDelta({ content: 'a' })]).replace(
      'data: [DONE]',
      'error: {"code":500,"message":"gone"}',
    )
    const events = [...reader.read(bytesOf(text)), ...reader.end()]
    expect(events.at(-1)?.type).toBe('error')
    expect(reader.isComplete).toBe(false)
  })

  test.skipIf(!hasCorpus)('observation 09: network chunks that cut events give the same events', async () => {
    const ids = [
      'zai.openai-chat.11b87347a6',
      'groq.openai-chat.c7b82a1218',
      'anthropic.anthropic-messages.11e0b0b153',
    ]
    for (const id of ids) expect(recordingOf(id).response.chunkLengths?.length, id).toBeGreaterThan(0)
    expect(await faultsOf(...ids)).toEqual([])
  })

  test.skipIf(!hasCorpus)(
    'observation 10: a refusal is read by what it is, whatever its content type says',
    async () => {
      const id = 'github-models.openai-chat.03b74c613f'
      expect(refusalOf(id).code).toBe('rate_limited')
      expect(await faultsOf(id)).toEqual([])
    },
  )

  test.skipIf(!hasGemini)('observation 10: and in the dialect of Gemini', async () => {
    expect(await faultsOf('google.gemini.000323d32b')).toEqual([])
  })

  test.skipIf(!hasGemini)(
    'observation 11: a Gemini stream that is a growing array says the same',
    async () => {
      const ids = ['google.gemini.2f0f03087a', 'vertex.gemini.0bdd0f2d24']
      expect(await faultsOf(...ids)).toEqual([])
    },
  )

  test.skipIf(!hasGemini)('observation 12: numeric enums of Gemini are read as their names', async () => {
    const ids = ['google.gemini.22ac0bf63e', 'vertex.gemini.7cd9316b45']
    for (const id of ids) expect(sayingOf(id).finish, id).not.toBe('other')
    expect(await faultsOf(...ids)).toEqual([])
  })
})
