/** Exchanges of our own making, in the corpus's form: they stand in where the recordings are absent. */

import { type Recording, readLine } from '../../conformance/corpus.ts'

interface HandWritten {
  readonly file: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly request?: object
  readonly body?: unknown
  readonly text?: string
}

export function handWritten({
  file,
  status = 200,
  headers = {},
  request,
  body,
  text,
}: HandWritten): Recording {
  const line = {
    id: `own.${file}.1`,
    provider: 'own',
    model: 'own-model',
    stream: text !== undefined,
    fidelity: 'synthetic',
    group: 'own',
    tags: [],
    request: request === undefined ? null : { method: 'POST', url: 'https://own.invalid/v1', body: request },
    response: { status, headers, ...(text === undefined ? { body } : { text }) },
  }
  const recording = readLine(JSON.stringify(line), file)
  if (typeof recording === 'string') throw new Error(`The line ${recording}.`)
  return recording
}

/** Chunks of OpenAI's chat API, with the marker at the end. */
export function chatStream(chunks: readonly object[]): string {
  return `${chunks.map((chunk) => `data: ${JSON.stringify({ ...chatHead, ...chunk })}\n\n`).join('')}data: [DONE]\n\n`
}

const chatHead = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'own-model',
}

export function chatDelta(delta: object, finish: string | null = null): object {
  return { choices: [{ index: 0, delta, finish_reason: finish }] }
}

/** Events of Anthropic's Messages API. */
export function anthropicStream(events: readonly { readonly type: string }[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}

/** Text, two parallel calls, cached tokens. */
export const chatRecording: Recording = handWritten({
  file: 'openai-chat',
  text: chatStream([
    chatDelta({ role: 'assistant', content: 'Let me ' }),
    chatDelta({ content: 'look.' }),
    chatDelta({
      tool_calls: [
        { index: 0, id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"at":' } },
      ],
    }),
    chatDelta({ tool_calls: [{ index: 0, function: { arguments: '"the sky"}' } }] }),
    chatDelta({
      tool_calls: [
        { index: 1, id: 'call_b', type: 'function', function: { name: 'count', arguments: '{"to":3}' } },
      ],
    }),
    chatDelta({}, 'tool_calls'),
    {
      choices: [],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 20,
        total_tokens: 120,
        prompt_tokens_details: { cached_tokens: 64 },
      },
    },
  ]),
})

/** Signed thinking, text, a call in pieces, cached tokens. */
export const anthropicRecording: Recording = handWritten({
  file: 'anthropic-messages',
  text: anthropicStream([
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'own-model',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          input_tokens: 10,
          cache_read_input_tokens: 90,
          cache_creation_input_tokens: 0,
          output_tokens: 1,
        },
      },
    },
    {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'thinking', thinking: '', signature: '' },
    },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'The sky is up.' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2lnbmVk' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Let me ' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'look.' } },
    { type: 'content_block_stop', index: 1 },
    {
      type: 'content_block_start',
      index: 2,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} },
    },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"at":' } },
    {
      type: 'content_block_delta',
      index: 2,
      delta: { type: 'input_json_delta', partial_json: '"the sky"}' },
    },
    { type: 'content_block_stop', index: 2 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { output_tokens: 20 },
    },
    { type: 'message_stop' },
  ] as readonly { readonly type: string }[]),
})
