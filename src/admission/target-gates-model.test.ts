import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StopSource } from '../std/stop-signal.ts'
import {
  type CallOutcome,
  QUEUE_DEPTH_MAX,
  QUEUE_RETRY_AFTER_MAX_MS,
  QUEUE_RETRY_AFTER_MIN_MS,
} from './gate.ts'
import { HANDICAP_MS, PRIORITIES, type Priority } from './priority.ts'
import { createTargetGates, type Slot } from './target-gates.ts'

const TARGET = 't:openai/gpt-5:1'
/** Time goes in ticks and every deadline is on one, so that it is known when each waiter ended. */
const TICK_MS = 250

type Step =
  | { readonly type: 'enter'; readonly priority: Priority; readonly ticks: number; readonly count: number }
  | { readonly type: 'try' }
  | { readonly type: 'release'; readonly which: number; readonly outcome: CallOutcome }
  | { readonly type: 'abort'; readonly which: number }
  | { readonly type: 'head'; readonly left: number; readonly resetMs: number }
  | { readonly type: 'slots'; readonly slots: number | undefined }
  | { readonly type: 'time'; readonly ticks: number }

const anyPriority = fc.constantFrom<Priority>('high', 'normal', 'low')
const entering = fc.record({
  type: fc.constant('enter' as const),
  priority: anyPriority,
  ticks: fc.integer({ min: 1, max: 160 }),
  count: fc.integer({ min: 1, max: 5 }),
})
const releasing = fc.record({
  type: fc.constant('release' as const),
  which: fc.nat(50),
  outcome: fc.constantFrom<CallOutcome>('ok', 'ok', 'refused', 'other'),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: entering },
  { weight: 1, arbitrary: fc.constant({ type: 'try' as const }) },
  { weight: 6, arbitrary: releasing },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('abort' as const), which: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('head' as const),
      left: fc.nat(10),
      resetMs: fc.constantFrom(0, 700, 10_000, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('slots' as const),
      slots: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('time' as const), ticks: fc.integer({ min: 1, max: 24 }) }),
  },
)

interface Waiter {
  readonly number: number
  readonly priority: Priority
  readonly orderMs: number
  readonly deadlineAtMs: number
  readonly stop: StopSource
  readonly ends: ('slot' | 'overloaded' | 'abort' | 'else')[]
}

function comesBefore(one: Waiter, other: Waiter): number {
  return (
    one.orderMs - other.orderMs ||
    PRIORITIES.indexOf(one.priority) - PRIORITIES.indexOf(other.priority) ||
    one.number - other.number
  )
}

/** Those who ask, wait and hold at one gate, and what must be true of them after each step. */
class Play {
  readonly clock = new ManualClock()
  readonly gates = createTargetGates({ clock: this.clock })
  readonly #asked: Waiter[] = []
  /** By the books: not ended yet, as of the last step. */
  #waiting = new Set<Waiter>()
  #held: Slot[] = []
  #slots: number | undefined
  #idlingSinceMs: number | undefined
  /** Those who ended in this step, in that order. */
  #ended: Waiter[] = []

  constructor(slots: number | undefined) {
    this.setSlots(slots)
  }

  get nowMs(): number {
    return this.clock.nowMs()
  }

  get waiting(): number {
    return this.#waiting.size
  }

  setSlots(slots: number | undefined): void {
    this.#slots = slots
    this.gates.setSlots(TARGET, slots)
  }

  async take(one: Step): Promise<void> {
    if (one.type === 'time') {
      for (let tick = 0; tick < one.ticks; tick += 1) {
        this.clock.advance(TICK_MS)
        await this.#check()
      }
      return
    }
    if (one.type === 'enter') for (let count = 0; count < one.count; count += 1) this.enter(one)
    else if (one.type === 'try') this.#tryEnter()
    else if (one.type === 'release') this.release(one.which, one.outcome)
    else if (one.type === 'abort') this.#abort(one.which)
    else if (one.type === 'slots') this.setSlots(one.slots)
    else this.#head(one.left, one.resetMs)
    await this.#check()
  }

  enter({ priority, ticks }: { readonly priority: Priority; readonly ticks: number }): void {
    const waiter: Waiter = {
      number: this.#asked.length,
      priority,
      orderMs: this.nowMs + HANDICAP_MS[priority],
      deadlineAtMs: this.nowMs + ticks * TICK_MS,
      stop: new StopSource(),
      ends: [],
    }
    const { deadlineAtMs, stop } = waiter
    this.#asked.push(waiter)
    this.#waiting.add(waiter)
    this.gates.enter(TARGET, { priority, deadlineAtMs, signal: stop }).then(
      (slot) => {
        this.#held.push(slot)
        this.#end(waiter, 'slot')
      },
      (error: unknown) => this.#end(waiter, this.#endOf(waiter, error)),
    )
  }

