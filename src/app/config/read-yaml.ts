/**
 * Text into plain data, with a place for every value. The file can hold nothing but data: no tags, no merge keys, no
 * prototype, a bounded size, depth and number of values, aliases counted each time they are used (SEC-52).
 */

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from 'yaml'
import type { z } from 'zod'
import { nearest } from '../../std/nearest.ts'
import { FaultList } from './fault-list.ts'
import { formatPath, type Path, quote } from './fault.ts'
import { isObjectAt, isSecretAt, schemaAt } from './schema-walk.ts'
import { SourceMap } from './source-map.ts'

/** Largest configuration file, bytes. */
export const CONFIG_BYTES_MAX = 1024 ** 2
/** Values in one file, each use of an alias counted anew. */
const VALUES_MAX = 100_000
const DEPTH_MAX = 32

export type Environment = Readonly<Record<string, string | undefined>>

export interface YamlSource {
  /** Undefined where there is nothing to judge. */
  readonly value: unknown
  readonly source: SourceMap
  readonly faults: FaultList
  /** Values from here on cannot be trusted to be what was meant: the text is broken before them. */
  readonly trustedUntil: number
}

export interface ReadYamlOptions {
  readonly file: string
  readonly text: string
  readonly env: Environment
  readonly schema: z.core.$ZodType
}

export function readYaml({ file, text, env, schema }: ReadYamlOptions): YamlSource {
  const lines = new LineCounter()
  const source = new SourceMap(lines)
  const faults = new FaultList(file, source)
  const nothing = { value: undefined, source, faults, trustedUntil: 0 }
  if (Buffer.byteLength(text) > CONFIG_BYTES_MAX) {
    faults.atOffset(
      0,
      [],
      `the file is larger than ${CONFIG_BYTES_MAX / 1024 ** 2} MiB, which no configuration needs`,
    )
    return nothing
  }
  const document = parse(text, lines)
  if (document === undefined) {
    faults.atOffset(0, [], `the file is nested deeper than ${DEPTH_MAX} levels`)
    return nothing
  }
  for (const error of distinct(document.errors)) {
    faults.atOffset(error.pos[0], [], describeSyntax(error, text))
  }
  const trustedUntil = Math.min(...document.errors.map((error) => error.pos[0]), Number.POSITIVE_INFINITY)
  const reader = new NodeReader({ document, source, faults, env, schema })
  const value = document.contents === null ? undefined : reader.read(document.contents, [], 0)
  if (value === undefined && faults.isEmpty) faults.atOffset(0, [], emptyFile)
  return { value, source, faults, trustedUntil }
}

const emptyFile =
  'the file is empty: name at least one provider, such as "providers: { openai: {} }", or remove the file'

function parse(text: string, lineCounter: LineCounter): Document | undefined {
  try {
    return parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter,
    })
  } catch {
    // The parser goes down with the nesting, and the stack ends before the text does.
    return undefined
  }
}

/** One break makes the parser complain of it more than once, and of every word behind it as one that it did not expect. */
function distinct(errors: readonly YAMLError[]): readonly YAMLError[] {
  return errors.filter(
    ({ code, pos }, index) =>
      index === 0 ||
      (code !== 'UNEXPECTED_TOKEN' && errors.findIndex((other) => other.pos[0] === pos[0]) === index),
  )
}

function describeSyntax(error: YAMLError, text: string): string {
  if (text.slice(error.pos[0]).trim() === '') {
    return 'not valid YAML: the file ends in the middle of something; close it, or write the rest'
  }
  const reference = unquotedReference(text, error.pos[0])
  if (reference !== undefined)
    return `inside of { } or [ ] a reference stands in quotes: write "${reference}"`
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used for indentation: YAML is indented with spaces'
    case 'BAD_INDENT':
      return 'the indentation does not fit the lines above: entries of one map start in one column'
    case 'MULTIPLE_DOCS':
      return 'a second document begins here: a configuration is one document, without "---" in it'
    default:
      return `not valid YAML: ${firstClause(error.message)}`
  }
}

