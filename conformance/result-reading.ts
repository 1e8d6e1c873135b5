/** What the gateway's own folded answer says, in the oracle's words, so that the two can be laid side by side. */

import type { Candidate, InferenceResult } from '../src/canonical/result.ts'
import { CandidateDraft, type CandidateReading, type Reading } from './oracle/reading.ts'

export function readingOfResult(result: InferenceResult): Reading {
  const { usage } = result
  const isCounted = usage?.inputTokens !== undefined || usage?.outputTokens !== undefined
  return {
    candidates: result.candidates.map(readingOfCandidate),
    ...(isCounted
      ? {
          usage: {
            input: usage.inputTokens ?? 0,
            output: usage.outputTokens ?? usage.reasoningTokens ?? 0,
            cacheRead: usage.cacheReadTokens ?? 0,
            cacheWrite: usage.cacheWriteTokens ?? 0,
            reasoning: usage.reasoningTokens ?? 0,
          },
        }
      : {}),
  }
}

function readingOfCandidate({ index, parts, finish, logprobs }: Candidate): CandidateReading {
  const draft = new CandidateDraft(index)
  for (const part of parts) {
    if (part.type === 'text') {
      draft.text += part.text
      draft.citations += part.citations?.length ?? 0
    } else if (part.type === 'refusal') draft.refusal += part.text
    else if (part.type === 'reasoning') {
      draft.reasoning += part.text
      if (part.encrypted !== undefined) draft.proofs += 1
    } else if (part.type === 'tool-call' && part.kind !== 'provider') {
      const { name, arguments: written } = part
      draft.calls.push({ key: '', name, written, isCustom: part.kind === 'custom' })
    }
    // A signature on a part that only its dialect can say stays inside it.
    if (part.type === 'opaque' && /"(thoughtSignature|signature)"/.test(JSON.stringify(part.value)))
      draft.proofs += 1
    if ('signature' in part && part.signature !== undefined && part.signature !== '') draft.proofs += 1
  }
  draft.finish = finish?.reason
  draft.logprobs = logprobs?.length ?? 0
  return draft.close()
}
