/** Token counts: Google counts cached tokens in the prompt, and thoughts beside the candidates. */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'

/** A count that is left out is zero where the total stands. `searches` stand beside them, in the candidates. */
export function readUsage(value: unknown, searches = 0): Usage | undefined {
  if (!isJsonObject(value)) return undefined
  // Put together field by field: every response of a stream has one.
  const usage: { -readonly [Name in keyof Usage]: Usage[Name] } = { raw: value }
  const prompt = tokenCount(value['promptTokenCount'])
  const thoughts = tokenCount(value['thoughtsTokenCount'])
  const candidates = tokenCount(value['candidatesTokenCount'])
  const cached = tokenCount(value['cachedContentTokenCount'])
  const total = tokenCount(value['totalTokenCount'])
  const serviceTier = stringOf(value['serviceTier'])
  const inputAudio = audioIn(value['promptTokensDetails'])
  const outputAudio = audioIn(value['candidatesTokensDetails'])
  if (prompt !== undefined) usage.inputTokens = prompt + (tokenCount(value['toolUsePromptTokenCount']) ?? 0)
  if ((candidates ?? thoughts ?? total) !== undefined)
    usage.outputTokens = (candidates ?? 0) + (thoughts ?? 0)
  if (cached !== undefined) usage.cacheReadTokens = cached
  if (thoughts !== undefined) usage.reasoningTokens = thoughts
  if (inputAudio !== undefined) usage.inputAudioTokens = inputAudio
  if (outputAudio !== undefined) usage.outputAudioTokens = outputAudio
  if (serviceTier !== undefined) usage.serviceTier = serviceTier
  if (searches > 0) usage.searches = searches
  return usage
}

/** Queries of an answer that are told apart; more are no answer. */
const QUERIES_MAX = 1_000

/**
 * The queries that a candidate says Google made for it are put to `known`, which is made where there are any. Google counts
 * those that differ, and none that is empty (ai.google.dev, "Pricing").
 */
export function noteQueries(
  { groundingMetadata }: JsonObject,
  known: Set<string> | undefined,
): Set<string> | undefined {
  if (groundingMetadata === undefined) return known
  const told = arrayOf(objectOf(groundingMetadata)?.['webSearchQueries'])
  if (told.length === 0) return known
  const queries = known ?? new Set()
  for (const query of told)
    if (typeof query === 'string' && query !== '' && queries.size < QUERIES_MAX) queries.add(query)
  return queries
}

function audioIn(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined
  const audio = details.find((detail: unknown) => isJsonObject(detail) && detail['modality'] === 'AUDIO')
  return isJsonObject(audio) ? tokenCount(audio['tokenCount']) : undefined
}

export function writeUsage(usage: Usage): JsonObject {
  const { inputTokens, outputTokens, reasoningTokens, cacheReadTokens } = usage
  const visible = outputTokens === undefined ? undefined : Math.max(0, outputTokens - (reasoningTokens ?? 0))
  return {
    promptTokenCount: inputTokens ?? 0,
    ...(visible === undefined ? {} : { candidatesTokenCount: visible }),
    // A total says that nothing else was counted.
    ...(outputTokens === undefined ? {} : { totalTokenCount: (inputTokens ?? 0) + outputTokens }),
    ...(cacheReadTokens === undefined ? {} : { cachedContentTokenCount: cacheReadTokens }),
    ...(reasoningTokens === undefined ? {} : { thoughtsTokenCount: reasoningTokens }),
    ...detailsField('promptTokensDetails', { all: inputTokens, audio: usage.inputAudioTokens }),
    ...detailsField('candidatesTokensDetails', { all: visible, audio: usage.outputAudioTokens }),
  }
}

interface Counts {
  readonly all: number | undefined
  readonly audio: number | undefined
}

/** By kind, where another kind than text was counted. */
function detailsField(name: string, { all = 0, audio }: Counts): JsonObject {
  if (audio === undefined) return {}
  const text = Math.max(0, all - audio)
  return {
    [name]: [
      ...(text === 0 ? [] : [{ modality: 'TEXT', tokenCount: text }]),
      { modality: 'AUDIO', tokenCount: audio },
    ],
  }
}
