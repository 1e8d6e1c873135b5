import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RateLimits } from '../keys/records.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createCallerLimits, type LimitedCaller, type LimitPermit } from './caller-limits.ts'
import type { LimitAsk } from './limit-terms.ts'

const MINUTE_MS = 60_000
/** What fractions may miss whole numbers by. */
const SLACK = 1e-3

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })
const anyLimits: fc.Arbitrary<RateLimits> = fc
  .record({
    requestsPerMinute: optional(fc.integer({ min: 1, max: 30 })),
    inputTokensPerMinute: optional(fc.integer({ min: 1, max: 2_000 })),
    outputTokensPerMinute: optional(fc.integer({ min: 1, max: 2_000 })),
    tokensPerMinute: optional(fc.integer({ min: 1, max: 3_000 })),
    concurrentRequests: optional(fc.integer({ min: 1, max: 4 })),
  })
  .map((limits) => Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)))

const anyTokens = fc.integer({ min: 0, max: 1_500 })
type Step =
  | ({ readonly type: 'ask'; readonly who: number } & LimitAsk)
  | { readonly type: 'settle'; readonly which: number; readonly input: number; readonly output: number }
  | { readonly type: 'release' | 'undo'; readonly which: number }
  | { readonly type: 'time'; readonly ms: number }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('ask' as const),
      who: fc.nat(2),
      inputTokens: anyTokens,
      attachedTokens: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4_000 })),
      outputTokens: anyTokens,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('settle' as const),
      which: fc.nat(40),
      input: anyTokens,
      output: anyTokens,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('release' as const, 'undo' as const), which: fc.nat(40) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.nat(40_000) }) },
)

/** One limit as it is said: by everything that was ever taken of it and when, added up anew for every question. */
class SaidLimit {
  readonly perMinute: number
  readonly #taken: { readonly atMs: number; readonly amount: number }[] = []

  constructor(perMinute: number) {
    this.perMinute = perMinute
  }

  take(amount: number, atMs: number): void {
    this.#taken.push({ atMs, amount })
  }

  leftAt(nowMs: number): number {
    let left = this.perMinute
    let lastMs = 0
    for (const { atMs, amount } of this.#taken) {
      left = Math.min(this.perMinute, left + (this.perMinute * (atMs - lastMs)) / MINUTE_MS)
      left = Math.min(this.perMinute, left - amount)
      lastMs = atMs
    }
    return Math.min(this.perMinute, left + (this.perMinute * (nowMs - lastMs)) / MINUTE_MS)
  }
}

interface Amounts {
  readonly requests: number
  readonly input: number
  readonly output: number
  readonly tokens: number
}

class SaidParty {
  readonly limits: RateLimits
  readonly said: Partial<Record<keyof Amounts, SaidLimit>> = {}
  underWay = 0

  constructor(limits: RateLimits) {
    this.limits = limits
    const { requestsPerMinute, inputTokensPerMinute, outputTokensPerMinute, tokensPerMinute } = limits
    if (requestsPerMinute !== undefined) this.said.requests = new SaidLimit(requestsPerMinute)
    if (inputTokensPerMinute !== undefined) this.said.input = new SaidLimit(inputTokensPerMinute)
    if (outputTokensPerMinute !== undefined) this.said.output = new SaidLimit(outputTokensPerMinute)
    if (tokensPerMinute !== undefined) this.said.tokens = new SaidLimit(tokensPerMinute)
  }

  asked({ inputTokens, attachedTokens = 0, outputTokens }: LimitAsk): Amounts {
    const {
      inputTokensPerMinute = Infinity,
      outputTokensPerMinute = Infinity,
      tokensPerMinute = Infinity,
    } = this.limits
    const input = inputTokens + attachedTokens
    const both = Math.min(input + outputTokens, tokensPerMinute)
    return {
      requests: 1,
      input: Math.max(inputTokens, Math.min(input, inputTokensPerMinute)),
      output: Math.min(outputTokens, outputTokensPerMinute),
      tokens: Math.max(inputTokens, both),
    }
  }

  each(act: (limit: SaidLimit, kind: keyof Amounts) => void): void {
    for (const kind of ['requests', 'input', 'output', 'tokens'] as const) {
      const limit = this.said[kind]
      if (limit !== undefined) act(limit, kind)
    }
  }

  /** How much is missing at most; negative or 0 = there is room. */
  missing(ask: LimitAsk, nowMs: number): number {
    let most = this.underWay >= (this.limits.concurrentRequests ?? Infinity) ? Infinity : -Infinity
    const asked = this.asked(ask)
    this.each((limit, kind) => {
      // What takes nothing waits for nobody's debts.
      if (asked[kind] > 0) most = Math.max(most, asked[kind] - limit.leftAt(nowMs))
    })
    return most
  }
}

interface Going {
  readonly permit: LimitPermit
  readonly ask: LimitAsk
  readonly parties: readonly SaidParty[]
  isSettled: boolean
  isReleased: boolean
}

