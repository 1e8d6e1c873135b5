/** What a recorded answer of Gemini's API says: plain, as server-sent events, or as one array that grows. */

import { countOf, type Fields, fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import {
  AnswerDraft,
  type CandidateDraft,
  type ErrorReading,
  type FinishKind,
  type UsageReading,
  type Verdict,
} from './reading.ts'
import { serverEvents } from './server-events.ts'

const finishKinds: Readonly<Record<string, FinishKind>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  BLOCKLIST: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
  SPII: 'content-filter',
  MODEL_ARMOR: 'content-filter',
  IMAGE_SAFETY: 'content-filter',
  IMAGE_PROHIBITED_CONTENT: 'content-filter',
  IMAGE_RECITATION: 'content-filter',
  MALFORMED_FUNCTION_CALL: 'malformed-tool-call',
  UNEXPECTED_TOOL_CALL: 'malformed-tool-call',
}

/** Clients with numeric enums get these numbers. */
const finishNumbers: Readonly<Record<number, string>> = {
  1: 'STOP',
  2: 'MAX_TOKENS',
  3: 'SAFETY',
  4: 'RECITATION',
  5: 'OTHER',
  6: 'BLOCKLIST',
  7: 'PROHIBITED_CONTENT',
  8: 'SPII',
  9: 'MALFORMED_FUNCTION_CALL',
}

export function geminiPlain(body: unknown): Verdict {
  return Array.isArray(body) ? verdictOf(body, 'stream') : verdictOf([body], 'plain')
}

export function geminiStream(text: string): Verdict {
  const start = text.trimStart()[0]
  if (start === '[' || start === '{') return geminiPlain(parsed(text))
  const chunks = serverEvents(text).map(({ data }) => parsed(data))
  return verdictOf([...chunks, ...bareError(text)], 'stream')
}

/** Google may break a stream off with a bare JSON error where an event is due. */
function bareError(text: string): readonly unknown[] {
  const start = text.search(/^\{\s*"error"/m)
  return start < 0 ? [] : [parsed(text.slice(start))]
}

function verdictOf(chunks: readonly unknown[], form: 'plain' | 'stream'): Verdict {
  const draft = new AnswerDraft()
  let isAnswer = false
  for (const value of chunks) {
    const chunk = fieldsOf(value)
    if (isSaid(chunk['error'])) return { kind: 'error', error: errorOf(fieldsOf(chunk['error'])) }
    for (const candidate of listOf(chunk['candidates'])) addCandidate(draft, fieldsOf(candidate))
    if (isSaid(fieldsOf(chunk['promptFeedback'])['blockReason']) && draft.candidates.length === 0) {
      draft.candidate(0).finish = 'content-filter'
    }
    draft.usage = geminiUsage(fieldsOf(chunk['usageMetadata'])) ?? draft.usage
    isAnswer ||= draft.candidates.length > 0
  }
  if (!isAnswer && form === 'plain') return { kind: 'none', reason: 'no candidates' }
  return form === 'plain' ? draft.verdictOfPlain() : draft.verdictOfStream()
}

function addCandidate(draft: AnswerDraft, source: Fields): void {
  const candidate = draft.candidate(Number(source['index'] ?? 0))
  for (const part of listOf(fieldsOf(source['content'])['parts'])) addPart(candidate, fieldsOf(part))
  const { finishReason: reason } = source
  const word = typeof reason === 'number' ? finishNumbers[reason] : textOf(reason)
  if (isSaid(word)) candidate.finish = finishKinds[word ?? ''] ?? 'other'
  candidate.citations += listOf(fieldsOf(source['citationMetadata'])['citationSources']).length
  candidate.citations += listOf(fieldsOf(source['citationMetadata'])['citations']).length
  candidate.citations += listOf(fieldsOf(source['groundingMetadata'])['groundingChunks']).length
  candidate.logprobs += listOf(fieldsOf(source['logprobsResult'])['chosenCandidates']).length
}

function addPart(candidate: CandidateDraft, part: Fields): void {
  if (isSaid(part['thoughtSignature'])) candidate.proofs += 1
  const call = part['functionCall']
  if (isSaid(call)) addCall(candidate, fieldsOf(call))
  else if (Object.keys(part).every((name) => name === 'thoughtSignature')) return
  else if (typeof part['text'] === 'string') {
    if (part['thought'] === true) candidate.reasoning += part['text']
    else candidate.text += part['text']
  } else candidate.others += 1
}

/** Vertex may stream a call's arguments: a named part begins it, and nameless ones go on, each with values and their paths. */
function addCall(candidate: CandidateDraft, { name, args, partialArgs }: Fields): void {
  const last = candidate.calls.at(-1)
  if (!isSaid(name) && last !== undefined) {
    last.written = withPieces(last.written, listOf(partialArgs))
    return
  }
  const written = withPieces(JSON.stringify(args ?? {}), listOf(partialArgs))
  candidate.calls.push({ key: '', name: textOf(name), written, isCustom: false })
}

function withPieces(written: string, pieces: readonly unknown[]): string {
  if (pieces.length === 0) return written
  const input: Record<string, unknown> = { ...fieldsOf(parsed(written)) }
  for (const value of pieces) {
    const { jsonPath, stringValue, numberValue, boolValue } = fieldsOf(value)
    const steps = textOf(jsonPath).match(/[^.$[\]'"]+/g) ?? []
    put(input, steps, typeof stringValue === 'string' ? stringValue : (numberValue ?? boolValue ?? null))
  }
  return JSON.stringify(input)
}

/** Puts a value where its path says; a piece of text goes on from the text before it. */
function put(into: Record<string, unknown>, [step, ...rest]: readonly string[], value: unknown): void {
  if (step === undefined) return
  if (rest.length === 0) {
    const before = into[step]
    into[step] = typeof before === 'string' && typeof value === 'string' ? before + value : value
    return
  }
  const inner = into[step]
  const isNumbered = /^\d+$/.test(rest[0] ?? '')
  // An array takes numbered members as an object does.
  const next = (typeof inner === 'object' && inner !== null ? inner : isNumbered ? [] : {}) as Record<
    string,
    unknown
  >
  into[step] = next
  put(next, rest, value)
}

function geminiUsage(usage: Fields): UsageReading | undefined {
  const { promptTokenCount: prompt, candidatesTokenCount: said, thoughtsTokenCount: thoughts } = usage
  if (prompt === undefined && said === undefined) return undefined
  return {
    input: countOf(prompt) + countOf(usage['toolUsePromptTokenCount']),
    output: countOf(said) + countOf(thoughts),
    cacheRead: countOf(usage['cachedContentTokenCount']),
    cacheWrite: 0,
    reasoning: countOf(thoughts),
  }
}

function errorOf({ code, status, message }: Fields): ErrorReading {
  return { status: countOf(code), type: textOf(status), code: '', message: textOf(message) }
}
