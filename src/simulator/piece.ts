/** One server-sent event of a simulated stream, kept apart from its framing so that a fault can change either. */

export interface StreamPiece {
  readonly kind: 'start' | 'text' | 'reasoning' | 'tool' | 'finish' | 'usage' | 'done' | 'other'
  /** The `event:` field, where the dialect names its events. */
  readonly event?: string
  readonly data: string
  /** Tokens this event shows. */
  readonly tokens: number
}

/** The event as the dialects' makers write it: LF, one space, a blank line. */
export function framePiece(piece: StreamPiece): string {
  return piece.event === undefined
    ? `data: ${piece.data}\n\n`
    : `event: ${piece.event}\ndata: ${piece.data}\n\n`
}

/** True for the events that carry something the model said. */
export function isContent(piece: StreamPiece): boolean {
  return piece.tokens > 0
}
