/** Writes a script as answers of Cohere's chat, second version, whole or as a stream of named events. */

import type { Frame } from './frame.ts'
import { kindOfPart, type StreamPiece } from './piece.ts'
import type { Script, ScriptChoice, ScriptPart, ScriptUsage } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

export function cohereAnswer(script: Script, frame: Frame): object {
  const choice = firstChoice(script)
  const content = choice.parts.flatMap((part) =>
    part.type === 'tool-call' ? [] : [contentOf(part, part.text)],
  )
  const calls = choice.parts.flatMap((part) => (part.type === 'tool-call' ? [toolCall(part)] : []))
  return {
    id: frame.id,
    message: {
      role: 'assistant',
      ...(content.length === 0 ? {} : { content }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
    finish_reason: finishReason(choice),
    usage: cohereUsage(script.usage),
  }
}

export function coherePieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const choice = firstChoice(script)
  const message = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] }
  const calls = choice.parts.filter((part) => part.type === 'tool-call')
  const others = choice.parts.filter((part) => part.type !== 'tool-call')
  return [
    event({ kind: 'start', type: 'message-start', fields: { id: frame.id, delta: { message } } }),
    ...others.flatMap((part, index) => contentPieces(part, index, frame)),
    ...calls.flatMap((part, index) => callPieces(part, index, frame)),
    endPiece({ finish_reason: finishReason(choice), usage: cohereUsage(script.usage) }),
  ]
}

/** The last event, which holds the reason to finish and the counts; also how a stream tells that it has failed. */
export function endPiece(delta: object): StreamPiece {
  return event({ kind: 'finish', type: 'message-end', fields: { delta } })
}

export function cohereQuiet(): StreamPiece {
  const delta = { message: { content: { text: '' } } }
  return event({ kind: 'other', type: 'content-delta', fields: { index: 0, delta } })
}

function firstChoice(script: Script): ScriptChoice {
  return script.choices[0] ?? { parts: [], finish: 'stop' }
}

function cohereUsage({ inputTokens, outputTokens, cachedTokens }: ScriptUsage): object {
  return {
    billed_units: { input_tokens: inputTokens, output_tokens: outputTokens },
    tokens: { input_tokens: inputTokens, output_tokens: outputTokens },
    cached_tokens: cachedTokens,
  }
}

function finishReason(choice: ScriptChoice): string {
  switch (choice.finish) {
    case 'stop':
      return choice.stopSequence === undefined ? 'COMPLETE' : 'STOP_SEQUENCE'
    case 'length':
      return 'MAX_TOKENS'
    case 'tool-calls':
      return 'TOOL_CALL'
    case 'content-filter':
      return 'ERROR_TOXIC'
  }
}

function contentOf(part: ScriptPart, text: string): object {
  return part.type === 'reasoning' ? { type: 'thinking', thinking: text } : { type: 'text', text }
}

type ToolPart = Extract<ScriptPart, { type: 'tool-call' }>

function toolCall({ id, name, arguments: said }: ToolPart): object {
  return { id, type: 'function', function: { name, arguments: said } }
}

function contentPieces(
  part: Exclude<ScriptPart, ToolPart>,
  index: number,
  frame: Frame,
): readonly StreamPiece[] {
  const start = { index, delta: { message: { content: contentOf(part, '') } } }
  const deltas = splitTokens(part.text, frame.tokensPerChunk).map((text) => {
    const content = part.type === 'reasoning' ? { thinking: text } : { text }
    const fields = { index, delta: { message: { content } } }
    return event({
      kind: kindOfPart(part),
      type: 'content-delta',
      fields,
      tokens: tokensOfLength(text.length),
    })
  })
  return [
    event({ kind: 'other', type: 'content-start', fields: start }),
    ...deltas,
    event({ kind: 'other', type: 'content-end', fields: { index } }),
  ]
}

function callPieces(part: ToolPart, index: number, frame: Frame): readonly StreamPiece[] {
  const start = { index, delta: { message: { tool_calls: toolCall({ ...part, arguments: '' }) } } }
  const deltas = splitTokens(part.arguments, frame.tokensPerChunk).map((text) => {
    const fields = { index, delta: { message: { tool_calls: { function: { arguments: text } } } } }
    return event({ kind: 'tool', type: 'tool-call-delta', fields, tokens: tokensOfLength(text.length) })
  })
  return [
    event({ kind: 'tool', type: 'tool-call-start', fields: start }),
    ...deltas,
    event({ kind: 'other', type: 'tool-call-end', fields: { index } }),
  ]
}

interface EventParts {
  readonly kind: StreamPiece['kind']
  readonly type: string
  readonly fields: object
  readonly tokens?: number
}

function event({ kind, type, fields, tokens = 0 }: EventParts): StreamPiece {
  return { kind, event: type, data: JSON.stringify({ type, ...fields }), tokens }
}
