/** What the simulator is going to say, before any dialect: the value that every encoder turns into bytes. */

import { takeTokens, tokensOfLength } from './tokens.ts'

/** One whole answer. */
export interface Script {
  readonly choices: readonly ScriptChoice[]
  readonly usage: ScriptUsage
}

export interface ScriptChoice {
  readonly parts: readonly ScriptPart[]
  readonly finish: ScriptFinish
  /** The stop sequence that ended the text. */
  readonly stopSequence?: string
}

export type ScriptPart =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  /** The model declines; a dialect without a place for it says it as text. */
  | { readonly type: 'refusal'; readonly text: string }
  | { readonly type: 'tool-call'; readonly id: string; readonly name: string; readonly arguments: string }

export type ScriptFinish = 'stop' | 'length' | 'tool-calls' | 'content-filter'

export interface ScriptUsage {
  /** Every prompt token, those read from or written to a cache included. */
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly cacheWriteTokens: number
  /** Every generated token, reasoning included. */
  readonly outputTokens: number
  readonly reasoningTokens: number
}

/** The text of a part that counts as output. */
export function textOfPart(part: ScriptPart): string {
  return part.type === 'tool-call' ? part.arguments : part.text
}

/** Tokens generated for a choice. */
export function outputTokensOf(choice: ScriptChoice): number {
  return choice.parts.reduce((sum, part) => sum + tokensOfLength(textOfPart(part).length), 0)
}

/** Tokens of reasoning in a choice. */
export function reasoningTokensOf(choice: ScriptChoice): number {
  return choice.parts.reduce(
    (sum, part) => sum + (part.type === 'reasoning' ? tokensOfLength(part.text.length) : 0),
    0,
  )
}

/** Ends the text before the earliest stop sequence; what came after it is never said. */
export function stopAtSequence(choice: ScriptChoice, sequences: readonly string[]): ScriptChoice {
  for (const [index, part] of choice.parts.entries()) {
    if (part.type !== 'text') continue
    const hit = earliestHit(part.text, sequences)
    if (!hit) continue
    const kept = { ...part, text: part.text.slice(0, hit.position) }
    return { parts: [...choice.parts.slice(0, index), kept], finish: 'stop', stopSequence: hit.sequence }
  }
  return choice
}

function earliestHit(text: string, sequences: readonly string[]) {
  let best: { readonly position: number; readonly sequence: string } | undefined
  for (const sequence of sequences) {
    const position = sequence === '' ? -1 : text.indexOf(sequence)
    if (position >= 0 && (best === undefined || position < best.position)) best = { position, sequence }
  }
  return best
}

/** Ends the choice after `tokensMax` tokens, finished by length. */
export function stopAtTokens(choice: ScriptChoice, tokensMax: number): ScriptChoice {
  const parts: ScriptPart[] = []
  let left = tokensMax
  for (const part of choice.parts) {
    const tokens = tokensOfLength(textOfPart(part).length)
    if (tokens > left) {
      if (left > 0) parts.push(shortened(part, left))
      return { parts, finish: 'length' }
    }
    parts.push(part)
    left -= tokens
  }
  return choice
}

function shortened(part: ScriptPart, tokens: number): ScriptPart {
  return part.type === 'tool-call'
    ? { ...part, arguments: takeTokens(part.arguments, tokens) }
    : { ...part, text: takeTokens(part.text, tokens) }
}
