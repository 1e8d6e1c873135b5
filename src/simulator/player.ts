/** Carries out steps, one after another, on whatever the answer goes out by; holds still while it is asked to. */

import { assertNever } from '../std/assert-never.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { TransportPhase } from '../std/transport.ts'
import type { Cut, Step } from './step.ts'

/** Where an answer goes out. */
export interface Outlet {
  head(step: Extract<Step, { type: 'head' }>): void
  /** False: hold still until the player is resumed. */
  write(bytes: Uint8Array): boolean
  raw(bytes: Uint8Array): boolean
  /** False: hold still until the player is resumed. */
  flush(): boolean
  end(): void
  cut(by: Cut): void
  fail(phase: TransportPhase, code: string): void
  /** Called around every run of steps that need no waiting. */
  cork?(): void
  uncork?(): void
}

export interface PlayerEvents {
  onTokens(tokens: number): void
  /** The answer is over as far as its caller can tell: ended, cut or failed. */
  onAnswered(): void
}

/** After so many steps or bytes without waiting, other work gets its turn. */
const STEPS_PER_TURN = 10_000
const BYTES_PER_TURN = 4_194_304
/** The pause between turns; more than none, so that held time passes even while an answer has no end. */
const TURN_MS = 1

type Pass = 'go-on' | 'hold' | 'over'

export class Player {
  readonly #steps: Iterator<Step>
  readonly #outlet: Outlet
  readonly #events: PlayerEvents
  readonly #clock: Clock
  #timer: Timer | undefined
  #state: 'ready' | 'running' | 'waiting' | 'over' = 'ready'
  #isPaused = false
  #isAnswered = false
  #turnSteps = 0
  #turnBytes = 0

  constructor(steps: Iterable<Step>, to: { outlet: Outlet; events: PlayerEvents; clock: Clock }) {
    this.#steps = steps[Symbol.iterator]()
    this.#outlet = to.outlet
    this.#events = to.events
    this.#clock = to.clock
  }

  pause(): void {
    this.#isPaused = true
  }

  /** Goes on, or begins. */
  resume(): void {
    this.#isPaused = false
    if (this.#state === 'ready') this.#run()
  }

  /** Carries out nothing more. */
  stop(): void {
    this.#state = 'over'
    this.#timer?.cancel()
    this.#steps.return?.()
  }

  #run(): void {
    this.#state = 'running'
    this.#turnSteps = 0
    this.#turnBytes = 0
    this.#outlet.cork?.()
    let pass: Pass = 'go-on'
    while (pass === 'go-on' && this.#isRunning()) pass = this.#next()
    this.#outlet.uncork?.()
    if (pass === 'over') this.stop()
    else if (this.#isRunning()) this.#state = 'ready'
  }

  /** Asked anew each time, since an outlet may stop or pause the player from inside a step. */
  #isRunning(): boolean {
    return this.#state === 'running'
  }

  #next(): Pass {
    if (this.#isPaused) return 'hold'
    if (this.#turnSteps >= STEPS_PER_TURN || this.#turnBytes >= BYTES_PER_TURN) return this.#waitMs(TURN_MS)
    this.#turnSteps += 1
    const next = this.#take()
    if (!next.done) return this.#carryOut(next.value)
    this.#answered(() => this.#outlet.end())
    return 'over'
  }

  /** A step that cannot be made breaks the answer off, and nothing else. */
  #take(): IteratorResult<Step> {
    try {
      return this.#steps.next()
    } catch {
      return { done: false, value: { type: 'cut', by: 'rst' } }
    }
  }

  #carryOut(step: Step): Pass {
    switch (step.type) {
      case 'head':
        this.#outlet.head(step)
        return 'go-on'
      case 'write':
        this.#events.onTokens(step.tokens)
        return this.#sent(step.bytes.length, this.#outlet.write(step.bytes))
      case 'raw':
        return this.#sent(step.bytes.length, this.#outlet.raw(step.bytes))
      case 'generate':
        this.#events.onTokens(step.tokens)
        return 'go-on'
      case 'wait':
        return this.#waitMs(step.ms)
      case 'flush':
        return this.#sent(0, this.#outlet.flush())
      case 'hang':
        this.#state = 'waiting'
        return 'hold'
      case 'end':
        this.#answered(() => this.#outlet.end())
        return 'go-on'
      case 'cut':
        this.#outlet.uncork?.()
        this.#answered(() => this.#outlet.cut(step.by), true)
        return 'over'
      case 'fail':
        this.#answered(() => this.#outlet.fail(step.phase, step.code))
        return 'over'
      default:
        return assertNever(step)
    }
  }

  #sent(bytes: number, mayGoOn: boolean): Pass {
    this.#turnBytes += bytes
    if (!mayGoOn) this.#isPaused = true
    return 'go-on'
  }

  #waitMs(delayMs: number): Pass {
    this.#state = 'waiting'
    this.#timer = this.#clock.after(delayMs, () => {
      if (this.#state !== 'waiting') return
      this.#state = 'ready'
      if (!this.#isPaused) this.#run()
    })
    return 'hold'
  }

  /** Does what ends the answer, and says so once; what still happens to the connection afterwards is no part of it. */
  #answered(act: () => void, isAlways = false): void {
    if (!this.#isAnswered || isAlways) act()
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#events.onAnswered()
  }
}
