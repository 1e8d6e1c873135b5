/** Token counts: Google counts cached tokens in the prompt, and thoughts beside the candidates. */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { arrayOf, isJsonObject, type JsonObject } from '../../std/json.ts'
import { fieldOf } from './fields.ts'

/** A count that is left out is zero where the total stands. */
export function readUsage(value: unknown): Usage | undefined {
  if (!isJsonObject(value)) return undefined
  const count = (name: string) => tokenCount(fieldOf(value, name))
  const prompt = count('promptTokenCount')
  const thoughts = count('thoughtsTokenCount')
  const candidates = count('candidatesTokenCount')
  const tools = count('toolUsePromptTokenCount') ?? 0
  const cached = count('cachedContentTokenCount')
  const isCounted =
    candidates !== undefined || thoughts !== undefined || count('totalTokenCount') !== undefined
  return {
    ...(prompt === undefined ? {} : { inputTokens: prompt + tools }),
    ...(isCounted ? { outputTokens: (candidates ?? 0) + (thoughts ?? 0) } : {}),
    ...(cached === undefined ? {} : { cacheReadTokens: cached }),
    ...(thoughts === undefined ? {} : { reasoningTokens: thoughts }),
    ...audioOf('inputAudioTokens', fieldOf(value, 'promptTokensDetails')),
    ...audioOf('outputAudioTokens', fieldOf(value, 'candidatesTokensDetails')),
    raw: value,
  }
}

function audioOf(name: 'inputAudioTokens' | 'outputAudioTokens', details: unknown): Partial<Usage> {
  for (const detail of arrayOf(details)) {
    if (!isJsonObject(detail) || detail['modality'] !== 'AUDIO') continue
    const tokens = tokenCount(fieldOf(detail, 'tokenCount'))
    if (tokens !== undefined) return { [name]: tokens }
  }
  return {}
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
