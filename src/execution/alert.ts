/** What an operator must act on, when it begins: said with the secret's fingerprint only. */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import { publishedWords } from './repeated-words.ts'

export interface AlertContext {
  /** The body of the request, whose words a provider may repeat. */
  readonly request: Uint8Array
  /** A route led there; a model that only a client named is the client's mistake. */
  readonly isRouted: boolean
}

/** `undefined` where nobody has to act. */
export function alertOf(
  target: Target,
  error: GatewayError,
  { request, isRouted }: AlertContext,
): NoticeRecord | undefined {
  const { health } = error.row
  if (health !== 'auth-dead' && health !== 'exhausted' && health !== 'misconfigured') return undefined
  if (health === 'misconfigured' && !isRouted) return undefined
  return {
    level: 'error',
    name: names[health],
    message: `${target.id}: ${publishedWords(error, request) ?? error.code} ${error.row.nextStep}`,
    facts: { target: target.id, credential: target.credential?.fingerprint ?? 'none' },
  }
}

const names = {
  'auth-dead': 'credential_refused',
  exhausted: 'credential_exhausted',
  misconfigured: 'target_misconfigured',
}
