/** For providers that follow OpenAI in chats and not in all else: what they are known not to have, so that nobody asks them. */

import type { Operation } from '../canonical/envelope.ts'
import type { Provider } from './provider.ts'

export function lacking(...operations: readonly Operation[]): NonNullable<Provider['operationPaths']> {
  return Object.fromEntries(operations.map((operation) => [operation, false]))
}

/** What is kept at a provider. */
export const KEPT: readonly Operation[] = ['files', 'batches']
export const PICTURES: readonly Operation[] = ['image-generation', 'image-edit', 'image-variation']
export const SOUND: readonly Operation[] = ['speech', 'transcription', 'audio-translation']
