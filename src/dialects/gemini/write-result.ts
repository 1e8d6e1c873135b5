/** Writes a whole answer as a plain one of this dialect. */

import type { Citation, Part } from '../../canonical/message.ts'
import type { Candidate, InferenceResult } from '../../canonical/result.ts'
import { type JsonObject, stringOf } from '../../std/json.ts'
import { LossList } from '../anthropic-messages/losses.ts'
import type { EncodedAnswer, WriteAnswerOptions } from '../dialect.ts'
import { writeGrounding } from './citations.ts'
import { DIALECT } from './fields.ts'
import { writeLogprobs } from './logprobs.ts'
import {
  callPart,
  finishFields,
  PROVIDERS_TOOL,
  responseTail,
  signatureField,
  thoughtProof,
  usageField,
} from './write-answer.ts'

export function writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer {
  const losses = new LossList()
  const modelId = result.modelId ?? options.modelId
  const responseId = result.responseId ?? options.responseId
  const body = {
    candidates: result.candidates.map((candidate) => writeCandidate(candidate, { options, losses })),
    ...usageField(result.usage),
    ...responseTail({ modelId, responseId }),
  }
  return { body: JSON.stringify(body), losses: losses.list }
}

interface Context {
  readonly options: WriteAnswerOptions
  readonly losses: LossList
}

function writeCandidate(candidate: Candidate, context: Context): JsonObject {
  const malformedCalls: string[] = []
  const parts = candidate.parts.flatMap((part) => writePart(part, context, malformedCalls))
  const citations = candidate.parts.flatMap((part): readonly Citation[] =>
    part.type === 'text' ? (part.citations ?? []) : [],
  )
  const { finish, logprobs } = candidate
  return {
    content: { parts, role: 'model' },
    ...(finish === undefined ? {} : finishFields(finish, malformedCalls)),
    index: candidate.index,
    ...(citations.length === 0 ? {} : { groundingMetadata: writeGrounding(citations) }),
    ...(logprobs === undefined ? {} : { logprobsResult: writeLogprobs(logprobs) }),
  }
}

function writePart(
  part: Part,
  { options, losses }: Context,
  malformedCalls: string[],
): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
      return [{ text: part.text, ...signatureField(part.signature, options) }]
    case 'refusal':
      return [{ text: part.text }]
    case 'reasoning': {
      return [{ text: part.text, thought: true, ...thoughtProof(part, part.text !== '', options) }]
    }
    case 'tool-call': {
      if (part.kind === 'provider') {
        losses.add('content.server_tool_use', PROVIDERS_TOOL)
        return []
      }
      const written = callPart(part, signatureField(part.signature, options))
      if (written !== undefined) return [written]
      losses.add('tool_calls.arguments', 'Gemini takes the arguments of a call as an object only.')
      malformedCalls.push(`${part.name}(${part.arguments})`)
      return []
    }
    case 'opaque':
      if (part.dialect === DIALECT) return [part.value]
      losses.add(`content.${stringOf(part.value['type']) ?? 'part'}`, 'Gemini has no such part.')
      return []
    case 'image':
    case 'audio':
    case 'document':
    case 'tool-result':
      return []
  }
}
