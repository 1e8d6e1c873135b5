/**
 * A node as a process of its own: leases slices of one budget from a store in PostgreSQL and spends them, writing every
 * batch into a file before it is posted, until nothing is left. Arguments: address, id of the node, file.
 */

import { appendFileSync } from 'node:fs'
import { budget, charge, entry, nano } from '../../src/stores/contract/samples.test-support.ts'
import { openPostgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { systemClock } from '../../src/std/clock.ts'

/** What every entry costs, and what is leased at a time, nano-USD. */
const COST = 1_000
const SLICE = 40 * COST
const BATCH = 5
const LOOPS = 4

const [, , url = '', nodeId = '', file = ''] = process.argv
const store = await openPostgresStore({ url, clock: systemClock })
const spent = charge(budget('bud_1', 0).id)

await Promise.all(Array.from({ length: LOOPS }, (_, loop) => spendAll(loop)))
await store.close()
process.stdout.write('done\n')

async function spendAll(loop: number): Promise<void> {
  let held = 0
  for (let turn = 0; ; turn += 1) {
    if (held < BATCH * COST) {
      const ask = { nodeId, charge: spent, needNanoUsd: nano(COST), wantNanoUsd: nano(SLICE) }
      const [grant] = await store.lease([ask])
      held += grant?.grantedNanoUsd ?? 0
    }
    const size = Math.min(BATCH, Math.floor(held / COST))
    if (size === 0) return
    const entries = Array.from({ length: size }, (_, place) =>
      entry(`${nodeId}-${loop}-${turn}-${place}`, { costNanoUsd: nano(COST), charges: [spent] }),
    )
    held -= size * COST
    const batch = { nodeId, entries, requests: [] }
    appendFileSync(file, `${JSON.stringify(batch)}\n`)
    await store.postBooks(batch)
  }
}
