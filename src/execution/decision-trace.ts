/**
 * What was decided for a request and why, kept only where somebody asked for it (`x-holdfast-explain: 1`). It outlives its
 * request, so it holds words and numbers and nothing that leads back to what was said.
 */

import { formatUsd } from '../ledger/usd.ts'
import type { Plan, PlanNode } from '../routing/plan.ts'
import type { Clock } from '../std/clock.ts'
import { type JsonObject, objectOf, parseJson } from '../std/json.ts'
import type { AttemptTotals } from './attempt-log.ts'

/** Steps kept of one request; it takes a handful. */
export const TRACE_STEPS_MAX = 64
/** What a step or an attempt takes, bytes: numbers, and words that many traces share. */
const ENTRY_BYTES = 128
/** Characters of the summary, which a header carries; all of it is at `/explain/{request-id}`. */
export const SUMMARY_LENGTH_MAX = 1_024

export interface TraceStep {
  /** Since the request's arrival, ms. */
  readonly atMs: number
  readonly step: string
  readonly target?: string
  readonly detail?: string
}

export interface TraceInit {
  readonly requestId: string
  readonly plan: Plan
  readonly clock: Pick<Clock, 'nowMs'>
  /** Of the request, monotonic time, ms. */
  readonly arrivedAtMs: number
  readonly totals: AttemptTotals
}

/** What is kept of a trace: told as it is when it is asked for, since an answer that still streams may yet be rescued. */
export interface Explanation {
  /** The most that it comes to hold. */
  readonly bytes: number
  explain(): JsonObject
}

export class DecisionTrace implements Explanation {
  readonly bytes: number
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #arrivedAtMs: number
  readonly #totals: AttemptTotals
  /** The plan in words, as JSON: its nodes hold the errors of others, and objects take many times their length. */
  readonly #plan: string
  readonly #steps: TraceStep[] = []

  constructor({ requestId, plan, clock, arrivedAtMs, totals }: TraceInit) {
    this.#clock = clock
    this.#arrivedAtMs = arrivedAtMs
    this.#totals = totals
    this.#plan = JSON.stringify(describePlan(requestId, plan))
    this.bytes = 2 * this.#plan.length + (TRACE_STEPS_MAX + plan.attemptsMax) * ENTRY_BYTES
  }

  note(step: string, target?: string, detail?: string): void {
    if (this.#steps.length >= TRACE_STEPS_MAX) return
    this.#steps.push({
      atMs: Math.round((this.#clock.nowMs() - this.#arrivedAtMs) * 10) / 10,
      step,
      ...(target === undefined ? {} : { target }),
      ...(detail === undefined ? {} : { detail }),
    })
  }

  explain(): JsonObject {
    const { summaries, costNanoUsd } = this.#totals
    return {
      ...objectOf(parseJson(this.#plan)),
      steps: this.#steps.map((step) => ({ ...step })),
      attempts: summaries.map((attempt) => ({ ...attempt })),
      costUsd: formatUsd(costNanoUsd),
    }
  }

  /** One line: each step with its target and its time. */
  summary(): string {
    const said = this.#steps.map(({ atMs, step, target, detail }) => {
      const about = [target, detail].filter((word) => word !== undefined).join(' ')
      return `${Math.round(atMs)}ms ${step}${about === '' ? '' : ` ${about}`}`
    })
    const line = said.join('; ').replaceAll(/[^\x20-\x7e]/g, '?')
    return line.length > SUMMARY_LENGTH_MAX ? `${line.slice(0, SUMMARY_LENGTH_MAX - 3)}...` : line
  }
}

function describePlan(requestId: string, plan: Plan): JsonObject {
  return {
    requestId,
    ...(plan.routeName === undefined ? {} : { route: plan.routeName }),
    deadlineMs: plan.deadlineMs,
    attemptsMax: plan.attemptsMax,
    plan: describeNode(plan.root),
    skipped: (plan.skipped ?? []).map(({ targetId, lacks }) => ({ target: targetId, lacks: [...lacks] })),
  }
}

function describeNode(node: PlanNode): JsonObject {
  switch (node.type) {
    case 'target': {
      const { verdict, target } = node
      return {
        target: target.id,
        ...(target.credential === undefined ? {} : { credential: target.credential.fingerprint }),
        state: verdict.type,
        ...(verdict.type === 'available' ? {} : { cause: verdict.error.code }),
      }
    }
    case 'first':
      return { first: node.children.map(describeNode) }
    case 'balanced':
      return {
        balanced: node.strategy,
        candidates: node.children.map((child, place) => ({
          ...describeNode(child),
          score: node.scores[place] ?? null,
        })),
      }
  }
}
