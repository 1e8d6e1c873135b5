/** Whoever seals what is kept: a port, the part of it that the journal needs. */

export interface JournalSealer {
  seal(plain: Uint8Array, context: string): Uint8Array
  /** Throws where the bytes are no seal of ours, or of another context. */
  open(sealed: Uint8Array, context: string): Uint8Array
}
