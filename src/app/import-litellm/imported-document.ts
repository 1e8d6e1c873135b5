/** What an import writes, as data. */

import type { RouteDraft } from './build-routes.ts'
import type { ProviderEntryDraft } from './provider-book.ts'
import type { CacheDraft } from './read-cache.ts'

export interface ImportedDocument {
  readonly keys?: readonly { readonly name: string; readonly key: string }[]
  readonly providers?: Readonly<Record<string, ProviderEntryDraft>>
  readonly routes?: Readonly<Record<string, RouteDraft>>
  readonly cache?: CacheDraft
  readonly requests?: { readonly keepBodies: true }
  readonly log?: { readonly level: 'debug' }
}
