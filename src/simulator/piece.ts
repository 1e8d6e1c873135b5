/** One event of a simulated stream, kept apart from its framing so that a fault can change either. */

import { frameEventStream } from './eventstream-frame.ts'
import type { ScriptPart } from './script.ts'

export interface StreamPiece {
  readonly kind: 'start' | 'text' | 'reasoning' | 'tool' | 'finish' | 'usage' | 'done' | 'other'
  /** The `event:` field or the `:event-type`, where the dialect names its events. */
  readonly event?: string
  readonly data: string
  /** Tokens this event shows. */
  readonly tokens: number
  /** In an AWS event stream: the event is an exception. */
  readonly isException?: boolean
}

/** How a stream's events stand one after another. */
export type StreamFraming = 'sse' | 'sse-crlf' | 'json-array' | 'ndjson' | 'eventstream'

export type FramePiece = (piece: StreamPiece) => string | Uint8Array

/** The event as the dialects' makers write it: LF, one space, a blank line. */
export function framePiece(piece: StreamPiece): string {
  return piece.event === undefined
    ? `data: ${piece.data}\n\n`
    : `event: ${piece.event}\ndata: ${piece.data}\n\n`
}

/** The end of a JSON array that grows. */
export const ARRAY_END = ']'

export function isArrayEnd({ data }: StreamPiece): boolean {
  return data === ARRAY_END
}

/** Frames the events of one stream, from its first to its last. */
export function createFramer(framing: StreamFraming): FramePiece {
  switch (framing) {
    case 'sse':
      return framePiece
    case 'sse-crlf':
      return (piece) => framePiece(piece).replaceAll('\n', '\r\n')
    case 'ndjson':
      return (piece) => `${piece.data}\n`
    case 'eventstream':
      return frameMessage
    case 'json-array':
      return arrayFramer()
  }
}

/** True where the events are server-sent ones, whatever their line ends. */
export function isSse(framing: StreamFraming): boolean {
  return framing === 'sse' || framing === 'sse-crlf'
}

function frameMessage({ event = 'event', data, isException = false }: StreamPiece): Uint8Array {
  const [kind, name] = isException ? ['exception', ':exception-type'] : ['event', ':event-type']
  return frameEventStream(
    { [name]: event, ':content-type': 'application/json', ':message-type': kind },
    Buffer.from(data),
  )
}

function arrayFramer(): FramePiece {
  let isOpen = false
  return ({ data }) => {
    if (data === ARRAY_END) return isOpen ? '\r\n]\r\n' : '[]\r\n'
    const lead = isOpen ? ',\r\n' : '['
    isOpen = true
    return lead + data
  }
}

/** True for the events that carry something the model said. */
export function isContent(piece: StreamPiece): boolean {
  return piece.tokens > 0
}

/** What an event of this part shows. */
export function kindOfPart(part: ScriptPart): StreamPiece['kind'] {
  if (part.type === 'tool-call') return 'tool'
  return part.type === 'reasoning' ? 'reasoning' : 'text'
}

/** The events of several candidates, one of each in turn. */
export function takeTurns(lanes: readonly (readonly StreamPiece[])[]): StreamPiece[] {
  const [only] = lanes
  if (lanes.length === 1 && only) return [...only]
  const longest = Math.max(...lanes.map((lane) => lane.length))
  const pieces: StreamPiece[] = []
  for (let turn = 0; turn < longest; turn += 1) {
    for (const lane of lanes) {
      const next = lane[turn]
      if (next) pieces.push(next)
    }
  }
  return pieces
}
