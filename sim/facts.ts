/** A history in the order in which the invariants ask: by request, with all that is known of each. */

import type { HoldfastConfig } from '../src/app/config/config.ts'
import type { ClientStory, ClientTry, History, UpstreamCall } from '../src/drill/engine/history.ts'
import type { AttemptRecord, ExchangeRecord } from '../src/telemetry/records.ts'

/** One request with everything that was told of it. */
export interface TryFacts {
  readonly story: ClientStory
  readonly made: ClientTry
  /** Tries of the same story before it. */
  readonly earlier: number
  /** In the order in which they began. */
  readonly calls: readonly UpstreamCall[]
  readonly records: readonly ExchangeRecord[]
  readonly attempts: readonly AttemptRecord[]
}

export interface Facts {
  readonly history: History
  readonly config: HoldfastConfig
  readonly tries: readonly TryFacts[]
}

export function factsOf(history: History, config: HoldfastConfig): Facts {
  const calls = groupBy(history.calls, ({ tag }) => tag)
  const records = groupBy(history.exchanges, ({ exchangeId }) => exchangeId)
  const attempts = groupBy(history.attempts, ({ exchangeId }) => exchangeId)
  const tries = history.requests.flatMap((story) =>
    story.tries.map((made, earlier) => ({
      story,
      made,
      earlier,
      calls: calls.get(made.tag) ?? [],
      records: records.get(made.exchangeId) ?? [],
      attempts: attempts.get(made.exchangeId) ?? [],
    })),
  )
  return { history, config, tries }
}

export function groupBy<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** How breaches name a request. */
export function nameOf({ made, story }: TryFacts): string {
  return `${made.exchangeId} (story ${story.number}, ${story.dialect}, ${story.isStream ? 'stream' : 'plain'})`
}
