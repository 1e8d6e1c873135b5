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

/** US dollars for a million tokens. */
export interface ModelPrices {
  readonly input: number
  readonly output: number
  /** Absent: as input. */
  readonly cacheRead?: number
  /** Absent: as input. */
  readonly cacheWrite?: number
  /** Absent: as output. */
  readonly reasoning?: number
}

/** With what is said of its models, by name. */
export interface ProviderEntryDraft extends ProviderDraft {
  readonly prices?: Readonly<Record<string, ModelPrices>>
}

export interface NamedModel {
  /** Its name in the written file. */
  readonly provider: string
  readonly modelId: string
}

export class ProviderBook {
  readonly #ids = new Map<string, string>()
  readonly #drafts = new Map<string, ProviderDraft>()
  readonly #prices = new Map<string, Map<string, ModelPrices>>()

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

  setPrices({ provider, modelId }: NamedModel, prices: ModelPrices): void {
    const byModel = this.#prices.get(provider) ?? new Map<string, ModelPrices>()
    this.#prices.set(provider, byModel.set(modelId, prices))
  }

  get entries(): Readonly<Record<string, ProviderEntryDraft>> {
    return Object.fromEntries([...this.#drafts].map(([id, draft]) => [id, this.#priced(id, draft)]))
  }

  #priced(id: string, draft: ProviderDraft): ProviderEntryDraft {
    const prices = this.#prices.get(id)
    return prices === undefined ? draft : { ...draft, prices: Object.fromEntries(prices) }
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
