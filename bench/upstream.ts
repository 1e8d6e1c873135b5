/**
 * The provider of the bench: answers with bytes that were made before the first request, on bare sockets, so that it
 * costs little beside what is measured. Independent of the simulator, so that neither hides a fault of the other.
 */

import { createServer, type Socket } from 'node:net'
import { holdModel, PACE_MS, pacedModel, SLOW_MS, slowModel, streamChunks } from './cells.ts'

const answerText = 'The quick brown fox jumps over the lazy dog, and nobody minds. '.repeat(16)
const words = Array.from({ length: streamChunks }, (_, at) => ` word${at}`)

const openaiPlain = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench-model',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: answerText, refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 210, completion_tokens: 240, total_tokens: 450 },
})

const anthropicPlain = JSON.stringify({
  id: 'msg_bench',
  type: 'message',
  role: 'assistant',
  model: 'bench-model',
  content: [{ type: 'text', text: answerText }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 210, output_tokens: 240 },
})

const openaiEvent = (fields: object): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'bench-model',
    ...fields,
  })}\n\n`

const openaiChunk = (delta: object, finishReason: string | null): string =>
  openaiEvent({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }] })

const openaiStream = [
  openaiChunk({ role: 'assistant', content: '' }, null),
  ...words.map((word) => openaiChunk({ content: word }, null)),
  openaiChunk({}, 'stop'),
  openaiEvent({ choices: [], usage: { prompt_tokens: 210, completion_tokens: 50, total_tokens: 260 } }),
  'data: [DONE]\n\n',
]

const anthropicEvent = (type: string, fields: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`

const anthropicMessage = {
  id: 'msg_bench',
  type: 'message',
  role: 'assistant',
  model: 'bench-model',
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 210, output_tokens: 1 },
}

const anthropicStream = [
  anthropicEvent('message_start', { message: anthropicMessage }) +
    anthropicEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  ...words.map((text) =>
    anthropicEvent('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  ),
  anthropicEvent('content_block_stop', { index: 0 }) +
    anthropicEvent('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 50 },
    }),
  anthropicEvent('message_stop'),
]

const responsesAnswer = (status: string, output: readonly object[]): object => ({
  id: 'resp_bench',
  object: 'response',
  created_at: 1_700_000_000,
  status,
  error: null,
  incomplete_details: null,
  instructions: null,
  max_output_tokens: 256,
  model: 'bench-model',
  output,
  parallel_tool_calls: true,
  previous_response_id: null,
  store: false,
  temperature: 0.7,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
  truncation: 'disabled',
  metadata: {},
  ...(status === 'completed'
    ? {
        usage: {
          input_tokens: 210,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: 50,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: 260,
        },
      }
    : { usage: null }),
})

const responsesMessage = (status: string, text: string): object => ({
  id: 'msg_bench',
  type: 'message',
  status,
  role: 'assistant',
  content: text === '' ? [] : [{ type: 'output_text', annotations: [], logprobs: [], text }],
})

const responsesPlain = JSON.stringify(
  responsesAnswer('completed', [responsesMessage('completed', answerText)]),
)

let responsesSequence = 0
const responsesEvent = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: responsesSequence++, ...fields })}\n\n`

const inPart = { item_id: 'msg_bench', output_index: 0, content_index: 0 }
const wholeText = words.join('')

const responsesStream = [
  responsesEvent('response.created', { response: responsesAnswer('in_progress', []) }) +
    responsesEvent('response.in_progress', { response: responsesAnswer('in_progress', []) }) +
    responsesEvent('response.output_item.added', {
      output_index: 0,
      item: responsesMessage('in_progress', ''),
    }) +
    responsesEvent('response.content_part.added', {
      ...inPart,
      part: { type: 'output_text', annotations: [], logprobs: [], text: '' },
    }),
  ...words.map((delta) => responsesEvent('response.output_text.delta', { ...inPart, delta, logprobs: [] })),
  responsesEvent('response.output_text.done', { ...inPart, text: wholeText, logprobs: [] }) +
    responsesEvent('response.content_part.done', {
      ...inPart,
      part: { type: 'output_text', annotations: [], logprobs: [], text: wholeText },
    }) +
    responsesEvent('response.output_item.done', {
      output_index: 0,
      item: responsesMessage('completed', wholeText),
    }),
  responsesEvent('response.completed', {
    response: responsesAnswer('completed', [responsesMessage('completed', wholeText)]),
  }),
]

const geminiAnswer = (text: string, end: object = {}): object => ({
  candidates: [{ content: { parts: [{ text }], role: 'model' }, ...end, index: 0 }],
  usageMetadata: { promptTokenCount: 210, candidatesTokenCount: 50, totalTokenCount: 260 },
  modelVersion: 'bench-model',
  responseId: 'bench',
})

const geminiPlain = JSON.stringify(geminiAnswer(answerText, { finishReason: 'STOP' }))

const geminiStream = words.map(
  (word, at) =>
    `data: ${JSON.stringify(geminiAnswer(word, at === words.length - 1 ? { finishReason: 'STOP' } : {}))}\r\n\r\n`,
)

interface Answers {
  readonly plain: Buffer
  readonly streamHead: Buffer
  /** Each already framed as one chunk of a chunked body. */
  readonly streamChunks: readonly Buffer[]
}

const openai = answers(openaiPlain, openaiStream)
const anthropic = answers(anthropicPlain, anthropicStream)
const responses = answers(responsesPlain, responsesStream)
const gemini = answers(geminiPlain, geminiStream)
const lastChunk = Buffer.from('0\r\n\r\n')

function answers(plain: string, stream: readonly string[]): Answers {
  return {
    plain: Buffer.from(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(plain)}\r\n\r\n${plain}`,
    ),
    streamHead: Buffer.from(
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n',
    ),
    streamChunks: stream.map((text) => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)),
  }
}

