/** Says a schema's complaints in the words of someone who edits the file: what is wrong, what was meant, how to mend it. */

import type { z } from 'zod'
import { nearest } from '../../std/nearest.ts'
import type { FaultList } from './fault-list.ts'
import { formatPath, type Path, quote } from './fault.ts'
import { exampleAt, fieldsAt, isScalarAt, isSecretAt } from './schema-walk.ts'
import type { SourceMap } from './source-map.ts'

export interface Judged {
  readonly schema: z.core.$ZodType
  readonly value: unknown
  readonly source: SourceMap
  readonly faults: FaultList
}

/** Adds the fault, or the faults, that one complaint amounts to. */
export function addIssue(issue: z.core.$ZodIssue, judged: Judged): void {
  // zod types a path as property keys; ours come from YAML, where every one is text or a place in a list.
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) addUnknownField([...path, key], judged)
    return
  }
  const { faults } = judged
  if (faults.has(path)) return
  const meant = issue.code === 'invalid_union' ? issuesOfMeant(issue) : []
  if (meant.length > 0) {
    for (const one of meant) addIssue({ ...one, path: [...path, ...one.path] }, judged)
    return
  }
  if (issue.code === 'invalid_key') {
    faults.atKey(path, `${subject(path.slice(0, -1))}: ${quote(String(path.at(-1)))} ${messageOfKey(issue)}`)
    return
  }
  if (isMissing(judged.value, path)) {
    addMissing(path, judged)
    return
  }
  faults.at(
    path,
    `${subject(path)}${shown(path, judged)} ${complaint(issue, exampleAt(judged.schema, path))}`,
  )
}

/** Of a choice, what is wrong with the one option that is of the value's own kind; none where there is no such option. */
function issuesOfMeant({ errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  const ofKind = errors.filter((issues) => !issues.some(isOfOtherKind))
  return ofKind.length === 1 ? (ofKind[0] ?? []) : []
}

function isOfOtherKind({ code, path }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
}

function addUnknownField(path: Path, { schema, faults }: Judged): void {
  if (faults.has(path)) return
  const name = String(path.at(-1))
  const fields = fieldsAt(schema, path.slice(0, -1))
  const guess = synonyms.get(name.toLowerCase().replaceAll(/[-_]/g, '')) ?? ''
  const meant = fields.includes(guess) ? guess : nearest(name, fields)
  const hint = meant === undefined ? '' : `; did you mean ${quote(meant)}?`
  faults.atKey(
    path,
    `${subject(path.slice(0, -1))} has no field ${quote(name)}${hint} (the fields are ${fields.join(', ')})`,
  )
}

/** What people write who come from elsewhere. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['apikey', 'credential'],
  ['key', 'credential'],
  ['token', 'credential'],
  ['secret', 'credential'],
  ['apibase', 'baseUrl'],
  ['url', 'baseUrl'],
  ['endpoint', 'baseUrl'],
  ['timeout', 'deadline'],
  ['fallbacks', 'targets'],
  ['models', 'targets'],
  ['target', 'targets'],
  ['model', 'targets'],
  ['type', 'dialect'],
  ['api', 'dialect'],
  ['port', 'listen'],
  ['host', 'listen'],
  ['virtualkeys', 'keys'],
  ['logging', 'log'],
])

function addMissing(path: Path, { faults }: Judged): void {
  const parent = path.slice(0, -1)
  const last = path.at(-1)
  if (typeof last === 'number')
    faults.at(path, `${formatPath(path)} is empty: write a value or remove the line`)
  else faults.at(path, `${subject(parent)} has no ${quote(String(last))}: add it`)
}

function complaint(issue: z.core.$ZodIssue, example: string | undefined): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}${typeHint(issue, example)}`
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(String))}`
    case 'too_small':
      return isOwnMessage(issue.message)
        ? issue.message
        : `must ${issue.origin === 'array' ? 'have' : 'be'} at least ${issue.minimum}${unit(issue.origin, issue.minimum)}`
    case 'too_big':
      return isOwnMessage(issue.message)
        ? issue.message
        : `must ${issue.origin === 'array' ? 'have' : 'be'} at most ${issue.maximum}${unit(issue.origin, issue.maximum)}`
    case 'invalid_union':
      return isOwnMessage(issue.message) ? issue.message : 'must be text or a number'
    default:
      return issue.message
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a set of fields',
  record: 'a set of named entries',
}

function typeHint(issue: z.core.$ZodIssueInvalidType, example: string | undefined): string {
  if (example !== undefined) return `, such as ${example}`
  if (issue.expected === 'string') return ': put it in quotes'
  if (issue.expected === 'array') return ': write it as [a, b], or one "- a" to a line'
  if (issue.expected === 'object' || issue.expected === 'record')
    return ': write "field: value" lines below it'
  return ''
}

function unit(origin: string, count: number | bigint): string {
  if (origin === 'array') return count === 1 ? ' entry' : ' entries'
  return origin === 'string' ? ' characters long' : ''
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? quote(values[0] ?? '') : `one of ${values.join(', ')}`
}

/** zod's own sentences begin with these words; a schema's own message never does. */
function isOwnMessage(message: string): boolean {
  return !message.startsWith('Too ') && !message.startsWith('Invalid ')
}

function messageOfKey(issue: z.core.$ZodIssueInvalidKey): string {
  return issue.issues[0]?.message ?? 'is not a name that can be used here'
}

function shown(path: Path, { schema, source, value }: Judged): string {
  const text = source.text(path)
  if (path.length === 0) return ''
  // Where fields or a list were meant, the word that stands there instead is likely the secret itself (SEC-21).
  if (text === undefined || isSecretAt(schema, path) || !isScalarAt(schema, path)) return ':'
  const at = valueAt(value, path)
  const isExpanded = typeof at === 'string' && at !== text
  return `: ${quote(text)}${isExpanded ? ' (from the environment)' : ''}`
}

function subject(path: Path): string {
  return path.length === 0 ? 'the configuration' : formatPath(path)
}

function isMissing(value: unknown, path: Path): boolean {
  const found = valueAt(value, path)
  return found === undefined || found === null
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((current, step) => {
    if (typeof current !== 'object' || current === null) return undefined
    // Plain data made by the reader: its own properties are its values.
    return Object.hasOwn(current, step) ? (current as Record<string | number, unknown>)[step] : undefined
  }, value)
}
