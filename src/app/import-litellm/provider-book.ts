/** The providers of the written file: each combination of address, key and limits once, under a name of its own. */

import { RESERVED_PROVIDER_IDS } from '../../providers/config-schema.ts'
import { knownProviders } from '../../providers/index.ts'

/** One provider as the file says it. */
export interface ProviderDraft {
  readonly provider?: string
  readonly dialect?: string
  readonly baseUrl?: string
  readonly credential?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly slots?: number
  readonly timeouts?: Readonly<Record<string, string>>
}

export class ProviderBook {
  readonly #ids = new Map<string, string>()
  readonly #drafts = new Map<string, ProviderDraft>()

  /** The name under which this provider stands in the file; `provider` is who it is an instance of. */
  add(draft: ProviderDraft): string {
    const key = JSON.stringify(draft)
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const { provider, ...rest } = draft
    const id = this.#free(provider ?? nameOfAddress(draft.baseUrl), provider)
    this.#ids.set(key, id)
    this.#drafts.set(id, provider === undefined || provider === id ? rest : draft)
    return id
  }

  get entries(): Readonly<Record<string, ProviderDraft>> {
    return Object.fromEntries(this.#drafts)
  }

  get isEmpty(): boolean {
    return this.#drafts.size === 0
  }

  /** A server of one's own is not called like a known provider. */
  #free(wish: string, provider: string | undefined): string {
    const isTaken = (id: string) =>
      this.#drafts.has(id) ||
      (id !== provider && (knownProviders.has(id) || RESERVED_PROVIDER_IDS.includes(id)))
    for (let count = 1; ; count += 1) {
      const id = count === 1 ? wish : `${wish}-${count}`
      if (!isTaken(id)) return id
    }
  }
}

/** `localhost-8000`, `llm.example.com`: where it is, in the characters of a name. */
function nameOfAddress(baseUrl = ''): string {
  const host = URL.parse(baseUrl)?.host ?? ''
  const name = host
    .replaceAll(/[^A-Za-z0-9.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 48)
  return name === '' ? 'server' : name.toLowerCase()
}
