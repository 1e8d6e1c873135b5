/** Headers in which a client says a part of its request: what is asked without them, or with others, is another request. */

import type { Dialect } from './dialect.ts'

export const ANTHROPIC_TELLING = ['anthropic-version', 'anthropic-beta'] as const
export const OPENAI_TELLING = ['openai-beta'] as const
/** All of them, lower case. */
export const TELLING_HEADERS = [...ANTHROPIC_TELLING, ...OPENAI_TELLING] as const

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * What the telling headers say, in one form; `''` where they say nothing, as those of most requests do. A value that the
 * dialect's targets are told anyway (the usual `anthropic-version`) says nothing.
 */
export function tellingOf(headers: Headers, { requestHeaders }: Pick<Dialect, 'requestHeaders'>): string {
  let told = ''
  for (const name of TELLING_HEADERS) {
    const value = headers[name]
    if (value === undefined) continue
    const words = inOneForm(value)
    if (words !== '' && words !== requestHeaders[name]) told += `${name}: ${words}\n`
  }
  return told
}

/** Lists of betas are sets: their order, repetitions and spaces mean nothing. */
function inOneForm(value: string | readonly string[]): string {
  const words = String(value)
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  return [...new Set(words)].sort().join(',')
}
