/**
 * How a provider of each dialect says the same few things: an answer, whole or event by event, and an error, as a refusal
 * or inside a stream. Written by hand, so that a test can put any byte where it wants it.
 */

import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import { encodeEventStream } from '../../src/wire/eventstream-encode.ts'

export type VoicedDialect = Exclude<TargetDialectId, 'openai-completions'>

/** How an answer ends; each dialect has its own word. */
export type Ending = 'stop' | 'length'

export interface SaidAnswer {
  readonly text: string
  readonly reasoning?: string
  readonly ending?: Ending
  /** Instead of the dialect's own word for it. */
  readonly endingWord?: string
  /** What the answer says of the model that made it, where the dialect says it. */
  readonly modelId?: string
  /** Of which `reasoningTokens` were thought. */
  readonly outputTokens?: number
  readonly reasoningTokens?: number
}

export interface SaidRefusal {
  readonly status: number
  readonly message: string
}

export interface Refused {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface TargetVoice {
  readonly dialect: VoicedDialect
  /** Below its origin. */
  readonly base: string
  readonly streamType: string
  whole(answer: SaidAnswer): string
  /** Every event of the answer, in order; the last one or two are its end. */
  events(answer: SaidAnswer): readonly Buffer[]
  /** How many of the first events of a text come before its first word. */
  readonly openingEvents: number
  /** How many of the last events say that the answer is whole: without them it is not. */
  readonly endingEvents: number
  /** One event that is no sense at all, framed as it should be. */
  readonly garbage: Buffer
  /** An event of a kind that nobody knows yet; its name has `sighting` in it. */
  readonly strange: Buffer
  /** A stream that calls the tool `weather`, for dialects in which arguments come in pieces. */
  readonly call?: SaidCall
  refusal(refusal: SaidRefusal): Refused
  /** The provider gives up in the middle of a stream. */
  failure(message: string): Buffer
}

export interface SaidCall {
  readonly opening: readonly Buffer[]
  readonly pieces: readonly Buffer[]
  readonly ending: readonly Buffer[]
}

/** The arguments of the call, as the streams say them. */
export const CALL_PIECES = ['{"city":', '"Ber', 'gen"}'] as const
export const CALL_ARGUMENTS = CALL_PIECES.join('')

const MODEL = 'm'

// Server-sent events, lines and frames.

function data(value: object): Buffer {
  return Buffer.from(`data: ${JSON.stringify(value)}\n\n`)
}

function named(value: Readonly<Record<string, unknown>> & { readonly type: string }): Buffer {
  return Buffer.from(`event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`)
}

function line(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

export function frame(type: string, value: object): Buffer {
  const headers = { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }
  return Buffer.from(encodeEventStream(headers, Buffer.from(JSON.stringify(value))))
}

export function exceptionFrame(type: string, value: object): Buffer {
  const headers = {
    ':exception-type': type,
    ':content-type': 'application/json',
    ':message-type': 'exception',
  }
  return Buffer.from(encodeEventStream(headers, Buffer.from(JSON.stringify(value))))
}

const SSE = 'text/event-stream'
const SSE_GARBAGE = Buffer.from('data: {"this is": no JSON\n\n')

/** Words of a text, so that an answer comes in several pieces. */
function pieces(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/g) ?? []
}

const jsonType = { 'content-type': 'application/json' }

function openaiRefusal({ status, message }: SaidRefusal): Refused {
  const type = status < 500 ? 'invalid_request_error' : 'server_error'
  return {
    status,
    headers: jsonType,
    body: JSON.stringify({ error: { message, type, param: null, code: null } }),
  }
}

const openaiChat: TargetVoice = {
  dialect: 'openai-chat',
  base: '/v1',
  streamType: SSE,
  whole: (answer) =>
    JSON.stringify({
      id: 'chatcmpl-voice',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: answer.modelId ?? MODEL,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: answer.text,
            ...(answer.reasoning === undefined ? {} : { reasoning_content: answer.reasoning }),
          },
          finish_reason: answer.endingWord ?? answer.ending ?? 'stop',
        },
      ],
      usage: chatUsage(answer),
    }),
  events: (answer) => {
    const chunk = (fields: object) => chatChunk({ model: answer.modelId ?? MODEL, ...fields })
    const choice = (delta: object, finish: string | null = null) =>
      chunk({ choices: [{ index: 0, delta, finish_reason: finish }] })
    return [
      choice({ role: 'assistant', content: '' }),
      ...pieces(answer.reasoning ?? '').map((text) => choice({ reasoning_content: text })),
      ...pieces(answer.text).map((text) => choice({ content: text })),
      choice({}, answer.endingWord ?? answer.ending ?? 'stop'),
      chunk({ choices: [], usage: chatUsage(answer) }),
      Buffer.from('data: [DONE]\n\n'),
    ]
  },
  openingEvents: 1,
  endingEvents: 3,
  garbage: SSE_GARBAGE,
  strange: data({ object: 'chat.completion.sighting', sighting: 'bear' }),
  call: chatCall(),
  refusal: openaiRefusal,
  failure: (message) => data({ error: { message, type: 'server_error', param: null, code: null } }),
}

