/** Writes a script as answers of Gemini's generateContent, whole or as a stream. */

import { parseJson } from '../std/json.ts'
import type { Frame } from './frame.ts'
import { ARRAY_END, kindOfPart, type StreamPiece, takeTurns } from './piece.ts'
import type { Script, ScriptChoice, ScriptPart, ScriptUsage } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

/** The signature that stands under simulated thoughts; Google would not accept it. */
export const SIMULATED_THOUGHT_SIGNATURE = Buffer.from('simulated thought, signed by nobody').toString(
  'base64',
)

export function geminiAnswer(script: Script, frame: Frame): object {
  const candidates = script.choices.map((choice, index) => ({
    content: { parts: signed(choice).flatMap(partsOf), role: 'model' },
    finishReason: finishReason(choice),
    index,
  }))
  return { candidates, ...around(script.usage, frame) }
}

/** Tool calls come whole; a stream has no last word but its last reason to finish. */
export function geminiPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const growing = { ...script.usage, outputTokens: 0, reasoningTokens: 0 }
  const place = { frame, usage: growing, total: script.usage }
  const pieces = takeTurns(script.choices.map((choice, index) => choicePieces(choice, index, place)))
  if (frame.streamForm === 'json-array') pieces.push({ kind: 'other', data: ARRAY_END, tokens: 0 })
  return pieces
}

export function geminiQuiet(frame: Frame): StreamPiece {
  const place = { frame, usage: NO_USAGE, total: NO_USAGE }
  return piece({ kind: 'other', index: 0, parts: [{ text: '' }] }, place)
}

export function geminiTokenCount(totalTokens: number): object {
  return { totalTokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: totalTokens }] }
}

/** The counts as Gemini tells them: thoughts are no part of the candidates. */
export function geminiUsage(usage: ScriptUsage): object {
  const { inputTokens, cachedTokens, outputTokens, reasoningTokens } = usage
  return {
    promptTokenCount: inputTokens,
    ...(outputTokens > reasoningTokens ? { candidatesTokenCount: outputTokens - reasoningTokens } : {}),
    totalTokenCount: inputTokens + outputTokens,
    ...(cachedTokens > 0 ? { cachedContentTokenCount: cachedTokens } : {}),
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: inputTokens }],
    ...(reasoningTokens > 0 ? { thoughtsTokenCount: reasoningTokens } : {}),
  }
}

const NO_USAGE: ScriptUsage = {
  inputTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

interface SignedPart {
  readonly part: ScriptPart
  readonly isSigned: boolean
}

/** The first thing said or called after a thought carries its signature. */
function signed({ parts }: ScriptChoice): readonly SignedPart[] {
  const thought = parts.findIndex((part) => part.type === 'reasoning')
  const place = thought < 0 ? -1 : parts.findIndex((part, at) => at > thought && part.type !== 'reasoning')
  return parts.map((part, index) => ({ part, isSigned: index === place }))
}

function partsOf({ part, isSigned }: SignedPart): readonly object[] {
  return [{ ...contentOf(part), ...(isSigned ? { thoughtSignature: SIMULATED_THOUGHT_SIGNATURE } : {}) }]
}

function contentOf(part: ScriptPart): object {
  switch (part.type) {
    case 'reasoning':
      return { text: part.text, thought: true }
    case 'text':
    case 'refusal':
      return { text: part.text }
    case 'tool-call':
      // Arguments cut short by the ceiling are no JSON; Google sends no half of an object.
      return { functionCall: { name: part.name, args: parseJson(part.arguments) ?? {} } }
  }
}

function finishReason({ finish, parts }: ScriptChoice): string {
  if (parts.some((part) => part.type === 'refusal')) return 'SAFETY'
  switch (finish) {
    case 'stop':
    case 'tool-calls':
      return 'STOP'
    case 'length':
      return 'MAX_TOKENS'
    case 'content-filter':
      return 'SAFETY'
  }
}

interface Place {
  readonly frame: Frame
  /** Told while the answer grows. */
  readonly usage: ScriptUsage
  /** Told with every reason to finish. */
  readonly total: ScriptUsage
}

function choicePieces(choice: ScriptChoice, index: number, place: Place): readonly StreamPiece[] {
  return [
    ...signed(choice).flatMap((part) => partPieces(part, index, place)),
    finishPiece(choice, index, place),
  ]
}

function partPieces({ part, isSigned }: SignedPart, index: number, place: Place): readonly StreamPiece[] {
  const kind = kindOfPart(part)
  if (part.type === 'tool-call') {
    const tokens = Math.max(1, tokensOfLength(part.arguments.length))
    return [piece({ kind, index, parts: partsOf({ part, isSigned }), tokens }, place)]
  }
  return splitTokens(part.text, place.frame.tokensPerChunk).map((text, at) => {
    const parts = partsOf({ part: { ...part, text }, isSigned: isSigned && at === 0 })
    return piece({ kind, index, parts, tokens: tokensOfLength(text.length) }, place)
  })
}

function finishPiece(choice: ScriptChoice, index: number, place: Place): StreamPiece {
  const told = { ...place, usage: place.total }
  return piece({ kind: 'finish', index, parts: [{ text: '' }], finish: finishReason(choice) }, told)
}

interface PieceParts {
  readonly kind: StreamPiece['kind']
  readonly index: number
  readonly parts: readonly object[]
  readonly finish?: string
  readonly tokens?: number
}

function piece({ kind, index, parts, finish, tokens = 0 }: PieceParts, { frame, usage }: Place): StreamPiece {
  const ending = finish === undefined ? {} : { finishReason: finish }
  const candidates = [{ content: { parts, role: 'model' }, ...ending, index }]
  return { kind, data: JSON.stringify({ candidates, ...around(usage, frame) }), tokens }
}

function around(usage: ScriptUsage, frame: Frame): object {
  return { usageMetadata: geminiUsage(usage), modelVersion: frame.model, responseId: frame.id }
}
