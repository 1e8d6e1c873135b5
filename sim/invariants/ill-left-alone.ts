/**
 * I8: no call to a target inside a window in which it is to be left alone, except one: the probe of an open breaker where
 * every target is ill; and half-open, one call at a time.
 */

import type { UpstreamCall } from '../../src/drill/engine/history.ts'
import type { TransitionRecord } from '../../src/telemetry/records.ts'
import { type Facts, groupBy } from '../facts.ts'
import type { Invariant } from './invariant.ts'

export const illLeftAlone: Invariant = {
  id: 'I8',
  title: 'no call inside a limited or open window, except one probe',
  check: (facts) => {
    const calls = groupBy(facts.history.calls, keyOf)
    return [...windowsOf(facts)].flatMap((window) => breachesOf(window, calls.get(window.key) ?? []))
  },
}

interface Window {
  readonly key: string
  readonly state: string
  readonly fromMs: number
  readonly untilMs: number
}

function keyOf({ target, fingerprint }: UpstreamCall): string {
  return `${target} ${fingerprint}`
}

const LEFT_ALONE: ReadonlySet<string> = new Set(['open', 'limited', 'exhausted', 'auth-dead'])

/** Each told state of a target until the next, or until it said it would end. */
function windowsOf({ history }: Facts): readonly Window[] {
  const byKey = groupBy(history.transitions, (told) => `${told.label} ${told.fingerprint}`)
  return [...byKey]
    .flatMap(([key, told]) => told.map((one, index) => windowOf(key, one, told[index + 1])))
    .filter(({ state }) => LEFT_ALONE.has(state))
}

function windowOf(key: string, told: TransitionRecord, next: TransitionRecord | undefined): Window {
  const { to: state, nowMs: fromMs, untilMs = Number.POSITIVE_INFINITY } = told
  return { key, state, fromMs, untilMs: Math.min(untilMs, next?.nowMs ?? Number.POSITIVE_INFINITY) }
}

function breachesOf(
  { key, state, fromMs, untilMs }: Window,
  calls: readonly UpstreamCall[],
): readonly string[] {
  const inside = calls.filter(({ startMs }) => startMs > fromMs && startMs < untilMs)
  const allowed = state === 'open' ? 1 : 0
  if (inside.length <= allowed) return []
  const numbers = inside.map(({ number }) => number).join(', ')
  const window = `${Math.round(fromMs)} to ${Math.round(untilMs)} ms`
  return [`${key.split(' ')[0]} was ${state} from ${window}, and was called all the same: ${numbers}`]
}
