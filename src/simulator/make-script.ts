/** From a request to a script: which answer, cut where the request says, and what it counts for. */

import type { IdSource, Random } from '../std/ids.ts'
import { speak } from './models.ts'
import type { PromptCache } from './prompt-cache.ts'
import type { SimulatedRequest } from './request.ts'
import type { ScriptedAnswer } from './scripted-answer.ts'
import type { Script, ScriptChoice, ScriptPart } from './script.ts'
import { outputTokensOf, reasoningTokensOf, stopAtSequence, stopAtTokens } from './script.ts'
import { tokensOfLength } from './tokens.ts'
import { voices } from './voices.ts'

export interface ScriptSources {
  readonly request: SimulatedRequest
  /** The scenario's answer for this request, where it has one. */
  readonly answer: ScriptedAnswer | undefined
  readonly random: Random
  readonly ids: IdSource
  readonly cache: PromptCache
}

/** One answer, all its choices together, has no more tokens: a request decides how many it asks for, not what they cost us. */
const SCRIPT_TOKENS_MAX = 32_768

export function makeScript(sources: ScriptSources): Script {
  const { request, answer } = sources
  const choices: ScriptChoice[] = []
  const ceiling = Math.floor(SCRIPT_TOKENS_MAX / request.choices)
  for (let choice = 0; choice < request.choices; choice += 1) {
    const spoken = answer ? scripted(answer, sources) : speak({ ...sources, choice })
    const stopped = stopAtSequence(spoken, request.stopSequences)
    choices.push(stopAtTokens(stopped, Math.min(request.outputTokensMax ?? ceiling, ceiling)))
  }
  return { choices, usage: usageOf(choices, sources) }
}

/** Tokens of the prompt; never none, since real providers count the conversation's own frame. */
export function inputTokensOf(request: SimulatedRequest): number {
  return tokensOfLength(request.promptCharacters) + 3
}

function usageOf(choices: readonly ScriptChoice[], { request, cache }: ScriptSources) {
  return {
    inputTokens: inputTokensOf(request),
    ...cache.use(request.cacheablePrompt),
    outputTokens: choices.reduce((sum, choice) => sum + outputTokensOf(choice), 0),
    reasoningTokens: choices.reduce((sum, choice) => sum + reasoningTokensOf(choice), 0),
  }
}

/** An answer written in the scenario, word for word. */
function scripted(answer: ScriptedAnswer, { request, ids }: ScriptSources): ScriptChoice {
  const prefix = voices[request.dialect].idPrefixes.toolCall
  const calls = (answer.toolCalls ?? []).map(
    (call): ScriptPart => ({
      type: 'tool-call',
      id: ids.next(prefix),
      name: call.name,
      arguments: JSON.stringify(call.arguments),
    }),
  )
  const parts: readonly ScriptPart[] = [
    ...(answer.reasoning === undefined ? [] : [{ type: 'reasoning', text: answer.reasoning } as const]),
    ...(answer.text === undefined ? [] : [{ type: 'text', text: answer.text } as const]),
    ...(answer.refusal === undefined ? [] : [{ type: 'refusal', text: answer.refusal } as const]),
    ...calls,
  ]
  return { parts, finish: answer.finish ?? (calls.length > 0 ? 'tool-calls' : 'stop') }
}
