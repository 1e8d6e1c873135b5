/**
 * A file is known only to the provider that it was uploaded to: a request that names one goes there and nowhere else.
 * Where nobody remembers the upload, the id is taken to be of the company whose protocol the client speaks, if any
 * target is of it, and else of whichever provider the client chose.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { stateOriginOf } from '../providers/target.ts'
import type { FilteredTargets } from './capability-filter.ts'
import { firstOfEachPool } from './pool.ts'
import type { RequestNeeds } from './request-needs.ts'

export interface FileOwners {
  readonly needs: RequestNeeds
  /** Whose files a client names where nobody remembers (`homeOriginOf` its dialect). */
  readonly homeOrigin: string
  /** The provider that is known to have a file. */
  ownerOf(fileId: string): string | undefined
  /** Whether any provider is known to have any file. */
  readonly isAnyKnown: boolean
}

/** Throws `capability_missing` where a file is known to be where no target is. Of a key pool the first has its files. */
export function placeFiles(targets: readonly Target[], owners: FileOwners): FilteredTargets {
  const { needs } = owners
  // Most requests: there is nobody else to send it to, and no file that is known to be elsewhere.
  if (targets.length < 2 && !owners.isAnyKnown) return { targets, skipped: [] }
  const fileIds = needs.mayNameFiles() ? (needs.get()?.fileIds ?? []) : []
  if (fileIds.length === 0) return { targets, skipped: [] }
  const isFit = fitness(targets, fileIds, owners)
  const fit = firstOfEachPool(targets.filter(isFit))
  if (fit.length === 0) throw elsewhere(fileIds, owners)
  const lacks = ['file'] as const
  const skipped = firstOfEachPool(targets).flatMap((target) =>
    isFit(target) ? [] : [{ targetId: target.id, lacks }],
  )
  return { targets: fit, skipped }
}

function fitness(
  targets: readonly Target[],
  fileIds: readonly string[],
  owners: FileOwners,
): (target: Target) => boolean {
  const known = new Set(fileIds.flatMap((id) => owners.ownerOf(id) ?? []))
  if (known.size > 0) return ({ provider }) => known.has(provider.id) && known.size === 1
  const isHome = ({ provider }: Target) => stateOriginOf(provider) === owners.homeOrigin
  return targets.some(isHome) ? isHome : () => true
}

function elsewhere(fileIds: readonly string[], owners: FileOwners): GatewayError {
  const places = fileIds.flatMap((id) => {
    const owner = owners.ownerOf(id)
    return owner === undefined ? [] : [`${shown(id)} at ${owner}`]
  })
  return new GatewayError(
    'capability_missing',
    `The request names files that no target of this route has: ${places.join(', ')}. Upload them to one provider, and ask a model of it.`,
  )
}

/** An id longer than this is none; it is cut in messages. */
const ID_SHOWN_MAX = 80

function shown(id: string): string {
  return id.length > ID_SHOWN_MAX ? `${id.slice(0, ID_SHOWN_MAX)}…` : id
}