  #endOf({ stop }: Waiter, error: unknown): Waiter['ends'][number] {
    if (stop.aborted && error === stop.reason) return 'abort'
    if (!(error instanceof GatewayError) || error.code !== 'overloaded') return 'else'
    const { retryAfterMs } = error.facts
    expect(retryAfterMs).toBeGreaterThanOrEqual(QUEUE_RETRY_AFTER_MIN_MS)
    expect(retryAfterMs).toBeLessThanOrEqual(QUEUE_RETRY_AFTER_MAX_MS)
    return 'overloaded'
  }

  #end(waiter: Waiter, how: Waiter['ends'][number]): void {
    waiter.ends.push(how)
    this.#ended.push(waiter)
  }

  #tryEnter(): void {
    const isFree = this.gates.isFree(TARGET, this.nowMs)
    const slot = this.gates.tryEnter(TARGET, this.nowMs)
    expect(slot !== undefined).toBe(isFree)
    if (slot === undefined) return
    // Nobody who waits is passed.
    expect(this.#waiting.size).toBe(0)
    this.#held.push(slot)
    this.#expectWidth()
  }

  release(which: number, outcome: CallOutcome): void {
    const [slot] = this.#held.splice(which % Math.max(1, this.#held.length), 1)
    slot?.release(outcome, this.nowMs)
    // Again does nothing.
    slot?.release('refused', this.nowMs)
  }

  #abort(which: number): void {
    const waiters = [...this.#waiting]
    waiters[which % Math.max(1, waiters.length)]?.stop.stop(new Error('left'))
  }

  #head(left: number, resetMs: number): void {
    const headers = {
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': String(left),
      'x-ratelimit-reset-requests': `${resetMs}ms`,
    }
    this.gates.noteHead(TARGET, 200, headers, this.nowMs)
  }

  async #check(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
    this.#expectOrder()
    expect(this.#state.inFlight).toBe(this.#held.length)
    expect(this.#state.queued).toBe(this.#waiting.size)
    expect(this.#state.queued).toBeLessThanOrEqual(QUEUE_DEPTH_MAX)
    for (const { deadlineAtMs } of this.#waiting) expect(deadlineAtMs).toBeGreaterThan(this.nowMs)
    this.#expectNoIdling()
  }

  /** A place is empty only where nobody waits or the pace holds them back; a wait of less than a tick may be over early. */
  #expectNoIdling(): void {
    const isIdling =
      this.#waiting.size > 0 && this.#state.pacedUntilMs === undefined && this.#held.length < this.#width
    if (!isIdling) this.#idlingSinceMs = undefined
    else this.#idlingSinceMs ??= this.nowMs
    expect(this.nowMs - (this.#idlingSinceMs ?? this.nowMs)).toBeLessThan(TICK_MS)
  }

  /** Whoever has a slot was the first of all who waited at that moment. */
  #expectOrder(): void {
    const ended = this.#ended
    this.#ended = []
    for (const waiter of ended) {
      const isFirst = [...this.#waiting].every((other) => comesBefore(waiter, other) <= 0)
      if (waiter.ends[0] === 'slot') expect(isFirst).toBe(true)
      expect(waiter.ends).toHaveLength(1)
      expect(waiter.ends[0]).not.toBe('else')
      expect(waiter.ends[0] === 'abort').toBe(waiter.stop.aborted)
      expect(waiter.deadlineAtMs).toBeGreaterThanOrEqual(this.nowMs)
      this.#waiting.delete(waiter)
    }
    if (ended.some(({ ends }) => ends[0] === 'slot')) this.#expectWidth()
  }

  /** Of one who just came in. */
  #expectWidth(): void {
    expect(this.#held.length).toBeLessThanOrEqual(this.#width)
  }

  get #width(): number {
    return Math.min(this.#slots ?? Number.POSITIVE_INFINITY, this.#state.limit ?? Number.POSITIVE_INFINITY)
  }

  get #state() {
    const [state] = this.gates.snapshot(this.nowMs)
    return state ?? { target: TARGET, inFlight: 0, queued: 0 }
  }

  /** Whatever came before: those who hold give back, those who wait have their turn or their deadline. */
  async expectNothingLeft(): Promise<void> {
    for (let round = 0; round < 200 && this.#held.length + this.#waiting.size > 0; round += 1) {
      while (this.#held.length > 0) this.release(0, 'ok')
      await this.take({ type: 'time', ticks: 1 })
    }
    expect(this.#asked.map(({ ends }) => ends.length)).toEqual(this.#asked.map(() => 1))
    expect(this.clock.pendingTimers).toBe(0)
    expect(this.#state).toMatchObject({ inFlight: 0, queued: 0 })
  }
}

// fast-check's own assertion, and those inside the plays.
// oxlint-disable-next-line vitest/expect-expect
test('any course at one gate: never more in flight than the limit, everybody ends once and in order, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80, size: 'max' }),
      fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      async (steps, slots) => {
        const play = new Play(slots)
        for (const one of steps) await play.take(one)
        await play.expectNothingLeft()
      },
    ),
    { numRuns: 120 },
  )
})

test('any crowd at one gate: the line is never longer than its bound, and nothing is left', async () => {
  const crowd = fc.array(fc.record({ priority: anyPriority, count: fc.integer({ min: 100, max: 400 }) }), {
    minLength: 4,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(crowd, async (crowds) => {
      const play = new Play(1)
      await play.take({ type: 'try' })
      for (const { priority, count } of crowds) {
        await play.take({ type: 'enter', priority, count, ticks: 40 })
      }
      const asked = crowds.reduce((sum, { count }) => sum + count, 0)
      expect(play.waiting).toBe(Math.min(asked, QUEUE_DEPTH_MAX))
      await play.expectNothingLeft()
    }),
    { numRuns: 5 },
  )
})
