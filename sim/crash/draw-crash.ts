/** What one run is to go through, from its seed: who asks what, and where the gateway dies. */

import { randomUUID } from 'node:crypto'
import { befalls, wholeBetween } from '../../src/drill/engine/chance.ts'
import { randomFor } from '../../src/simulator/seed.ts'
import type { Failpoint } from '../../src/std/failpoints.ts'
import type { Random } from '../../src/std/ids.ts'
import type { Asked } from './ask.ts'
import type { Tenant } from './tenants.ts'

export type Death =
  | { readonly kind: 'failpoint'; readonly name: Failpoint; readonly nth: number }
  /** Killed from outside, so long after the first request, ms. */
  | { readonly kind: 'moment'; readonly afterMs: number }
  /** Told to stop, as an operator does: then nothing may be left at all. */
  | { readonly kind: 'stopped' }

/** Passes among which one is drawn: about as many as a run has. */
const PASSES: Readonly<Record<Exclude<Failpoint, 'migrating'>, number>> = {
  accepted: 18,
  held: 12,
  sent: 10,
  'first-token': 10,
  'mid-stream': 60,
  'terminal-not-flushed': 12,
  flushed: 20,
  'settled-unposted': 3,
  posting: 3,
  posted: 3,
  recovering: 1,
  // On SQLite with the first posting; on PostgreSQL a run posts too little for it.
  building: 1,
  'directory-changing': 2,
}
// Sound: its own keys.
const NAMES = Object.keys(PASSES) as (keyof typeof PASSES)[]
const MOMENT_MS_MAX = 350
const ASKED = 16
const MAX_TOKENS = [4, 12, 12, 20] as const

/** The first run makes the database, so only there can the making of it be cut short. */
export function drawDeath(seed: number, run: number): Death {
  if (run === 0) return { kind: 'failpoint', name: 'migrating', nth: 1 }
  const random = randomFor(seed, `death ${run}`)
  if (befalls(random, 0.04)) return { kind: 'stopped' }
  if (befalls(random, 0.15)) return { kind: 'moment', afterMs: random.next() * MOMENT_MS_MAX }
  const name = pick(NAMES, random)
  return { kind: 'failpoint', name, nth: wholeBetween(random, 1, PASSES[name]) }
}

export function drawRequests(
  { seed, run, group }: { readonly seed: number; readonly run: number; readonly group: string },
  tenants: readonly Tenant[],
): readonly Asked[] {
  const random = randomFor(seed, `requests ${run}`)
  return Array.from({ length: ASKED }, (_, place) => {
    const isKeyed = befalls(random, 0.25)
    const mark = `${group}-${run}-${place}`
    const asked: Asked = {
      mark,
      tenant: pick(tenants, random),
      isStream: befalls(random, 0.6),
      misfortune: befalls(random, 0.85) || isKeyed ? 'none' : befalls(random, 0.5) ? 'refused' : 'broken-off',
      paceMs: wholeBetween(random, 0, 6),
      maxTokens: befalls(random, 0.05) ? undefined : pick(MAX_TOKENS, random),
      idempotencyKey: isKeyed ? `key-of-${mark}` : undefined,
      leavesAfterMs: befalls(random, 0.12) ? wholeBetween(random, 1, 80) : undefined,
    }
    return asked
  })
}

/** Tells the marks of one loop from those of another over the same database. */
export function groupName(): string {
  return randomUUID().slice(0, 8)
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  // Sound: the place is within the list, and no list here is empty.
  return values[Math.floor(random.next() * values.length)] as Value
}