function chatChunk(fields: object): Buffer {
  return data({
    id: 'chatcmpl-voice',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: MODEL,
    ...fields,
  })
}

function chatCall(): SaidCall {
  const choice = (delta: object, finish: string | null = null) =>
    chatChunk({ choices: [{ index: 0, delta, finish_reason: finish }] })
  const call = (fields: object) => choice({ tool_calls: [{ index: 0, ...fields }] })
  return {
    opening: [
      choice({ role: 'assistant', content: null }),
      call({ id: 'call_voice', type: 'function', function: { name: 'weather', arguments: '' } }),
    ],
    pieces: CALL_PIECES.map((piece) => call({ function: { arguments: piece } })),
    ending: [choice({}, 'tool_calls'), Buffer.from('data: [DONE]\n\n')],
  }
}

function chatUsage({ outputTokens = 7, reasoningTokens }: SaidAnswer): object {
  return {
    prompt_tokens: 11,
    completion_tokens: outputTokens,
    total_tokens: 11 + outputTokens,
    ...(reasoningTokens === undefined
      ? {}
      : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  }
}

const anthropicMessages: TargetVoice = {
  dialect: 'anthropic-messages',
  base: '/v1',
  streamType: SSE,
  whole: (answer) =>
    JSON.stringify({
      id: 'msg_voice',
      type: 'message',
      role: 'assistant',
      model: answer.modelId ?? MODEL,
      content: [
        ...(answer.reasoning === undefined
          ? []
          : [{ type: 'thinking', thinking: answer.reasoning, signature: 'c2lnbmVk' }]),
        ...(answer.text === '' ? [] : [{ type: 'text', text: answer.text }]),
      ],
      stop_reason: anthropicEnding(answer),
      stop_sequence: null,
      usage: { input_tokens: 11, output_tokens: answer.outputTokens ?? 7 },
    }),
  events: (answer) => {
    const blocks = [
      ...(answer.reasoning === undefined ? [] : [{ type: 'thinking', text: answer.reasoning }]),
      ...(answer.text === '' ? [] : [{ type: 'text', text: answer.text }]),
    ]
    return [
      named({
        type: 'message_start',
        message: {
          id: 'msg_voice',
          type: 'message',
          role: 'assistant',
          model: answer.modelId ?? MODEL,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 11, output_tokens: 1 },
        },
      }),
      ...blocks.flatMap(({ type, text }, index) => [
        named({ type: 'content_block_start', index, content_block: { type, [type]: '' } }),
        ...pieces(text).map((piece) =>
          named({ type: 'content_block_delta', index, delta: { type: `${type}_delta`, [type]: piece } }),
        ),
        named({ type: 'content_block_stop', index }),
      ]),
      named({
        type: 'message_delta',
        delta: { stop_reason: anthropicEnding(answer), stop_sequence: null },
        usage: { output_tokens: answer.outputTokens ?? 7 },
      }),
      named({ type: 'message_stop' }),
    ]
  },
  openingEvents: 2,
  endingEvents: 2,
  garbage: Buffer.from('event: content_block_delta\ndata: {"this is": no JSON\n\n'),
  strange: named({ type: 'sighting', animal: 'bear' }),
  call: anthropicCall(),
  refusal: ({ status, message }) => ({
    status,
    headers: jsonType,
    body: JSON.stringify({
      type: 'error',
      error: { type: status < 500 ? 'invalid_request_error' : 'api_error', message },
      request_id: 'req_voice',
    }),
  }),
  failure: (message) => named({ type: 'error', error: { type: 'api_error', message } }),
}

