/**
 * What is under way, by name and oldest first, where names come and go thousands of times a second. The map under it holds
 * boxes that are empty once what was in them is gone: the tables that V8 leaves behind keep whoever stood in them until the
 * next full collection (`roster.ts` says why), so that is names and empty boxes, and nothing else.
 */

interface Box<Value> {
  value: Value | undefined
}

export class UnderWay<Name extends string | number, Value extends object> {
  readonly #boxes = new Map<Name, Box<Value>>()

  get size(): number {
    return this.#boxes.size
  }

  get(name: Name): Value | undefined {
    return this.#boxes.get(name)?.value
  }

  /** In the place of what went by this name, where there is such. */
  set(name: Name, value: Value): void {
    const box = this.#boxes.get(name)
    if (box === undefined) this.#boxes.set(name, { value })
    else box.value = value
  }

  /** Does nothing where there is none of this name. */
  delete(name: Name): void {
    const box = this.#boxes.get(name)
    if (box === undefined) return
    box.value = undefined
    this.#boxes.delete(name)
  }

  /** Oldest first. What goes meanwhile is left out, what comes meanwhile comes last. */
  *values(): Generator<Value> {
    for (const { value } of this.#boxes.values()) if (value !== undefined) yield value
  }

  /** Those that are there now: what comes or goes meanwhile changes nothing of it. */
  list(): readonly Value[] {
    return [...this.values()]
  }
}
