/** A text that is said in pieces and repeated at its end: what is told twice is said once. */

/** What has been said so far of a text that its end repeats. */
export class SaidText {
  #length = 0
  readonly #pieces: string[] = []

  get isEmpty(): boolean {
    return this.#length === 0
  }

  add(text: string): void {
    this.#length += text.length
    this.#pieces.push(text)
  }

  get text(): string {
    return this.#pieces.join('')
  }

  /** What of the whole has not been said; `undefined` where the whole does not begin with what was. */
  missing(whole: string): string | undefined {
    if (whole.length === this.#length && whole === this.text) return ''
    return whole.startsWith(this.text) ? whole.slice(this.#length) : undefined
  }
}

/** Where the entries of an end stand: some servers number from 1 in their deltas. As many as grew are those that grew. */
export function placesOf(grown: readonly number[], count: number): readonly number[] {
  return grown.length === count ? grown.toSorted((one, other) => one - other) : []
}

/** A number of an event; the first where it has none. */
export function indexOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
