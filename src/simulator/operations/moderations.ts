/** Moderations in OpenAI's words: whatever says "simulated violence" is flagged, and nothing else. */

import { jsonSteps, type SimulatedCall } from '../call.ts'
import { textOf } from '../request-text.ts'
import type { Step } from '../step.ts'
import { fieldMissing } from './nothing-here.ts'

const CATEGORIES = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/instructions',
  'self-harm/intent',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
] as const
const FLAGGED = 'violence'

export function moderate(call: SimulatedCall): readonly Step[] {
  const { input } = call.request.fields
  if (input === undefined || input === null) return fieldMissing(call, 'input')
  // Parts of one message are judged together, texts in a list each by itself.
  const inputs = Array.isArray(input) && input.every((each) => typeof each === 'string') ? input : [input]
  const results = inputs.map((each) => judged(textOf(each).includes('simulated violence')))
  return jsonSteps(call, { id: call.ids.next('modr-'), model: call.request.model, results })
}

function judged(isFlagged: boolean): object {
  const each = <Value>(value: (name: string) => Value) =>
    Object.fromEntries(CATEGORIES.map((name) => [name, value(name)]))
  return {
    flagged: isFlagged,
    categories: each((name) => isFlagged && name === FLAGGED),
    category_scores: each((name) => (isFlagged && name === FLAGGED ? 0.99 : 0.000_01)),
    category_applied_input_types: each(() => ['text']),
  }
}
