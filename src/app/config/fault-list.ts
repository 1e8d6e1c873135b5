/** Collects faults while a configuration is read: each once, none for what another fault already explains. */

import { type ConfigFault, formatPath, type Path, QUOTED_LENGTH_MAX } from './fault.ts'
import type { SourceMap } from './source-map.ts'

/** Faults shown for one file; beyond these the first ones are what matters. */
const FAULTS_MAX = 100
/** Shorter values are no secrets, and taken out they would only garble what is said. */
const CONCEALED_LENGTH_MIN = 4

/** Whether it is at or below this value. */
export function isWithin(fault: Pick<ConfigFault, 'path'>, path: Path): boolean {
  const whole = formatPath(path)
  return (
    fault.path === whole || (fault.path.startsWith(whole) && /^[.[]/.test(fault.path.slice(whole.length)))
  )
}

export class FaultList {
  readonly #file: string
  readonly #source: SourceMap
  readonly #faults: ConfigFault[] = []
  readonly #faulty = new Set<string>()
  /** What came out of the environment, and how the file says it. */
  readonly #concealed = new Map<string, string>()

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

  /** Faults say `text`, as the file does, where they would show `value`: what the environment holds may be a secret. */
  conceal(value: string, text: string): void {
    if (value.length < CONCEALED_LENGTH_MIN) return
    for (const form of [value, value.slice(0, QUOTED_LENGTH_MAX)]) {
      this.#concealed.set(JSON.stringify(form).slice(1, -1), text)
    }
  }

  /** Whether this value, or one around it, is already known to be wrong. */
  has(path: Path): boolean {
    return path.some((_, index) => this.#faulty.has(formatPath(path.slice(0, index + 1))))
  }

  /** Whether something at or below this value is known to be wrong. */
  hasWithin(path: Path): boolean {
    return [...this.#faulty].some((other) => isWithin({ path: other }, path))
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0
  }

  /** Whether nothing is known to be wrong but at or below this value. */
  isEmptyBeside(path: Path): boolean {
    return this.#faults.every((fault) => isWithin(fault, path))
  }

  /** By position. */
  sorted(): readonly ConfigFault[] {
    return this.#faults
      .toSorted((a, b) => a.line - b.line || a.column - b.column || a.message.localeCompare(b.message))
      .slice(0, FAULTS_MAX)
      .map((fault) => ({ ...fault, message: this.#withoutConcealed(fault.message) }))
  }

  #withoutConcealed(message: string): string {
    // The longest first, so that none is cut by a shorter one inside it.
    const forms = [...this.#concealed].sort(([a], [b]) => b.length - a.length)
    return forms.reduce((shown, [value, text]) => shown.replaceAll(value, () => text), message)
  }

  #add(path: Path, offset: number, message: string): void {
    const { line, column } = this.#source.position(offset)
    this.#faulty.add(formatPath(path))
    this.#faults.push({ file: this.#file, line, column, path: formatPath(path), message })
  }
}