test('whatever is asked, settled, released and undone, limits give what they say they give', () => {
  const run = fc.property(
    fc.array(anyLimits, { minLength: 3, maxLength: 3 }),
    anyLimits,
    fc.array(anyStep, { maxLength: 120 }),
    (keyLimits, projectLimits, steps) => {
      const clock = new ManualClock()
      const limiter = createCallerLimits({ clock })
      const project = new SaidParty(projectLimits)
      const keys = keyLimits.map((limits) => new SaidParty(limits))
      const callers = keyLimits.map(
        (limits, at): LimitedCaller => ({
          key: { id: `key_${at}`, limits },
          // The last key is of no project.
          ...(at < 2 && { project: { id: 'prj', limits: projectLimits } }),
        }),
      )
      const going: Going[] = []
      for (const step of steps) {
        const nowMs = clock.nowMs()
        switch (step.type) {
          case 'time':
            clock.advance(step.ms)
            break
          case 'ask': {
            const parties = [keys[step.who], ...(step.who < 2 ? [project] : [])].filter(
              (party) => party !== undefined,
            )
            const missing = Math.max(...parties.map((party) => party.missing(step, nowMs)))
            const verdict = limiter.reserve(callers[step.who], step)
            if (verdict.type !== 'granted') {
              expect(verdict.type).toBe('refused')
              expect(missing).toBeGreaterThan(-SLACK)
              break
            }
            expect(missing).toBeLessThan(SLACK)
            for (const party of parties) {
              const asked = party.asked(step)
              party.each((limit, kind) => limit.take(asked[kind], nowMs))
              party.underWay += 1
            }
            const { permit } = verdict
            going.push({ permit, ask: step, parties, isSettled: false, isReleased: false })
            break
          }
          case 'settle':
          case 'release':
          case 'undo':
            end(going[step.which % Math.max(1, going.length)], step, nowMs)
        }
        for (const [at, key] of keys.entries())
          agree(limiter, callers[at], at < 2 ? [key, project] : [key], clock)
      }
    },
  )
  fc.assert(run, { numRuns: 400 })
})

/** One verb at a permit, and at the model what the verb is said to do. */
function end(
  going: Going | undefined,
  step: Extract<Step, { type: 'settle' | 'release' | 'undo' }>,
  nowMs: number,
): void {
  if (going === undefined) return
  const { permit, parties, ask } = going
  if (step.type === 'settle') permit.settle({ inputTokens: step.input, outputTokens: step.output })
  else permit[step.type]()
  if (step.type !== 'release' && !going.isSettled) {
    going.isSettled = true
    const used =
      step.type === 'settle'
        ? { requests: 1, input: step.input, output: step.output, tokens: step.input + step.output }
        : { requests: 0, input: 0, output: 0, tokens: 0 }
    for (const party of parties) {
      const asked = party.asked(ask)
      party.each((limit, kind) => limit.take(used[kind] - asked[kind], nowMs))
    }
  }
  if (step.type !== 'settle' && !going.isReleased) {
    going.isReleased = true
    for (const party of parties) party.underWay -= 1
  }
}

function agree(
  limiter: ReturnType<typeof createCallerLimits>,
  caller: LimitedCaller | undefined,
  parties: readonly SaidParty[],
  clock: ManualClock,
): void {
  const standing = limiter.standing(caller)
  const shown = {
    requests: standing?.requests,
    input: standing?.inputTokens,
    output: standing?.outputTokens,
    tokens: standing?.tokens,
  }
  for (const kind of ['requests', 'input', 'output', 'tokens'] as const) {
    const lefts = parties.flatMap(({ said }) => said[kind]?.leftAt(clock.nowMs()) ?? [])
    if (lefts.length === 0) {
      expect(shown[kind]).toBeUndefined()
      continue
    }
    const left = Math.max(0, Math.min(...lefts))
    expect(shown[kind]?.remaining).toBeGreaterThan(left - 1 - SLACK)
    expect(shown[kind]?.remaining).toBeLessThan(left + SLACK)
  }
  if (caller?.key !== undefined)
    expect(limiter.inFlight('key', caller.key.id)).toBe(countOf(parties[0], caller))
}

/** Without limits nobody is followed. */
function countOf(party: SaidParty | undefined, { key }: LimitedCaller): number {
  return Object.keys(key?.limits ?? {}).length === 0 ? 0 : (party?.underWay ?? 0)
}

test('in no minute is more granted than a limit and what its bucket holds: twice the limit', () => {
  const asks = fc.array(fc.record({ afterMs: fc.nat(20_000), tokens: fc.integer({ min: 1, max: 120 }) }), {
    maxLength: 300,
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 600 }),
      fc.integer({ min: 1, max: 20 }),
      asks,
      (tokens, requests, all) => {
        const clock = new ManualClock()
        const limiter = createCallerLimits({ clock })
        const limits = { inputTokensPerMinute: tokens, requestsPerMinute: requests }
        const granted: { readonly atMs: number; readonly tokens: number }[] = []
        for (const ask of all) {
          // As fast as they can: most come at the very moment that there is room.
          clock.advance(ask.afterMs > 10_000 ? ask.afterMs - 10_000 : 0)
          const asked = { inputTokens: ask.tokens, outputTokens: 0 }
          let verdict = limiter.reserve({ key: { id: 'k', limits } }, asked)
          if (verdict.type === 'refused' && verdict.waitMs !== undefined) {
            clock.advance(verdict.waitMs)
            verdict = limiter.reserve({ key: { id: 'k', limits } }, asked)
            expect(verdict.type).toBe('granted')
          }
          if (verdict.type === 'granted') granted.push({ atMs: clock.nowMs(), tokens: ask.tokens })
        }
        for (const { atMs: fromMs } of granted) {
          const within = granted.filter(({ atMs }) => atMs >= fromMs && atMs <= fromMs + MINUTE_MS)
          expect(within.reduce((sum, grant) => sum + grant.tokens, 0)).toBeLessThanOrEqual(2 * tokens + SLACK)
          expect(within.length).toBeLessThanOrEqual(2 * requests)
        }
      },
    ),
    { numRuns: 200 },
  )
})
