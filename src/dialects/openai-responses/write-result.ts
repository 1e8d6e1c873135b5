/** Says a whole answer at once: the response that its stream would have ended with. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { unfold } from '../../canonical/unfold.ts'
import type { EncodedAnswer, WriteAnswerOptions } from '../dialect.ts'
import { ResponsesStreamWriter } from './stream-writer.ts'

export function writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer {
  const writer = new ResponsesStreamWriter(options)
  for (const event of logprobsFirst(unfold(result))) writer.write(event)
  writer.closeItems()
  return { body: JSON.stringify(writer.response()), losses: writer.losses }
}

/** A whole answer knows its probabilities before it says the text they belong to. */
function logprobsFirst(events: readonly InferenceEvent[]): readonly InferenceEvent[] {
  const isLogprobs = ({ type }: InferenceEvent) => type === 'logprobs-delta'
  return [...events.filter(isLogprobs), ...events.filter((event) => !isLogprobs(event))]
}
