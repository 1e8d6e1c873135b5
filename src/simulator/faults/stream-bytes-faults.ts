/** Faults of a stream's bytes: line ends, splits, sizes, and characters that are none. The events are all there. */

import type { SimulatedCall } from '../call.ts'
import {
  bodySteps,
  frameOf,
  framerOf,
  framingOf,
  piecesOf,
  streamHead,
  streamSteps,
  voiceOf,
} from '../call.ts'
import { choice, defineFault, number } from '../fault.ts'
import type { Fault } from '../fault.ts'
import type { StreamPiece } from '../piece.ts'
import { framePiece } from '../piece.ts'
import type { Step } from '../step.ts'
import { FLUSH, wait, write } from '../step.ts'
import { splitAtToken } from './stream-places.ts'

const FRAMINGS = [
  'crlf',
  'cr',
  'bom',
  'multi-line',
  'no-space',
  'no-last-blank-line',
  'comments',
  'ids',
] as const
type FramingStyle = (typeof FRAMINGS)[number]

const framingFaults = [
  defineFault({
    name: 'framing',
    description:
      'Events end their lines by CRLF or CR, begin with a BOM, spread data over several lines, leave out the space, carry comments or ids, or lack the last blank line.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf'],
    parameters: { kind: choice(FRAMINGS, 'how they are framed') },
    conduct: (call, { kind }) => ({ steps: framed(call, kind) }),
  }),
  defineFault({
    name: 'byte-by-byte',
    description: 'Every byte of the stream comes alone.',
    befalls: 'stream',
    parameters: { everyMs: number(0, 'time between two bytes') },
    conduct: (call, { everyMs }) => ({ steps: byteByByte(call, everyMs) }),
  }),
  defineFault({
    name: 'invalid-utf8',
    description: 'The text holds a byte that is no UTF-8.',
    befalls: 'stream',
    conduct: (call) => ({ steps: invalidUtf8(call) }),
  }),
]

function* framed(call: SimulatedCall, style: FramingStyle): Iterable<Step> {
  const pieces = piecesOf(call)
  if (style === 'bom') {
    yield streamHead(call)
    yield write('\ufeff')
    yield* bodySteps(call, pieces)
    return
  }
  if (style !== 'no-last-blank-line') return yield* streamSteps(call, pieces, FRAMES[style])
  const last = pieces.length - 1
  const isLast = (piece: StreamPiece) => piece === pieces[last]
  yield* streamSteps(call, pieces, (piece) => framePiece(piece).slice(0, isLast(piece) ? -1 : undefined))
}

const FRAMES: Readonly<
  Record<Exclude<FramingStyle, 'bom' | 'no-last-blank-line'>, (piece: StreamPiece) => string>
> = {
  crlf: (piece) => framePiece(piece).replaceAll('\n', '\r\n'),
  cr: (piece) => framePiece(piece).replaceAll('\n', '\r'),
  'no-space': (piece) => framePiece(piece).replace('event: ', 'event:').replace('data: ', 'data:'),
  comments: (piece) => `: SIMULATED PROCESSING\n\n${framePiece(piece)}`,
  ids: (piece) => `id: 7\nretry: 1000\n${framePiece(piece)}`,
  'multi-line': (piece) => framePiece({ ...piece, data: overLines(piece.data) }),
}

/** The same JSON over several lines, each a data field of its own. */
function overLines(data: string): string {
  return data.startsWith('{')
    ? JSON.stringify(JSON.parse(data), undefined, 1).replaceAll('\n', '\ndata: ')
    : data
}

function* byteByByte(call: SimulatedCall, everyMs: number): Iterable<Step> {
  for (const step of streamSteps(call, piecesOf(call))) {
    if (step.type !== 'write') {
      yield step
      continue
    }
    for (let index = 0; index < step.bytes.length; index += 1) {
      yield write(step.bytes.subarray(index, index + 1), index === 0 ? step.tokens : 0)
      yield FLUSH
      if (everyMs > 0) yield wait(everyMs)
    }
  }
}

/** A byte that begins no UTF-8 sequence, in place of the first character of the first token. */
function* invalidUtf8(call: SimulatedCall): Iterable<Step> {
  let isDone = false
  for (const step of streamSteps(call, piecesOf(call))) {
    if (isDone || step.type !== 'write' || step.tokens === 0) {
      yield step
      continue
    }
    isDone = true
    const bytes = Buffer.from(step.bytes)
    const place = textPosition(bytes.toString('latin1'))
    if (place >= 0) bytes[place] = 0xff
    yield { ...step, bytes }
  }
}

function textPosition(event: string): number {
  const opening = /"(?:content|text|thinking|reasoning_content|delta|input)":"/.exec(event)
  return opening ? opening.index + opening[0].length : -1
}

const BLOCK_BYTES = 65_536

const sizeFaults = [
  defineFault({
    name: 'huge-event',
    description: 'One event in the middle is very large.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf', 'ndjson'],
    parameters: { bytes: number(40 * 1024 * 1024, 'its size', 1) },
    conduct: (call, { bytes }) => ({ steps: oneLongLine(call, { bytes, hasEnd: true }) }),
  }),
  defineFault({
    name: 'tiny-events',
    description: 'Very many events that carry nothing come before the content.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf', 'ndjson', 'eventstream'],
    parameters: { count: number(1_000_000, 'how many', 1) },
    conduct: (call, { count }) => ({ steps: tinyEvents(call, count) }),
  }),
  defineFault({
    name: 'long-line',
    description: 'A long line without an end comes, and then the end of the stream.',
    befalls: 'stream',
    framings: ['sse', 'sse-crlf', 'ndjson'],
    parameters: { bytes: number(65_536, 'its length', 1) },
    conduct: (call, { bytes }) => ({ steps: oneLongLine(call, { bytes, hasEnd: false }) }),
  }),
]

function* oneLongLine(
  call: SimulatedCall,
  { bytes, hasEnd }: { readonly bytes: number; readonly hasEnd: boolean },
): Iterable<Step> {
  const [before, after] = splitAtToken(piecesOf(call), 1)
  yield* streamSteps(call, before)
  const isNdjson = framingOf(call.request) === 'ndjson'
  yield write(`${isNdjson ? '' : 'data: '}{"filler":"`)
  const block = Buffer.alloc(BLOCK_BYTES, 'x')
  for (let sent = 0; sent < bytes; sent += block.length) {
    yield write(block.subarray(0, Math.min(block.length, bytes - sent)))
  }
  if (!hasEnd) return
  yield write(isNdjson ? '"}\n' : '"}\n\n')
  yield* bodySteps(call, after)
}

function* tinyEvents(call: SimulatedCall, count: number): Iterable<Step> {
  const [before, after] = splitAtToken(piecesOf(call), 0)
  yield* streamSteps(call, before)
  const event = Buffer.from(framerOf(call)(quietEvent(call, before)))
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / event.length))
  const block = Buffer.concat(Array.from({ length: perBlock }, () => event))
  for (let left = count; left > 0; left -= perBlock) {
    yield write(left >= perBlock ? block : block.subarray(0, left * event.length))
  }
  yield* bodySteps(call, after)
}

/** The smallest legal event of the dialect that says nothing; Chat Completions repeats what its chunks begin with. */
function quietEvent(call: SimulatedCall, opening: readonly StreamPiece[]): StreamPiece {
  const quiet = voiceOf(call).quietPiece(frameOf(call))
  const [first] = opening
  return first && call.request.dialect === 'openai-chat' ? { ...first, data: quiet.data } : quiet
}

export const streamBytesFaults: readonly Fault[] = [...framingFaults, ...sizeFaults]
