/** What is said of each line of the imported file: it maps, it changes, or it cannot be carried over. */

import type { Located, LocatedMap } from './located.ts'

export type Verdict = 'maps' | 'changes' | 'cannot'

export interface Finding {
  readonly verdict: Verdict
  /** Of the imported file; 1 is the first. */
  readonly line: number
  /** `model_list[0].litellm_params.rpm`. */
  readonly path: string
  readonly message: string
}

/** Lines of a report beyond which more would not be read. */
const FINDINGS_MAX = 5_000

export class Findings {
  readonly #all: Finding[] = []
  readonly #said = new Set<string>()

  maps(at: Place, message: string): void {
    this.#add('maps', at, message)
  }

  changes(at: Place, message: string): void {
    this.#add('changes', at, message)
  }

  cannot(at: Place, message: string): void {
    this.#add('cannot', at, message)
  }

  #add(verdict: Verdict, { line, path }: Place, message: string): void {
    const said = `${line} ${path} ${message}`
    if (this.#all.length >= FINDINGS_MAX || this.#said.has(said)) return
    this.#said.add(said)
    this.#all.push({ verdict, line, path, message })
  }

  sorted(): readonly Finding[] {
    return this.#all.toSorted((one, other) => one.line - other.line)
  }
}

/** A value and where it stands. */
export interface Place {
  readonly line: number
  readonly path: string
}

/** Reads the fields of a map by name, says what is of the wrong kind, and knows what nobody asked for. */
export class Fields {
  readonly #map: LocatedMap
  readonly #path: string
  readonly #findings: Findings
  readonly #asked = new Set<string>()

  constructor(map: LocatedMap, path: string, findings: Findings) {
    this.#map = map
    this.#path = path
    this.#findings = findings
  }

  get place(): Place {
    return { line: this.#map.line, path: this.#path }
  }

  at(name: string): Place {
    return { line: this.#map.fields.get(name)?.line ?? this.#map.line, path: this.#pathOf(name) }
  }

  /** The value, unless there is none or it is null. */
  node(name: string): Located | undefined {
    this.#asked.add(name)
    const found = this.#map.fields.get(name)
    return found?.kind === 'scalar' && found.value === null ? undefined : found
  }

  has(name: string): boolean {
    return this.node(name) !== undefined
  }

  text(name: string): string | undefined {
    const node = this.node(name)
    if (node === undefined) return undefined
    if (node.kind === 'scalar' && node.value !== null && typeof node.value !== 'boolean')
      return String(node.value).trim()
    return this.#wrong(name, 'text')
  }

  /** Whole or not, also where it is written as text. */
  number(name: string): number | undefined {
    const node = this.node(name)
    if (node === undefined) return undefined
    const value =
      node.kind === 'scalar' && node.value !== '' && typeof node.value !== 'boolean'
        ? Number(node.value)
        : Number.NaN
    return Number.isFinite(value) && value >= 0 ? value : this.#wrong(name, 'a number that is not negative')
  }

  flag(name: string): boolean | undefined {
    const node = this.node(name)
    if (node === undefined) return undefined
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value
    const word = node.kind === 'scalar' ? String(node.value).toLowerCase() : ''
    return word === 'true' ? true : word === 'false' ? false : this.#wrong(name, 'true or false')
  }

  map(name: string): Fields | undefined {
    const node = this.node(name)
    if (node === undefined) return undefined
    return node.kind === 'map'
      ? new Fields(node, this.#pathOf(name), this.#findings)
      : this.#wrong(name, 'a set of fields')
  }

  list(name: string): readonly { readonly node: Located; readonly path: string }[] {
    const node = this.node(name)
    if (node === undefined) return []
    if (node.kind !== 'list') return this.#wrong(name, 'a list') ?? []
    return node.items.map((item, index) => ({ node: item, path: `${this.#pathOf(name)}[${index}]` }))
  }

  get names(): readonly string[] {
    return [...this.#map.fields.keys()]
  }

  /** Those that were never asked for. */
  get unread(): readonly string[] {
    return this.names.filter((name) => !this.#asked.has(name))
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  #wrong(name: string, kind: string): undefined {
    this.#findings.cannot(this.at(name), `must be ${kind}`)
    return undefined
  }
}
