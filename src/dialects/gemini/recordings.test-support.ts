/** The recorded traffic of this dialect and, beside the dialect, a reading of its own of what an answer holds. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { PathFacts } from '../../canonical/envelope.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'

export interface Recording {
  readonly id: string
  readonly stream: boolean
  readonly request: { readonly url: string; readonly body?: unknown } | null
  readonly response: {
    readonly status: number
    readonly headers?: Record<string, string>
    readonly body?: unknown
    readonly text?: string
    readonly chunk_lens?: readonly number[]
    readonly leading_ws?: number
  }
}

const corpus = new URL('../../../../shared/corpus/', import.meta.url)

/** The lines of a file are in the corpus's own format, described in its README. */
export function recordingsOf(name: string): readonly Recording[] {
  const file = new URL(`${name}.jsonl.gz`, corpus)
  if (!existsSync(file)) return []
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  return lines.map((line): Recording => JSON.parse(line))
}

export const bytesOf = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

/** What the address of a request says. */
export function factsOf(address: string): Required<PathFacts> {
  const url = new URL(address)
  const [, name = '', method = ''] = /\/models\/([^/:]+):(\w+)$/.exec(url.pathname) ?? []
  return {
    modelId: decodeURIComponent(name),
    stream: method === 'streamGenerateContent',
    streamForm: url.searchParams.get('alt') === 'sse' ? 'sse' : 'json-array',
  }
}

/** What one candidate of an answer holds. */
export interface Held {
  text: string
  thoughts: string
  readonly calls: { readonly name: unknown; readonly args: unknown }[]
  readonly signatures: string[]
  /** Parts that only this dialect knows. */
  others: number
  finish: string | undefined
}

export interface HeldAnswer {
  readonly candidates: readonly (readonly [number, Held])[]
  readonly usage: JsonObject | undefined
}

function nothing(): Held {
  return { text: '', thoughts: '', calls: [], signatures: [], others: 0, finish: undefined }
}

const finishes: Readonly<Record<string, string>> = {
  '1': 'stop',
  '2': 'length',
  '3': 'content-filter',
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
  MODEL_ARMOR: 'content-filter',
  IMAGE_SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  MALFORMED_FUNCTION_CALL: 'malformed-tool-call',
  UNEXPECTED_TOOL_CALL: 'malformed-tool-call',
}

/** Taken from the responses without the dialect. */
export function heldByResponses(responses: readonly unknown[]): HeldAnswer {
  const all = new Map<number, Held>()
  let usage: JsonObject | undefined
  for (const response of responses.filter(isJsonObject)) {
    usage = objectOf(response['usageMetadata']) ?? usage
    for (const [place, candidate] of arrayOf(response['candidates']).filter(isJsonObject).entries()) {
      const index = numberOf(candidate['index']) ?? place
      const held = all.get(index) ?? nothing()
      all.set(index, held)
      hold(candidate, held)
    }
    const block = objectOf(response['promptFeedback'])?.['blockReason']
    if (block !== undefined && all.size === 0) all.set(0, { ...nothing(), finish: 'content-filter' })
  }
  return { candidates: [...all].toSorted(([left], [right]) => left - right), usage: countsOf(usage) }
}

function hold(candidate: JsonObject, held: Held): void {
  for (const part of arrayOf(objectOf(candidate['content'])?.['parts']).filter(isJsonObject))
    holdPart(part, held)
  const word = candidate['finishReason']
  if (typeof word === 'string' || typeof word === 'number') held.finish = finishes[word] ?? 'other'
  const isCall = word === 1 || word === 12 || word === 'STOP' || word === 'UNEXPECTED_TOOL_CALL'
  if (isCall && held.calls.length > 0) held.finish = 'tool-calls'
}

