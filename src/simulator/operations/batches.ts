/** Batches: taken in as still to be done, and done when they are next asked about. */

import { type SimulatedCall } from '../call.ts'
import type { Step } from '../step.ts'
import { answerMessageBatches } from './message-batches.ts'
import { answerOpenAiBatches } from './openai-batches.ts'

export function answerBatches(call: SimulatedCall): readonly Step[] {
  return call.request.dialect === 'anthropic-messages'
    ? answerMessageBatches(call)
    : answerOpenAiBatches(call)
}
