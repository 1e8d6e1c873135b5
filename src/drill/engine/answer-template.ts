/**
 * Answers of played models as bytes: made once for each shape by the simulator's voices, with a placeholder where they
 * say who speaks, and filled in for each call. So an answer costs one replacement instead of many objects.
 */

import type { StreamForm } from '../../canonical/envelope.ts'
import type { Frame } from '../../simulator/frame.ts'
import { createFramer, type StreamFraming, type StreamPiece } from '../../simulator/piece.ts'
import type { SimulatedDialect } from '../../simulator/request.ts'
import type { Script, ScriptPart } from '../../simulator/script.ts'
import { voices } from '../../simulator/voices.ts'
import { VIRTUAL_EPOCH_MS } from './virtual-clock.ts'
import { PLACEHOLDER, templateWords, TOKENS_PER_WORD } from './words.ts'

/** All that the bytes of an answer depend on, but who speaks. */
export interface AnswerShape {
  readonly dialect: SimulatedDialect
  readonly model: string
  readonly isStream: boolean
  readonly streamForm?: StreamForm
  readonly includesUsage: boolean
  readonly inputTokens: number
  /** The first word and the end of the words. */
  readonly from: number
  readonly until: number
  /** From this word on they are arguments of a tool call; absent: no tool is called. */
  readonly toolFrom?: number
}

/** An event of a stream, or a plain answer as the only one. */
export interface EventPlace {
  readonly kind: StreamPiece['kind']
  /** Bytes of the body up to its end. */
  readonly end: number
  /** Words said up to its end. */
  readonly words: number
}

export interface AnswerTemplate {
  readonly shape: AnswerShape
  readonly frame: Frame
  readonly framing: StreamFraming
  readonly events: readonly EventPlace[]
  readonly contentType: string
  /** Bytes at the end of an event that only close it: without them it may be understood all the same. */
  readonly closingBytes: number
  /** The body as `name` says it: as long as the placeholder. */
  fill(name: string): Buffer
}

/** Templates remembered; all are forgotten beyond it. */
const TEMPLATES_MAX = 5_000
/** What the tool is called, and the argument that holds its words. */
const TOOL_NAME = 'note'
/** As long as a word, so that the words behind it stand in events of their own. */
const ARGUMENTS_OPENING = '{"say":        "'

export class AnswerTemplates {
  readonly #templates = new Map<string, AnswerTemplate>()

  of(shape: AnswerShape): AnswerTemplate {
    const key = Object.values(shape).join('|')
    const known = this.#templates.get(key)
    if (known !== undefined) return known
    if (this.#templates.size >= TEMPLATES_MAX) this.#templates.clear()
    const made = makeTemplate(shape)
    this.#templates.set(key, made)
    return made
  }
}

export function makeTemplate(shape: AnswerShape): AnswerTemplate {
  const voice = voices[shape.dialect]
  const script = scriptOf(shape)
  const frame: Frame = {
    id: voice.idPrefixes.answer + PLACEHOLDER,
    model: shape.model,
    createdSeconds: Math.floor(VIRTUAL_EPOCH_MS / 1_000),
    tokensPerChunk: TOKENS_PER_WORD,
    includeUsage: shape.includesUsage,
    ...(shape.streamForm === undefined ? {} : { streamForm: shape.streamForm }),
  }
  const framing = shape.streamForm === 'json-array' ? 'json-array' : voice.framing
  const base = { shape, frame, framing }
  if (!shape.isStream) return plainTemplate(base, JSON.stringify(voice.answer(script, frame)))
  return streamTemplate(base, voice.pieces(script, frame))
}

type Base = Pick<AnswerTemplate, 'shape' | 'frame' | 'framing'>

function plainTemplate(base: Base, body: string): AnswerTemplate {
  const { from, until } = base.shape
  return {
    ...base,
    events: [{ kind: 'finish', end: Buffer.byteLength(body), words: until - from }],
    contentType: 'application/json',
    closingBytes: 0,
    fill: (name) => Buffer.from(body.replaceAll(PLACEHOLDER, name)),
  }
}

const CONTENT_TYPES: Readonly<Record<StreamFraming, string>> = {
  sse: 'text/event-stream; charset=utf-8',
  'sse-crlf': 'text/event-stream',
  'json-array': 'application/json; charset=UTF-8',
  ndjson: 'application/x-ndjson',
  eventstream: 'application/vnd.amazon.eventstream',
}

const CLOSING_BYTES: Readonly<Record<StreamFraming, number>> = {
  sse: 2,
  'sse-crlf': 4,
  'json-array': 0,
  ndjson: 1,
  eventstream: 0,
}

function streamTemplate(base: Base, pieces: readonly StreamPiece[]): AnswerTemplate {
  const { framing } = base
  const frame = createFramer(framing)
  const framed = pieces.map((piece) => frame(piece))
  const events = placesOf(pieces, framed, base.shape)
  const text = framing === 'eventstream' ? '' : framed.join('')
  return {
    ...base,
    events,
    contentType: CONTENT_TYPES[framing],
    closingBytes: CLOSING_BYTES[framing],
    fill:
      framing === 'eventstream'
        ? (name) => frameAnew(pieces, name)
        : (name) => Buffer.from(text.replaceAll(PLACEHOLDER, name)),
  }
}

function placesOf(
  pieces: readonly StreamPiece[],
  framed: readonly (string | Uint8Array)[],
  { from, until }: AnswerShape,
): readonly EventPlace[] {
  const lastOfTool = pieces.findLastIndex(({ kind }) => kind === 'tool')
  let end = 0
  let words = 0
  return pieces.map(({ kind, tokens }, index) => {
    end += Buffer.byteLength(framed[index] ?? '')
    if (kind === 'text') words += Math.floor(tokens / TOKENS_PER_WORD)
    // A tool call is said when it is whole.
    if (index === lastOfTool) words = until - from
    return { kind, end, words }
  })
}

/** Binary frames carry a checksum of what they hold. */
function frameAnew(pieces: readonly StreamPiece[], name: string): Buffer {
  const frame = createFramer('eventstream')
  const framed = pieces.map((piece) => frame({ ...piece, data: piece.data.replaceAll(PLACEHOLDER, name) }))
  return Buffer.concat(framed.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

function scriptOf(shape: AnswerShape): Script {
  const { from, until, toolFrom, inputTokens, dialect } = shape
  const textUntil = toolFrom ?? until
  const parts: ScriptPart[] = []
  if (textUntil > from) parts.push({ type: 'text', text: templateWords(from, textUntil) })
  if (toolFrom !== undefined) {
    parts.push({
      type: 'tool-call',
      id: voices[dialect].idPrefixes.toolCall + PLACEHOLDER,
      name: TOOL_NAME,
      arguments: `${ARGUMENTS_OPENING}${templateWords(toolFrom, until)}"}`,
    })
  }
  return {
    choices: [{ parts, finish: toolFrom === undefined ? 'stop' : 'tool-calls' }],
    usage: {
      inputTokens,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: (until - from) * TOKENS_PER_WORD,
      reasoningTokens: 0,
    },
  }
}
