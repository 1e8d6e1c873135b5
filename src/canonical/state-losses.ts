/** The losses of state that its target did not make: the same names whether a request is translated or passes through. */

import type { Loss } from './loss.ts'

export type LostState =
  | 'reasoning'
  | 'reasoning_signature'
  | 'encrypted_reasoning'
  | 'thought_signature'
  | 'file_id'

export function stateLoss(field: LostState): Loss {
  return { field, reason: reasons[field] }
}

const reasons: Readonly<Record<LostState, string>> = {
  reasoning: 'Only the provider that wrote this reasoning takes it back.',
  reasoning_signature: 'Only the provider that signed this reasoning can read its signature.',
  encrypted_reasoning: 'Only the provider that encrypted this reasoning can read it.',
  thought_signature: 'Only the provider that signed this part can read its signature.',
  file_id: 'A file is known only to the provider that it was uploaded to.',
}
