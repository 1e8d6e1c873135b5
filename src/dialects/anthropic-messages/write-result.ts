/** Writes a whole answer as a message of API version 2023-06-01: no field that only newer clients know. */

import type { Part } from '../../canonical/message.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import type { JsonObject } from '../../std/json.ts'
import type { EncodedAnswer, WriteAnswerOptions } from '../dialect.ts'
import { DIALECT } from './dialect-id.ts'
import { LossList } from './losses.ts'
import { writeFinish } from './stop-reason.ts'
import { writeUsage } from './usage.ts'
import {
  AnswerToolIds,
  answerInput,
  type Proof,
  signatureBlock,
  thinkingBlock,
  writeCitations,
  writeProof,
} from './write-answer-block.ts'

export function writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer {
  const losses = new LossList()
  const [candidate] = result.candidates
  if (result.candidates.length > 1) losses.add('n', 'A message holds one answer; the first is given.')
  if (candidate?.logprobs !== undefined) losses.add('logprobs', 'A message holds no log probabilities.')
  const parts = candidate?.parts ?? []
  const responseId = result.responseId ?? options.responseId
  const { origin } = options
  const context: AnswerContext = { losses, toolIds: new AnswerToolIds(), responseId, origin }
  const message: JsonObject = {
    id: responseId,
    type: 'message',
    role: 'assistant',
    model: result.modelId ?? options.modelId,
    content: parts.flatMap((part) => writePart(part, context)),
    ...writeFinish(candidate?.finish, {
      hasToolCall: parts.some(({ type }) => type === 'tool-call'),
      hasRefusal: parts.some(({ type }) => type === 'refusal'),
    }),
    usage: writeUsage(result.usage),
  }
  return { body: JSON.stringify(message), losses: losses.list }
}

interface AnswerContext {
  readonly losses: LossList
  readonly toolIds: AnswerToolIds
  readonly responseId: string
  readonly origin: string | undefined
}

function writePart(part: Part, context: AnswerContext): readonly JsonObject[] {
  const { losses, toolIds, responseId, origin } = context
  switch (part.type) {
    case 'text': {
      const citations = writeCitations(part.citations, losses)
      if (part.text === '' && citations.length === 0) return []
      const block = { type: 'text', text: part.text, ...(citations.length === 0 ? {} : { citations }) }
      return [...signatureBefore(part, context), block]
    }
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'reasoning':
      return writeReasoning(part, origin)
    case 'tool-call':
      return [
        ...signatureBefore(part, context),
        {
          type: 'tool_use',
          id: toolIds.give(part.id, responseId),
          name: part.name,
          input: answerInput(part.arguments, part.kind),
        },
      ]
    case 'opaque':
      if (part.dialect === DIALECT) return [part.value]
      losses.add('content', 'Only its own API can express a part of this answer.')
      return []
    case 'image':
    case 'audio':
    case 'document':
    case 'tool-result':
      losses.add(`content.${part.type}`, 'A message of the assistant cannot hold this.')
      return []
  }
}

function signatureBefore({ signature }: Proof, context: AnswerContext): readonly JsonObject[] {
  const block = signatureBlock(signature, context)
  return block === undefined ? [] : [block]
}

function writeReasoning(
  part: Proof & { readonly text: string },
  origin: string | undefined,
): readonly JsonObject[] {
  const { signature, data } = writeProof(part, { hasText: part.text !== '', origin })
  const redacted = data === undefined ? [] : [{ type: 'redacted_thinking', data }]
  const isSaid = part.text !== '' || part.signature !== undefined
  return isSaid ? [thinkingBlock(part.text, signature), ...redacted] : redacted
}
