/** What a store may say instead of answering. */

export interface UnavailableOptions extends ErrorOptions {
  /** False where it is certain that what was asked did not happen and never will: nobody passed it on. Default true. */
  readonly wasAsked?: boolean
  /** True where the store is well, and only this may not be asked of it now. Default false. */
  readonly isWell?: boolean
}

/** The store did not answer, or not in time. What was asked may or may not have happened; asking again is safe. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly wasAsked: boolean
  readonly isWell: boolean

  constructor(message: string, { wasAsked = true, isWell = false, ...options }: UnavailableOptions = {}) {
    super(message, options)
    this.wasAsked = wasAsked
    this.isWell = isWell
  }
}

/** Whether it is certain that what failed with `error` did not happen and never will. */
export function wasNotAsked(error: unknown): boolean {
  return error instanceof StoreUnavailable && !error.wasAsked
}

/** Somebody else was faster: read again, and decide anew. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict'
}

/** The store's schema is not one this version can work with; the message says what to do. */
export class StoreSchemaError extends Error {
  override readonly name = 'StoreSchemaError'
}
