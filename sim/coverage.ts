/**
 * "Sometimes" assertions: what a run of many seeds must have reached at least once, or it proves less than it seems to:
 * every fault with what may come of it, and every state of the gateway.
 */

import type { UpstreamCall } from '../src/drill/engine/history.ts'
import type { Facts, TryFacts } from './facts.ts'

/** How often each thing happened. */
export type Coverage = Readonly<Record<string, number>>

export function coverageOf(facts: Facts): Coverage {
  const counts = new Map<string, number>()
  const note = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const one of facts.tries) for (const name of namesOf(one)) note(name)
  for (const { from, to, cause } of facts.history.transitions) {
    note(`health: ${to}`)
    if (from === 'half-open' && to === 'closed') note('health: probe succeeded')
    if (from === 'half-open' && to === 'open') note('health: probe failed')
    if (cause === 'forgiven') note('health: forgiven')
  }
  for (const { type } of facts.history.turns) note(`operator: ${type}`)
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)))
}

function namesOf(facts: TryFacts): readonly string[] {
  const { made, calls, attempts, records, earlier, story } = facts
  const [record] = records
  const names = new Set<string>()
  const state = stateOf(facts)
  for (const { fault } of calls) if (fault !== undefined) names.add(`fault: ${fault} -> ${state}`)
  names.add(`request: ${state}`)
  if (record?.code !== undefined) names.add(`code: ${record.code}`)
  if (record?.rescueRung !== undefined) names.add(`rescue: rung ${record.rescueRung}`)
  if (earlier > 0) names.add('client: tried again')
  if (made.dawdledMs > 0) names.add('client: read slowly')
  if (made.leftAtMs !== undefined) names.add(leavingOf(facts))
  if (made.toolCalls.length > 0) names.add('answer: tool call')
  if (attempts.some(({ flags }) => flags.includes('race_lost'))) names.add('race: lost and won')
  if (attempts.some(({ isWaste }) => isWaste)) names.add('attempt: waste')
  if (hasWaited(facts)) names.add('queue: waited')
  names.add(`answer: ${story.dialect} ${story.isStream ? 'stream' : 'plain'} ${state}`)
  return [...names]
}

/** How the request went, in one word. */
function stateOf({ made, calls, records: [record] }: TryFacts): string {
  const last = calls.at(-1)
  if (record === undefined) return 'turned away'
  if (record.state !== 'completed') return record.state
  const isFallback = calls.some(({ target }) => target !== last?.target)
  if (isFallback) return 'fallback'
  return calls.length > 1 ? 'retried' : made.outcome
}

function leavingOf({ made, calls }: TryFacts): string {
  if (calls.length === 0) return 'client: left before any call'
  return made.begunAtMs === undefined ? 'client: left before the answer' : 'client: left in the answer'
}

/** The first call was made later than at once. */
function hasWaited({ made, calls: [first] }: TryFacts): boolean {
  return first !== undefined && first.startMs > made.startMs
}

export function addCoverage(one: Coverage, other: Coverage): Coverage {
  const sum: Record<string, number> = { ...one }
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

type FaultName = NonNullable<UpstreamCall['fault']>

/** What may come of each fault, and must have come of it somewhere. */
const BEFORE_CONTENT = ['fallback', 'failed'] as const
const IN_THE_ANSWER = ['fallback', 'truncated', 'rescued'] as const
const HARMLESS = ['answered'] as const

const OUTCOMES: Readonly<Record<FaultName, readonly string[]>> = {
  refuse: [...BEFORE_CONTENT, 'retried'],
  allowance: BEFORE_CONTENT,
  'connect-refused': BEFORE_CONTENT,
  'black-hole': BEFORE_CONTENT,
  'reset-before-head': [...BEFORE_CONTENT, 'retried'],
  hang: BEFORE_CONTENT,
  'reset-in-body': IN_THE_ANSWER,
  'end-early': IN_THE_ANSWER,
  stall: ['answered', ...IN_THE_ANSWER],
  'slow-first-token': ['answered', 'fallback', 'failed'],
  'pings-only': BEFORE_CONTENT,
  'error-event': IN_THE_ANSWER,
  'empty-answer': BEFORE_CONTENT,
  'malformed-event': HARMLESS,
  'wrong-content-type': BEFORE_CONTENT,
  'giant-event': HARMLESS,
  slices: HARMLESS,
  'terminal-twice': HARMLESS,
  'held-open': HARMLESS,
}

const STATES = [
  'request: shed',
  'request: client_gone',
  'request: rescued',
  'request: truncated',
  'rescue: rung 1',
  'rescue: rung 2',
  'rescue: rung 3',
  'health: open',
  'health: half-open',
  'health: limited',
  'health: exhausted',
  'health: auth-dead',
  'health: probe succeeded',
  'health: probe failed',
  'health: forgiven',
  'client: tried again',
  'client: read slowly',
  'client: left before the answer',
  'client: left in the answer',
  'answer: tool call',
  'race: lost and won',
  'queue: waited',
  'code: deadline_exceeded',
  'code: gateway_shutting_down',
  'code: retry_budget_spent',
  'code: overloaded',
  'operator: reload',
  'operator: drain',
  'operator: drained',
] as const

export const REQUIRED: readonly string[] = [
  ...Object.entries(OUTCOMES).flatMap(([fault, outcomes]) =>
    outcomes.map((outcome) => `fault: ${fault} -> ${outcome}`),
  ),
  ...STATES,
]

export function missingFrom(coverage: Coverage): readonly string[] {
  return REQUIRED.filter((name) => (coverage[name] ?? 0) === 0)
}
