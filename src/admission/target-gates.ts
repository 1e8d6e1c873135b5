/**
 * The gates of all targets, by name. A target of which no limit is known costs a look-up and a count; names come from
 * clients, so the memory of them is bounded.
 */

import { BoundedCells } from '../resilience/bounded-cells.ts'
import { hasLimits } from '../resilience/limit-headers.ts'
import type { Clock } from '../std/clock.ts'
import type { ResponseHeaders } from '../std/transport.ts'
import { Gate, type GateAsk, type Slot } from './gate.ts'

export type { Slot } from './gate.ts'

/** Gates remembered; the oldest idle one is forgotten, and with it what its provider said of its limits. */
export const GATES_MAX = 10_000

export interface TargetGates {
  /** Could a call begin at once? */
  isFree(target: string, nowMs: number): boolean
  /** A slot, or undefined where one must wait; nobody who waits is passed. */
  tryEnter(target: string, nowMs: number): Slot | undefined
  /**
   * Waits for a slot: at most `QUEUE_DEPTH_MAX` a target, by priority, then by arrival. Rejects with `overloaded` and a
   * time to come back what cannot meet its deadline, as soon as that is known, and what finds no place in the line; with
   * the signal's reason when it aborts.
   */
  enter(target: string, ask: GateAsk): Promise<Slot>
  /** The head of an answer, whatever its status: the provider's limits are read off its headers. */
  noteHead(target: string, status: number, headers: ResponseHeaders, nowMs: number): void
  /** Calls that a local server serves at one time; undefined = as many as come. */
  setSlots(target: string, slots: number | undefined): void
  /** For people: every gate with something to say. */
  snapshot(nowMs: number): readonly GateState[]
}

export interface GateState {
  readonly target: string
  readonly inFlight: number
  /** What AIMD allows at one time. */
  readonly limit?: number
  /** What is configured. */
  readonly slots?: number
  readonly queued: number
  /** When the provider's limits let the next call begin; absent = at once. */
  readonly pacedUntilMs?: number
}

export function createTargetGates(options: { readonly clock: Clock }): TargetGates {
  const gates = new BoundedCells<Gate>(GATES_MAX)

  /** Beyond the bound there are only as many gates as calls in flight and waiting, which admission bounds. */
  const open = (target: string): Gate => {
    const known = gates.get(target)
    if (known !== undefined) return known
    gates.makeRoom((gate) => gate.isIdle)
    return gates.add(target, new Gate(options.clock))
  }

  return {
    isFree: (target, nowMs) => gates.get(target)?.isFree(nowMs) ?? true,
    tryEnter: (target, nowMs) => open(target).tryEnter(nowMs),
    enter: (target, ask) => open(target).enter(ask),
    noteHead(target, status, headers, nowMs) {
      const gate = gates.get(target) ?? (hasLimits(headers) ? open(target) : undefined)
      gate?.noteHead(status, headers, nowMs)
    },
    setSlots(target, slots) {
      if (slots === undefined) gates.get(target)?.setSlots(undefined)
      else open(target).setSlots(slots)
    },
    snapshot: (nowMs) =>
      [...gates.entries()].map(([target, gate]) => stateOf(target, gate, nowMs)).filter(hasNews),
  }
}

function stateOf(target: string, gate: Gate, nowMs: number): GateState {
  const { inFlight, queued, slots } = gate
  const limit = gate.limitAt(nowMs)
  const pacedUntilMs = gate.pacedUntilMs(nowMs)
  return {
    target,
    inFlight,
    queued,
    ...(limit !== undefined && { limit }),
    ...(slots !== undefined && { slots }),
    ...(pacedUntilMs > nowMs && { pacedUntilMs }),
  }
}

function hasNews({ inFlight, queued, limit, slots, pacedUntilMs }: GateState): boolean {
  return (
    inFlight > 0 || queued > 0 || limit !== undefined || slots !== undefined || pacedUntilMs !== undefined
  )
}
