/** What spending is told apart by, in its three kinds: what entries have in common, what a request says of itself, and time. */

import type { SpendDimension } from '../../reports/report-store.ts'

export type TimeDimension = 'hour' | 'day' | 'month'
/** What a request says of itself. */
export type OwnDimension = 'tag' | 'end-user' | 'session'
export type OriginDimension = Exclude<SpendDimension, TimeDimension | OwnDimension>

export const ORIGIN_DIMENSIONS: readonly OriginDimension[] = [
  'key',
  'project',
  'team',
  'user',
  'route',
  'model',
  'target',
  'provider',
]
export const OWN_DIMENSIONS: readonly OwnDimension[] = ['tag', 'end-user', 'session']

export function isTime(dimension: SpendDimension | undefined): dimension is TimeDimension {
  return dimension === 'hour' || dimension === 'day' || dimension === 'month'
}

export function isOwn(dimension: SpendDimension): dimension is OwnDimension {
  return OWN_DIMENSIONS.some((name) => name === dimension)
}

export function isOrigin(dimension: SpendDimension): dimension is OriginDimension {
  return !isTime(dimension) && !isOwn(dimension)
}
