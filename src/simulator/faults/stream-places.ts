/** Places in a stream, counted in tokens the way a person counts them, and what is put there. */

import type { StreamItem } from '../call.ts'
import type { StreamPiece } from '../piece.ts'
import { isContent } from '../piece.ts'

/** The pieces before and after the moment `token` tokens have been shown; a shorter answer is split before its finish. */
export function splitAtToken(
  pieces: readonly StreamPiece[],
  token: number,
): readonly [before: readonly StreamPiece[], after: readonly StreamPiece[]] {
  const index = token === 0 ? pieces.findIndex(isContent) : indexAfterTokens(pieces, token)
  const finish = pieces.findIndex((piece) => piece.kind === 'finish')
  const place = index < 0 ? finish : index
  return place < 0 ? [pieces, []] : [pieces.slice(0, place), pieces.slice(place)]
}

function indexAfterTokens(pieces: readonly StreamPiece[], token: number): number {
  let shown = 0
  for (const [index, piece] of pieces.entries()) {
    shown += piece.tokens
    if (shown >= token) return index + 1
  }
  return -1
}

/** The pieces with something between, `token` tokens in. */
export function insertAtToken(
  pieces: readonly StreamPiece[],
  token: number,
  items: readonly StreamItem[],
): readonly StreamItem[] {
  const [before, after] = splitAtToken(pieces, token)
  return [...before, ...items, ...after]
}

/** The pieces up to a token, then something else instead of the rest. */
export function breakAtToken(
  pieces: readonly StreamPiece[],
  token: number,
  items: readonly StreamItem[],
): readonly StreamItem[] {
  return [...splitAtToken(pieces, token)[0], ...items]
}

/** The pieces of some kinds only. */
export function without(
  pieces: readonly StreamPiece[],
  ...kinds: readonly StreamPiece['kind'][]
): readonly StreamPiece[] {
  return pieces.filter((piece) => !kinds.includes(piece.kind))
}
