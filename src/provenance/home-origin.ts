/** Whose state a client's own words hold where nothing says otherwise: the company whose protocol it speaks. */

import type { DialectId } from '../canonical/envelope.ts'

/** In the words of `Provider.stateOrigin`. */
export function homeOriginOf(dialect: DialectId): string {
  switch (dialect) {
    case 'anthropic-messages':
      return 'anthropic'
    case 'gemini':
      return 'google'
    case 'openai-chat':
    case 'openai-completions':
    case 'openai-responses':
      return 'openai'
  }
}
