/**
 * Blanks out comments and the contents of strings, templates and regular expressions, so that the checks can search
 * TypeScript for code with plain patterns. Offsets and line breaks survive. TypeScript 7 has no parser one could call.
 */

export interface MaskedSource {
  readonly text: string
  /** As long as `text`; quotes, braces and code stand where they stood, everything else that could deceive is a space. */
  readonly code: string
}

/** Masks one source file. */
export function maskSource(text: string): MaskedSource {
  return { text, code: new Masker(text).run() }
}

/** The 1-based line on which an offset stands. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

const regexMayFollowWord =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/
const regexMayFollowSign = /[(,=:[!&|?{};+\-*%<>~^]$/

class Masker {
  readonly #text: string
  #at = 0
  #code = ''
  /** For each open template substitution, how many braces are open inside it. */
  readonly #substitutions: number[] = []

  constructor(text: string) {
    this.#text = text
  }

  run(): string {
    while (this.#at < this.#text.length) this.#step()
    return this.#code
  }

  #step(): void {
    const sign = this.#text[this.#at]
    const next = this.#text[this.#at + 1]
    if (sign === '/' && next === '/') return this.#blankUntil(this.#find('\n', this.#at))
    if (sign === '/' && next === '*') return this.#blankUntil(this.#find('*/', this.#at + 2) + 2)
    if (sign === "'" || sign === '"') return this.#quoted(sign)
    if (sign === '`') return this.#openTemplate()
    if (sign === '/' && this.#isRegexAhead()) return this.#regex()
    if (sign === '{') this.#nest(1)
    if (sign === '}' && this.#substitutions.at(-1) === 0) return this.#resumeTemplate()
    if (sign === '}') this.#nest(-1)
    this.#keep()
  }

  #nest(change: 1 | -1): void {
    const open = this.#substitutions.pop()
    if (open !== undefined) this.#substitutions.push(open + change)
  }

  #quoted(quote: string): void {
    this.#keep()
    while (this.#at < this.#text.length && this.#text[this.#at] !== quote && this.#text[this.#at] !== '\n') {
      this.#blankUntil(this.#at + (this.#text[this.#at] === '\\' ? 2 : 1))
    }
    this.#keep()
  }

  #openTemplate(): void {
    this.#keep()
    this.#templateText()
  }

  #resumeTemplate(): void {
    this.#substitutions.pop()
    this.#keep()
    this.#templateText()
  }

  #templateText(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== '`') {
      if (this.#text.startsWith('${', this.#at)) {
        this.#keep()
        this.#keep()
        this.#substitutions.push(0)
        return
      }
      this.#blankUntil(this.#at + (this.#text[this.#at] === '\\' ? 2 : 1))
    }
    this.#keep()
  }

  #isRegexAhead(): boolean {
    const before = this.#code.slice(-200).trimEnd()
    return before === '' || regexMayFollowSign.test(before) || regexMayFollowWord.test(before)
  }

  #regex(): void {
    this.#keep()
    let inClass = false
    while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') {
      const sign = this.#text[this.#at]
      if (sign === '/' && !inClass) break
      if (sign === '[') inClass = true
      if (sign === ']') inClass = false
      this.#blankUntil(this.#at + (sign === '\\' ? 2 : 1))
    }
    this.#keep()
  }

  #find(needle: string, from: number): number {
    const found = this.#text.indexOf(needle, from)
    return found === -1 ? this.#text.length : found
  }

  #keep(): void {
    this.#code += this.#text[this.#at] ?? ''
    this.#at++
  }

  #blankUntil(end: number): void {
    const stop = Math.min(end, this.#text.length)
    this.#code += this.#text.slice(this.#at, stop).replaceAll(/[^\n]/g, ' ')
    this.#at = stop
  }
}
