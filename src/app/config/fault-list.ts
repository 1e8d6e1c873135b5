/** Collects faults while a configuration is read: each once, none for what another fault already explains. */

import { type ConfigFault, formatPath, type Path } from './fault.ts'
import type { SourceMap } from './source-map.ts'

/** Faults shown for one file; beyond these the first ones are what matters. */
const FAULTS_MAX = 100

export class FaultList {
  readonly #file: string
  readonly #source: SourceMap
  readonly #faults: ConfigFault[] = []
  readonly #faulty = new Set<string>()

  constructor(file: string, source: SourceMap) {
    this.#file = file
    this.#source = source
  }

  /** A fault in the value at `path`. */
  at(path: Path, message: string): void {
    this.#add(path, this.#source.valueOffset(path), message)
  }

  /** A fault in the name that leads to `path`. */
  atKey(path: Path, message: string): void {
    this.#add(path, this.#source.keyOffset(path), message)
  }

  /** A fault at a place in the text, whatever stands there. */
  atOffset(offset: number, path: Path, message: string): void {
    this.#add(path, offset, message)
  }

  /** Whether this value, or one around it, is already known to be wrong. */
  has(path: Path): boolean {
    return path.some((_, index) => this.#faulty.has(formatPath(path.slice(0, index + 1))))
  }

  /** Whether something at or below this value is known to be wrong. */
  hasWithin(path: Path): boolean {
    const whole = formatPath(path)
    return [...this.#faulty].some(
      (other) => other === whole || (/^[.[]/.test(other.slice(whole.length)) && other.startsWith(whole)),
    )
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0
  }

  /** By position. */
  sorted(): readonly ConfigFault[] {
    return this.#faults
      .toSorted((a, b) => a.line - b.line || a.column - b.column || a.message.localeCompare(b.message))
      .slice(0, FAULTS_MAX)
  }

  #add(path: Path, offset: number, message: string): void {
    const { line, column } = this.#source.position(offset)
    this.#faulty.add(formatPath(path))
    this.#faults.push({ file: this.#file, line, column, path: formatPath(path), message })
  }
}
