/**
 * Streams of every wire format cut at every byte: what is left must never pass for a whole answer, and what is whole must
 * never pass for less.
 */

import type { TargetDialectId } from '../src/canonical/envelope.ts'
import { targetDialects } from '../src/dialects/index.ts'
import { type AnswerTemplate, makeTemplate } from '../src/drill/engine/answer-template.ts'
import type { SimulatedDialect } from '../src/simulator/request.ts'

/** Every dialect of a provider that streams a chat: server-sent events of six kinds, binary frames, JSON lines. */
export const CUT_DIALECTS = [
  'openai-chat',
  'anthropic-messages',
  'openai-responses',
  'gemini',
  'bedrock-converse',
  'cohere-chat',
  'ollama-chat',
] as const satisfies readonly SimulatedDialect[]

/** As long as the placeholder in the templates. */
const VOICES = ['000000_0000', '00000a_0001'] as const

export interface CutTally {
  readonly cuts: number
  /** Parts of an answer that passed for the whole. */
  readonly soldAsWhole: readonly string[]
  /** Whole answers that passed for a part. */
  readonly takenForPart: readonly string[]
}

/** Answers of one to `wordsMax` words, and with a tool call, until `cutsMin` cuts were made; each dialect its share. */
export function cutEverywhere(cutsMin: number): CutTally {
  const soldAsWhole: string[] = []
  const takenForPart: string[] = []
  let cuts = 0
  for (let words = 1; cuts < cutsMin; words = (words % WORDS_MAX) + 1) {
    for (const dialect of CUT_DIALECTS) {
      const toolFrom = words % 3 === 0 ? Math.floor(words / 2) : undefined
      const template = templateOf(dialect, words, toolFrom)
      const bytes = template.fill(VOICES[words % 2] ?? VOICES[0])
      const wholeAt =
        (template.events.find(({ kind }) => kind === 'finish')?.end ?? bytes.length) - template.closingBytes
      for (let at = 0; at <= bytes.length; at += 1) {
        const isWhole = reads(dialect, bytes.subarray(0, at), at)
        if (isWhole && at < wholeAt)
          soldAsWhole.push(`${dialect}, ${words} words, at byte ${at} of ${wholeAt}`)
        if (!isWhole && at >= wholeAt + template.closingBytes)
          takenForPart.push(`${dialect}, ${words} words, at byte ${at} of ${wholeAt}`)
      }
      cuts += bytes.length + 1
    }
  }
  return { cuts, soldAsWhole, takenForPart }
}

const WORDS_MAX = 9

function templateOf(dialect: SimulatedDialect, words: number, toolFrom: number | undefined): AnswerTemplate {
  return makeTemplate({
    dialect,
    model: 'm',
    isStream: true,
    includesUsage: true,
    inputTokens: 7,
    from: 0,
    until: words,
    ...(toolFrom === undefined ? {} : { toolFrom }),
  })
}

/** Whether a reader takes these bytes, in two pieces, for a whole answer. */
function reads(dialect: TargetDialectId, bytes: Uint8Array, at: number): boolean {
  const reader = targetDialects.get(dialect)?.createStreamReader()
  if (reader === undefined) throw new Error('every dialect is read')
  const middle = (at * 31) % (bytes.length + 1)
  try {
    const events = [
      ...reader.read(bytes.subarray(0, middle)),
      ...reader.read(bytes.subarray(middle)),
      ...reader.end(),
    ]
    return reader.isComplete && !events.some(({ type }) => type === 'error')
  } catch {
    return false
  }
}
