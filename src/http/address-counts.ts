/** How many connections each client address has open, so that one of them cannot take the places of all (fault 104). */

import { sourceOf } from '../keys/guess-limiter.ts'

export class AddressCounts {
  readonly max: number
  /** By source: an IPv4 address, or the network of an IPv6 one. Holds those alone that have a connection. */
  readonly #counts = new Map<string, number>()

  constructor(max: number) {
    this.max = max
  }

  /** The addresses that have a connection. */
  get size(): number {
    return this.#counts.size
  }

  /** What a further connection from `address` is to be given back with, or `undefined` where it may have no more. */
  take(address: string | undefined): string | undefined {
    const source = sourceOf(address)
    const count = this.#counts.get(source) ?? 0
    if (count >= this.max) return undefined
    this.#counts.set(source, count + 1)
    return source
  }

  giveBack(source: string): void {
    const count = (this.#counts.get(source) ?? 0) - 1
    if (count > 0) this.#counts.set(source, count)
    else this.#counts.delete(source)
  }
}
