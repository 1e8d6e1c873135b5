/** Where in a TOML text each value stands: enough of the language to change a file without writing it anew. */

export interface TomlPair {
  readonly table: readonly string[]
  readonly key: readonly string[]
  readonly valueStart: number
  readonly valueEnd: number
  /** Behind its line end. */
  readonly end: number
}

export interface TomlHeader {
  readonly name: readonly string[]
  /** `[[name]]`. */
  readonly isList: boolean
  readonly start: number
  readonly end: number
}

export interface TomlLines {
  readonly pairs: readonly TomlPair[]
  readonly headers: readonly TomlHeader[]
}

const KEY = /[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*/y

/** `undefined` where the text is no TOML, or is written as nobody writes settings. */
export function readTomlLines(text: string): TomlLines | undefined {
  const pairs: TomlPair[] = []
  const headers: TomlHeader[] = []
  let table: readonly string[] = []
  let at = text.startsWith('\uFEFF') ? 1 : 0
  while (at < text.length) {
    const lineEnd = endOfLine(text, at)
    const line = text.slice(at, lineEnd)
    const start = at + (/^[ \t]*/.exec(line)?.[0].length ?? 0)
    const sign = text[start]
    if (/^[ \t\r]*(?:#.*)?\n?$/.test(line)) {
      at = lineEnd
    } else if (sign === '[') {
      const header = readHeader(text, start)
      if (header === undefined) return undefined
      headers.push({ ...header, end: lineEnd })
      table = header.name
      at = lineEnd
    } else {
      const pair = readPair(text, start)
      if (pair === undefined) return undefined
      pairs.push({ table, ...pair })
      at = pair.end
    }
  }
  return { pairs, headers }
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end + 1
}

function readHeader(text: string, start: number): Omit<TomlHeader, 'end'> | undefined {
  const isList = text.startsWith('[[', start)
  const key = readKey(text, start + (isList ? 2 : 1))
  if (key === undefined || !text.startsWith(isList ? ']]' : ']', key.end)) return undefined
  const rest = text.slice(key.end + (isList ? 2 : 1), endOfLine(text, key.end))
  return isBlank(rest) ? { name: key.parts, isList, start } : undefined
}

function readPair(text: string, start: number): Omit<TomlPair, 'table'> | undefined {
  const key = readKey(text, start)
  if (key === undefined || text[key.end] !== '=') return undefined
  const valueStart = key.end + 1 + (/^[ \t]*/.exec(text.slice(key.end + 1, key.end + 1_000))?.[0].length ?? 0)
  const valueEnd = endOfValue(text, valueStart)
  if (valueEnd === undefined || valueEnd === valueStart) return undefined
  const end = endOfLine(text, valueEnd)
  return isBlank(text.slice(valueEnd, end)) ? { key: key.parts, valueStart, valueEnd, end } : undefined
}

function isBlank(rest: string): boolean {
  return /^[ \t\r]*(?:#.*)?\n?$/.test(rest)
}

function readKey(
  text: string,
  start: number,
): { readonly parts: readonly string[]; readonly end: number } | undefined {
  const parts: string[] = []
  let at = start
  for (;;) {
    KEY.lastIndex = at
    const match = KEY.exec(text)
    if (match === null) return undefined
    parts.push(match[1] ?? match[2] ?? match[3] ?? '')
    at += match[0].length
    if (text[at] !== '.') return { parts, end: at }
    at += 1
  }
}

const QUOTES = ['"""', "'''", '"', "'"] as const

/** A value ends at its line's end or comment, unless a list, a table or a text goes on. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0
  let end = start
  for (let at = start; at < text.length; ) {
    const sign = text[at] ?? ''
    const quote = QUOTES.find((one) => text.startsWith(one, at))
    if (quote !== undefined) {
      const close = endOfText(text, at, quote)
      if (close === undefined) return undefined
      at = close
      end = at
      continue
    }
    if (sign === '\n' && depth === 0) return end
    if (sign === '#') {
      at = endOfLine(text, at) - 1
      if (depth === 0) return end
      at = Math.max(at, 0)
      if (text[at] !== '\n') return undefined
    }
    if (sign === '[' || sign === '{') depth += 1
    if (sign === ']' || sign === '}') depth -= 1
    if (depth < 0) return undefined
    at += 1
    if (!/\s/.test(sign) && sign !== '#') end = at
  }
  return depth === 0 ? end : undefined
}

function endOfText(text: string, start: number, quote: (typeof QUOTES)[number]): number | undefined {
  const isLong = quote.length === 3
  for (let at = start + quote.length; at < text.length; at += 1) {
    if (text[at] === '\\' && quote.startsWith('"')) at += 1
    else if (text[at] === '\n' && !isLong) return undefined
    else if (text.startsWith(quote, at)) return at + quote.length + (isLong ? quotesMore(text, at + 3) : 0)
  }
  return undefined
}

/** Up to two quotes more may stand right before the closing three. */
function quotesMore(text: string, at: number): number {
  const quote = text[at - 1]
  return text[at] !== quote ? 0 : text[at + 1] === quote ? 2 : 1
}
