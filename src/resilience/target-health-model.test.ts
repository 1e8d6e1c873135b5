import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { HealthModel, type ModelCall } from './health-model.test-support.ts'
import { createTargetHealth, type HealthKey, type HealthTransition } from './target-health.ts'

/** Three failures, two of which weigh less or last longer; a limit; a request at fault; a model that is not there. */
const codes: readonly ErrorCode[] = [
  'upstream_error',
  'upstream_overloaded',
  'upstream_unreachable',
  'rate_limited',
  'upstream_invalid_request',
  'upstream_model_not_found',
]
type Ending = ErrorCode | 'success' | 'cancel'
type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'call'; readonly place: number }
  | { readonly type: 'end'; readonly which: number; readonly ending: Ending }

const failing = fc.constantFrom<Ending>('upstream_error', 'upstream_unreachable', 'upstream_overloaded')
const ending = fc.oneof(
  { weight: 5, arbitrary: failing },
  { weight: 2, arbitrary: fc.constantFrom<Ending>('success') },
  { weight: 2, arbitrary: fc.constantFrom<Ending>('cancel', ...codes) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 700, 3_000, 5_600, 16_600, 31_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('call' as const), place: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('end' as const), which: fc.nat(6), ending }) },
)
const course = fc.array(step, { maxLength: 120, size: 'max' })

interface Running extends ModelCall {
  readonly place: number
}

/** Two targets, and callers that do as the verdict says: where neither may be called, the least bad one. */
class Play {
  readonly transitions: HealthTransition[] = []
  readonly models = [new HealthModel(), new HealthModel()]
  readonly keys: readonly HealthKey[] = ['a', 'b'].map((name) => {
    return { target: name, credential: `c${name}`, label: name, fingerprint: name }
  })
  readonly #health
  #running: Running[] = []
  nowMs = 0

  constructor() {
    const onTransition = (transition: HealthTransition) => this.transitions.push(transition)
    this.#health = createTargetHealth({ random: { next: () => 0.5 }, onTransition })
  }

  take(one: Step): void {
    if (one.type === 'wait') this.nowMs += one.ms
    else if (one.type === 'call') this.#call(one.place)
    else this.#end(one)
    this.#compare()
  }

  #call(wanted: number): void {
    const place = [wanted, 1 - wanted].find((at) => this.#model(at).isAvailable(this.nowMs)) ?? this.#panic()
    if (place === undefined) return
    const call = { place, startedAtMs: this.nowMs }
    this.#health.beginCall(this.#key(place), this.nowMs)
    this.#model(place).begin(call)
    this.#running.push(call)
    // No two calls begin in one moment, so that the code can tell them apart.
    this.nowMs += 1
  }

  #panic(): number | undefined {
    const place = this.#health.leastBad(this.keys, this.nowMs)
    const allowed = [0, 1].filter((at) => this.#model(at).mayPanic(this.nowMs))
    if (place === undefined) expect(allowed).toEqual([])
    else expect(allowed).toContain(place)
    return place
  }

  #end({ which, ending: how }: Extract<Step, { type: 'end' }>): void {
    const call = this.#running[which % Math.max(1, this.#running.length)]
    if (call === undefined) return
    this.#running = this.#running.filter((one) => one !== call)
    this.nowMs += 1
    const [key, model] = [this.#key(call.place), this.#model(call.place)]
    if (how === 'cancel') {
      this.#health.recordCancelled(key, this.nowMs, call.startedAtMs)
      model.cancel(call)
    } else if (how === 'success') {
      this.#health.recordSuccess(key, call.startedAtMs, this.nowMs)
      model.succeed(call, this.nowMs)
    } else
      this.#fail(call, new GatewayError(how, 'no', how === 'rate_limited' ? { retryAfterMs: 4_000 } : {}))
  }

  #fail(call: Running, error: GatewayError): void {
    const isNews = this.#health.recordFailure(this.#key(call.place), error, this.nowMs, call.startedAtMs)
    const opened = this.#model(call.place).fail(call, error, this.nowMs)
    const isBreaker = error.row.health === 'failure' || error.row.health.endsWith('-failure')
    if (isBreaker) expect(isNews).toBe(opened)
  }

  #compare(): void {
    for (const place of [0, 1]) {
      const verdict = this.#health.verdict(this.#key(place), this.nowMs)
      expect(verdict.type === 'available').toBe(this.#model(place).isAvailable(this.nowMs))
      if (verdict.type !== 'available') expect(verdict.untilMs).toBeGreaterThan(this.nowMs)
      expect(this.#health.isProven(this.#key(place), this.nowMs)).toBe(
        this.#model(place).isProven(this.nowMs),
      )
    }
  }

  /** Whatever came before: when all windows are over and all calls lost, everything may be called again. */
  expectNobodyLocked(): void {
    this.nowMs += 300_000
    for (const key of this.keys) {
      expect(this.#health.verdict(key, this.nowMs).type).toBe('available')
      this.#health.beginCall(key, this.nowMs)
      this.#health.recordSuccess(key, this.nowMs, this.nowMs + 1)
      expect(this.#health.verdict(key, this.nowMs + 1).type).toBe('available')
    }
    expect(this.#health.cells(this.nowMs + 1).every(({ state }) => state === 'closed')).toBe(true)
  }

  #key(place: number): HealthKey {
    const key = this.keys[place]
    if (key === undefined) throw new Error('no such target')
    return key
  }

  #model(place: number): HealthModel {
    const model = this.models[place]
    if (model === undefined) throw new Error('no such target')
    return model
  }
}

// fast-check's own assertion, and those inside the plays.
// oxlint-disable-next-line vitest/expect-expect
test('any course of calls: the same verdicts as a naive model, windows that hold, and nobody locked out', () => {
  fc.assert(
    fc.property(course, (steps) => {
      const play = new Play()
      for (const one of steps) play.take(one)
      play.expectNobodyLocked()
    }),
    { numRuns: 500 },
  )
})

// oxlint-disable-next-line vitest/expect-expect
test('any course of calls: each published state follows from the one before, and no window is shortened but by a success', () => {
  fc.assert(
    fc.property(course, (steps) => {
      const play = new Play()
      for (const one of steps) play.take(one)
      for (const label of ['a', 'b']) expectWhole(play.transitions.filter((one) => one.label === label))
    }),
    { numRuns: 200 },
  )
})

function expectWhole(told: readonly HealthTransition[]): void {
  let state: HealthTransition['to'] = 'closed'
  let windowMs = 0
  for (const { from, to, cause, untilMs, nowMs } of told) {
    expect(from).toBe(state)
    expect(to).not.toBe(from)
    expect(untilMs !== undefined && untilMs > nowMs).toBe(to === 'open' || to === 'limited')
    const isEarly = nowMs < windowMs && (untilMs ?? 0) < windowMs
    if (isEarly) expect(['call_succeeded', 'probe_succeeded']).toContain(cause)
    state = to
    windowMs = untilMs ?? 0
  }
}