function anthropicEnding({ ending, endingWord }: SaidAnswer): string {
  return endingWord ?? (ending === 'length' ? 'max_tokens' : 'end_turn')
}

function anthropicCall(): SaidCall {
  const message = {
    id: 'msg_voice',
    type: 'message',
    role: 'assistant',
    model: MODEL,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 11, output_tokens: 1 },
  }
  const block = { type: 'tool_use', id: 'toolu_voice', name: 'weather', input: {} }
  return {
    opening: [
      named({ type: 'message_start', message }),
      named({ type: 'content_block_start', index: 0, content_block: block }),
    ],
    pieces: CALL_PIECES.map((piece) =>
      named({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'input_json_delta', partial_json: piece },
      }),
    ),
    ending: [
      named({ type: 'content_block_stop', index: 0 }),
      named({
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 7 },
      }),
      named({ type: 'message_stop' }),
    ],
  }
}

function responsesOutput({ text, reasoning }: SaidAnswer): readonly object[] {
  return [
    ...(reasoning === undefined
      ? []
      : [{ id: 'rs_voice', type: 'reasoning', summary: [{ type: 'summary_text', text: reasoning }] }]),
    ...(text === '' ? [] : [messageItem(text, 'completed')]),
  ]
}

function messageItem(text: string | undefined, status: string): object {
  const content = text === undefined ? [] : [{ type: 'output_text', text, annotations: [], logprobs: [] }]
  return { id: 'msg_voice', type: 'message', role: 'assistant', status, content }
}

function responseObject(answer: SaidAnswer, status: 'in_progress' | 'ended'): object {
  const isCut = answer.ending === 'length'
  const outputTokens = answer.outputTokens ?? 7
  return {
    id: 'resp_voice',
    object: 'response',
    created_at: 1_700_000_000,
    model: answer.modelId ?? MODEL,
    status: status === 'in_progress' ? status : isCut ? 'incomplete' : 'completed',
    error: null,
    incomplete_details:
      status === 'ended' && isCut ? { reason: answer.endingWord ?? 'max_output_tokens' } : null,
    output: status === 'ended' ? responsesOutput(answer) : [],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage:
      status === 'ended'
        ? {
            input_tokens: 11,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: outputTokens,
            output_tokens_details: { reasoning_tokens: answer.reasoningTokens ?? 0 },
            total_tokens: 11 + outputTokens,
          }
        : null,
  }
}

const openaiResponses: TargetVoice = {
  dialect: 'openai-responses',
  base: '/v1',
  streamType: SSE,
  whole: (answer) => JSON.stringify(responseObject(answer, 'ended')),
  events: (answer) => numbered(responsesEvents(answer)).map(named),
  openingEvents: 4,
  endingEvents: 1,
  garbage: Buffer.from('event: response.output_text.delta\ndata: {"this is": no JSON\n\n'),
  strange: named({ type: 'response.sighting', animal: 'bear' }),
  call: responsesCall(),
  refusal: openaiRefusal,
  failure: (message) =>
    named({ type: 'error', code: 'server_error', message, param: null, sequence_number: 99 }),
}

type NamedEvent = Readonly<Record<string, unknown>> & { readonly type: string }

function responsesCall(): SaidCall {
  const begun = responseObject({ text: '' }, 'in_progress')
  const ended = responseObject({ text: '' }, 'ended')
  const place = { item_id: 'fc_voice', output_index: 0 }
  const item = (status: string, said: string) => ({
    id: 'fc_voice',
    type: 'function_call',
    call_id: 'call_voice',
    name: 'weather',
    status,
    arguments: said,
  })
  const done = item('completed', CALL_ARGUMENTS)
  const all = numbered([
    { type: 'response.created', response: begun },
    { type: 'response.output_item.added', output_index: 0, item: item('in_progress', '') },
    ...CALL_PIECES.map((delta) => ({ type: 'response.function_call_arguments.delta', ...place, delta })),
    { type: 'response.function_call_arguments.done', ...place, arguments: CALL_ARGUMENTS },
    { type: 'response.output_item.done', output_index: 0, item: done },
    { type: 'response.completed', response: { ...ended, output: [done] } },
  ]).map(named)
  return { opening: all.slice(0, 2), pieces: all.slice(2, 5), ending: all.slice(5) }
}

