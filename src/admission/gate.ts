/**
 * The gate before one target: how many calls may be in flight (fixed slots, or what AIMD learned from refusals), how
 * fast they may begin (the provider's own limit headers), and who waits meanwhile.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { AimdLimit } from '../resilience/aimd-limit.ts'
import { hasLimits } from '../resilience/limit-headers.ts'
import { Pacer } from '../resilience/pacer.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import type { ResponseHeaders } from '../std/transport.ts'
import type { Priority } from './priority.ts'
import { type Place, WaitingLine } from './waiting-line.ts'

/** Requests that may wait for one target. */
export const QUEUE_DEPTH_MAX = 1_000
/** A request turned away is asked to wait at least, and at most, this. */
export const QUEUE_RETRY_AFTER_MIN_MS = 1_000
export const QUEUE_RETRY_AFTER_MAX_MS = 60_000
/** A full line is searched for those who wait in vain at most this often: it costs a look at everyone. */
export const SHED_INTERVAL_MS = 100
/** Weight of a call in the recent service time. */
const SERVICE_WEIGHT = 1 / 8

/** How a call ended, as far as limits are concerned: `refused` = 429 or 529. */
export type CallOutcome = 'ok' | 'refused' | 'other'

/** A call's place at a target. */
export interface Slot {
  /** Gives the place back; again does nothing. */
  release(outcome: CallOutcome, nowMs: number): void
}

export interface GateAsk {
  readonly priority: Priority
  /** Monotonic time. */
  readonly deadlineAtMs: number
  readonly signal: StopSignal
}

interface Waiter {
  readonly ask: GateAsk
  readonly resolve: (slot: Slot) => void
  readonly reject: (reason: unknown) => void
  /** Lets go of the signal and of the deadline's timer. */
  readonly letGo: () => void
}

