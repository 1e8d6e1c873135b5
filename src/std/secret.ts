/** A secret that cannot be printed: stringified, inspected or templated it shows a fingerprint (SEC-23). */

import { createHash } from 'node:crypto'

const FINGERPRINT_HEX_LENGTH = 8

export class Secret {
  readonly #value: string
  /** The first 8 hex digits of the SHA-256: enough to tell two secrets apart in a log, useless to recover one. */
  readonly fingerprint: string

  constructor(value: string) {
    this.#value = value
    this.fingerprint = createHash('sha256').update(value).digest('hex').slice(0, FINGERPRINT_HEX_LENGTH)
  }

  /** The secret itself. Call it only where it leaves for its owner: an auth header, a hash, a redactor. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return `[secret:${this.fingerprint}]`
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}
