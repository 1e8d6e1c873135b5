/** Opens what is kept of one exchange. */

import type { Clock } from '../std/clock.ts'
import { type ByteSealer, SealError } from '../std/sealer.ts'
import type { BodyStore } from './body-store.ts'
import { bodiesContext, decodeBodies, type KeptBodies } from './kept-bodies.ts'

/** What is known of the bodies of one exchange. */
export type FoundBodies =
  | { readonly type: 'kept'; readonly bodies: KeptBodies }
  | { readonly type: 'none' }
  /** Sealed under a master secret that is not at hand, or damaged. */
  | { readonly type: 'unreadable' }

export interface BodyReaderRooms {
  readonly store: Pick<BodyStore, 'findBodies'>
  readonly sealer: Pick<ByteSealer, 'open'>
  readonly clock: Pick<Clock, 'wallMs'>
}

/** Rejects with `StoreUnavailable` where the store does not answer. */
export async function findBodies(
  exchangeId: string,
  { store, sealer, clock }: BodyReaderRooms,
): Promise<FoundBodies> {
  const found = await store.findBodies(exchangeId, clock.wallMs())
  if (found === undefined) return { type: 'none' }
  try {
    const bodies = decodeBodies(sealer.open(found.sealed, bodiesContext(exchangeId)))
    return bodies?.exchangeId === exchangeId ? { type: 'kept', bodies } : { type: 'unreadable' }
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    return { type: 'unreadable' }
  }
}
