/** What changes between two texts, line by line, for eyes. Pure. */

/** Lines compared one with another, at the most: beyond this everything between the first and last change is shown. */
const COMPARED_MAX = 1_000

export interface DiffLine {
  readonly sign: '-' | '+'
  readonly text: string
}

/** Only the lines that go and those that come, in their order. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const one = linesOf(before)
  const other = linesOf(after)
  let start = 0
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1
  let end = 0
  const endMax = Math.min(one.length, other.length) - start
  while (end < endMax && one.at(-1 - end) === other.at(-1 - end)) end += 1
  return middle(one.slice(start, one.length - end), other.slice(start, other.length - end))
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/)
}

function middle(one: readonly string[], other: readonly string[]): readonly DiffLine[] {
  if (one.length > COMPARED_MAX || other.length > COMPARED_MAX) {
    return [...one.map(gone), ...other.map(come)]
  }
  // lengths[i][j]: the longest common run of one[i..] and other[j..].
  const lengths = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1))
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      const row = lengths[i]
      if (row === undefined) continue
      row[j] =
        one[i] === other[j]
          ? (lengths[i + 1]?.[j + 1] ?? 0) + 1
          : Math.max(lengths[i + 1]?.[j] ?? 0, row[j + 1] ?? 0)
    }
  }
  return walk({ one, other, lengths })
}

interface Table {
  readonly one: readonly string[]
  readonly other: readonly string[]
  readonly lengths: readonly Uint16Array[]
}

function walk({ one, other, lengths }: Table): readonly DiffLine[] {
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      i += 1
      j += 1
    } else if (
      j >= other.length ||
      (i < one.length && (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))
    ) {
      lines.push(gone(one[i] ?? ''))
      i += 1
    } else {
      lines.push(come(other[j] ?? ''))
      j += 1
    }
  }
  return lines
}

function gone(text: string): DiffLine {
  return { sign: '-', text }
}

function come(text: string): DiffLine {
  return { sign: '+', text }
}
