/** Whom a call is meant for: providers by their addresses, and credentials by how they are sent. */

import type { HoldfastConfig } from '../../app/config/config.ts'
import type { Provider } from '../../providers/provider.ts'
import { Secret } from '../../std/secret.ts'
import type { TransportRequest } from '../../std/transport.ts'

export interface Addressee {
  readonly provider: Provider
  readonly credential: string
  /** Empty where none was recognised. */
  readonly fingerprint: string
}

interface Entry {
  readonly provider: Provider
  readonly prefix: string
  readonly credentials: ReadonlySet<string>
}

const KEY_HEADERS = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'] as const

export class AddressBook {
  readonly #entries = new Map<string, Entry[]>()
  readonly #fingerprints = new Map<string, string>()

  add(config: HoldfastConfig): void {
    for (const secret of config.secrets) this.#fingerprints.set(secret.reveal(), secret.fingerprint)
    for (const { provider, credential, pool = [credential] } of config.providers) {
      const { origin, pathname } = new URL(provider.baseUrl)
      const credentials = pool.flatMap((one) => (one === undefined ? [] : [one]))
      for (const one of credentials) this.#fingerprints.set(one.reveal(), one.fingerprint)
      const entries = this.#entries.get(origin) ?? []
      this.#entries.set(origin, entries)
      entries.push({
        provider,
        prefix: pathname === '/' ? '' : pathname,
        credentials: new Set(credentials.map((one) => one.reveal())),
      })
    }
  }

  find({ origin, path, headers }: TransportRequest): Addressee | undefined {
    const credential = credentialIn(headers)
    const near = (this.#entries.get(origin) ?? []).filter(({ prefix }) => path.startsWith(prefix))
    const longest = Math.max(...near.map(({ prefix }) => prefix.length))
    const closest = near.filter(({ prefix }) => prefix.length === longest)
    const entry = closest.find(({ credentials }) => credentials.has(credential)) ?? closest[0]
    if (entry === undefined) return undefined
    return {
      provider: entry.provider,
      credential,
      fingerprint: this.#fingerprints.get(credential) ?? '',
    }
  }
}

function credentialIn(headers: TransportRequest['headers']): string {
  for (const name of KEY_HEADERS) {
    const value = headers[name]
    if (value !== undefined) return value.replace(/^bearer /i, '')
  }
  return ''
}

/**
 * The configuration with plain keys in place of computed ones: a signature or a token says nothing that a drill is about,
 * and to fetch one would leave the world.
 */
export function withPlainKeys(config: HoldfastConfig): HoldfastConfig {
  const providers = config.providers.map((configured) => {
    const { provider, credential, pool } = configured
    if (provider.auth.kind === 'header' || provider.auth.kind === 'none') return configured
    return {
      ...configured,
      provider: {
        ...provider,
        auth: { kind: 'header', header: 'authorization', prefix: 'Bearer ' } as const,
      },
      credential: plainKey(credential, provider),
      ...(pool === undefined ? {} : { pool: pool.map((one) => plainKey(one, provider)) }),
    }
  })
  return { ...config, providers }
}

function plainKey(credential: Secret | undefined, { id }: Provider): Secret {
  return new Secret(`played-${credential?.fingerprint ?? id}`)
}
