/** A few kinds of server cover the field; each fills in what its kind has in common, so that a provider's file says only what is its own. */

import type { TargetDialectId } from '../canonical/envelope.ts'
import type { AuthScheme, Provider } from './provider.ts'

type Own = Pick<Provider, 'id' | 'name' | 'baseUrl'> &
  Partial<Omit<Provider, 'modelsPath'>> & {
    /** Default `/models`; `none` where there is no list, or one that belongs to something else. */
    readonly modelsPath?: string
  }

/** A company's server that speaks OpenAI's chat completions. */
export function hostedOpenai(own: Own): Provider {
  return define('openai-chat', false, own)
}

/** A company's server that speaks Anthropic's messages. */
export function hostedAnthropic(own: Own): Provider {
  return define('anthropic-messages', false, own)
}

/** Google's own protocol. */
export function hostedGemini(own: Own): Provider {
  return define('gemini', false, own)
}

/** A model server on the operator's own machine; all of them speak OpenAI's chat completions. */
export function localOpenai(own: Own): Provider {
  return define('openai-chat', true, own)
}

export const bearer: AuthScheme = { kind: 'header', header: 'authorization', prefix: 'Bearer ' }

/** How a dialect's own API wants its key, where the provider does not say otherwise. */
export function defaultAuth(dialect: TargetDialectId): AuthScheme {
  switch (dialect) {
    case 'anthropic-messages':
      return { kind: 'header', header: 'x-api-key', prefix: '' }
    case 'gemini':
      return { kind: 'header', header: 'x-goog-api-key', prefix: '' }
    default:
      return bearer
  }
}

function define(
  dialect: TargetDialectId,
  isLocal: boolean,
  { modelsPath = '/models', ...own }: Own,
): Provider {
  const list = modelsPath === 'none' ? {} : { modelsPath }
  return { dialect, auth: defaultAuth(dialect), environmentKeys: [], quirks: [], isLocal, ...list, ...own }
}
