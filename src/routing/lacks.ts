/** What a model is known to lack of what a request needs. What is not known is never held against it. */

import type { Ability } from '../canonical/needs.ts'
import type { Modality } from '../providers/model-facts-file.ts'
import type { ModelFacts } from '../providers/model-facts.ts'

/** The abilities that this model certainly has not. */
export function lackedAbilities(facts: ModelFacts | undefined): ReadonlySet<Ability> {
  const lacked = new Set<Ability>()
  if (facts === undefined) return lacked
  if (facts.callsTools === false) lacked.add('tools')
  if (facts.keepsToSchemas === false) lacked.add('json-schema')
  if (takesNone(facts.inputs, ['image'])) lacked.add('vision')
  if (takesNone(facts.inputs, ['audio'])) lacked.add('audio')
  // Where pages can be looked at, documents can be read, whatever the list of modalities says of them.
  if (takesNone(facts.inputs, ['pdf', 'image'])) lacked.add('documents')
  if (takesNone(facts.outputs, ['audio'])) lacked.add('speech')
  return lacked
}

/** The most input that this model can hold, tokens, where it is known. */
export function inputRoom(facts: ModelFacts | undefined): number | undefined {
  const { contextTokens, inputTokensMax } = facts ?? {}
  if (contextTokens === undefined) return inputTokensMax
  return inputTokensMax === undefined ? contextTokens : Math.max(contextTokens, inputTokensMax)
}

function takesNone(known: readonly Modality[] | undefined, wanted: readonly Modality[]): boolean {
  return known !== undefined && !wanted.some((modality) => known.includes(modality))
}
