/** Says a whole answer as the events that would have brought it: for a client that streams and a target that did not. */

import type { InferenceEvent } from './event.ts'
import type { Part } from './message.ts'
import type { Candidate, InferenceResult } from './result.ts'

export function unfold(result: InferenceResult): readonly InferenceEvent[] {
  return [
    {
      type: 'answer-start',
      ...(result.responseId === undefined ? {} : { responseId: result.responseId }),
      ...(result.modelId === undefined ? {} : { modelId: result.modelId }),
      ...(result.createdAtS === undefined ? {} : { createdAtS: result.createdAtS }),
      ...(result.raw === undefined ? {} : { raw: result.raw }),
    },
    ...result.candidates.flatMap(unfoldCandidate),
    ...(result.usage === undefined ? [] : [{ type: 'usage-update', usage: result.usage } as const]),
  ]
}

function unfoldCandidate(candidate: Candidate): InferenceEvent[] {
  return [
    ...candidate.parts.flatMap((part, ordinal) => unfoldPart(part, candidate.index, ordinal)),
    ...(candidate.logprobs === undefined
      ? []
      : [{ type: 'logprobs-delta', candidate: candidate.index, content: candidate.logprobs } as const]),
    ...(candidate.finish === undefined
      ? []
      : [{ type: 'finish', candidate: candidate.index, finish: candidate.finish } as const]),
  ]
}

/** Parts that only a request can hold (images, documents, tool results) do not occur in answers and say nothing. */
function unfoldPart(part: Part, candidate: number, ordinal: number): InferenceEvent[] {
  const at = { candidate, part: ordinal }
  switch (part.type) {
    case 'text':
      return [
        { type: 'text-start', ...at },
        { type: 'text-delta', text: part.text, ...at },
        {
          type: 'text-end',
          ...(part.citations === undefined ? {} : { citations: part.citations }),
          ...signatureOf(part),
          ...at,
        },
      ]
    case 'reasoning':
      return [
        { type: 'reasoning-start', ...(part.id === undefined ? {} : { id: part.id }), ...at },
        ...(part.text === '' ? [] : [{ type: 'reasoning-delta', text: part.text, ...at } as const]),
        {
          type: 'reasoning-end',
          ...signatureOf(part),
          ...(part.encrypted === undefined ? {} : { encrypted: part.encrypted }),
          ...at,
        },
      ]
    case 'refusal':
      return [
        { type: 'refusal-start', ...at },
        { type: 'refusal-delta', text: part.text, ...at },
        { type: 'refusal-end', ...at },
      ]
    case 'tool-call':
      return [
        {
          type: 'tool-call-start',
          id: part.id,
          name: part.name,
          ...(part.kind === undefined ? {} : { kind: part.kind }),
          ...signatureOf(part),
          ...at,
        },
        { type: 'tool-call-delta', argumentsDelta: part.arguments, ...at },
        { type: 'tool-call-end', ...signatureOf(part), ...at },
      ]
    case 'opaque':
      return [{ type: 'opaque', dialect: part.dialect, value: part.value, ...at }]
    case 'image':
    case 'audio':
    case 'document':
    case 'tool-result':
      return []
  }
}

function signatureOf({ signature }: { readonly signature?: string }): { signature?: string } {
  return signature === undefined ? {} : { signature }
}
