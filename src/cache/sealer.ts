/** Whoever seals what is cached: a port, the part of it that the cache needs. */

export interface CacheSealer {
  seal(plain: Uint8Array, context: string): Uint8Array
  /** Throws where the bytes are no seal of ours, or of another context. */
  open(sealed: Uint8Array, context: string): Uint8Array
}
