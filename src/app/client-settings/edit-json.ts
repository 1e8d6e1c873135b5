/** Sets single values in a JSON settings file and leaves every other character as it is: order, layout and comments are its owner's. */

import { isDeepStrictEqual } from 'node:util'
import { type JsonValue, parseJson } from '../../std/json.ts'
import { type Edited, SETTINGS_LENGTH_MAX, splice, tooLarge } from './edited.ts'
import { type JsonMember, type JsonNode, readJsonTree } from './json-tree.ts'

export interface JsonEdit {
  readonly path: readonly string[]
  /** What is to stand there, given what stands there now (`undefined`: nothing, or nothing that can be kept). */
  readonly value: JsonValue | ((before: unknown) => JsonValue)
}

/** An empty text becomes an object. */
export function editJson(text: string, edits: readonly JsonEdit[]): Edited {
  if (text.length > SETTINGS_LENGTH_MAX) return tooLarge
  let edited = text.replace(/^\uFEFF/, '').trim() === '' ? '{}\n' : text
  for (const edit of edits) {
    const root = readJsonTree(edited)
    if (root?.members === undefined) return { ok: false, reason: 'is not a JSON object' }
    const result = setValue({ text: edited, root, edit })
    if (!result.ok) return result
    edited = result.text
  }
  return { ok: true, text: edited }
}

interface Task {
  readonly text: string
  readonly root: JsonNode
  readonly edit: JsonEdit
}

function setValue({ text, root, edit: { path, value } }: Task): Edited {
  let parent = root
  for (const [depth, name] of path.entries()) {
    const member = memberOf(parent, name)
    const isLast = depth === path.length - 1
    if (member === undefined) {
      const missing = nested(path.slice(depth + 1), valueFor(value, undefined))
      return { ok: true, text: insert({ text, parent, name, value: missing, depth: depth + 1 }) }
    }
    if (isLast) return { ok: true, text: replace({ text, member, value, depth: depth + 1 }) }
    if (member.value.members === undefined) {
      return {
        ok: false,
        reason: `holds something else than fields at ${path.slice(0, depth + 1).join('.')}`,
      }
    }
    parent = member.value
  }
  return { ok: true, text }
}

/** Of a name written twice, the last counts. */
function memberOf({ members = [] }: JsonNode, name: string): JsonMember | undefined {
  return members.findLast((member) => member.name === name)
}

function valueFor(value: JsonEdit['value'], before: unknown): JsonValue {
  return typeof value === 'function' ? value(before) : value
}

function nested(path: readonly string[], value: JsonValue): JsonValue {
  return path.reduceRight<JsonValue>((inner, name) => ({ [name]: inner }), value)
}

interface Replacement {
  readonly text: string
  readonly member: JsonMember
  readonly value: JsonEdit['value']
  readonly depth: number
}

function replace({ text, member: { value: node }, value, depth }: Replacement): string {
  const before = parseJson(text.slice(node.start, node.end))
  const after = valueFor(value, before)
  if (isDeepStrictEqual(before, after)) return text
  return splice(text, { ...node, text: write(after, unitOf(text), depth) })
}

interface Insertion {
  readonly text: string
  readonly parent: JsonNode
  readonly name: string
  readonly value: JsonValue
  /** Of the new member. */
  readonly depth: number
}

function insert({ text, parent, name, value, depth }: Insertion): string {
  const unit = unitOf(text)
  const member = `${JSON.stringify(name)}: ${write(value, unit, depth)}`
  const last = parent.members?.at(-1)
  if (last === undefined) {
    const at = parent.start + 1
    const isBare = text.slice(at, parent.end - 1).trim() === ''
    const line = `\n${unit.repeat(depth)}${member}${isBare ? `\n${unit.repeat(depth - 1)}` : ''}`
    return splice(text, { start: at, end: isBare ? parent.end - 1 : at, text: line })
  }
  const isOnOneLine = !text.slice(parent.start, last.start).includes('\n')
  const space = isOnOneLine ? ' ' : `\n${indentOf(text, last.start)}`
  const at = parent.endsInComma ? text.indexOf(',', endOfMember(text, last)) + 1 : last.value.end
  return splice(text, { start: at, end: at, text: `${parent.endsInComma ? '' : ','}${space}${member}` })
}

/** Where the comma after a member may be looked for: behind the comments that stand before it. */
function endOfMember(text: string, { value }: JsonMember): number {
  const comments = /^(?:\s+|\/\/[^\n]*|\/\*[^]*?\*\/)*/.exec(text.slice(value.end))?.[0] ?? ''
  return value.end + comments.length
}

function write(value: JsonValue, unit: string, depth: number): string {
  return JSON.stringify(value, undefined, unit).replaceAll('\n', `\n${unit.repeat(depth)}`)
}

function indentOf(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at)
  return /^\s*/.exec(line)?.[0] ?? ''
}

/** The indentation of the file's own first member; two spaces where it has none. */
function unitOf(text: string): string {
  return /^\s*\{[^\S\n]*\n([ \t]+)"/.exec(text)?.[1] ?? '  '
}
