/** Answers of every provider as every client receives them: whole, folded from a stream, and streamed. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AnswerDetails, detailsOf } from '../support/answer-details.ts'
import type { ClientAnswer, ClientDialect } from '../support/client-answer.ts'
import {
  chatSaying,
  geminiSaying,
  messagesSaying,
  pieces,
  responsesSaying,
} from '../support/front-sayings.ts'
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

interface Received {
  readonly client: ClientDialect
  readonly target: FrontTarget
  readonly where: string
  readonly answer: ClientAnswer
  readonly details: AnswerDetails
  readonly losses: readonly string[]
  readonly isStream: boolean
}

/** Every client asks every provider in every way, and looks at what it got. */
async function everyWay(
  sayings: Readonly<Record<FrontTarget, Saying>>,
  look: (received: Received) => void,
): Promise<void> {
  for (const target of FRONT_TARGETS)
    for (const client of CLIENTS)
      for (const mode of MODES) {
        const told = await stage.ask({ client, target, mode, says: sayings[target] })
        const where = `${target} -> ${client}, ${mode}`
        expect.soft(told.answer.error?.message, where).toBeUndefined()
        expect.soft(told.answer.hasTerminal, where).toBe(true)
        const details = detailsOf(told.answer, client)
        look({ client, target, where, ...told, details, isStream: mode === 'stream' })
      }
}

const TEXT = 'Det regner i Bergen – 雨 🌧.'
const MESSAGE = { type: 'message', role: 'assistant', status: 'completed' }
const outputText = (text: string, more: object = {}) => ({
  type: 'output_text',
  text,
  annotations: [],
  ...more,
})

describe('what a model says', () => {
  test('arrives whole, with its counts: cached tokens and thought ones where each dialect has them', async () => {
    await everyWay(
      {
        chat: chatSaying(
          [
            {
              message: { content: TEXT },
              deltas: pieces(TEXT).map((content) => ({ content })),
              finish: 'stop',
            },
          ],
          {
            prompt_tokens: 100,
            completion_tokens: 50,
            total_tokens: 150,
            prompt_tokens_details: { cached_tokens: 40 },
            completion_tokens_details: { reasoning_tokens: 20 },
          },
        ),
        messages: messagesSaying({
          content: [{ type: 'text', text: TEXT }],
          usage: {
            input_tokens: 50,
            cache_read_input_tokens: 40,
            cache_creation_input_tokens: 10,
            output_tokens: 50,
            output_tokens_details: { thinking_tokens: 20 },
          },
        }),
        responses: responsesSaying({
          output: [{ ...MESSAGE, id: 'msg_1', content: [outputText(TEXT)] }],
          usage: {
            input_tokens: 100,
            input_tokens_details: { cached_tokens: 40 },
            output_tokens: 50,
            output_tokens_details: { reasoning_tokens: 20 },
            total_tokens: 150,
          },
        }),
        gemini: geminiSaying([{ parts: [{ text: TEXT }] }], {
          promptTokenCount: 100,
          cachedContentTokenCount: 40,
          candidatesTokenCount: 30,
          thoughtsTokenCount: 20,
          totalTokenCount: 150,
        }),
      },
      ({ answer, details, where, losses }) => {
        expect.soft(answer.text, where).toBe(TEXT)
        expect.soft(details.counts, where).toEqual({ input: 100, cached: 40, output: 50, reasoning: 20 })
        expect.soft(losses, where).toEqual([])
      },
    )
  })

  const ONE = { city: 'Tromsø "nord"\n\\', at: 1 }
  const TWO = { city: '雨🌧', nested: { deep: [true, null, 1.5] } }
  const [one, two] = [
    JSON.stringify(ONE),
    '{"city":"\\u96e8\\ud83c\\udf27","nested":{"deep":[true,null,1.5]}}',
  ]

  test('is two calls at once, whose arguments come by turns and break off in the middle of an escape', async () => {
    const call = (index: number, fields: object) => ({ tool_calls: [{ index, ...fields }] })
    const grown = pieces(one, 3).map((text) => call(0, { function: { arguments: text } }))
    const others = pieces(two, 3).map((text) => call(1, { function: { arguments: text } }))
    const turns = Array.from({ length: Math.max(grown.length, others.length) }, (_, at) => [
      ...grown.slice(at, at + 1),
      ...others.slice(at, at + 1),
    ])
    await everyWay(
      {
        chat: chatSaying([
          {
            message: {
              tool_calls: [
                { id: 'call_1', type: 'function', function: { name: 'first', arguments: one } },
                { id: 'call_2', type: 'function', function: { name: 'second', arguments: two } },
              ],
            },
            deltas: [
              call(0, { id: 'call_1', type: 'function', function: { name: 'first', arguments: '' } }),
              call(1, { id: 'call_2', type: 'function', function: { name: 'second', arguments: '' } }),
              ...turns.flat(),
            ],
            finish: 'tool_calls',
          },
        ]),
        messages: messagesSaying({
          content: [
            { type: 'tool_use', id: 'call_1', name: 'first', input: ONE },
            { type: 'tool_use', id: 'call_2', name: 'second', input: TWO },
          ],
          stopReason: 'tool_use',
        }),
        responses: responsesSaying({
          output: [
            { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'first', arguments: one },
            { type: 'function_call', id: 'fc_2', call_id: 'call_2', name: 'second', arguments: two },
          ],
        }),
        gemini: geminiSaying([
          {
            parts: [
              { functionCall: { id: 'call_1', name: 'first', args: ONE } },
              { functionCall: { id: 'call_2', name: 'second', args: TWO } },
            ],
          },
        ]),
      },
      ({ answer, client, where }) => {
        const calls = answer.toolCalls.map(({ id, name, arguments: text }) => [id, name, JSON.parse(text)])
        expect.soft(calls, where).toEqual([
          ['call_1', 'first', ONE],
          ['call_2', 'second', TWO],
        ])
        const finish = {
          'openai-chat': 'tool_calls',
          'anthropic-messages': 'tool_use',
          'openai-responses': 'completed',
          gemini: 'STOP',
        }
        expect.soft(answer.finish, where).toBe(finish[client])
      },
    )
  })

  test('is a call without arguments', async () => {
    const named = { id: 'call_1', type: 'function', function: { name: 'now', arguments: '' } }
    await everyWay(
      {
        chat: chatSaying([
          {
            message: { tool_calls: [named] },
            deltas: [{ tool_calls: [{ index: 0, ...named }] }],
            finish: 'tool_calls',
          },
        ]),
        messages: messagesSaying({
          content: [{ type: 'tool_use', id: 'call_1', name: 'now', input: {} }],
          stopReason: 'tool_use',
        }),
        responses: responsesSaying({
          output: [{ type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'now', arguments: '{}' }],
        }),
        gemini: geminiSaying([{ parts: [{ functionCall: { id: 'call_1', name: 'now' } }] }]),
      },
      ({ answer, client, target, where }) => {
        const isOwn = client === 'openai-chat' && target === 'chat'
        const calls = answer.toolCalls.map(({ name, arguments: text }) => [name, text === '' ? '{}' : text])
        expect.soft(calls, where).toEqual([['now', '{}']])
        if (!isOwn) expect.soft(answer.toolCalls[0]?.id, where).toBe('call_1')
      },
    )
  })
})

