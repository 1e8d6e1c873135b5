/** Writes a script as answers of Ollama's own chat: one JSON object, or one a line. */

import { parseJson } from '../std/json.ts'
import type { Frame } from './frame.ts'
import { kindOfPart, type StreamPiece } from './piece.ts'
import type { Script, ScriptChoice, ScriptPart, ScriptUsage } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

export function ollamaAnswer(script: Script, frame: Frame): object {
  const choice = firstChoice(script)
  const calls = choice.parts.flatMap((part) => (part.type === 'tool-call' ? [part] : []))
  const thinking = choice.parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join('')
  const message = {
    role: 'assistant',
    content: choice.parts.map(shownText).join(''),
    ...(thinking === '' ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCall) }),
  }
  return { ...lineFrame(frame), message, ...ending(choice, script.usage) }
}

/** Tool calls come whole; the last line says `done` and holds the counts. */
export function ollamaPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const choice = firstChoice(script)
  let calls = 0
  const pieces = choice.parts.flatMap((part) => {
    if (part.type !== 'tool-call') return textPieces(part, frame)
    const message = { content: '', tool_calls: [toolCall(part, calls)] }
    calls += 1
    return [
      line({ kind: 'tool', message, tokens: Math.max(1, tokensOfLength(part.arguments.length)) }, frame),
    ]
  })
  const end = { kind: 'finish', message: { content: '' }, ending: ending(choice, script.usage) } as const
  return [...pieces, line(end, frame)]
}

export function ollamaQuiet(frame: Frame): StreamPiece {
  return line({ kind: 'other', message: { content: '' } }, frame)
}

function firstChoice(script: Script): ScriptChoice {
  return script.choices[0] ?? { parts: [], finish: 'stop' }
}

function shownText(part: ScriptPart): string {
  return part.type === 'text' || part.type === 'refusal' ? part.text : ''
}

function toolCall(part: Extract<ScriptPart, { type: 'tool-call' }>, index: number): object {
  // Arguments cut short by the ceiling are no JSON; Ollama sends no half of an object.
  const called = { index, name: part.name, arguments: parseJson(part.arguments) ?? {} }
  return { id: part.id, function: called }
}

function textPieces(part: Exclude<ScriptPart, { type: 'tool-call' }>, frame: Frame): readonly StreamPiece[] {
  return splitTokens(part.text, frame.tokensPerChunk).map((text) => {
    const message = part.type === 'reasoning' ? { content: '', thinking: text } : { content: text }
    return line({ kind: kindOfPart(part), message, tokens: tokensOfLength(text.length) }, frame)
  })
}

/** The durations are made up: a nanosecond for every token. */
function ending(choice: ScriptChoice, { inputTokens, outputTokens }: ScriptUsage): object {
  return {
    done_reason: choice.finish === 'length' ? 'length' : 'stop',
    done: true,
    total_duration: inputTokens + outputTokens,
    load_duration: 0,
    prompt_eval_count: inputTokens,
    prompt_eval_duration: inputTokens,
    eval_count: outputTokens,
    eval_duration: outputTokens,
  }
}

interface LineParts {
  readonly kind: StreamPiece['kind']
  readonly message: object
  readonly tokens?: number
  readonly ending?: object
}

function line({ kind, message, tokens = 0, ending = { done: false } }: LineParts, frame: Frame): StreamPiece {
  const data = { ...lineFrame(frame), message: { role: 'assistant', ...message }, ...ending }
  return { kind, data: JSON.stringify(data), tokens }
}

function lineFrame(frame: Frame): object {
  return { model: frame.model, created_at: new Date(frame.createdSeconds * 1000).toISOString() }
}
