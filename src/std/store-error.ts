/** What a store may say instead of answering. */

/** The store did not answer, or not in time. What was asked may or may not have happened; asking again is safe. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** Somebody else was faster: read again, and decide anew. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict'
}

/** The store's schema is not one this version can work with; the message says what to do. */
export class StoreSchemaError extends Error {
  override readonly name = 'StoreSchemaError'
}
