/** Remembers which provider has a file or a batch, by the ids that its answers named; the oldest are forgotten. */

import { RecentMap } from './recent-map.ts'

/** Ids remembered; about 2 MB. */
export const IDS_KEPT_MAX = 10_000
/** A longer id is none that a path of ours takes. */
const ID_CHARS_MAX = 128

export interface IdMakers {
  remember(id: string, providerId: string): void
  makerOf(id: string): string | undefined
  /** Nothing was ever remembered: there is nothing to look for. */
  readonly isEmpty: boolean
}

export function createIdMakers({ entriesMax = IDS_KEPT_MAX } = {}): IdMakers {
  const makers = new RecentMap<string>({ entriesMax })
  return {
    remember(id, providerId) {
      if (id !== '' && id.length <= ID_CHARS_MAX) makers.set(id, providerId)
    },
    makerOf: (id) => makers.get(id),
    get isEmpty() {
      return makers.size === 0
    },
  }
}
