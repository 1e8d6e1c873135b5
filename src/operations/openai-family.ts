/** The dialects whose providers follow OpenAI in everything else too, and so have its paths. */

import type { TargetDialectId } from '../canonical/envelope.ts'

export function isOpenaiFamily(dialect: TargetDialectId): boolean {
  return dialect === 'openai-chat' || dialect === 'openai-responses' || dialect === 'openai-completions'
}

/** The path, where the provider is of the family. */
export function openaiPath(path: string): (dialect: TargetDialectId) => string | undefined {
  return (dialect) => (isOpenaiFamily(dialect) ? path : undefined)
}
