/** A route's tree to a plan's: what does not count for this request is left out, and balanced groups are drawn. */

import type { Target } from '../providers/provider.ts'
import type { FirstTokenTimes } from '../resilience/first-token-times.ts'
import type { Verdict } from '../resilience/target-health.ts'
import type { Random } from '../std/ids.ts'
import { affinityHash } from './affinity-key.ts'
import type { Condition } from './condition.ts'
import {
  drawBetterOfTwo,
  drawByWeight,
  fillGaps,
  type Order,
  orderByAffinity,
  orderByCost,
  rendezvous,
} from './draw-order.ts'
import { type PlanNode, targetNodes, type TargetNode } from './plan.ts'
import { type RouteNode, targetsOf } from './route.ts'

/** What balancing goes by, whatever the request. */
export interface BalanceDeps {
  readonly random: Random
  readonly firstTokenTimes: Pick<FirstTokenTimes, 'peakEwmaMs' | 'inFlight'>
  readonly gates: { isFree(target: string, nowMs: number): boolean }
}

/** What is known of one request and its targets. */
export interface DrawFacts {
  readonly nowMs: number
  /** The name under which a target's times and places are remembered. */
  nameOf(target: Target): string
  verdictOf(target: Target): Verdict
  /** Whether the target may serve the request and has no place in the plan yet. */
  takes(target: Target): boolean
  holds(condition: Condition): boolean
  /** What the request would cost there, in any unit; `undefined` where nobody knows. */
  costOf(target: Target): number | undefined
  /** What requests have in common that belong together; `undefined`: it belongs with none. */
  affinityKey(): string | undefined
}

/** `undefined` where nothing of the tree counts for this request. */
export function drawPlan(node: RouteNode, facts: DrawFacts, deps: BalanceDeps): PlanNode | undefined {
  return new PlanDraw(facts, deps).draw(node)
}

/** A child that was drawn itself, with what is asked of it: for a group, of the target it would try first. */
interface Child {
  readonly node: RouteNode
  readonly drawn: PlanNode
  readonly first: TargetNode
}

/** Each place's score is what it was drawn by. */
interface Drawn {
  readonly order: Order
  readonly scores: readonly number[]
}

class PlanDraw {
  readonly #facts: DrawFacts
  readonly #deps: BalanceDeps

  constructor(facts: DrawFacts, deps: BalanceDeps) {
    this.#facts = facts
    this.#deps = deps
  }

  draw(node: RouteNode): PlanNode | undefined {
    if (node.type === 'target') {
      const { target } = node
      return this.#facts.takes(target)
        ? { type: 'target', target, verdict: this.#facts.verdictOf(target) }
        : undefined
    }
    if (node.when !== undefined && !this.#facts.holds(node.when)) return undefined
    const children = node.children.flatMap((child) => this.#child(child))
    const [only] = children
    if (only === undefined || children.length === 1) return only?.drawn
    if (node.type === 'first') return { type: 'first', children: children.map(({ drawn }) => drawn) }
    const { order, scores } = this.#drawChildren(node.strategy, children)
    return {
      type: 'balanced',
      strategy: node.strategy,
      children: order.flatMap((place) => children[place]?.drawn ?? []),
      scores: order.map((place) => scores[place] ?? Number.POSITIVE_INFINITY),
    }
  }

  #child(node: RouteNode): readonly Child[] {
    const drawn = this.draw(node)
    const first = drawn && targetNodes(drawn)[0]
    return drawn === undefined || first === undefined ? [] : [{ node, drawn, first }]
  }

  #drawChildren(
    strategy: Extract<RouteNode, { type: 'balanced' }>['strategy'],
    children: readonly Child[],
  ): Drawn {
    switch (strategy) {
      case 'weighted':
        return this.#drawByWeight(children)
      case 'latency':
        return this.#drawByLatency(children)
      case 'cheapest':
        return this.#orderByCost(children)
      case 'affinity':
        return this.#orderByAffinity(children)
    }
  }

  #drawByWeight(children: readonly Child[]): Drawn {
    const scores = children.map(weightOf)
    return { order: drawByWeight(scores, this.#deps.random), scores }
  }

  /** Among those that could be called at once, then among the others. */
  #drawByLatency(children: readonly Child[]): Drawn {
    const { firstTokenTimes, random } = this.#deps
    const names = children.map(({ first }) => this.#facts.nameOf(first.target))
    const times = fillGaps(names.map((name) => firstTokenTimes.peakEwmaMs(name, this.#facts.nowMs)))
    const scores = names.map((name, place) => (times[place] ?? 0) * (firstTokenTimes.inFlight(name) + 1))
    const order = [true, false].flatMap((isFree) => {
      const places = names.flatMap((name, place) =>
        this.#isFree(children[place], name) === isFree ? [place] : [],
      )
      const drawn = drawBetterOfTwo(
        places.map((place) => scores[place] ?? 0),
        random,
      )
      return drawn.flatMap((at) => places[at] ?? [])
    })
    return { order, scores }
  }

  #isFree(child: Child | undefined, name: string): boolean {
    return child?.first.verdict.type === 'available' && this.#deps.gates.isFree(name, this.#facts.nowMs)
  }

  #orderByCost(children: readonly Child[]): Drawn {
    const costs = children.map(({ first }) => this.#facts.costOf(first.target))
    return { order: orderByCost(costs), scores: costs.map((cost) => cost ?? Number.POSITIVE_INFINITY) }
  }

  #orderByAffinity(children: readonly Child[]): Drawn {
    const key = this.#facts.affinityKey()
    if (key === undefined) return this.#drawByWeight(children)
    const asked = children.map((child) => ({
      hash: affinityHash(key, this.#stableName(child.node)),
      weight: weightOf(child),
      inFlight: this.#inFlight(child.node),
      isAvailable: child.first.verdict.type === 'available',
    }))
    return {
      order: orderByAffinity(asked),
      scores: asked.map(({ hash, weight }) => rendezvous(hash, weight)),
    }
  }

  /** Of all that stands in a group, so that it stays the same whatever of it counts for a request. */
  #stableName(node: RouteNode): string {
    return targetsOf(node)
      .map((target) => this.#facts.nameOf(target))
      .join('\n')
  }

  #inFlight(node: RouteNode): number {
    const calls = targetsOf(node).map((target) =>
      this.#deps.firstTokenTimes.inFlight(this.#facts.nameOf(target)),
    )
    return calls.reduce((total, count) => total + count, 0)
  }
}

function weightOf({ node }: Child): number {
  return node.weight ?? 1
}
