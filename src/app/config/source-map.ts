/** Where in the file each value stands and how it was written there. */

import type { LineCounter } from 'yaml'
import type { Path } from './fault.ts'

interface Place {
  readonly keyOffset: number
  readonly valueOffset: number
  /** The text of a plain value as it was written, before references in it were followed. */
  readonly text: string | undefined
}

export class SourceMap {
  readonly #lines: LineCounter
  readonly #places = new Map<string, Place>()

  constructor(lines: LineCounter) {
    this.#lines = lines
  }

  record(path: Path, place: Place): void {
    this.#places.set(JSON.stringify(path), place)
  }

  valueOffset(path: Path): number {
    return this.#nearest(path)?.valueOffset ?? 0
  }

  keyOffset(path: Path): number {
    return this.#nearest(path)?.keyOffset ?? 0
  }

  text(path: Path): string | undefined {
    return this.#places.get(JSON.stringify(path))?.text
  }

  position(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  /** What is missing is reported at what it is missing from: by the name of the thing around it. */
  #nearest(path: Path): Place | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)))
      if (place) return length === path.length ? place : { ...place, valueOffset: place.keyOffset }
    }
    return undefined
  }
}
