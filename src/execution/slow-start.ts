/** When a second attempt is begun beside a first that is slow to say anything, and with whom: hedging and the soft limit. */

import type { Target } from '../providers/provider.ts'
import type { FirstTokenTimes, PromptBucket } from '../resilience/first-token-times.ts'
import { FIRST_TOKEN_SOFT_MIN_MS, FIRST_TOKEN_SOFT_MS, FIRST_TOKEN_SOFT_SHARE } from '../resilience/timers.ts'
import type { Plan } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'

export interface SlowStart {
  /** The first attempt is waited for alone so long, ms. */
  readonly afterMs: number
  /** `hedge`: the route asked for it; `soft`: the provider is slower than it ever is. */
  readonly reason: 'hedge' | 'soft'
}

export interface SlowStartFacts {
  readonly target: Target
  /** Of an answer in one piece nothing is seen before it is whole. */
  readonly isStreamed: boolean
  readonly promptBucket: PromptBucket
  readonly times: Pick<FirstTokenTimes, 'quantileMs'>
  readonly nowMs: number
}

/** `undefined` where the hard limit is all there is: local servers load their models for minutes. */
export function slowStartOf(hedge: Plan['hedge'], facts: SlowStartFacts): SlowStart | undefined {
  const { target, isStreamed, promptBucket, times, nowMs } = facts
  const name = timesNameOf(target, isStreamed)
  const quantile = (share: number) => times.quantileMs(name, promptBucket, share, nowMs)
  if (hedge !== undefined)
    return { afterMs: Math.max(quantile(0.95) ?? 0, hedge.afterMsMin), reason: 'hedge' }
  if (target.provider.isLocal || !isStreamed) return undefined
  const usual = quantile(0.99)
  const softMs = usual === undefined ? FIRST_TOKEN_SOFT_MS : usual * FIRST_TOKEN_SOFT_SHARE
  const afterMs = Math.max(FIRST_TOKEN_SOFT_MIN_MS, softMs)
  return afterMs < target.timers.firstTokenMs ? { afterMs, reason: 'soft' } : undefined
}

/** Under which name the times of a target are remembered: whole answers apart from streams. */
export function timesNameOf(target: Target, isStreamed: boolean): string {
  const { target: name } = healthKey(target)
  return isStreamed ? name : `${name} plain`
}

/** What fails at one address may be slow there too: a hedge goes to another provider or region. */
export function isElsewhere(target: Target, first: Target): boolean {
  return target.provider.id !== first.provider.id || target.provider.baseUrl !== first.provider.baseUrl
}

/**
 * Whether being asked twice would leave something at a provider: a kept conversation, a container, an answer made without
 * its client, or tools that the provider runs itself.
 */
export function hasSideEffects({
  fields,
  body,
}: {
  fields: ReadonlyMap<string, unknown>
  body: Uint8Array
}): boolean {
  if (SIDE_EFFECT_FIELDS.some((field) => fields.has(field))) return true
  if (!fields.has('tools')) return false
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return SIDE_EFFECT_MARKS.some((mark) => bytes.includes(mark))
}

const SIDE_EFFECT_FIELDS = ['conversation', 'background', 'container', 'mcp_servers']
const SIDE_EFFECT_MARKS = [
  '"mcp"',
  'code_interpreter',
  'code_execution',
  'computer_use',
  '"shell"',
  'image_generation',
]
