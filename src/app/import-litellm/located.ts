/**
 * YAML as plain data that knows its lines, read as LiteLLM reads it (YAML 1.1, merge keys), within bounds: a size, a
 * depth, and a number of values in which every use of an alias counts anew.
 */

import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

export type Located =
  | { readonly kind: 'scalar'; readonly line: number; readonly value: string | number | boolean | null }
  | { readonly kind: 'list'; readonly line: number; readonly items: readonly Located[] }
  | { readonly kind: 'map'; readonly line: number; readonly fields: ReadonlyMap<string, Located> }

export type LocatedMap = Extract<Located, { readonly kind: 'map' }>

export type ReadLocated =
  | { readonly ok: true; readonly root: Located }
  | { readonly ok: false; readonly line: number; readonly message: string }

/** Largest file, bytes. */
export const IMPORT_BYTES_MAX = 4 * 1024 ** 2
const VALUES_MAX = 200_000
const DEPTH_MAX = 32

export function readLocated(text: string): ReadLocated {
  if (Buffer.byteLength(text) > IMPORT_BYTES_MAX)
    return { ok: false, line: 1, message: `the file is larger than ${IMPORT_BYTES_MAX / 1024 ** 2} MiB` }
  const lines = new LineCounter()
  let document: Document
  try {
    // Sound: nothing is known of the contents, as `Document` says.
    document = parseDocument(text, {
      version: '1.1',
      merge: false,
      uniqueKeys: false,
      stringKeys: true,
      prettyErrors: false,
      lineCounter: lines,
    })
  } catch {
    return { ok: false, line: 1, message: 'the file is nested too deeply to be read' }
  }
  const [error] = document.errors
  if (error !== undefined)
    return {
      ok: false,
      line: Math.max(1, lines.linePos(error.pos[0]).line),
      message: `not valid YAML: ${(error.message.split('\n', 1)[0] ?? '').slice(0, 160)}`,
    }
  const reader = new Reader(document, lines)
  try {
    return { ok: true, root: reader.read(document.contents, 0) }
  } catch (refusal) {
    if (refusal instanceof Refused) return { ok: false, line: refusal.line, message: refusal.message }
    throw refusal
  }
}

class Refused extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

class Reader {
  readonly #document: Document
  readonly #lines: LineCounter
  /** Those being read: an alias of one of them would never end. */
  readonly #open = new Set<unknown>()
  #values = 0
  #line = 1

  constructor(document: Document, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  read(node: unknown, depth: number): Located {
    const line = this.#lineOf(node)
    this.#values += 1
    if (this.#values > VALUES_MAX)
      throw new Refused(line, `the file has more than ${VALUES_MAX} values, aliases counted each time`)
    if (depth > DEPTH_MAX) throw new Refused(line, `the file is nested deeper than ${DEPTH_MAX} levels`)
    if (isAlias(node)) {
      const target: Node | undefined = node.resolve(this.#document)
      if (target === undefined) throw new Refused(line, 'an alias stands before its anchor')
      return { ...this.read(target, depth), line }
    }
    if (!isMap(node) && !isSeq(node)) return { kind: 'scalar', line, value: scalarOf(node) }
    if (this.#open.has(node)) throw new Refused(line, 'an alias stands inside of what it stands for')
    this.#open.add(node)
    try {
      return isSeq(node)
        ? { kind: 'list', line, items: node.items.map((item) => this.read(item, depth + 1)) }
        : { kind: 'map', line, fields: this.#fields(node.items, depth) }
    } finally {
      this.#open.delete(node)
    }
  }

  #fields(
    pairs: readonly { readonly key: unknown; readonly value: unknown }[],
    depth: number,
  ): ReadonlyMap<string, Located> {
    const merged = new Map<string, Located>()
    const own = new Map<string, Located>()
    for (const { key, value } of pairs) {
      this.#lineOf(key)
      const name = String(scalarOf(key))
      if (name === '<<') for (const [field, of] of this.#merged(value, depth)) merged.set(field, of)
      else own.set(name, this.read(value, depth + 1))
    }
    return new Map([...merged, ...own])
  }

  /** Of several, the first that has a field counts. */
  #merged(value: unknown, depth: number): readonly (readonly [string, Located])[] {
    const read = this.read(value, depth + 1)
    const maps = read.kind === 'list' ? read.items : [read]
    return maps.toReversed().flatMap((map) => (map.kind === 'map' ? [...map.fields] : []))
  }

  /** Of a node without a place, the line before it. */
  #lineOf(node: unknown): number {
    const start = isAlias(node) || isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined
    if (start !== undefined) this.#line = Math.max(1, this.#lines.linePos(start).line)
    return this.#line
  }
}

function scalarOf(node: unknown): string | number | boolean | null {
  if (!isScalar(node)) return null
  const { value, source } = node
  // YAML 1.1 takes a lone y or n for true or false; the reader that LiteLLM uses does not.
  if (typeof value === 'boolean' && source !== undefined && source.length === 1) return source
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value
  // Dates and the like are what was written.
  return source ?? null
}