/** A held stream has begun with content and then falls silent. */
const HELD_AFTER_CHUNKS = 3

const server = createServer({ noDelay: true }, (socket) => new Connection(socket))

/** One keep-alive connection: finds where each request ends, and answers it. */
class Connection {
  readonly #socket: Socket
  #pending: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => socket.destroy())
  }

  #read(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const headEnd = this.#pending.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const head = this.#pending.toString('latin1', 0, headEnd)
    const end = bodyEnd(this.#pending, head, headEnd + 4)
    if (end === undefined) return
    const body = this.#pending.subarray(headEnd + 4, end)
    this.#pending = this.#pending.subarray(end)
    this.#answer(head, body)
  }

  #answer(head: string, body: Buffer): void {
    const dialect = answersAt(head)
    if (!body.includes('"stream":true') && !head.includes(':streamGenerateContent')) {
      if (body.includes(slowModel)) setTimeout(() => this.#socket.write(dialect.plain), SLOW_MS)
      else this.#socket.write(dialect.plain)
      return
    }
    this.#socket.write(dialect.streamHead)
    this.#stream({
      chunks: dialect.streamChunks,
      stop: body.includes(holdModel) ? HELD_AFTER_CHUNKS : dialect.streamChunks.length,
      isPaced: body.includes(pacedModel) || head.includes(pacedModel),
      at: 0,
    })
  }

  /** One chunk each turn of the event loop: as on a real network, chunks of one stream seldom arrive together. */
  #stream(stream: RunningStream): void {
    if (this.#socket.destroyed) return
    const chunk = stream.chunks[stream.at]
    if (stream.at >= stream.stop || chunk === undefined) {
      if (stream.stop === stream.chunks.length) this.#socket.write(lastChunk)
      return
    }
    this.#socket.write(chunk)
    stream.at++
    if (stream.isPaced) setTimeout(() => this.#stream(stream), PACE_MS)
    else setImmediate(() => this.#stream(stream))
  }
}

function answersAt(head: string): Answers {
  if (head.startsWith('POST /v1/messages')) return anthropic
  if (head.startsWith('POST /v1/responses')) return responses
  return head.startsWith('POST /v1beta/models/') ? gemini : openai
}

interface RunningStream {
  readonly chunks: readonly Buffer[]
  readonly stop: number
  readonly isPaced: boolean
  at: number
}

/** Where the body ends, once it is all there. */
function bodyEnd(bytes: Buffer, head: string, start: number): number | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = start + Number(length)
    return bytes.length >= end ? end : undefined
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return start
  const terminal = bytes.indexOf('\r\n0\r\n\r\n', start - 2)
  return terminal === -1 ? undefined : terminal + 7
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`listening ${typeof address === 'object' ? address?.port : ''}\n`)
})
