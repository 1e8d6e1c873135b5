/** Tells whether JSON text is nested so deeply that writing it again, or walking it, could exhaust the stack. */

/** Levels of nesting that no true answer comes near. */
export const ANSWER_DEPTH_MAX = 256

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Counts brackets outside of strings; the text must be JSON. */
export function exceedsDepth(json: string, depthMax: number = ANSWER_DEPTH_MAX): boolean {
  let depth = 0
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index)
    if (code === QUOTE) index = endOfString(json, index)
    // `[` and `{` differ in bit 0x20, and so do `]` and `}`.
    else if ((code | 0x20) === 0x7b) {
      depth += 1
      if (depth > depthMax) return true
    } else if ((code | 0x20) === 0x7d) depth -= 1
  }
  return false
}

/** The index of the quote that closes the string opened at `start`: native search, then a look at what precedes it. */
function endOfString(json: string, start: number): number {
  let quote = json.indexOf('"', start + 1)
  while (quote > 0) {
    let backslashes = 0
    while (json.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1
    if (backslashes % 2 === 0) return quote
    quote = json.indexOf('"', quote + 1)
  }
  return json.length
}
