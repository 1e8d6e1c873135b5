/** Writes a script as Messages bytes, whole or as a stream: the simulator's own hand, shared with nobody. */

import { parseJson } from '../std/json.ts'
import type { Frame } from './frame.ts'
import { kindOfPart, type StreamPiece } from './piece.ts'
import type { Script, ScriptChoice, ScriptPart, ScriptUsage } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

/** The signature that stands under simulated reasoning; no provider would accept it. */
export const SIMULATED_SIGNATURE = Buffer.from('simulated reasoning, signed by nobody').toString('base64')

/** The body of a plain answer. */
export function anthropicAnswer(script: Script, frame: Frame): object {
  const choice = firstChoice(script)
  return {
    ...messageFrame(frame),
    content: choice.parts.map(plainBlock),
    ...ending(choice),
    usage: { ...inputUsage(script.usage), output_tokens: script.usage.outputTokens },
  }
}

/** The events of a streamed answer. */
export function anthropicPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const choice = firstChoice(script)
  return [
    startPiece(script.usage, frame),
    ...choice.parts.flatMap((part, index) => partPieces(part, index, frame)),
    finishPiece(choice, script.usage),
    event({ kind: 'done', type: 'message_stop' }),
  ]
}

/** The tokens a request would cost, as `count_tokens` answers. */
export function anthropicTokenCount(inputTokens: number): object {
  return { input_tokens: inputTokens }
}

function firstChoice(script: Script): ScriptChoice {
  return script.choices[0] ?? { parts: [], finish: 'stop' }
}

function messageFrame(frame: Frame) {
  return { id: frame.id, type: 'message', role: 'assistant', model: frame.model }
}

/** Input counts as Messages splits them: what the cache served or kept is not in `input_tokens`. */
function inputUsage(usage: ScriptUsage) {
  const uncached = Math.max(0, usage.inputTokens - usage.cachedTokens - usage.cacheWriteTokens)
  return {
    input_tokens: uncached,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cachedTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWriteTokens,
      ephemeral_1h_input_tokens: 0,
    },
    service_tier: 'standard',
  }
}

function ending(choice: ScriptChoice) {
  return { stop_reason: stopReason(choice), stop_sequence: choice.stopSequence ?? null }
}

function stopReason(choice: ScriptChoice): string {
  if (choice.parts.some((part) => part.type === 'refusal')) return 'refusal'
  switch (choice.finish) {
    case 'stop':
      return choice.stopSequence === undefined ? 'end_turn' : 'stop_sequence'
    case 'length':
      return 'max_tokens'
    case 'tool-calls':
      return 'tool_use'
    case 'content-filter':
      return 'refusal'
  }
}

function plainBlock(part: ScriptPart): object {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: part.text, citations: null }
    case 'reasoning':
      return { type: 'thinking', thinking: part.text, signature: SIMULATED_SIGNATURE }
    case 'tool-call':
      // Arguments cut short by max_tokens are no JSON; the real provider then sends what it has as an object.
      return { type: 'tool_use', id: part.id, name: part.name, input: parseJson(part.arguments) ?? {} }
  }
}

function startPiece(usage: ScriptUsage, frame: Frame): StreamPiece {
  const message = {
    ...messageFrame(frame),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...inputUsage(usage), output_tokens: 1 },
  }
  return event({ kind: 'start', type: 'message_start', fields: { message } })
}

function partPieces(part: ScriptPart, index: number, frame: Frame): readonly StreamPiece[] {
  const opening = { index, content_block: openingBlock(part) }
  const ping = index === 0 ? [event({ kind: 'other', type: 'ping' })] : []
  return [
    event({
      kind: part.type === 'tool-call' ? 'tool' : 'other',
      type: 'content_block_start',
      fields: opening,
    }),
    ...ping,
    ...deltaPieces(part, index, frame),
    event({ kind: 'other', type: 'content_block_stop', fields: { index } }),
  ]
}

function openingBlock(part: ScriptPart): object {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: '' }
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool-call':
      return { type: 'tool_use', id: part.id, name: part.name, input: {} }
  }
}

function deltaPieces(part: ScriptPart, index: number, frame: Frame): readonly StreamPiece[] {
  const text = part.type === 'tool-call' ? part.arguments : part.text
  const kind = kindOfPart(part)
  const pieces = splitTokens(text, frame.tokensPerChunk).map((piece) => {
    const fields = { index, delta: deltaOf(part.type, piece) }
    return event({ kind, type: 'content_block_delta', fields, tokens: tokensOfLength(piece.length) })
  })
  if (part.type !== 'reasoning') return pieces
  const signature = { type: 'signature_delta', signature: SIMULATED_SIGNATURE }
  return [
    ...pieces,
    event({ kind: 'reasoning', type: 'content_block_delta', fields: { index, delta: signature } }),
  ]
}

function deltaOf(type: ScriptPart['type'], text: string): object {
  switch (type) {
    case 'text':
    case 'refusal':
      return { type: 'text_delta', text }
    case 'reasoning':
      return { type: 'thinking_delta', thinking: text }
    case 'tool-call':
      return { type: 'input_json_delta', partial_json: text }
  }
}

/** The output count here is the whole of it, not what came since the start. */
function finishPiece(choice: ScriptChoice, usage: ScriptUsage): StreamPiece {
  const { cache_creation: _, service_tier: __, ...counts } = inputUsage(usage)
  const fields = { delta: ending(choice), usage: { ...counts, output_tokens: usage.outputTokens } }
  return event({ kind: 'finish', type: 'message_delta', fields })
}

interface EventParts {
  readonly kind: StreamPiece['kind']
  readonly type: string
  readonly fields?: object
  readonly tokens?: number
}

function event({ kind, type, fields = {}, tokens = 0 }: EventParts): StreamPiece {
  return { kind, event: type, data: JSON.stringify({ type, ...fields }), tokens }
}
