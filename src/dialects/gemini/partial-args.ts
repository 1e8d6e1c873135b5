/**
 * Arguments of a call that come in pieces (`partialArgs`, where a client asks for `streamFunctionCallArguments`): each
 * piece says a value and the JSON path (RFC 9535) where it belongs, and a text may go on in the next piece.
 */

import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberOf,
  objectOf,
  stringOf,
} from '../../std/json.ts'

type Leaf = string | number | boolean | null
type Node = Leaf | Node[] | Map<string, Node>

/** Elements of one list, and steps of one path, that are believed. */
const ELEMENTS_MAX = 10_000
const STEPS_MAX = 64
/** Characters of one call's arguments that are kept. */
export const ARGUMENT_CHARS_MAX = 16_777_216

export class PartialArgs {
  readonly #whole: JsonObject
  /** Absent while no piece has come: what was said whole is said as it is. */
  #root: Map<string, Node> | undefined
  #chars = 0
  /** Pieces that say no value, or a place where none can be. */
  skipped = 0

  /** `args`: what was said whole. */
  constructor(args: unknown) {
    this.#whole = objectOf(args) ?? {}
  }

  add(pieces: unknown): void {
    for (const piece of arrayOf(pieces)) if (!this.#put(piece)) this.skipped += 1
  }

  /** As JSON text. */
  toString(): string {
    return this.#root === undefined ? JSON.stringify(this.#whole) : textOf(this.#root)
  }

  #put(piece: unknown): boolean {
    if (!isJsonObject(piece)) return false
    const steps = stepsOf(stringOf(piece['jsonPath']) ?? '')
    const value = leafOf(piece)
    const [first] = steps ?? []
    if (steps === undefined || value === undefined || typeof first !== 'string') return false
    this.#chars += typeof value === 'string' ? value.length : 1
    this.#root ??= mapOf(this.#whole)
    return this.#chars <= ARGUMENT_CHARS_MAX && putAt(this.#root, steps, value)
  }
}

type Step = string | number

/** `$.recipe.steps[0]`, `$['two words'][1]`; `undefined` for a path that names no one place. */
function stepsOf(path: string): readonly Step[] | undefined {
  const steps: Step[] = []
  const pattern = /\.([^.[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y
  pattern.lastIndex = 1
  while (pattern.lastIndex < path.length) {
    const match = pattern.exec(path)
    if (match === null || steps.length >= STEPS_MAX) return undefined
    const [, name, index, single, double] = match
    if (index === undefined) steps.push(name ?? (single ?? double ?? '').replaceAll(/\\(.)/g, '$1'))
    else steps.push(Number(index))
  }
  return path.startsWith('$') && steps.length > 0 ? steps : undefined
}

function leafOf(piece: { readonly [name: string]: JsonValue | undefined }): Leaf | undefined {
  const { stringValue, numberValue, boolValue } = piece
  if (typeof stringValue === 'string') return stringValue
  if (typeof boolValue === 'boolean') return boolValue
  if ('nullValue' in piece) return null
  return numberOf(numberValue)
}

/** Whether there is such a place: a text is no list, and a list has no names. */
function putAt(into: Node, [step, ...rest]: readonly Step[], value: Leaf): boolean {
  if (step === undefined) return false
  const before = childOf(into, step)
  if (rest.length === 0) return setChild(into, step, continued(before, value))
  const inner = isBranch(before) ? before : typeof rest[0] === 'number' ? [] : new Map<string, Node>()
  return setChild(into, step, inner) && putAt(inner, rest, value)
}

/** A text goes on where a text stands. */
function continued(before: Node | undefined, value: Leaf): Leaf {
  return typeof before === 'string' && typeof value === 'string' ? before + value : value
}

function isBranch(node: Node | undefined): node is Node[] | Map<string, Node> {
  return Array.isArray(node) || node instanceof Map
}

function childOf(node: Node, step: Step): Node | undefined {
  if (node instanceof Map) return node.get(String(step))
  return Array.isArray(node) ? node[Number(step)] : undefined
}

function setChild(node: Node, step: Step, child: Node): boolean {
  if (node instanceof Map) {
    node.set(String(step), child)
    return true
  }
  if (!Array.isArray(node) || typeof step !== 'number' || step >= ELEMENTS_MAX) return false
  // Elements that are left out come later, or are nothing.
  while (node.length < step) node.push(null)
  node[step] = child
  return true
}

function mapOf(object: { readonly [name: string]: JsonValue | undefined }): Map<string, Node> {
  return new Map(
    Object.entries(object).flatMap(([name, value]): [string, Node][] =>
      value === undefined ? [] : [[name, nodeOf(value)]],
    ),
  )
}

function nodeOf(value: JsonValue): Node {
  // A number whose digits are kept (exact-json.ts) has no prototype.
  if (isJsonObject(value) && Object.getPrototypeOf(value) !== null) return mapOf(value)
  return Array.isArray(value) ? value.map((each: JsonValue) => nodeOf(each)) : leafIn(value)
}

/** Sound: what is neither an object nor a list prints as a leaf does; the type of a read-only list hides it. */
function leafIn(value: JsonValue): Leaf {
  return value as Leaf
}

function textOf(node: Node): string {
  if (Array.isArray(node)) return `[${node.map(textOf).join(',')}]`
  if (!(node instanceof Map)) return JSON.stringify(node)
  return `{${[...node].map(([name, child]) => `${JSON.stringify(name)}:${textOf(child)}`).join(',')}}`
}
