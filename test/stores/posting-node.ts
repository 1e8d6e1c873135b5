/** A process that posts entries until it is killed: `posting-node.ts <url>`. */

import { entry, HOUR_MS, ONE_HOUR_MS } from '../../src/stores/contract/samples.test-support.ts'
import { openPostgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { systemClock } from '../../src/std/clock.ts'

const [, , url = ''] = process.argv
const store = await openPostgresStore({ url, clock: systemClock })
for (let batch = 0; batch < 1_000; batch += 1) {
  const entries = Array.from({ length: 500 }, (_, place) =>
    entry(`posted.${batch}.${place}`, { atMs: HOUR_MS + place * ONE_HOUR_MS + 1 }),
  )
  await store.postBooks({ nodeId: 'node_2', entries, requests: [] })
}
await store.close()
