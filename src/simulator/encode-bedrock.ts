/** Writes a script as answers of Bedrock's Converse, whole or as a stream of named events. */

import { parseJson } from '../std/json.ts'
import { SIMULATED_SIGNATURE } from './encode-anthropic.ts'
import type { Frame } from './frame.ts'
import { kindOfPart, type StreamPiece } from './piece.ts'
import type { Script, ScriptChoice, ScriptPart, ScriptUsage } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

/** What the simulated model took, ms. */
const METRICS = { latencyMs: 5 }

export function bedrockAnswer(script: Script): object {
  const choice = firstChoice(script)
  return {
    metrics: METRICS,
    output: { message: { content: choice.parts.map(plainBlock), role: 'assistant' } },
    stopReason: stopReason(choice),
    usage: bedrockUsage(script.usage),
  }
}

export function bedrockPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const choice = firstChoice(script)
  return [
    event({ kind: 'start', name: 'messageStart', fields: { role: 'assistant' } }),
    ...choice.parts.flatMap((part, index) => partPieces(part, index, frame)),
    event({ kind: 'finish', name: 'messageStop', fields: { stopReason: stopReason(choice) } }),
    event({
      kind: 'usage',
      name: 'metadata',
      fields: { metrics: METRICS, usage: bedrockUsage(script.usage) },
    }),
  ]
}

export function bedrockQuiet(): StreamPiece {
  return event({
    kind: 'other',
    name: 'contentBlockDelta',
    fields: { contentBlockIndex: 0, delta: { text: '' } },
  })
}

export function bedrockTokenCount(inputTokens: number): object {
  return { inputTokens }
}

function firstChoice(script: Script): ScriptChoice {
  return script.choices[0] ?? { parts: [], finish: 'stop' }
}

/** As Messages, and unlike its total: what the cache served or kept is not in `inputTokens`. */
function bedrockUsage(usage: ScriptUsage): object {
  const { cachedTokens, cacheWriteTokens, outputTokens } = usage
  const inputTokens = Math.max(0, usage.inputTokens - cachedTokens - cacheWriteTokens)
  return {
    cacheReadInputTokens: cachedTokens,
    cacheWriteInputTokens: cacheWriteTokens,
    inputTokens,
    outputTokens,
    totalTokens: usage.inputTokens + outputTokens,
  }
}

function stopReason(choice: ScriptChoice): string {
  switch (choice.finish) {
    case 'stop':
      return choice.stopSequence === undefined ? 'end_turn' : 'stop_sequence'
    case 'length':
      return 'max_tokens'
    case 'tool-calls':
      return 'tool_use'
    case 'content-filter':
      return 'content_filtered'
  }
}

function plainBlock(part: ScriptPart): object {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { text: part.text }
    case 'reasoning':
      return { reasoningContent: { reasoningText: { text: part.text, signature: SIMULATED_SIGNATURE } } }
    case 'tool-call':
      // Arguments cut short by the ceiling are no JSON; the service then sends what it has as an object.
      return {
        toolUse: { input: parseJson(part.arguments) ?? {}, name: part.name, toolUseId: part.id },
      }
  }
}

/** Only a tool call's block is opened by an event of its own. */
function partPieces(part: ScriptPart, index: number, frame: Frame): readonly StreamPiece[] {
  const end = event({ kind: 'other', name: 'contentBlockStop', fields: { contentBlockIndex: index } })
  return [...openingPieces(part, index), ...deltaPieces(part, index, frame), end]
}

function openingPieces(part: ScriptPart, index: number): readonly StreamPiece[] {
  if (part.type !== 'tool-call') return []
  const start = { toolUse: { name: part.name, toolUseId: part.id } }
  return [event({ kind: 'tool', name: 'contentBlockStart', fields: { contentBlockIndex: index, start } })]
}

function deltaPieces(part: ScriptPart, index: number, frame: Frame): readonly StreamPiece[] {
  const text = part.type === 'tool-call' ? part.arguments : part.text
  const pieces = splitTokens(text, frame.tokensPerChunk).map((piece) =>
    event({
      kind: kindOfPart(part),
      name: 'contentBlockDelta',
      fields: { contentBlockIndex: index, delta: deltaOf(part.type, piece) },
      tokens: tokensOfLength(piece.length),
    }),
  )
  if (part.type !== 'reasoning') return pieces
  const delta = { reasoningContent: { signature: SIMULATED_SIGNATURE } }
  const fields = { contentBlockIndex: index, delta }
  return [...pieces, event({ kind: 'reasoning', name: 'contentBlockDelta', fields })]
}

function deltaOf(type: ScriptPart['type'], text: string): object {
  switch (type) {
    case 'text':
    case 'refusal':
      return { text }
    case 'reasoning':
      return { reasoningContent: { text } }
    case 'tool-call':
      return { toolUse: { input: text } }
  }
}

interface EventParts {
  readonly kind: StreamPiece['kind']
  readonly name: string
  readonly fields: object
  readonly tokens?: number
}

/** Every event carries padding under `p`, so that its length tells nothing of its words. */
function event({ kind, name, fields, tokens = 0 }: EventParts): StreamPiece {
  return { kind, event: name, data: JSON.stringify({ ...fields, p: 'abcdefghij' }), tokens }
}
