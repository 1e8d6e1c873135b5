/** "Did you mean": the known word closest to a mistyped one. */

/** Words compared at the most, and their longest length: a stranger's input must not cost more than this. */
const CANDIDATES_MAX = 2_000
const WORD_LENGTH_MAX = 64

/** The nearest of `known` within `editsMax` edits, by default a third of the word's length; or `undefined`. */
export function nearest(
  word: string,
  known: readonly string[],
  editsMax: number = Math.floor(Math.max(word.length, 3) / 3),
): string | undefined {
  if (word.length > WORD_LENGTH_MAX) return undefined
  let best: string | undefined
  let bestDistance = editsMax + 1
  for (const candidate of known.slice(0, CANDIDATES_MAX)) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein distance by rows. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substitution))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
