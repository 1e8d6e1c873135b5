/** Answers made once and sent as they are: what a benchmark asks of an upstream that must never be the slow one. */

import { STREAM_TYPES } from './call.ts'
import type { Frame } from './frame.ts'
import { createFramer } from './piece.ts'
import type { SimulatedDialect } from './request.ts'
import type { Script } from './script.ts'
import { TOKEN_CHARACTERS } from './tokens.ts'
import { voices } from './voices.ts'

export interface FixedOptions {
  /** Length of a plain answer's body. Default 1024. */
  readonly bodyBytes?: number
  /** Events with text in a stream. Default 50. */
  readonly chunks?: number
  /** How a stream is written: `whole` at once, or `each` event by itself. Default `whole`. */
  readonly writes?: 'whole' | 'each'
  /** Between two events written by themselves, ms. Default 0: one in each turn of the event loop. */
  readonly chunkMs?: number
  /** A stream stops after its first text and stays open. Default false. */
  readonly holds?: boolean
}

export interface FixedAnswer {
  /** Head and body, ready for the socket; several where each is a write by itself. */
  readonly writes: readonly Buffer[]
  readonly waitMs: number
  readonly tokens: number
  /** The answer never ends. */
  readonly isHeld: boolean
}

export type FixedAnswers = (dialect: SimulatedDialect, isStream: boolean) => FixedAnswer

export function createFixedAnswers(options: FixedOptions): FixedAnswers {
  const answers = new Map<SimulatedDialect, ReturnType<typeof bothAnswers>>()
  return (dialect, isStream) => {
    const both = answers.get(dialect) ?? bothAnswers(dialect, options)
    answers.set(dialect, both)
    return both[isStream ? 'stream' : 'plain']
  }
}

/** True where the body asks for a stream, found without parsing it. */
export function asksForStream(body: Buffer): boolean {
  return body.includes('"stream":true') || body.includes('"stream": true')
}

function bothAnswers(dialect: SimulatedDialect, options: FixedOptions) {
  return { plain: plainAnswer(dialect, options.bodyBytes ?? 1024), stream: streamAnswer(dialect, options) }
}

const FRAME: Frame = {
  id: 'simulated_fixed',
  model: 'fixed',
  createdSeconds: 1_767_225_600,
  tokensPerChunk: 1,
  includeUsage: true,
}

function scriptOf(text: string): Script {
  const outputTokens = Math.ceil(text.length / TOKEN_CHARACTERS)
  return {
    choices: [{ parts: [{ type: 'text', text }], finish: 'stop' }],
    usage: { inputTokens: 10, cachedTokens: 0, cacheWriteTokens: 0, outputTokens, reasoningTokens: 0 },
  }
}

function textOf(characters: number): string {
  return 'simulated text. '.repeat(Math.ceil(characters / 16)).slice(0, Math.max(0, characters))
}

function plainAnswer(dialect: SimulatedDialect, bodyBytes: number): FixedAnswer {
  const bodyOf = (text: string) => JSON.stringify(voices[dialect].answer(scriptOf(text), FRAME))
  let text = textOf(bodyBytes - bodyOf('').length)
  // The count of tokens inside the body grows with the text by a digit or three.
  const excess = bodyOf(text).length - bodyBytes
  if (excess > 0) text = text.slice(0, Math.max(0, text.length - excess))
  const body = bodyOf(text)
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-simulated: true\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  return {
    writes: [Buffer.from(head + body)],
    waitMs: 0,
    tokens: scriptOf(text).usage.outputTokens,
    isHeld: false,
  }
}

function streamHead(dialect: SimulatedDialect): string {
  const type = STREAM_TYPES[voices[dialect].framing]
  return `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncache-control: no-cache\r\nx-simulated: true\r\ntransfer-encoding: chunked\r\n\r\n`
}

function streamAnswer(dialect: SimulatedDialect, options: FixedOptions): FixedAnswer {
  const { chunks = 50, writes = 'whole', chunkMs = 0, holds = false } = options
  const pieces = voices[dialect].pieces(scriptOf(textOf(chunks * TOKEN_CHARACTERS)), FRAME)
  const firstText = pieces.findIndex((piece) => piece.tokens > 0)
  const shown = holds ? pieces.slice(0, firstText + 1) : pieces
  const frame = createFramer(voices[dialect].framing)
  const events = shown.map((piece) => chunkOf(frame(piece)))
  const ending = holds ? [] : [Buffer.from('0\r\n\r\n')]
  const parts = [Buffer.from(streamHead(dialect)), ...events, ...ending]
  const buffers = writes === 'whole' || holds ? [Buffer.concat(parts)] : groupWrites(parts, chunks)
  return { writes: buffers, waitMs: chunkMs, tokens: holds ? 1 : chunks, isHeld: holds }
}

/** The head goes with the first event and the ending with the last text, so that there are as many writes as chunks. */
function groupWrites(parts: readonly Buffer[], chunks: number): readonly Buffer[] {
  const lead = Math.max(1, parts.length - chunks - 3)
  const first = Buffer.concat(parts.slice(0, lead + 1))
  const middle = parts.slice(lead + 1, lead + chunks - 1)
  const last = Buffer.concat(parts.slice(lead + chunks - 1))
  return [first, ...middle, last].filter((each) => each.length > 0)
}

function chunkOf(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}