/** Events of the Responses API before they are numbered. */
export function responsesEvents(answer: SaidAnswer): readonly NamedEvent[] {
  const begun = responseObject(answer, 'in_progress')
  const { text } = answer
  const outputIndex = answer.reasoning === undefined ? 0 : 1
  const place = { item_id: 'msg_voice', output_index: outputIndex, content_index: 0 }
  const part = (said: string) => ({ type: 'output_text', text: said, annotations: [], logprobs: [] })
  const [thought] = answer.reasoning === undefined ? [] : responsesOutput(answer)
  return [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...(thought === undefined
      ? []
      : [
          {
            type: 'response.output_item.added',
            output_index: 0,
            item: { id: 'rs_voice', type: 'reasoning', summary: [] },
          },
          {
            type: 'response.reasoning_summary_text.delta',
            item_id: 'rs_voice',
            output_index: 0,
            summary_index: 0,
            delta: answer.reasoning ?? '',
          },
          { type: 'response.output_item.done', output_index: 0, item: thought },
        ]),
    ...(text === ''
      ? []
      : [
          {
            type: 'response.output_item.added',
            output_index: outputIndex,
            item: messageItem(undefined, 'in_progress'),
          },
          { type: 'response.content_part.added', ...place, part: part('') },
          ...pieces(text).map((delta) => ({
            type: 'response.output_text.delta',
            ...place,
            delta,
            logprobs: [],
          })),
          { type: 'response.output_text.done', ...place, text, logprobs: [] },
          { type: 'response.content_part.done', ...place, part: part(text) },
          {
            type: 'response.output_item.done',
            output_index: outputIndex,
            item: messageItem(text, 'completed'),
          },
        ]),
    {
      type: answer.ending === 'length' ? 'response.incomplete' : 'response.completed',
      response: responseObject(answer, 'ended'),
    },
  ]
}

export function numbered(events: readonly NamedEvent[]): readonly NamedEvent[] {
  return events.map((event, index) => ({ ...event, sequence_number: index }))
}

export { named as namedEvent, data as dataEvent }

