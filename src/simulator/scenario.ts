/**
 * A scenario: plain data that says how the simulated provider behaves, with a seed, a pace, scripted answers, and rules
 * for faults. Parsed once; a mistake is told with its path and how to mend it.
 */

import { z } from 'zod'
import type { Fault, ParameterValues } from './fault.ts'
import { readParameters } from './fault.ts'
import { parseFaultExpression } from './fault-expression.ts'
import { faults, nearestFault } from './faults.ts'
import type { Pace } from './pace.ts'
import { NO_PACE } from './pace.ts'
import { SIMULATED_DIALECTS, SIMULATED_OPERATIONS, type SimulatedDialect } from './request.ts'
import type { ScriptedAnswer } from './scripted-answer.ts'

/** A scenario as a person writes it. */
export type ScenarioInput = z.input<typeof scenarioSchema>

export interface Scenario {
  readonly seed: number
  readonly pace: Pace
  readonly answers: readonly ScriptedAnswer[]
  readonly rules: readonly FaultRule[]
}

/** When a fault befalls a call: all of its conditions must hold. */
export interface FaultRule {
  readonly fault: Fault
  readonly values: ParameterValues
  readonly condition: FaultCondition
}

export interface FaultCondition {
  /** The model asked for; `*` stands for anything. */
  readonly model?: string
  readonly dialect?: SimulatedDialect
  /** The kind of call. Default `chat`; `any` for all of them. */
  readonly operation: (typeof SIMULATED_OPERATIONS)[number] | 'any'
  /** Only the first so many calls that meet the other conditions. */
  readonly first?: number
  /** Only these calls of those that meet the other conditions, counted from 1. */
  readonly calls?: readonly number[]
  /** Only every so manyth call. */
  readonly every?: number
  /** Only this share of the calls, drawn from the seed. */
  readonly share?: number
  /** At most so often in all. */
  readonly times?: number
  /** From so many ms after the start, until so many, again and again with the period. */
  readonly fromMs?: number
  readonly untilMs?: number
  readonly periodMs?: number
}

export interface ScenarioProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export type ParsedScenario =
  | { readonly type: 'scenario'; readonly scenario: Scenario }
  | { readonly type: 'problems'; readonly problems: readonly ScenarioProblem[] }

const SEED = 1
const count = z.number().int().min(1)
const ms = z.number().min(0)

const paceSchema = z.strictObject({
  firstTokenMs: ms.optional(),
  perTokenMs: ms.optional(),
  tokensPerChunk: count.optional(),
})

const answerSchema = z.strictObject({
  model: z.string().optional(),
  contains: z.string().optional(),
  afterTool: z.boolean().optional(),
  reasoning: z.string().optional(),
  text: z.string().optional(),
  refusal: z.string().optional(),
  toolCalls: z.array(z.strictObject({ name: z.string(), arguments: z.unknown() })).optional(),
  finish: z.enum(['stop', 'length', 'tool-calls', 'content-filter']).optional(),
})

const ruleSchema = z.strictObject({
  fault: z.string(),
  parameters: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  model: z.string().optional(),
  dialect: z.enum(SIMULATED_DIALECTS).optional(),
  operation: z.enum([...SIMULATED_OPERATIONS, 'any']).optional(),
  first: count.optional(),
  calls: z.array(count).min(1).optional(),
  every: count.optional(),
  share: z.number().min(0).max(1).optional(),
  times: count.optional(),
  fromMs: ms.optional(),
  untilMs: ms.optional(),
  periodMs: z.number().positive().optional(),
})

const scenarioSchema = z.strictObject({
  seed: z.number().int().optional(),
  pace: paceSchema.optional(),
  answers: z.array(answerSchema).optional(),
  faults: z.array(ruleSchema).optional(),
})

/** Reads a scenario from any value (parsed YAML, JSON, or a literal), and finds all its mistakes at once. */
export function parseScenario(value: unknown): ParsedScenario {
  const parsed = scenarioSchema.safeParse(value ?? {})
  if (!parsed.success) return { type: 'problems', problems: parsed.error.issues.map(problemOf) }
  const { seed = SEED, pace, answers = [], faults: rules = [] } = parsed.data
  const read = rules.map(readRule)
  const problems = read.flatMap((each) => (each.type === 'problem' ? [each.problem] : []))
  if (problems.length > 0) return { type: 'problems', problems }
  const scenario: Scenario = {
    seed,
    pace: { ...NO_PACE, ...present(pace ?? {}) },
    answers: answers.map((answer) => present(answer)),
    rules: read.flatMap((each) => (each.type === 'rule' ? [each.rule] : [])),
  }
  return { type: 'scenario', scenario }
}

/** A scenario known to be right, such as a literal in a test; throws an error that lists every mistake. */
export function createScenario(input: ScenarioInput = {}): Scenario {
  const parsed = parseScenario(input)
  if (parsed.type === 'scenario') return parsed.scenario
  const lines = parsed.problems.map(({ path, message }) => `${path.join('.') || 'scenario'}: ${message}`)
  throw new Error(`the scenario has mistakes:\n${lines.join('\n')}`)
}

function problemOf(issue: z.core.$ZodIssue): ScenarioProblem {
  // JSON and YAML keys are strings or numbers; zod allows symbols too.
  return {
    path: issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key)),
    message: issue.message,
  }
}

type ReadRule =
  | { readonly type: 'rule'; readonly rule: FaultRule }
  | { readonly type: 'problem'; readonly problem: ScenarioProblem }

function readRule(input: z.output<typeof ruleSchema>, index: number): ReadRule {
  const { fault: written, parameters = {}, operation = 'chat', ...condition } = input
  const expression = parseFaultExpression(written)
  const found = findFault(expression.fault, { ...expression.parameters, ...parameters })
  if (found.type === 'problem') {
    const path = [
      'faults',
      index,
      ...(found.parameter === undefined ? ['fault'] : ['parameters', found.parameter]),
    ]
    return { type: 'problem', problem: { path, message: found.message } }
  }
  const rule = { ...found, condition: { operation, ...present(condition) } }
  return { type: 'rule', rule }
}

export type FoundFault =
  | { readonly type: 'fault'; readonly fault: Fault; readonly values: ParameterValues }
  | { readonly type: 'problem'; readonly message: string; readonly parameter?: string }

/** The fault of a name with its parameters read. */
export function findFault(name: string, parameters: Readonly<Record<string, unknown>>): FoundFault {
  const fault = faults.get(name)
  if (!fault) {
    const near = nearestFault(name)
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    return {
      type: 'problem',
      message: `there is no fault called ${JSON.stringify(name.slice(0, 64))}${hint}`,
    }
  }
  const read = readParameters(fault, parameters)
  if (read.type === 'problem') return read
  return { type: 'fault', fault, values: read.values }
}

/** The fields that are there: zod reports an absent field as undefined. */
function present<Fields extends object>(fields: Fields): Present<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  // Sound: only undefined values were taken out.
  return Object.fromEntries(entries) as Present<Fields>
}

type Present<Fields> = { readonly [Name in keyof Fields]: Exclude<Fields[Name], undefined> }
