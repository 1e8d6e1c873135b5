/** Memory by name with a bound: names come from clients, so no table may grow with them. */

/** How many of the oldest cells are looked at for one that can be forgotten; keeps adding O(1). */
const LOOKS_MAX = 8

/**
 * The oldest idle cell makes room for a new one. A cell in use is never forgotten: it goes to the end of the line and
 * the next is looked at. Finding a cell costs one look-up and reorders nothing.
 */
export class BoundedCells<Cell> {
  readonly #cells = new Map<string, Cell>()
  readonly #sizeMax: number

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  get(name: string): Cell | undefined {
    return this.#cells.get(name)
  }

  entries(): IterableIterator<[string, Cell]> {
    return this.#cells.entries()
  }

  add(name: string, cell: Cell): Cell {
    this.#cells.set(name, cell)
    return cell
  }

  delete(name: string): void {
    this.#cells.delete(name)
  }

  /** Whether one more cell fits, after forgetting an idle one where need be. */
  makeRoom(isIdle: (cell: Cell) => boolean): boolean {
    if (this.#cells.size < this.#sizeMax) return true
    let looks = 0
    for (const [name, cell] of this.#cells) {
      this.#cells.delete(name)
      if (isIdle(cell)) return true
      this.#cells.set(name, cell)
      looks += 1
      if (looks === LOOKS_MAX) return false
    }
    return false
  }
}
