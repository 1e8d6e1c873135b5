/** What one try of a client asks for, in each dialect that clients speak, and what is agreed about its answer. */

import type { PathFacts } from '../../canonical/envelope.ts'

/** The dialects that played clients speak. */
export const PLAYED_DIALECTS = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'] as const
export type PlayedDialect = (typeof PLAYED_DIALECTS)[number]

export function isPlayed(dialect: string): dialect is PlayedDialect {
  return (PLAYED_DIALECTS as readonly string[]).includes(dialect)
}

/** What client and providers agree on beforehand, since no model is there to think of an answer. */
export interface Ask {
  readonly tag: string
  /** Words of the whole answer. */
  readonly words: number
  /** From this word on it calls a tool; absent: it calls none. */
  readonly toolFrom?: number
  readonly inputTokens: number
  /** Every target gives the same answer. */
  readonly isSame: boolean
}

export interface AskOptions {
  readonly ask: Ask
  readonly dialect: PlayedDialect
  readonly model: string
  readonly isStream: boolean
  readonly promptBytes: number
}

export interface AskedRequest {
  readonly body: Buffer
  readonly named?: PathFacts
}

/** How a prompt tells whose it is. */
const TAG = /ask:([0-9a-z]{6});/

export function writeAsk({ ask, dialect, model, isStream, promptBytes }: AskOptions): AskedRequest {
  const prompt = `${filler(promptBytes)} ask:${ask.tag};`
  const hasTool = ask.toolFrom !== undefined
  switch (dialect) {
    case 'openai-chat': {
      const tools = hasTool ? `,"tools":[{"type":"function","function":${TOOL_WITH('parameters')}}]` : ''
      const usage = isStream ? ',"stream":true,"stream_options":{"include_usage":true}' : ''
      return asked(`{"model":"${model}"${usage},"messages":[{"role":"user","content":"${prompt}"}]${tools}}`)
    }
    case 'anthropic-messages': {
      const tools = hasTool ? `,"tools":[${TOOL_WITH('input_schema')}]` : ''
      const stream = isStream ? ',"stream":true' : ''
      return asked(
        `{"model":"${model}","max_tokens":4096${stream},"messages":[{"role":"user","content":"${prompt}"}]${tools}}`,
      )
    }
    case 'openai-responses': {
      const tools = hasTool ? `,"tools":[{"type":"function",${TOOL_WITH('parameters').slice(1)}]` : ''
      const stream = isStream ? ',"stream":true' : ''
      return asked(`{"model":"${model}","store":false${stream},"input":"${prompt}"${tools}}`)
    }
    case 'gemini': {
      const tools = hasTool ? `,"tools":[{"functionDeclarations":[${TOOL_WITH('parameters')}]}]` : ''
      const named = { modelId: model, stream: isStream, ...(isStream ? { streamForm: 'sse' as const } : {}) }
      return { ...asked(`{"contents":[{"role":"user","parts":[{"text":"${prompt}"}]}]${tools}}`), named }
    }
  }
}

function asked(body: string): AskedRequest {
  return { body: Buffer.from(body, 'latin1') }
}

const TOOL_WITH = (schemaField: string): string =>
  `{"name":"note","description":"Keeps a note.","${schemaField}":{"type":"object","properties":{"say":{"type":"string"}},"required":["say"]}}`

const FILLER = 'the quick brown fox jumps over the lazy dog and goes on to see what is behind the hill '
/** Fillers of different lengths remembered. */
const FILLERS_MAX = 1_000
const fillers = new Map<number, string>()

function filler(bytes: number): string {
  const known = fillers.get(bytes)
  if (known !== undefined) return known
  if (fillers.size >= FILLERS_MAX) fillers.clear()
  const made = FILLER.repeat(Math.ceil(bytes / FILLER.length)).slice(0, bytes)
  fillers.set(bytes, made)
  return made
}

/** The tag of the request that a body was made of, whatever dialect it is in now. */
export function findTag(body: string): string | undefined {
  return TAG.exec(body)?.[1]
}
