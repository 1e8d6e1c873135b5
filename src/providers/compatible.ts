/** Any server that speaks a known dialect, by its address alone. */

import type { TargetDialectId } from '../canonical/envelope.ts'
import { defaultAuth } from './define-provider.ts'
import { isLocalAddress } from './local-address.ts'
import type { Provider, ProviderId } from './provider.ts'

export interface CompatibleOptions {
  readonly id: ProviderId
  readonly dialect: TargetDialectId
  readonly baseUrl: string
  /** Default: the id. */
  readonly name?: string
}

/** A provider about which only its address and its dialect are known. */
export function compatibleProvider({ id, dialect, baseUrl, name = id }: CompatibleOptions): Provider {
  return {
    id,
    name,
    dialect,
    baseUrl: withoutTrailingSlash(baseUrl),
    auth: defaultAuth(dialect),
    environmentKeys: [],
    isLocal: isLocalAddress(baseUrl),
    quirks: [],
    ...modelList(dialect),
  }
}

/** Where servers of a dialect list their models, below the address that the dialect is spoken at. */
function modelList(dialect: TargetDialectId): Pick<Provider, 'modelsPath'> {
  switch (dialect) {
    case 'ollama-chat':
      return { modelsPath: '/tags' }
    case 'cohere-chat':
    case 'bedrock-converse':
      return {}
    default:
      return { modelsPath: '/models' }
  }
}

/** The same provider at another address: a proxy of it, another region, another port. */
export function atAddress(provider: Provider, address: string): Provider {
  if (provider.at) return provider.at(address)
  return { ...provider, baseUrl: withoutTrailingSlash(address), isLocal: isLocalAddress(address) }
}

export const openaiCompatible: Provider = template('openai-compatible', 'openai-chat')
export const anthropicCompatible: Provider = template('anthropic-compatible', 'anthropic-messages')

function template(id: ProviderId, dialect: TargetDialectId): Provider {
  const at = (baseUrl: string) => compatibleProvider({ id, dialect, baseUrl })
  return { ...at('https://models.example.com/v1'), at }
}

function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
