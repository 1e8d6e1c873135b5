/** Writes a script as OpenAI's older completions: text and nothing else. */

import { finishReason, openAiUsage } from './encode-openai.ts'
import type { Frame } from './frame.ts'
import { type StreamPiece, takeTurns } from './piece.ts'
import type { Script, ScriptChoice } from './script.ts'
import { splitTokens, tokensOfLength } from './tokens.ts'

export function completionsAnswer(script: Script, frame: Frame): object {
  return {
    ...completionFrame(frame),
    choices: script.choices.map(plainChoice),
    usage: openAiUsage(script.usage),
  }
}

export function completionsPieces(script: Script, frame: Frame): readonly StreamPiece[] {
  const pieces = takeTurns(script.choices.map((choice, index) => choicePieces(choice, index, frame)))
  if (frame.includeUsage) {
    const data = { ...completionFrame(frame), choices: [], usage: openAiUsage(script.usage) }
    pieces.push({ kind: 'usage', data: JSON.stringify(data), tokens: 0 })
  }
  pieces.push({ kind: 'done', data: '[DONE]', tokens: 0 })
  return pieces
}

export function completionsQuiet(frame: Frame): StreamPiece {
  return piece({ kind: 'other', frame, index: 0, text: '' })
}

function textOf({ parts }: ScriptChoice): string {
  return parts.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join('')
}

function plainChoice(choice: ScriptChoice, index: number): object {
  return { text: textOf(choice), index, logprobs: null, finish_reason: finishReason(choice.finish) }
}

function choicePieces(choice: ScriptChoice, index: number, frame: Frame): readonly StreamPiece[] {
  const texts = splitTokens(textOf(choice), frame.tokensPerChunk)
  return [
    ...texts.map((text) => piece({ kind: 'text', frame, index, text, tokens: tokensOfLength(text.length) })),
    piece({ kind: 'finish', frame, index, text: '', finish: finishReason(choice.finish) }),
  ]
}

interface PieceParts {
  readonly kind: StreamPiece['kind']
  readonly frame: Frame
  readonly index: number
  readonly text: string
  readonly finish?: string
  readonly tokens?: number
}

function piece({ kind, frame, index, text, finish, tokens = 0 }: PieceParts): StreamPiece {
  const choice = { text, index, logprobs: null, finish_reason: finish ?? null }
  const usage = frame.includeUsage ? { usage: null } : {}
  return { kind, data: JSON.stringify({ ...completionFrame(frame), choices: [choice], ...usage }), tokens }
}

function completionFrame(frame: Frame): object {
  return { id: frame.id, object: 'text_completion', created: frame.createdSeconds, model: frame.model }
}