/** `{ credential: ${NAME} }`: to YAML the dollar is a value, and a map begins behind it. */
function unquotedReference(text: string, offset: number): string | undefined {
  return /^\$\{\w{1,100}\}/.exec(text.slice(Math.max(offset - 1, 0), offset + 110))?.[0]
}

function firstClause(message: string): string {
  return message.split('\n', 1)[0]?.slice(0, 160) ?? ''
}

interface ReaderParts {
  readonly document: Document
  readonly source: SourceMap
  readonly faults: FaultList
  readonly env: Environment
  readonly schema: z.core.$ZodType
}

const plainTags: ReadonlySet<string> = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
)
const prototypeNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

class NodeReader {
  readonly #parts: ReaderParts
  readonly #open = new Set<unknown>()
  #values = 0

  constructor(parts: ReaderParts) {
    this.#parts = parts
  }

  /** The plain value of a node; `undefined` where it is refused or null. */
  read(node: unknown, path: Path, keyOffset: number): unknown {
    const { faults, source } = this.#parts
    const offset = offsetOf(node) ?? keyOffset
    source.record(path, { keyOffset, valueOffset: offset, text: textOf(node) })
    this.#values += 1
    if (this.#values > VALUES_MAX) {
      if (this.#values === VALUES_MAX + 1)
        faults.atOffset(offset, path, `more than ${VALUES_MAX} values, aliases counted each time`)
      return undefined
    }
    if (path.length > DEPTH_MAX) return this.#refuse(path, `is nested deeper than ${DEPTH_MAX} levels`)
    if (isAlias(node)) return this.#readAlias(node.resolve(this.#parts.document), path, keyOffset)
    const tag = tagOf(node)
    if (tag !== undefined && !plainTags.has(tag)) {
      return this.#refuse(
        path,
        `carries a tag (${shownTag(tag)}): a configuration holds only plain data; remove the tag`,
      )
    }
    if (isMap(node)) return this.#within(node, path, () => this.#readMap(node.items, path))
    if (isSeq(node)) return this.#within(node, path, () => this.#readList(node.items, path))
    return this.#readScalar(isScalar(node) ? node.value : null, path)
  }

  #readAlias(target: Node | undefined, path: Path, keyOffset: number): unknown {
    if (target === undefined) return this.#refuse(path, 'is an alias of an anchor that is not set before it')
    const place = this.#parts.source.valueOffset(path)
    const value = this.read(target, path, keyOffset)
    this.#parts.source.record(path, { keyOffset, valueOffset: place, text: textOf(target) })
    return value
  }

  #within<Value>(node: Node, path: Path, read: () => Value): Value | undefined {
    if (this.#open.has(node)) {
      this.#refuse(path, 'is an alias of something that contains it: a configuration has an end')
      return undefined
    }
    this.#open.add(node)
    try {
      return read()
    } finally {
      this.#open.delete(node)
    }
  }

  #readMap(items: readonly Pair[], path: Path): Readonly<Record<string, unknown>> {
    const value: Record<string, unknown> = {}
    for (const item of items) this.#readField(item, path, value)
    return value
  }

  #readField(item: Pair, path: Path, value: Record<string, unknown>): void {
    const { faults, source, schema } = this.#parts
    const name = isScalar(item.key) ? String(item.key.value) : String(item.key)
    const keyOffset = offsetOf(item.key) ?? source.valueOffset(path)
    const childPath = [...path, name]
    if (prototypeNames.has(name)) {
      faults.atOffset(keyOffset, childPath, `${quote(name)} cannot be the name of a field`)
      return
    }
    if (name === '<<') {
      faults.atOffset(keyOffset, childPath, 'merge keys (<<) are not read: write the fields out')
      return
    }
    if (Object.hasOwn(value, name)) {
      const { line } = source.position(source.keyOffset(childPath))
      faults.atOffset(keyOffset, childPath, `${quote(name)} is given twice, first on line ${line}: keep one`)
      return
    }
    const child = this.read(item.value, childPath, keyOffset)
    // An entry with nothing after it is one that was emptied: for a set of fields, the empty set.
    if (child !== undefined) value[name] = child
    else if (!faults.has(childPath) && isObjectAt(schema, childPath)) value[name] = {}
  }

  #readList(items: readonly unknown[], path: Path): readonly unknown[] {
    return items.map((item, index) => this.read(item, [...path, index], offsetOf(item) ?? 0) ?? null)
  }

  #readScalar(value: unknown, path: Path): unknown {
    if (value === null) return undefined
    if (typeof value === 'string') return this.#readText(value, path)
    // The core schema knows no other values.
    return typeof value === 'number' || typeof value === 'boolean' ? value : undefined
  }

  /** Follows references to the environment, except where a secret may stand: those are never plain text in here. */
  #readText(text: string, path: Path): string | undefined {
    const { schema, env, faults } = this.#parts
    if (schemaAt(schema, path) === undefined || isSecretAt(schema, path)) return text
    const expanded = expandText(text, env)
    if (expanded.type === 'text') {
      if (expanded.text !== text) faults.conceal(expanded.text, text)
      return expanded.text
    }
    faults.at(path, `${formatPath(path)}: ${expanded.message}`)
    return undefined
  }

  #refuse(path: Path, message: string): undefined {
    this.#parts.faults.at(path, `${formatPath(path) || 'the document'} ${message}`)
    return undefined
  }
}