function holdPart(part: JsonObject, held: Held): void {
  const call = objectOf(part['functionCall'])
  const text = stringOf(part['text'])
  const signature = stringOf(part['thoughtSignature'])
  if (call !== undefined) holdCall(call, held)
  else if (text !== undefined) held[part['thought'] === true ? 'thoughts' : 'text'] += text
  else if (Object.keys(part).length > 0) held.others += 1
  if (signature !== undefined && (call !== undefined || text !== undefined)) held.signatures.push(signature)
}

/** A call without a name goes on with the one before it, a piece of its arguments at a time. */
function holdCall(call: JsonObject, held: Held): void {
  if (call['name'] !== undefined) held.calls.push({ name: call['name'], args: call['args'] ?? {} })
  for (const piece of arrayOf(call['partialArgs']).filter(isJsonObject)) {
    const steps = (stringOf(piece['jsonPath']) ?? '').split(/[.[\]$]+/).filter((step) => step !== '')
    let into = held.calls.at(-1)?.args as Record<string, unknown>
    for (const [place, step] of steps.slice(0, -1).entries()) {
      into[step] ??= /^\d+$/.test(steps[place + 1] ?? '') ? [] : {}
      into = into[step] as Record<string, unknown>
    }
    const last = steps.at(-1) ?? ''
    const { stringValue, numberValue, boolValue } = piece
    into[last] =
      typeof stringValue === 'string'
        ? (stringOf(into[last]) ?? '') + stringValue
        : (numberValue ?? boolValue ?? null)
  }
}

/** Whether there is anything that could be called an answer. */
export function isAnswer(responses: readonly unknown[]): boolean {
  const hasFailed = responses.some((response) => isJsonObject(response) && response['error'] !== undefined)
  const { candidates } = heldByResponses(responses)
  return !hasFailed && candidates.some(([, held]) => JSON.stringify(held) !== JSON.stringify(nothing()))
}

function countsOf(usage: JsonObject | undefined): JsonObject | undefined {
  if (usage === undefined) return undefined
  const count = (name: string) => numberOf(usage[name])
  const thoughts = count('thoughtsTokenCount')
  const output = (count('candidatesTokenCount') ?? 0) + (thoughts ?? 0)
  const prompt = count('promptTokenCount')
  return {
    ...(prompt === undefined ? {} : { input: prompt + (count('toolUsePromptTokenCount') ?? 0) }),
    output,
    cached: count('cachedContentTokenCount') ?? null,
    thoughts: thoughts ?? null,
  }
}

/** The same of what the dialect made of it. */
export function heldByResult({ candidates, usage }: InferenceResult): HeldAnswer {
  return {
    candidates: candidates.map(({ index, parts, finish }) => {
      const held = { ...nothing(), finish: finish?.reason }
      for (const part of parts) {
        if (part.type === 'text') held.text += part.text
        if (part.type === 'reasoning') held.thoughts += part.text
        if (part.type === 'tool-call') held.calls.push({ name: part.name, args: JSON.parse(part.arguments) })
        if (part.type === 'opaque') held.others += 1
        if ('signature' in part && part.signature !== undefined) held.signatures.push(part.signature)
      }
      return [index, held] as const
    }),
    usage:
      usage === undefined
        ? undefined
        : {
            ...(usage.inputTokens === undefined ? {} : { input: usage.inputTokens }),
            output: usage.outputTokens ?? 0,
            cached: usage.cacheReadTokens ?? null,
            thoughts: usage.reasoningTokens ?? null,
          },
  }
}

/** A plain answer is whole, whether or not it says why it ended. */
export function whole({ candidates, usage }: HeldAnswer): HeldAnswer {
  for (const [, held] of candidates) held.finish ??= held.calls.length > 0 ? 'tool-calls' : 'stop'
  return { candidates, usage }
}

/** Responses of a recorded stream, as JSON, by the framing alone; what is no response is an error. */
export function responsesIn(text: string): readonly unknown[] {
  if (text.trimStart().startsWith('[')) return JSON.parse(text)
  return text
    .split(/\r?\n\r?\n/)
    .filter((event) => event.trim() !== '')
    .map((event) => JSON.parse(event.replace(/^data:/, '')))
}
