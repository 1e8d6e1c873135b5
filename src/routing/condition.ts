/**
 * Conditions on requests, in the Common Expression Language: no loops without bound, no side effects, types checked when
 * the configuration is read. What is compiled here is evaluated for every request of its route, in a fraction of a µs.
 */

import { Environment } from '@marcbachmann/cel-js'
import { nearest } from '../std/nearest.ts'
import type { ConditionFacts } from './condition-facts.ts'

export interface Condition {
  /** The expression, as the operator wrote it. */
  readonly source: string
  /** What cannot be evaluated does not hold, and `onFault` is told why. */
  holds(facts: ConditionFacts, onFault?: (reason: string) => void): boolean
}

export type CompiledCondition =
  | { readonly type: 'condition'; readonly condition: Condition }
  /** `message`: what is wrong, where in the expression, and what to do; it follows the expression in a sentence. */
  | { readonly type: 'fault'; readonly message: string }

/** Parts of one expression; a longer one belongs into several groups. */
const NODES_MAX = 500
/** How deep they nest. */
const DEPTH_MAX = 50
/** Characters of one expression. */
export const CONDITION_LENGTH_MAX = 4_096

const fields = {
  model: 'string',
  dialect: 'string',
  operation: 'string',
  stream: 'bool',
  inputTokens: 'int',
  maxOutputTokens: 'int',
  bodyBytes: 'int',
  hasTools: 'bool',
  hasImages: 'bool',
  key: 'string',
  priority: 'string',
  headers: 'map<string, string>',
  hour: 'int',
} as const satisfies Record<keyof ConditionFacts, string>

/** The facts in the types of the language, whose whole numbers are big ones; each read when it is asked for. */
class RequestFacts {
  readonly #facts: ConditionFacts

  constructor(facts: ConditionFacts) {
    this.#facts = facts
  }

  get model() {
    return this.#facts.model
  }
  get dialect() {
    return this.#facts.dialect
  }
  get operation() {
    return this.#facts.operation
  }
  get stream() {
    return this.#facts.stream
  }
  get inputTokens() {
    return BigInt(this.#facts.inputTokens)
  }
  get maxOutputTokens() {
    return BigInt(this.#facts.maxOutputTokens)
  }
  get bodyBytes() {
    return BigInt(this.#facts.bodyBytes)
  }
  get hasTools() {
    return this.#facts.hasTools
  }
  get hasImages() {
    return this.#facts.hasImages
  }
  get key() {
    return this.#facts.key
  }
  get priority() {
    return this.#facts.priority
  }
  get headers() {
    return this.#facts.headers
  }
  get hour() {
    return BigInt(this.#facts.hour)
  }
}

const environment = new Environment({ limits: { maxAstNodes: NODES_MAX, maxDepth: DEPTH_MAX } })
  .registerType('Request', { ctor: RequestFacts, fields })
  .registerVariable('request', 'Request')
  // A header that is not there is empty, where `request.headers["x-team"]` cannot be evaluated.
  .registerFunction('Request.header(string): string', headerOf)

function headerOf({ headers }: ConditionFacts, name: string): string {
  const lower = name.toLowerCase()
  return Object.hasOwn(headers, lower) ? (headers[lower] ?? '') : ''
}

export function compileCondition(source: string): CompiledCondition {
  if (source.trim() === '') return { type: 'fault', message: 'is empty: write a condition, or leave it out' }
  const checked = environment.check(source)
  if (!checked.valid) return { type: 'fault', message: describeFault(checked.error) }
  if (checked.type !== 'bool') {
    return {
      type: 'fault',
      message: `comes to ${checked.type === undefined ? 'something' : `a value of type ${checked.type}`}, where true or false is needed: compare it with something`,
    }
  }
  const evaluate = environment.parse(source)
  if (callsMatches(evaluate.ast)) {
    return {
      type: 'fault',
      message:
        'calls matches(), whose patterns can take for ever on what a client writes: use startsWith(), endsWith() or contains()',
    }
  }
  return {
    type: 'condition',
    condition: { source, holds: (facts, onFault) => holds(evaluate, facts, onFault) },
  }
}

function holds(
  evaluate: (context: { readonly request: RequestFacts }) => unknown,
  facts: ConditionFacts,
  onFault: ((reason: string) => void) | undefined,
): boolean {
  try {
    return evaluate({ request: new RequestFacts(facts) }) === true
  } catch (error) {
    onFault?.(summaryOf(error))
    return false
  }
}

/** `{ name, args }` of a tree whose nodes are made of such nodes and of lists of them. */
function callsMatches(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(callsMatches)
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return false
  const { op, args } = node
  const isMatches = (op === 'rcall' || op === 'call') && Array.isArray(args) && args[0] === 'matches'
  return isMatches || callsMatches(args)
}

interface CelFault {
  readonly summary?: string
  readonly code?: string
  readonly range?: { readonly start: number }
}

function describeFault(error: CelFault | undefined): string {
  const where = error?.range === undefined ? '' : ` at character ${error.range.start + 1}`
  const summary = summaryOf(error)
  const unknown = /^No such key: (\w+)$/.exec(summary)?.[1]
  if (unknown !== undefined) {
    const names = Object.keys(fields)
    const meant = nearest(unknown, names)
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    return `asks${where} for request.${unknown}, which there is not${hint} (there are ${names.join(', ')} and header(name))`
  }
  if (error?.code === 'unknown_variable')
    return `is wrong${where} (${summary}): all that can be asked stands in request, as in request.inputTokens > 100000`
  return `is no condition that can be read${where} (${summary}): correct it, as in request.inputTokens > 100000 && !request.hasTools`
}

/** The library's own words, without the picture it adds. */
function summaryOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'summary' in error && typeof error.summary === 'string')
    return error.summary
  return error instanceof Error ? error.message : 'it cannot be evaluated'
}
