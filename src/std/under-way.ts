/**
 * What is under way, by name, where names come and go thousands of times a second. The map under it holds numbers alone:
 * the tables that V8 leaves behind keep names until the next full collection (`roster.ts` says why), and nothing else.
 */

export class UnderWay<Value extends object> {
  readonly #places = new Map<string, number>()
  readonly #values: (Value | undefined)[] = []
  readonly #freePlaces: number[] = []

  get size(): number {
    return this.#places.size
  }

  get(name: string): Value | undefined {
    const place = this.#places.get(name)
    return place === undefined ? undefined : this.#values[place]
  }

  set(name: string, value: Value): void {
    const place = this.#places.get(name) ?? this.#freePlaces.pop() ?? this.#values.length
    this.#places.set(name, place)
    this.#values[place] = value
  }

  /** Does nothing where there is none of this name. */
  delete(name: string): void {
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#places.delete(name)
    this.#values[place] = undefined
    this.#freePlaces.push(place)
  }

  /** Those that are there now: what comes or goes meanwhile changes nothing of it. */
  list(): readonly Value[] {
    return this.#values.filter((value) => value !== undefined)
  }
}