describe('what a model thinks', () => {
  test('is shown to every client, apart from what it says', async () => {
    const THOUGHT = 'It always rains there.'
    await everyWay(
      {
        chat: chatSaying([
          {
            message: { content: TEXT, reasoning_content: THOUGHT },
            deltas: [
              ...pieces(THOUGHT).map((reasoning_content) => ({ reasoning_content })),
              ...pieces(TEXT).map((content) => ({ content })),
            ],
            finish: 'stop',
          },
        ]),
        messages: messagesSaying({
          content: [
            { type: 'thinking', thinking: THOUGHT, signature: 'PROOF==' },
            { type: 'text', text: TEXT },
          ],
        }),
        responses: responsesSaying({
          output: [
            {
              type: 'reasoning',
              id: 'rs_1',
              summary: [{ type: 'summary_text', text: THOUGHT }],
              encrypted_content: 'PROOF==',
            },
            { ...MESSAGE, id: 'msg_1', content: [outputText(TEXT)] },
          ],
        }),
        gemini: geminiSaying([
          {
            parts: [
              { text: THOUGHT, thought: true },
              { text: TEXT, thoughtSignature: 'PROOF==' },
            ],
          },
        ]),
      },
      ({ answer, details, client, target, where }) => {
        expect.soft(answer.text, where).toBe(TEXT)
        expect.soft(details.reasoning, where).toBe(THOUGHT)
        const isOwn =
          {
            chat: 'openai-chat',
            messages: 'anthropic-messages',
            responses: 'openai-responses',
            gemini: 'gemini',
          }[target] === client
        if (!isOwn) expect.soft(answer.raw, where).not.toContain('PROOF==')
      },
    )
  })
})

