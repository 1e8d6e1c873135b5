/** Writes a script as Chat Completions bytes, whole or as a stream: the simulator's own hand, shared with nobody. */

import type { Frame } from './frame.ts'
import { kindOfPart, type StreamPiece, takeTurns } from './piece.ts'
import type { Script, ScriptChoice, ScriptFinish, ScriptPart, ScriptUsage } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

/** The body of a plain answer. */
export function openAiAnswer(script: Script, frame: Frame): object {
  return {
    id: frame.id,
    object: 'chat.completion',
    created: frame.createdSeconds,
    model: frame.model,
    choices: script.choices.map(plainChoice),
    usage: openAiUsage(script.usage),
    service_tier: 'default',
    system_fingerprint: 'fp_simulated',
  }
}

export function openAiUsage(usage: ScriptUsage): object {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

/** The events of a streamed answer; several choices take turns. */
export function openAiPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const lanes = script.choices.map((choice, index) => choicePieces(choice, index, frame))
  const pieces = takeTurns(lanes)
  if (frame.includeUsage) pieces.push(usagePiece(script.usage, frame))
  pieces.push({ kind: 'done', data: '[DONE]', tokens: 0 })
  return pieces
}

/** The event that carries usage: no choices, after the last of them. */
export function usagePiece(usage: ScriptUsage, frame: Frame): StreamPiece {
  const data = { ...chunkFrame(frame), choices: [], usage: openAiUsage(usage) }
  return { kind: 'usage', data: JSON.stringify(data), tokens: 0 }
}

function plainChoice(choice: ScriptChoice, index: number): object {
  const reasoning = joined(choice.parts, 'reasoning')
  const content = joined(choice.parts, 'text')
  const calls = choice.parts.flatMap((part) => (part.type === 'tool-call' ? [toolCall(part)] : []))
  return {
    index,
    message: {
      role: 'assistant',
      content: content ?? null,
      ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      refusal: joined(choice.parts, 'refusal') ?? null,
      annotations: [],
    },
    logprobs: null,
    finish_reason: finishReason(choice.finish),
  }
}

function joined(parts: readonly ScriptPart[], type: 'reasoning' | 'text' | 'refusal'): string | undefined {
  const texts = parts.flatMap((part) => (part.type === type ? [part.text] : []))
  return texts.length === 0 ? undefined : texts.join('')
}

function toolCall(part: Extract<ScriptPart, { type: 'tool-call' }>): object {
  return { id: part.id, type: 'function', function: { name: part.name, arguments: part.arguments } }
}

export function finishReason(finish: ScriptFinish): string {
  switch (finish) {
    case 'tool-calls':
      return 'tool_calls'
    case 'content-filter':
      return 'content_filter'
    case 'stop':
    case 'length':
      return finish
  }
}

function choicePieces(choice: ScriptChoice, index: number, frame: Frame): readonly StreamPiece[] {
  const isSpoken = choice.parts.some((part) => part.type !== 'tool-call')
  const opening = { role: 'assistant', content: isSpoken ? '' : null, refusal: null }
  const pieces = [piece({ kind: 'start', frame, index, delta: opening })]
  let toolIndex = 0
  for (const part of choice.parts) {
    pieces.push(...partPieces(part, { frame, index, toolIndex }))
    if (part.type === 'tool-call') toolIndex += 1
  }
  pieces.push(piece({ kind: 'finish', frame, index, delta: {}, finish: finishReason(choice.finish) }))
  return pieces
}

interface Place {
  readonly frame: Frame
  readonly index: number
  readonly toolIndex: number
}

function partPieces(part: ScriptPart, place: Place): readonly StreamPiece[] {
  const { frame, index } = place
  if (part.type === 'tool-call') return toolPieces(part, place)
  const field = DELTA_FIELDS[part.type]
  return splitTokens(part.text, frame.tokensPerChunk).map((text) => {
    const tokens = tokensOfLength(text.length)
    return piece({ kind: kindOfPart(part), frame, index, delta: { [field]: text }, tokens })
  })
}

const DELTA_FIELDS = { text: 'content', reasoning: 'reasoning_content', refusal: 'refusal' } as const

function toolPieces(part: Extract<ScriptPart, { type: 'tool-call' }>, place: Place): readonly StreamPiece[] {
  const { frame, index, toolIndex } = place
  const opening = {
    index: toolIndex,
    id: part.id,
    type: 'function',
    function: { name: part.name, arguments: '' },
  }
  const first = piece({ kind: 'tool', frame, index, delta: { tool_calls: [opening] } })
  const rest = splitTokens(part.arguments, frame.tokensPerChunk).map((text) => {
    const delta = { tool_calls: [{ index: toolIndex, function: { arguments: text } }] }
    return piece({ kind: 'tool', frame, index, delta, tokens: tokensOfLength(text.length) })
  })
  return [first, ...rest]
}

interface PieceParts {
  readonly kind: StreamPiece['kind']
  readonly frame: Frame
  readonly index: number
  readonly delta: object
  readonly finish?: string
  readonly tokens?: number
}

function piece({ kind, frame, index, delta, finish, tokens = 0 }: PieceParts): StreamPiece {
  const choice = { index, delta, logprobs: null, finish_reason: finish ?? null }
  const usage = frame.includeUsage ? { usage: null } : {}
  const data = { ...chunkFrame(frame), choices: [choice], ...usage }
  return { kind, data: JSON.stringify(data), tokens }
}

function chunkFrame(frame: Frame): object {
  return {
    id: frame.id,
    object: 'chat.completion.chunk',
    created: frame.createdSeconds,
    model: frame.model,
    service_tier: 'default',
    system_fingerprint: 'fp_simulated',
  }
}
