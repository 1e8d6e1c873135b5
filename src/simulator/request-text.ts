/** Weighs and gathers the text of a request's JSON, whatever its shape and depth. */

import { arrayOf, isJsonObject, objectOf, stringOf } from '../std/json.ts'

/** The text of a content field: a string, or the text blocks of a list. */
export function plainTextOf(content: unknown): string {
  if (typeof content === 'string') return content
  return arrayOf(content)
    .map((block) => stringOf(objectOf(block)?.['text']))
    .filter((text) => text !== undefined)
    .join('\n')
}

export function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return arrayOf(value).filter((each) => typeof each === 'string')
}

/** Everything up to the last block with a cache mark; nothing where none is marked. */
export function markedPrompt(prompt: readonly unknown[]): string {
  const last = prompt.findLastIndex(hasCacheMark)
  return last < 0 ? '' : textOf(prompt.slice(0, last + 1))
}

export function textOf(value: unknown): string {
  const texts: string[] = []
  visitStrings(value, (text) => texts.push(text))
  return texts.join('')
}

export function charactersOf(value: unknown): number {
  let characters = 0
  visitStrings(value, (text) => {
    characters += text.length
  })
  return characters
}

function hasCacheMark(value: unknown): boolean {
  let isMarked = false
  visitValues(value, (next) => {
    isMarked ||= isJsonObject(next) && next['cache_control'] !== undefined
  })
  return isMarked
}

/** Visits every string in a JSON value; field names and the data of images weigh nothing. */
function visitStrings(value: unknown, visit: (text: string) => void): void {
  visitValues(value, (next) => {
    if (typeof next === 'string' && !next.startsWith('data:')) visit(next)
  })
}

/** Visits a JSON value from the inside of no call stack, since a stranger chose its depth. */
function visitValues(value: unknown, visit: (value: unknown) => void): void {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    visit(next)
    if (Array.isArray(next)) {
      // From the last to the first, so that the first is taken next and text keeps its order.
      for (let index = next.length - 1; index >= 0; index -= 1) waiting.push(next[index])
    } else if (isJsonObject(next)) {
      for (const name of Object.keys(next).reverse()) {
        if (!WEIGHTLESS_FIELDS.has(name)) waiting.push(next[name])
      }
    }
  }
}

const WEIGHTLESS_FIELDS = new Set(['role', 'type', 'data', 'signature', 'cache_control'])
