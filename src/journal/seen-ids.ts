/**
 * Which ids may be in the journal: the answer "no" is certain, the answer "maybe" is for the store to decide. Nearly every
 * idempotency key is new, and with this nobody has to ask for it. Two Bloom filters take turns, so that what expired is
 * forgotten.
 */

/** Of one filter. With a million ids one new id in 90,000 is asked for in vain, with ten millions one in 25. */
const FILTER_BYTES = 8 * 1_024 * 1_024
const BITS = FILTER_BYTES * 8
const WORD_BITS = 32
/** Bits that stand for one id. */
const MARKS = 4

interface Generation {
  readonly words: Uint32Array
  /** The latest that one of its ids expires; 0 while it is empty. */
  expireAtMs: number
}

export class SeenIds {
  #current = newGeneration()
  #before: Generation | undefined

  add(id: string, expiresAtMs: number): void {
    const { words } = this.#current
    const [first, step] = numbersOf(id)
    for (let mark = 0; mark < MARKS; mark += 1) {
      const bit = bitOf(first, step, mark)
      words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit % WORD_BITS))
    }
    this.#current.expireAtMs = Math.max(this.#current.expireAtMs, expiresAtMs)
  }

  mayHave(id: string): boolean {
    const [first, step] = numbersOf(id)
    return has(this.#current, first, step) || (this.#before !== undefined && has(this.#before, first, step))
  }

  /** Forgets what has expired: the older filter, once nothing in it counts any more. */
  sweep(nowMs: number): void {
    if (this.#before !== undefined && this.#before.expireAtMs > nowMs) return
    this.#before = this.#current.expireAtMs === 0 ? undefined : this.#current
    if (this.#before !== undefined) this.#current = newGeneration()
  }
}

/** Written over at once: else its pages would come one by one, and look like memory that grows for hours. */
function newGeneration(): Generation {
  return { words: new Uint32Array(BITS / WORD_BITS).fill(0), expireAtMs: 0 }
}

/** Ids are hashes: their first digits are as good as any hash of them. */
function numbersOf(id: string): readonly [number, number] {
  return [Number.parseInt(id.slice(0, 8), 16), Number.parseInt(id.slice(8, 16), 16) | 1]
}

function bitOf(first: number, step: number, mark: number): number {
  return (first + Math.imul(step, mark)) & (BITS - 1)
}

function has({ words }: Generation, first: number, step: number): boolean {
  for (let mark = 0; mark < MARKS; mark += 1) {
    const bit = bitOf(first, step, mark)
    if (((words[bit >>> 5] ?? 0) & (1 << (bit % WORD_BITS))) === 0) return false
  }
  return true
}
