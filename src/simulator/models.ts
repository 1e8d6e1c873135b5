/** The simulated models: each a way of making an answer from a request. Every answer says that it is simulated. */

import type { IdSource, Random } from '../std/ids.ts'
import type { SimulatedRequest, SimulatedTool } from './request.ts'
import { valueOfSchema } from './schema-value.ts'
import type { ScriptChoice, ScriptPart } from './script.ts'
import { splitTokens, TOKEN_CHARACTERS } from './tokens.ts'
import { voices } from './voices.ts'

export interface SimulatedModel {
  readonly id: string
  readonly description: string
  readonly speak: Speak
}

export interface Speaking {
  readonly request: SimulatedRequest
  readonly random: Random
  readonly ids: IdSource
  /** Which of the answers asked for, from 0. */
  readonly choice: number
}

type Speak = (speaking: Speaking) => readonly ScriptPart[]

/** Tool calls made at most at once. */
const TOOL_CALLS_MAX = 8
/** Tokens of placeholder text where the request sets no ceiling. */
const LOREM_TOKENS = 100
/** Placeholder text stops here whatever ceiling the request sets (tokens). */
const LOREM_TOKENS_MAX = 32_768

export const simulatedModels: readonly SimulatedModel[] = [
  {
    id: 'mock',
    description: 'answers with a plainly simulated sentence that repeats the question',
    speak: ({ request, choice }) => [text(mockSentence(request, choice))],
  },
  {
    id: 'echo',
    description: 'repeats the last thing the user said',
    speak: ({ request }) => [text(`[simulated echo] ${request.lastUserText}`)],
  },
  {
    id: 'lorem',
    description: 'placeholder text as long as max_tokens allows, 100 tokens otherwise',
    speak: ({ request, random }) => [text(loremText(request.outputTokensMax, random))],
  },
  {
    id: 'tools',
    description: 'calls the first declared tool, then answers with its result',
    speak: (speaking) => callTools(speaking, speaking.request.tools.slice(0, 1)),
  },
  {
    id: 'parallel-tools',
    description: 'calls every declared tool at once, then answers with the results',
    speak: (speaking) =>
      callTools(
        speaking,
        speaking.request.tools.slice(0, speaking.request.isParallelToolUse ? TOOL_CALLS_MAX : 1),
      ),
  },
  {
    id: 'reasoner',
    description: 'thinks aloud, then answers as mock does',
    speak: ({ request, choice }) => [reasoning(request), text(mockSentence(request, choice))],
  },
  {
    id: 'json',
    description: 'answers with JSON that satisfies the schema of response_format',
    speak: ({ request }) => [text(JSON.stringify(structuredAnswer(request)))],
  },
  {
    id: 'refuser',
    description: 'declines to answer, in the manner of its dialect',
    speak: () => [{ type: 'refusal', text: 'This is a simulated refusal: no model was asked.' }],
  },
]

const modelsById = new Map(simulatedModels.map((model) => [model.id, model]))

/** What the model the request names says; a name the simulator does not know speaks as `mock`. */
export function speak(speaking: Speaking): ScriptChoice {
  const parts = partsOf(speaking)
  const isCall = parts.some((part) => part.type === 'tool-call')
  return { parts, finish: isCall ? 'tool-calls' : 'stop' }
}

function partsOf(speaking: Speaking): readonly ScriptPart[] {
  const { request } = speaking
  const forced = forcedTools(request)
  if (forced.length > 0) return callTools(speaking, forced)
  const model = modelsById.get(request.model)
  if (request.responseSchema !== undefined) return [text(JSON.stringify(structuredAnswer(request)))]
  const parts = model ? model.speak(speaking) : [text(mockSentence(request, speaking.choice))]
  const needsReasoning = request.isReasoningWanted && !parts.some((part) => part.type === 'reasoning')
  return needsReasoning ? [reasoning(request), ...parts] : parts
}

/** A tool choice that demands a call gets one from every model. */
function forcedTools({ toolChoice, tools }: SimulatedRequest): readonly SimulatedTool[] {
  if (toolChoice.type === 'required') return tools.slice(0, 1)
  return toolChoice.type === 'named' ? tools.filter((tool) => tool.name === toolChoice.name) : []
}

function callTools(speaking: Speaking, tools: readonly SimulatedTool[]): readonly ScriptPart[] {
  const { request, ids } = speaking
  const isDone = request.toolResult !== undefined && request.toolChoice.type === 'auto'
  if (isDone || tools.length === 0 || request.toolChoice.type === 'none') {
    return [text(mockSentence(request, speaking.choice))]
  }
  const prefix = voices[request.dialect].idPrefixes.toolCall
  return tools.map((tool) => ({
    type: 'tool-call',
    id: ids.next(prefix),
    name: tool.name,
    arguments: JSON.stringify(valueOfSchema(tool.schema)),
  }))
}

function mockSentence(request: SimulatedRequest, choice: number): string {
  const which = choice === 0 ? '' : ` (answer ${choice + 1})`
  const lead = `This is a simulated answer${which}: no model was asked.`
  if (request.toolResult !== undefined) return `${lead} The tool returned: ${excerpt(request.toolResult)}`
  return request.lastUserText === '' ? lead : `${lead} You said: ${excerpt(request.lastUserText)}`
}

/** Questions are repeated up to this many characters. */
const EXCERPT_CHARACTERS = 400

function excerpt(words: string): string {
  const [start = ''] = splitTokens(words, EXCERPT_CHARACTERS / TOKEN_CHARACTERS)
  return start.length < words.length ? `${start}…` : start
}

function structuredAnswer(request: SimulatedRequest): unknown {
  const value = valueOfSchema(request.responseSchema ?? {})
  const isFree = typeof value !== 'object' || value === null || Array.isArray(value)
  return isFree ? { simulated: true, answer: excerpt(request.lastUserText) } : value
}

function reasoning(request: SimulatedRequest): ScriptPart {
  const words = `Simulated reasoning: the user wants an answer to "${excerpt(request.lastUserText)}", and none will be thought out.`
  return { type: 'reasoning', text: words }
}

function text(words: string): ScriptPart {
  return { type: 'text', text: words }
}

const WORDS =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua'.split(
    ' ',
  )

function loremText(ceiling: number | undefined, random: Random): string {
  const characters = Math.min(ceiling ?? LOREM_TOKENS, LOREM_TOKENS_MAX) * TOKEN_CHARACTERS
  let words = 'Simulated text:'
  while (words.length < characters) words += ` ${WORDS[Math.floor(random.next() * WORDS.length)]}`
  return ceiling === undefined ? words.slice(0, characters) : words
}