export class Gate {
  readonly #clock: Clock
  #inFlight = 0
  /** Calls in flight that have no answer yet. */
  #unanswered = 0
  #slots: number | undefined
  #aimd: AimdLimit | undefined
  #pacer: Pacer | undefined
  #line: WaitingLine<Waiter> | undefined
  /** How long a call holds its place, lately; 0 = not known yet. */
  #serviceMs = 0
  #timer: Timer | undefined
  #timerAtMs = 0
  #shedAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#line?.size ?? 0
  }

  get slots(): number | undefined {
    return this.#slots
  }

  /** Nobody is in it or before it, and nobody has configured it. */
  get isIdle(): boolean {
    return this.#inFlight === 0 && this.queued === 0 && this.#slots === undefined
  }

  /** What AIMD allows now; undefined = no limit. */
  limitAt(nowMs: number): number | undefined {
    return this.#aimd?.at(nowMs)
  }

  /** When the provider's limits let the next call begin; `nowMs` = at once. */
  pacedUntilMs(nowMs: number): number {
    return this.#pacer?.freeAtMs(0, nowMs) ?? nowMs
  }

  isFree(nowMs: number): boolean {
    return this.queued === 0 && this.#hasPlace(nowMs)
  }

  tryEnter(nowMs: number): Slot | undefined {
    return this.isFree(nowMs) ? this.#open(nowMs) : undefined
  }

  async enter(ask: GateAsk): Promise<Slot> {
    ask.signal.throwIfAborted()
    const nowMs = this.#clock.nowMs()
    return this.tryEnter(nowMs) ?? this.#wait(ask, nowMs)
  }

  setSlots(slots: number | undefined): void {
    this.#slots = slots
    this.#admit(this.#clock.nowMs())
  }

  noteHead(status: number, headers: ResponseHeaders, nowMs: number): void {
    this.#unanswered = Math.max(0, this.#unanswered - 1)
    if (this.#pacer === undefined && !hasLimits(headers)) return
    this.#pacer ??= new Pacer()
    const answer = { status, headers, unanswered: this.#unanswered, wallMs: this.#clock.wallMs() }
    this.#pacer.noteAnswer(answer, nowMs)
    this.#admit(nowMs)
  }

  #hasPlace(nowMs: number): boolean {
    return this.#inFlight < this.#widthAt(nowMs) && this.pacedUntilMs(nowMs) <= nowMs
  }

  /** Calls that may be in flight at one time. */
  #widthAt(nowMs: number): number {
    return Math.min(this.#slots ?? Infinity, this.limitAt(nowMs) ?? Infinity)
  }

  #open(nowMs: number): Slot {
    this.#inFlight += 1
    this.#unanswered += 1
    this.#pacer?.draw(nowMs)
    return new HeldSlot(nowMs, (outcome, beganAtMs, endedAtMs) => this.#close(outcome, beganAtMs, endedAtMs))
  }

  #close(outcome: CallOutcome, beganAtMs: number, nowMs: number): void {
    const inFlight = this.#inFlight
    this.#inFlight -= 1
    if (this.#unanswered > this.#inFlight) {
      this.#unanswered = this.#inFlight
      this.#pacer?.giveBack(nowMs)
    }
    if (outcome === 'refused') this.#noteRefusal(inFlight, beganAtMs, nowMs)
    else this.#noteService(nowMs - beganAtMs)
    if (outcome === 'ok') this.#aimd?.noteSuccess(nowMs)
    this.#admit(nowMs)
  }

  #noteRefusal(inFlight: number, beganAtMs: number, nowMs: number): void {
    this.#aimd ??= new AimdLimit()
    if (this.#aimd.noteRefusal(inFlight, beganAtMs, nowMs)) this.#shed(nowMs)
  }

  #noteService(serviceMs: number): void {
    this.#serviceMs += (serviceMs - this.#serviceMs) * (this.#serviceMs === 0 ? 1 : SERVICE_WEIGHT)
  }

  #wait(ask: GateAsk, nowMs: number): Promise<Slot> {
    const line = (this.#line ??= new WaitingLine())
    const waitMs = this.#waitMs(line.aheadOf(ask.priority), nowMs)
    if (nowMs + waitMs >= ask.deadlineAtMs) throw tooLate(waitMs)
    this.#makeRoom(line, ask.priority, nowMs)
    return new Promise((resolve, reject) => {
      const leave = (reason: unknown) => this.#end(line, place, () => reject(reason))
      const onAbort = () => leave(ask.signal.reason)
      const timer = Number.isFinite(ask.deadlineAtMs)
        ? this.#clock.after(ask.deadlineAtMs - nowMs, () =>
            leave(tooLate(this.#waitMs(0, this.#clock.nowMs()))),
          )
        : undefined
      const letGo = () => {
        timer?.cancel()
        ask.signal.removeEventListener('abort', onAbort)
      }
      const place = line.join({ ask, resolve, reject, letGo }, ask.priority, nowMs)
      ask.signal.addEventListener('abort', onAbort, { once: true })
      this.#arm(nowMs)
    })
  }

  /** An estimate of how long one waits behind `ahead` others: by the calls that must end first, and by the pace. */
  #waitMs(ahead: number, nowMs: number): number {
    const queueMs = (ahead * this.#serviceMs) / this.#widthAt(nowMs)
    const paceMs = (this.#pacer?.freeAtMs(ahead, nowMs) ?? nowMs) - nowMs
    return Math.max(queueMs, paceMs)
  }

  /** Where the line is full, first those leave who wait in vain, then one of lower priority; else nobody may come. */
  #makeRoom(line: WaitingLine<Waiter>, priority: Priority, nowMs: number): void {
    if (line.size < QUEUE_DEPTH_MAX) return
    if (nowMs - this.#shedAtMs >= SHED_INTERVAL_MS) this.#shed(nowMs)
    if (line.size < QUEUE_DEPTH_MAX) return
    const waitMs = this.#waitMs(line.size, nowMs)
    const last = line.lastBelow(priority)
    if (last === undefined) throw lineFull(waitMs)
    this.#end(line, last, ({ reject }) => reject(lineFull(waitMs)))
  }

  /** Turns away everyone whose turn would come after their deadline. */
  #shed(nowMs: number): void {
    const line = this.#line
    if (line === undefined || line.size === 0) return
    this.#shedAtMs = nowMs
    let ahead = 0
    for (const place of line.inOrder()) {
      const waitMs = this.#waitMs(ahead, nowMs)
      if (nowMs + waitMs < place.item.ask.deadlineAtMs) ahead += 1
      else this.#end(line, place, ({ reject }) => reject(tooLate(waitMs)))
    }
  }

  /** Lets in whoever may go now. */
  #admit(nowMs: number): void {
    const line = this.#line
    if (line === undefined) return
    for (let next = line.first; next !== undefined && this.#hasPlace(nowMs); next = line.first) {
      this.#end(line, next, ({ resolve }) => resolve(this.#open(nowMs)))
    }
    this.#arm(nowMs)
  }

  /** The only way out of the line; nobody takes it twice. */
  #end(line: WaitingLine<Waiter>, place: Place<Waiter>, tell: (waiter: Waiter) => void): void {
    line.leave(place)
    place.item.letGo()
    tell(place.item)
    if (line.size === 0) this.#disarm()
  }

  /** One timer for all who wait, for the moment that time alone lets the next one in; none where only a release can. */
  #arm(nowMs: number): void {
    if (this.queued === 0) return this.#disarm()
    const atMs = this.#nextMs(nowMs)
    // A timer that is too early looks again.
    if (atMs === undefined || (this.#timer !== undefined && this.#timerAtMs <= atMs)) return
    this.#disarm()
    this.#timerAtMs = atMs
    this.#timer = this.#clock.after(atMs - nowMs, () => {
      this.#timer = undefined
      this.#admit(this.#clock.nowMs())
    })
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #nextMs(nowMs: number): number | undefined {
    if (this.#inFlight >= (this.#slots ?? Infinity)) return undefined
    if (this.#inFlight >= this.#widthAt(nowMs)) return this.#aimd?.forgottenAtMs
    return this.pacedUntilMs(nowMs)
  }
}

class HeldSlot implements Slot {
  readonly #beganAtMs: number
  #close: ((outcome: CallOutcome, beganAtMs: number, nowMs: number) => void) | undefined

  constructor(beganAtMs: number, close: (outcome: CallOutcome, beganAtMs: number, nowMs: number) => void) {
    this.#beganAtMs = beganAtMs
    this.#close = close
  }

  release(outcome: CallOutcome, nowMs: number): void {
    const close = this.#close
    this.#close = undefined
    close?.(outcome, this.#beganAtMs, nowMs)
  }
}

function tooLate(waitMs: number): GatewayError {
  return turnedAway('The target is busy: the request could not be served there before its deadline.', waitMs)
}

function lineFull(waitMs: number): GatewayError {
  return turnedAway('The target is busy: as many requests wait for it as may.', waitMs)
}

function turnedAway(message: string, waitMs: number): GatewayError {
  const retryAfterMs = Math.min(Math.max(waitMs, QUEUE_RETRY_AFTER_MIN_MS), QUEUE_RETRY_AFTER_MAX_MS)
  return new GatewayError('overloaded', message, { retryAfterMs })
}
