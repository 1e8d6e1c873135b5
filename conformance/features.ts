/** Which features an exchange has: the rows of the matrix. */

import type { Recording } from './corpus.ts'
import type { Reading } from './oracle/reading.ts'

/** Rows that come from answers, in the order they are printed; ends (`finish: length`) follow. */
export const answerFeatures = [
  'text',
  'reasoning',
  'signatures',
  'tools',
  'parallel tools',
  'structured output',
  'citations',
  'logprobs',
  'n > 1',
  'refusal',
  'usage',
  'usage: cached',
  'usage: reasoning',
] as const

export function featuresOfAnswer(reading: Reading, { tags }: Recording): readonly string[] {
  const { candidates, usage } = reading
  const some = (holds: (candidate: Reading['candidates'][number]) => boolean) => candidates.some(holds)
  const rows: readonly (readonly [string, boolean])[] = [
    ['text', some(({ text }) => text !== '')],
    ['reasoning', some(({ reasoning }) => reasoning.trim() !== '')],
    ['signatures', some(({ proofs }) => proofs > 0)],
    ['tools', some(({ calls }) => calls.length > 0)],
    ['parallel tools', some(({ calls }) => calls.length > 1)],
    ['structured output', tags.has('json_schema') || tags.has('json_object')],
    ['citations', some(({ citations }) => citations > 0)],
    ['logprobs', some(({ logprobs }) => logprobs > 0)],
    ['n > 1', candidates.length > 1],
    ['refusal', some(({ refusal, finish }) => refusal !== '' || finish === 'refusal')],
    ['usage', usage !== undefined],
    ['usage: cached', (usage?.cacheRead ?? 0) + (usage?.cacheWrite ?? 0) > 0],
    ['usage: reasoning', (usage?.reasoning ?? 0) > 0],
  ]
  const ends = new Set(candidates.map(({ finish }) => `finish: ${finish}`))
  return [...rows.filter(([, holds]) => holds).map(([name]) => name), ...ends]
}