function shownTag(tag: string): string {
  const short = tag.replace('tag:yaml.org,2002:', '!!')
  return /^!{1,2}[a-z/]{1,24}$/.test(short) ? short : '!…'
}

/** What a text with references to the environment amounts to. */
export type Expanded =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'fault'; readonly message: string }

/** Replaces `${NAME}` everywhere, and a whole `os.environ/NAME`. */
export function expandText(text: string, env: Environment): Expanded {
  const whole = /^os\.environ\/(.*)$/.exec(text.trim())?.[1]
  if (whole !== undefined) return lookUp(whole.trim(), env)
  let fault: Expanded | undefined
  const expanded = text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const found = lookUp(name.trim(), env)
    if (found.type === 'text') return found.text
    fault ??= found
    return ''
  })
  return fault ?? { type: 'text', text: expanded }
}

/** One variable of the environment, or why it has no value. */
export function lookUp(name: string, env: Environment): Expanded {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return {
      type: 'fault',
      // Not shown: a key pasted between the braces is a likely mistake (SEC-21).
      message: 'what it refers to is not the name of an environment variable; write ${NAME}',
    }
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined
  if (value !== undefined && value.trim() !== '') return { type: 'text', text: value }
  const similar = similarName(
    name,
    Object.keys(env).filter((other) => other !== name && env[other]),
  )
  const hint = similar === undefined ? '' : ` (did you mean ${similar}?)`
  const state = value === undefined ? 'not set' : 'empty'
  return {
    type: 'fault',
    message: `the environment variable ${shownName(name)} is ${state}${hint}: set it before starting, or change the reference`,
  }
}

/** Names are in capitals; what is not may be a key that was taken for one (SEC-21). */
function shownName(name: string): string {
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(name) ? name : 'that it names'
}

/** OPENAI_KEY is what OPENAI_API_KEY is called by half its users, and further away than any slip. */
function similarName(name: string, others: readonly string[]): string | undefined {
  const core = (text: string) => text.replace('_API_KEY', '_KEY').replace('_TOKEN', '_KEY')
  return nearest(name, others) ?? others.find((other) => core(other) === core(name))
}

function offsetOf(node: unknown): number | undefined {
  return isNodeWithRange(node) ? node.range[0] : undefined
}

function isNodeWithRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}

function tagOf(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null || !('tag' in node)) return undefined
  return typeof node.tag === 'string' ? node.tag : undefined
}

function textOf(node: unknown): string | undefined {
  return isScalar(node) && node.value !== null ? node.source : undefined
}
