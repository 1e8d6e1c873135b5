/** An answer written down word for word, for the requests it is meant for. */

import type { SimulatedRequest } from './request.ts'
import type { ScriptFinish } from './script.ts'

export interface ScriptedAnswer {
  /** The model it is for; `*` stands for anything. Every model where absent. */
  readonly model?: string
  /** Words the last user message must hold. */
  readonly contains?: string
  /** Only after the result of a tool (true), or only where none ends the conversation (false). */
  readonly afterTool?: boolean
  readonly reasoning?: string
  readonly text?: string
  /** Words with which the model declines. */
  readonly refusal?: string
  readonly toolCalls?: readonly ScriptedToolCall[]
  /** `tool-calls` where tools are called, `stop` otherwise. */
  readonly finish?: ScriptFinish
}

export interface ScriptedToolCall {
  readonly name: string
  readonly arguments: unknown
}

/** The first answer meant for this request. */
export function answerFor(
  answers: readonly ScriptedAnswer[],
  request: SimulatedRequest,
): ScriptedAnswer | undefined {
  return answers.find(
    (answer) =>
      matchesName(answer.model, request.model) &&
      request.lastUserText.includes(answer.contains ?? '') &&
      (answer.afterTool === undefined || answer.afterTool === (request.toolResult !== undefined)),
  )
}

/** True where the pattern is absent, equal, or equal with its `*` standing for any characters. */
export function matchesName(pattern: string | undefined, name: string): boolean {
  if (pattern === undefined || pattern === name) return true
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined || !name.startsWith(first)) return false
  let position = first.length
  for (const part of rest) {
    const found = name.indexOf(part, position)
    if (found < 0) return false
    position = found + part.length
  }
  return name.length - last.length >= position && name.endsWith(last)
}
