/** The simulator's measure of text: about four characters a token, never half of a surrogate pair. */

/** Characters in one simulated token. */
export const TOKEN_CHARACTERS = 4

/** Tokens a text of this many characters counts for. */
export function tokensOfLength(characters: number): number {
  return Math.ceil(characters / TOKEN_CHARACTERS)
}

/** The text in pieces of `tokensPerPiece` tokens; joined they are the text. */
export function splitTokens(text: string, tokensPerPiece = 1): readonly string[] {
  const pieces: string[] = []
  let position = 0
  while (position < text.length) {
    const end = endOfPiece(text, position + TOKEN_CHARACTERS * tokensPerPiece)
    pieces.push(text.slice(position, end))
    position = end
  }
  return pieces
}

/** The first `tokens` tokens of the text. */
export function takeTokens(text: string, tokens: number): string {
  return text.slice(0, endOfPiece(text, TOKEN_CHARACTERS * tokens))
}

function endOfPiece(text: string, end: number): number {
  if (end >= text.length) return text.length
  const unit = text.charCodeAt(end - 1)
  const isHighSurrogate = unit >= 0xd800 && unit <= 0xdbff
  return isHighSurrogate ? end + 1 : end
}