describe('beside what a model says', () => {
  const LINK = { url: 'https://yr.example/bergen', title: 'Yr' }

  test('its links reach every client that can show links, and are named as lost elsewhere', async () => {
    const openai = { ...LINK, start_index: 4, end_index: 10 }
    await everyWay(
      {
        chat: chatSaying([
          {
            message: { content: TEXT, annotations: [{ type: 'url_citation', url_citation: openai }] },
            deltas: [
              ...pieces(TEXT).map((content) => ({ content })),
              { annotations: [{ type: 'url_citation', url_citation: openai }] },
            ],
            finish: 'stop',
          },
        ]),
        messages: messagesSaying({
          content: [
            {
              type: 'text',
              text: TEXT,
              citations: [
                { type: 'web_search_result_location', ...LINK, cited_text: 'regner', encrypted_index: 'E==' },
              ],
            },
          ],
        }),
        responses: responsesSaying({
          output: [
            {
              ...MESSAGE,
              id: 'msg_1',
              content: [outputText(TEXT, { annotations: [{ type: 'url_citation', ...openai }] })],
            },
          ],
        }),
        gemini: geminiSaying([
          {
            parts: [{ text: TEXT }],
            more: {
              groundingMetadata: {
                groundingChunks: [{ web: { uri: LINK.url, title: LINK.title } }],
                groundingSupports: [
                  { segment: { startIndex: 4, endIndex: 10, text: 'regner' }, groundingChunkIndices: [0] },
                ],
              },
            },
          },
        ]),
      },
      ({ client, target, details, losses, where, isStream }) => {
        const isLost = client === 'anthropic-messages' && target !== 'messages'
        expect.soft(details.sources, where).toEqual(isLost ? [] : [LINK])
        if (!isStream) expect.soft(losses, where).toEqual(isLost ? ['annotations'] : [])
      },
    )
  })

  const TOKENS = [
    {
      token: 'Det',
      logprob: -0.1,
      bytes: [68, 101, 116],
      top_logprobs: [{ token: 'Det', logprob: -0.1, bytes: null }],
    },
    {
      token: ' regner',
      logprob: -0.5,
      bytes: null,
      top_logprobs: [{ token: ' snør', logprob: -1.5, bytes: null }],
    },
  ]

  test('the probabilities of its words reach every client that can show them, and are named as lost elsewhere', async () => {
    const said = 'Det regner'
    await everyWay(
      {
        chat: chatSaying([
          {
            message: { content: said },
            deltas: [{ content: said }],
            finish: 'stop',
            logprobs: { content: TOKENS, refusal: null },
          },
        ]),
        messages: messagesSaying({ content: [{ type: 'text', text: said }] }),
        responses: responsesSaying({
          output: [{ ...MESSAGE, id: 'msg_1', content: [outputText(said, { logprobs: TOKENS })] }],
        }),
        gemini: geminiSaying([
          {
            parts: [{ text: said }],
            more: {
              logprobsResult: {
                chosenCandidates: TOKENS.map(({ token, logprob }) => ({ token, logProbability: logprob })),
                topCandidates: TOKENS.map(({ top_logprobs }) => ({
                  candidates: top_logprobs.map(({ token, logprob }) => ({ token, logProbability: logprob })),
                })),
              },
            },
          },
        ]),
      },
      ({ client, target, details, losses, where, isStream }) => {
        const hasThem = target !== 'messages' && client !== 'anthropic-messages'
        const wanted = TOKENS.map(({ token, logprob }) => ({ token, logprob, rivals: 1 }))
        expect.soft(details.logprobs, where).toEqual(hasThem ? wanted : [])
        const isLost = target !== 'messages' && client === 'anthropic-messages'
        if (!isStream) expect.soft(losses, where).toEqual(isLost ? ['logprobs'] : [])
      },
    )
  })

  test('a second answer reaches every client that can show two, and is named as lost elsewhere', async () => {
    const choice = (text: string) => ({
      message: { content: text },
      deltas: [{ content: text }],
      finish: 'stop',
    })
    await everyWay(
      {
        chat: chatSaying([choice('Ja.'), choice('Nei.')]),
        messages: messagesSaying({ content: [{ type: 'text', text: 'Ja.' }] }),
        responses: responsesSaying({ output: [{ ...MESSAGE, id: 'msg_1', content: [outputText('Ja.')] }] }),
        gemini: geminiSaying([{ parts: [{ text: 'Ja.' }] }, { parts: [{ text: 'Nei.' }] }]),
      },
      ({ client, target, details, losses, where, isStream }) => {
        const hasTwo = target === 'chat' || target === 'gemini'
        const showsTwo = client === 'openai-chat' || client === 'gemini'
        expect.soft(details.texts, where).toEqual(hasTwo && showsTwo ? ['Ja.', 'Nei.'] : ['Ja.'])
        if (!isStream) expect.soft(losses, where).toEqual(hasTwo && !showsTwo ? ['n'] : [])
      },
    )
  })
})
