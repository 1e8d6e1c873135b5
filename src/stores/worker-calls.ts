/** What a facade and a worker thread of a store say to one another, whatever the operations are. */

import { StoreConflict, StoreSchemaError, StoreUnavailable } from '../std/store-error.ts'

export interface Call {
  readonly id: number
  readonly name: string
  readonly values: readonly unknown[]
}

/** An error does not keep its class on the way between threads: its kind travels instead. */
export type ErrorKind = 'unavailable' | 'conflict' | 'schema' | 'corrupt' | 'range' | 'other'

export type Answer =
  | { readonly id: number; readonly result: unknown; readonly error?: undefined }
  | { readonly id: number; readonly error: { readonly kind: ErrorKind; readonly message: string } }

/** `isCorrupt`: known to the store alone. */
export function kindOf(error: unknown, isCorrupt: (error: unknown) => boolean = () => false): ErrorKind {
  if (isCorrupt(error)) return 'corrupt'
  if (error instanceof StoreUnavailable) return 'unavailable'
  if (error instanceof StoreConflict) return 'conflict'
  if (error instanceof StoreSchemaError) return 'schema'
  return error instanceof RangeError ? 'range' : 'other'
}

export function errorOf(kind: ErrorKind, message: string): Error {
  switch (kind) {
    case 'unavailable':
      return new StoreUnavailable(message)
    case 'conflict':
      return new StoreConflict(message)
    case 'schema':
      return new StoreSchemaError(message)
    case 'range':
      return new RangeError(message)
    case 'corrupt':
    case 'other':
      return new Error(message)
  }
}
