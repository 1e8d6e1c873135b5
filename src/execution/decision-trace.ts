/** What was decided for a request and why, kept only where somebody asked for it (`x-holdfast-explain: 1`). */

import { formatUsd } from '../ledger/usd.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { JsonObject } from '../std/json.ts'
import type { AttemptSummary } from '../errors/gateway-error.ts'
import type { Plan, PlanNode } from '../routing/plan.ts'

/** Steps kept of one request; it takes a handful. */
export const TRACE_STEPS_MAX = 64
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
  /** Since arrival, ms. */
  elapsedMs(): number
  attempts(): readonly AttemptSummary[]
  costNanoUsd(): NanoUsd | undefined
}

export class DecisionTrace {
  readonly #init: TraceInit
  readonly #steps: TraceStep[] = []

  constructor(init: TraceInit) {
    this.#init = init
  }

  note(step: string, target?: string, detail?: string): void {
    if (this.#steps.length >= TRACE_STEPS_MAX) return
    this.#steps.push({
      atMs: Math.round(this.#init.elapsedMs() * 10) / 10,
      step,
      ...(target === undefined ? {} : { target }),
      ...(detail === undefined ? {} : { detail }),
    })
  }

  explain(): JsonObject {
    const { requestId, plan } = this.#init
    return {
      requestId,
      ...(plan.routeName === undefined ? {} : { route: plan.routeName }),
      deadlineMs: plan.deadlineMs,
      attemptsMax: plan.attemptsMax,
      plan: describeNode(plan.root),
      skipped: (plan.skipped ?? []).map(({ targetId, lacks }) => ({ target: targetId, lacks: [...lacks] })),
      steps: this.#steps.map((step) => ({ ...step })),
      attempts: this.#init.attempts().map((attempt) => ({ ...attempt })),
      costUsd: formatUsd(this.#init.costNanoUsd()),
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
