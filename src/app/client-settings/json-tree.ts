/** Where in a JSON text each member stands. Comments and commas at the end are read over, as the clients do. */

import { SETTINGS_LENGTH_MAX } from './edited.ts'

export interface JsonNode {
  readonly start: number
  readonly end: number
  /** Of an object; of anything else there are none. */
  readonly members?: readonly JsonMember[]
  /** Whether a comma stands after the last member. */
  readonly endsInComma?: boolean
}

export interface JsonMember {
  readonly name: string
  /** Where its name begins. */
  readonly start: number
  readonly value: JsonNode
}

const DEPTH_MAX = 64

/** `undefined` where the text is no JSON. */
export function readJsonTree(text: string): JsonNode | undefined {
  if (text.length > SETTINGS_LENGTH_MAX) return undefined
  const reader = new TreeReader(text)
  try {
    return reader.document()
  } catch (error) {
    if (error instanceof NotJson) return undefined
    throw error
  }
}

class NotJson extends Error {}

class TreeReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonNode {
    const root = this.#value(0)
    this.#skip()
    if (this.#at < this.#text.length) throw new NotJson()
    return root
  }

  #value(depth: number): JsonNode {
    if (depth > DEPTH_MAX) throw new NotJson()
    this.#skip()
    const start = this.#at
    const first = this.#text[start]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#list(depth)
    if (first === '"') this.#string()
    else this.#word()
    return { start, end: this.#at }
  }

  #object(depth: number): JsonNode {
    const start = this.#at
    this.#at += 1
    const members: JsonMember[] = []
    let endsInComma = false
    while (!this.#takes('}')) {
      const nameStart = this.#at
      if (this.#text[nameStart] !== '"' || (members.length > 0 && !endsInComma)) throw new NotJson()
      const name = this.#string()
      if (!this.#takes(':')) throw new NotJson()
      members.push({ name, start: nameStart, value: this.#value(depth + 1) })
      endsInComma = this.#takes(',')
      this.#skip()
    }
    return { start, end: this.#at, members, endsInComma }
  }

  #list(depth: number): JsonNode {
    const start = this.#at
    this.#at += 1
    let isOpen = true
    while (!this.#takes(']')) {
      if (!isOpen) throw new NotJson()
      this.#value(depth + 1)
      isOpen = this.#takes(',')
    }
    return { start, end: this.#at }
  }

  #string(): string {
    const match = stringPattern(this.#text, this.#at)
    if (match === undefined) throw new NotJson()
    this.#at += match.length
    try {
      return String(JSON.parse(match))
    } catch {
      throw new NotJson()
    }
  }

  #word(): void {
    const pattern = /true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) throw new NotJson()
    this.#at += match[0].length
  }

  #takes(sign: string): boolean {
    this.#skip()
    if (this.#text[this.#at] !== sign) return false
    this.#at += 1
    return true
  }

  /** White space and comments. */
  #skip(): void {
    const pattern = /(?:[\s\uFEFF]+|\/\/[^\n]*|\/\*[^]*?\*\/)+/y
    pattern.lastIndex = this.#at
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0
  }
}

function stringPattern(text: string, at: number): string | undefined {
  for (let end = at + 1; end < text.length; end += 1) {
    const sign = text[end]
    if (sign === '\\') end += 1
    else if (sign === '"') return text.slice(at, end + 1)
    else if (sign === '\n') return undefined
  }
  return undefined
}