const gemini: TargetVoice = {
  dialect: 'gemini',
  base: '/v1beta',
  streamType: SSE,
  whole: (answer) =>
    JSON.stringify({
      candidates: [
        {
          content: {
            role: 'model',
            parts: [
              ...(answer.reasoning === undefined ? [] : [{ text: answer.reasoning, thought: true }]),
              ...(answer.text === '' ? [] : [{ text: answer.text }]),
            ],
          },
          finishReason: geminiEnding(answer),
          index: 0,
        },
      ],
      ...geminiFacts(answer),
    }),
  events: (answer) => {
    const chunk = (part: object) =>
      data({ candidates: [{ content: { role: 'model', parts: [part] }, index: 0 }], ...geminiFacts(answer) })
    return [
      ...pieces(answer.reasoning ?? '').map((text) => chunk({ text, thought: true })),
      ...pieces(answer.text).map((text) => chunk({ text })),
      data({
        candidates: [
          {
            content: { role: 'model', parts: answer.text === '' ? [] : [{ text: '' }] },
            finishReason: geminiEnding(answer),
            index: 0,
          },
        ],
        ...geminiFacts(answer),
      }),
    ]
  },
  openingEvents: 0,
  endingEvents: 1,
  garbage: SSE_GARBAGE,
  strange: data({ sighting: { animal: 'bear' } }),
  refusal: ({ status, message }) => ({
    status,
    headers: jsonType,
    body: JSON.stringify({
      error: { code: status, message, status: status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL' },
    }),
  }),
  failure: (message) => data({ error: { code: 500, message, status: 'INTERNAL' } }),
}

function geminiEnding({ ending, endingWord }: SaidAnswer): string {
  return endingWord ?? (ending === 'length' ? 'MAX_TOKENS' : 'STOP')
}

function geminiFacts({ modelId = MODEL, outputTokens = 7, reasoningTokens }: SaidAnswer): object {
  const thoughts = reasoningTokens ?? 0
  return {
    usageMetadata: {
      promptTokenCount: 11,
      candidatesTokenCount: outputTokens - thoughts,
      ...(reasoningTokens === undefined ? {} : { thoughtsTokenCount: reasoningTokens }),
      totalTokenCount: 11 + outputTokens,
    },
    modelVersion: modelId,
    responseId: 'voice',
  }
}

const bedrockConverse: TargetVoice = {
  dialect: 'bedrock-converse',
  base: '',
  streamType: 'application/vnd.amazon.eventstream',
  whole: (answer) =>
    JSON.stringify({
      output: {
        message: {
          role: 'assistant',
          content: [
            ...(answer.reasoning === undefined
              ? []
              : [{ reasoningContent: { reasoningText: { text: answer.reasoning } } }]),
            ...(answer.text === '' ? [] : [{ text: answer.text }]),
          ],
        },
      },
      stopReason: anthropicEnding(answer),
      ...bedrockFacts(answer),
    }),
  events: (answer) => {
    const textIndex = answer.reasoning === undefined ? 0 : 1
    return [
      frame('messageStart', { role: 'assistant' }),
      ...(answer.reasoning === undefined
        ? []
        : [
            ...pieces(answer.reasoning).map((text) =>
              frame('contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text } } }),
            ),
            frame('contentBlockStop', { contentBlockIndex: 0 }),
          ]),
      ...pieces(answer.text).map((text) =>
        frame('contentBlockDelta', { contentBlockIndex: textIndex, delta: { text } }),
      ),
      ...(answer.text === '' ? [] : [frame('contentBlockStop', { contentBlockIndex: textIndex })]),
      frame('messageStop', { stopReason: anthropicEnding(answer) }),
      frame('metadata', bedrockFacts(answer)),
    ]
  },
  openingEvents: 1,
  endingEvents: 2,
  garbage: Buffer.from(
    encodeEventStream(
      { ':event-type': 'contentBlockDelta', ':message-type': 'event' },
      Buffer.from('{"this is": no JSON'),
    ),
  ),
  strange: frame('sighting', { animal: 'bear' }),
  call: {
    opening: [
      frame('messageStart', { role: 'assistant' }),
      frame('contentBlockStart', {
        contentBlockIndex: 0,
        start: { toolUse: { toolUseId: 'tooluse_voice', name: 'weather' } },
      }),
    ],
    pieces: CALL_PIECES.map((piece) =>
      frame('contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: piece } } }),
    ),
    ending: [
      frame('contentBlockStop', { contentBlockIndex: 0 }),
      frame('messageStop', { stopReason: 'tool_use' }),
      frame('metadata', bedrockFacts({ text: '' })),
    ],
  },
  refusal: ({ status, message }) => ({
    status,
    headers: {
      ...jsonType,
      'x-amzn-errortype': status < 500 ? 'ValidationException' : 'InternalServerException',
    },
    body: JSON.stringify({ message }),
  }),
  failure: (message) => exceptionFrame('internalServerException', { message }),
}

function bedrockFacts({ outputTokens = 7 }: SaidAnswer): object {
  return {
    usage: { inputTokens: 11, outputTokens, totalTokens: 11 + outputTokens },
    metrics: { latencyMs: 5 },
  }
}

const cohereChat: TargetVoice = {
  dialect: 'cohere-chat',
  base: '/v2',
  streamType: SSE,
  whole: (answer) =>
    JSON.stringify({
      id: 'voice',
      message: { role: 'assistant', content: cohereBlocks(answer) },
      finish_reason: cohereEnding(answer),
      usage: cohereUsage(answer),
    }),
  events: (answer) => [
    named({
      type: 'message-start',
      id: 'voice',
      delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } },
    }),
    ...cohereBlocks(answer).flatMap(({ type, text = '', thinking = text }, index) => [
      named({ type: 'content-start', index, delta: { message: { content: { type, [type]: '' } } } }),
      ...pieces(thinking).map((piece) =>
        named({ type: 'content-delta', index, delta: { message: { content: { [type]: piece } } } }),
      ),
      named({ type: 'content-end', index }),
    ]),
    named({
      type: 'message-end',
      delta: {
        finish_reason: cohereEnding(answer),
        usage: cohereUsage(answer),
      },
    }),
  ],
  openingEvents: 2,
  endingEvents: 1,
  garbage: Buffer.from('event: content-delta\ndata: {"this is": no JSON\n\n'),
  strange: named({ type: 'sighting', animal: 'bear' }),
  call: cohereCall(),
  refusal: ({ status, message }) => ({
    status,
    headers: jsonType,
    body: JSON.stringify({ id: 'voice', message }),
  }),
  failure: (message) => named({ type: 'message-end', delta: { finish_reason: 'ERROR', error: message } }),
}

function cohereEnding({ ending, endingWord }: SaidAnswer): string {
  return endingWord ?? (ending === 'length' ? 'MAX_TOKENS' : 'COMPLETE')
}

function cohereCall(): SaidCall {
  const call = (type: string, fields: object) =>
    named({ type, index: 0, delta: { message: { tool_calls: fields } } })
  return {
    opening: [
      named({ type: 'message-start', id: 'voice', delta: { message: { role: 'assistant' } } }),
      call('tool-call-start', {
        id: 'weather_voice',
        type: 'function',
        function: { name: 'weather', arguments: '' },
      }),
    ],
    pieces: CALL_PIECES.map((piece) => call('tool-call-delta', { function: { arguments: piece } })),
    ending: [
      named({ type: 'tool-call-end', index: 0 }),
      named({
        type: 'message-end',
        delta: { finish_reason: 'TOOL_CALL', usage: cohereUsage({ text: '' }) },
      }),
    ],
  }
}

interface CohereBlock {
  readonly type: 'text' | 'thinking'
  readonly text?: string
  readonly thinking?: string
}

function cohereBlocks({ text, reasoning }: SaidAnswer): readonly CohereBlock[] {
  return [
    ...(reasoning === undefined ? [] : [{ type: 'thinking', thinking: reasoning } as const]),
    ...(text === '' ? [] : [{ type: 'text', text } as const]),
  ]
}

function cohereUsage({ outputTokens = 7 }: SaidAnswer): object {
  return {
    billed_units: { input_tokens: 11, output_tokens: outputTokens },
    tokens: { input_tokens: 11, output_tokens: outputTokens },
  }
}

const ollamaChat: TargetVoice = {
  dialect: 'ollama-chat',
  base: '/api',
  streamType: 'application/x-ndjson',
  whole: (answer) =>
    JSON.stringify({
      ...ollamaLine(answer),
      message: {
        role: 'assistant',
        content: answer.text,
        ...(answer.reasoning === undefined ? {} : { thinking: answer.reasoning }),
      },
      ...ollamaEnd(answer),
    }),
  events: (answer) => {
    const say = (message: object) =>
      line({ ...ollamaLine(answer), message: { role: 'assistant', content: '', ...message }, done: false })
    return [
      ...pieces(answer.reasoning ?? '').map((thinking) => say({ thinking })),
      ...pieces(answer.text).map((content) => say({ content })),
      line({
        ...ollamaLine(answer),
        message: { role: 'assistant', content: '' },
        ...ollamaEnd(answer),
      }),
    ]
  },
  openingEvents: 0,
  endingEvents: 1,
  garbage: Buffer.from('{"this is": no JSON\n'),
  strange: line({ sighting: 'bear' }),
  refusal: ({ status, message }) => ({ status, headers: jsonType, body: JSON.stringify({ error: message }) }),
  failure: (message) => line({ error: message }),
}

function ollamaLine({ modelId = MODEL }: SaidAnswer): object {
  return { model: modelId, created_at: '2025-01-01T00:00:00.000Z' }
}

function ollamaEnd({ ending = 'stop', endingWord, outputTokens = 7 }: SaidAnswer): object {
  return { done: true, done_reason: endingWord ?? ending, prompt_eval_count: 11, eval_count: outputTokens }
}

export const targetVoices: Readonly<Record<VoicedDialect, TargetVoice>> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
  'openai-responses': openaiResponses,
  gemini,
  'bedrock-converse': bedrockConverse,
  'cohere-chat': cohereChat,
  'ollama-chat': ollamaChat,
}
