/**
 * A provider that keeps books of its own: of every request it notes what it would charge, to the nano-dollar, so that the
 * gateway's ledger can be held against it. It speaks Chat Completions and Messages, whole and streamed, and fails as told.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { INPUT_NANO, OUTPUT_NANO } from './money-stage.ts'

/** What becomes of a request; said by the model's name after a dash (`m-cut`). */
export type Manner = 'whole' | 'refuse' | 'cut' | 'silent' | 'mute' | 'slow' | 'greedy'

export interface CountedCall {
  readonly number: number
  readonly manner: Manner
  readonly isStream: boolean
  readonly inputTokens: number
  /** Made so far. */
  outputTokens: number
  /** Whether it told the client what it charges. */
  isReported: boolean
  /** The client left before it was over. */
  isLeft: boolean
  /** 0 where it refused. */
  costNanoUsd: number
  /** The ceiling it was told. */
  readonly ceiling: number | undefined
}

export interface CountingUpstream {
  readonly origin: string
  readonly calls: readonly CountedCall[]
  readonly costNanoUsd: number
}

const WORDS_MAX = 40

export async function startCountingUpstream(): Promise<CountingUpstream> {
  const calls: CountedCall[] = []
  const server = createServer((request, response) => void answer(request, response, calls))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    calls,
    get costNanoUsd() {
      return calls.reduce((sum, call) => sum + call.costNanoUsd, 0)
    },
  }
}

interface Asked {
  readonly model: string
  readonly stream?: boolean
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  calls: CountedCall[],
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const asked = JSON.parse(body.toString()) as Asked
  // Sound: tests name no others.
  const manner = (asked.model.split('-')[1] ?? 'whole') as Manner
  const ceiling = asked.max_completion_tokens ?? asked.max_tokens
  const call: CountedCall = {
    number: calls.length + 1,
    manner,
    isStream: asked.stream === true,
    inputTokens: Math.ceil(body.length / 4),
    outputTokens: 0,
    isReported: false,
    isLeft: false,
    costNanoUsd: 0,
    ceiling,
  }
  calls.push(call)
  response.on('close', () => {
    call.isLeft = !response.writableEnded
  })
  const isChat = request.url?.endsWith('/chat/completions') === true
  if (manner === 'refuse') {
    response.writeHead(503, { 'content-type': 'application/json' })
    response.end('{"error":{"message":"busy","type":"overloaded_error"},"type":"error"}')
    return
  }
  charge(call, 0)
  const wanted = 5 + (call.number % WORDS_MAX)
  const words = manner === 'greedy' ? wanted + (ceiling ?? 0) : Math.min(wanted, ceiling ?? wanted)
  const finish = words === ceiling && manner !== 'greedy' ? 'length' : 'stop'
  const voice = isChat ? chat(call) : messages(call)
  if (!call.isStream) return tellWhole({ call, words, finish, voice, response })
  await tellStream({ call, words, finish, voice, response })
}

/** It charges for all it has read, and for every token as it makes it. */
function charge(call: CountedCall, outputTokens: number): void {
  call.outputTokens += outputTokens
  call.costNanoUsd = call.inputTokens * INPUT_NANO + call.outputTokens * OUTPUT_NANO
}

interface Telling {
  readonly call: CountedCall
  readonly words: number
  readonly finish: 'stop' | 'length'
  readonly voice: Voice
  readonly response: ServerResponse
}

async function tellWhole({ call, words, finish, voice, response }: Telling): Promise<void> {
  charge(call, words)
  if (call.manner === 'slow') await pause(300)
  if (call.manner === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' })
    response.write('{"id":')
    response.socket?.destroy()
    return
  }
  call.isReported = call.manner !== 'mute'
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(voice.whole('word '.repeat(words), finish)))
}

async function tellStream({ call, words, finish, voice, response }: Telling): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(voice.begin())
  for (let word = 1; word <= words; word += 1) {
    if (response.destroyed) return
    if (call.manner === 'cut' && word > words / 2) {
      await pause(20)
      response.socket?.destroy()
      return
    }
    charge(call, 1)
    response.write(voice.piece('word '))
    if (call.manner === 'slow') await pause(15)
  }
  call.isReported = call.manner !== 'mute'
  response.end(voice.end(finish))
}

interface Voice {
  whole(text: string, finish: 'stop' | 'length'): object
  begin(): string
  piece(text: string): string
  end(finish: 'stop' | 'length'): string
}

function chat(call: CountedCall): Voice {
  const id = `chatcmpl-${call.number}`
  const head = { id, created: 1, model: 'm' }
  const usage = () => ({
    prompt_tokens: call.inputTokens,
    completion_tokens: call.outputTokens,
    total_tokens: call.inputTokens + call.outputTokens,
  })
  const event = (value: object) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...value })}\n\n`
  const choice = (delta: object, finish_reason: string | null = null) => ({
    choices: [{ index: 0, delta, finish_reason }],
  })
  return {
    whole: (content, finish_reason) => ({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason }],
      ...(call.manner === 'mute' ? {} : { usage: usage() }),
    }),
    begin: () => event(choice({ role: 'assistant', content: '' })),
    piece: (content) => event(choice({ content })),
    end: (finish) =>
      event(choice({}, finish)) +
      (call.manner === 'mute' ? '' : event({ choices: [], usage: usage() })) +
      'data: [DONE]\n\n',
  }
}

function messages(call: CountedCall): Voice {
  const head = { id: `msg_${call.number}`, type: 'message', role: 'assistant', model: 'm' }
  const reason = { stop: 'end_turn', length: 'max_tokens' } as const
  const usage = () => ({ input_tokens: call.inputTokens, output_tokens: call.outputTokens })
  const event = (value: { readonly type: string }) =>
    `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
  const start = (value: object) => event({ type: 'message_start', ...value })
  return {
    whole: (text, finish) => ({
      ...head,
      content: [{ type: 'text', text }],
      stop_reason: reason[finish],
      stop_sequence: null,
      ...(call.manner === 'mute' ? {} : { usage: usage() }),
    }),
    begin: () =>
      start({
        message: {
          ...head,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          ...(call.manner === 'mute' ? {} : { usage: { ...usage(), output_tokens: 1 } }),
        },
      }) + tell({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    piece: (text) => tell({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    end: (finish) =>
      tell({ type: 'content_block_stop', index: 0 }) +
      tell({
        type: 'message_delta',
        delta: { stop_reason: reason[finish], stop_sequence: null },
        ...(call.manner === 'mute' ? {} : { usage: { output_tokens: call.outputTokens } }),
      }) +
      tell({ type: 'message_stop' }),
  }

  function tell(value: { readonly type: string; readonly [name: string]: unknown }): string {
    return event(value)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
