import { describe, expect, test } from 'vitest'
import type { RateLimits } from '../keys/records.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createCallerLimits, type LimitedCaller, type LimitPermit, type Sharing } from './caller-limits.ts'
import { type LimitAsk, NO_TOKENS, SHARED_ASK } from './limit-terms.ts'
import { CONCURRENCY_WAIT_MS } from './limited-party.ts'
import { DEBT_MINUTES_MAX } from './rate-bucket.ts'

const small: LimitAsk = { inputTokens: 1, outputTokens: 1 }

function keyWith(limits: RateLimits, id = 'key_1'): LimitedCaller {
  return { key: { id, limits } }
}

function limiter(more: { readonly holdersMax?: number; readonly sharing?: Sharing } = {}) {
  const clock = new ManualClock()
  const limits = createCallerLimits({ clock, ...more })
  return {
    clock,
    limits,
    reserve: (caller: LimitedCaller, ask: LimitAsk = small) => limits.reserve(caller, ask),
    granted(caller: LimitedCaller, ask: LimitAsk = small): LimitPermit {
      const verdict = limits.reserve(caller, ask)
      if (verdict.type !== 'granted') throw new Error(`not granted: ${JSON.stringify(verdict)}`)
      return verdict.permit
    },
  }
}

describe('a caller without limits', () => {
  test.each([
    ['is unknown', undefined],
    ['has none', {}],
    ['has none of any kind', { key: { id: 'k', limits: {} }, project: { id: 'p', limits: {} } }],
  ])('that %s asks what it likes, and leaves nothing behind', (_what, caller) => {
    const { limits } = limiter()
    const verdict = limits.reserve(caller, { inputTokens: 1e12, outputTokens: 1e12 })
    expect(verdict.type).toBe('granted')
    // Nobody keeps anything of it: every such permit is the same.
    expect(limits.reserve(caller, small)).toBe(verdict)
    expect(limits.standing(caller)).toBeUndefined()
    expect(limits.inFlight('key', 'k')).toBe(0)
  })
})

describe('a limit', () => {
  test('is a minute’s worth at once, and comes back all the time', () => {
    const { clock, granted, reserve } = limiter()
    const caller = keyWith({ requestsPerMinute: 60 })
    for (let count = 0; count < 60; count += 1) granted(caller)
    expect(reserve(caller)).toEqual({
      type: 'refused',
      kind: 'requests',
      of: 'key',
      limit: 60,
      remaining: 0,
      needed: 1,
      waitMs: 1_000,
    })
    clock.advance(999)
    expect(reserve(caller)).toMatchObject({ type: 'refused', waitMs: 1 })
    clock.advance(1)
    granted(caller)
    expect(reserve(caller).type).toBe('refused')
  })

  test('holds no more than a minute’s worth, however long nobody asks', () => {
    const { clock, granted, reserve } = limiter()
    const caller = keyWith({ requestsPerMinute: 2 })
    granted(caller)
    clock.advance(3_600_000)
    granted(caller)
    granted(caller)
    expect(reserve(caller).type).toBe('refused')
  })

  test('of nothing lets nobody in, and says that waiting is in vain', () => {
    const { reserve } = limiter()
    for (const limits of [{ requestsPerMinute: 0 }, { concurrentRequests: 0 }]) {
      const verdict = reserve(keyWith(limits, JSON.stringify(limits)))
      expect(verdict).toMatchObject({ type: 'refused', limit: 0, remaining: 0 })
      expect(verdict).not.toHaveProperty('waitMs')
    }
  })

  test('of tokens counts input, output or both, each in a bucket of its own', () => {
    const ask = { inputTokens: 30, outputTokens: 50 }
    for (const [limits, kind, needed] of [
      [{ inputTokensPerMinute: 50 }, 'input-tokens', 30],
      [{ outputTokensPerMinute: 60 }, 'output-tokens', 50],
      [{ tokensPerMinute: 100 }, 'tokens', 80],
    ] as const) {
      const { granted, reserve } = limiter()
      granted(keyWith(limits), ask)
      expect(reserve(keyWith(limits), ask)).toMatchObject({ type: 'refused', kind, needed })
    }
  })

  test('refuses input that is larger than a minute’s worth for ever', () => {
    const { reserve } = limiter()
    for (const limits of [{ inputTokensPerMinute: 100 }, { tokensPerMinute: 100 }]) {
      const verdict = reserve(keyWith(limits, JSON.stringify(limits)), { inputTokens: 101, outputTokens: 1 })
      expect(verdict).toMatchObject({ type: 'refused', limit: 100, remaining: 100, needed: 101 })
      expect(verdict).not.toHaveProperty('waitMs')
    }
  })

  test('takes pictures and files for all there is at most, and never refuses them for ever', () => {
    for (const limits of [{ inputTokensPerMinute: 100 }, { tokensPerMinute: 100 }]) {
      const { granted, reserve } = limiter()
      const caller = keyWith(limits)
      const ask = { inputTokens: 10, attachedTokens: 1_600, outputTokens: 1 }
      const permit = granted(caller, ask)
      expect(reserve(caller, ask)).toMatchObject({ needed: 100, remaining: 0, waitMs: 60_000 })
      permit.settle({ inputTokens: 75, outputTokens: 0 })
      expect(reserve(caller, ask)).toMatchObject({ needed: 100, remaining: 25, waitMs: 45_000 })
      expect(reserve(caller, { ...ask, inputTokens: 101 })).not.toHaveProperty('waitMs')
    }
  })

  test('has room for what takes nothing, whatever others owe', () => {
    const { granted, reserve } = limiter()
    const caller = keyWith({ tokensPerMinute: 100, inputTokensPerMinute: 100 })
    granted(caller, small).settle({ inputTokens: 1_000, outputTokens: 0 })
    expect(reserve(caller, small).type).toBe('refused')
    granted(caller, NO_TOKENS)
  })

  test('takes a ceiling above a minute’s worth for all there is, since an answer is seldom as long', () => {
    const { clock, granted, reserve } = limiter()
    const caller = keyWith({ outputTokensPerMinute: 1_000, tokensPerMinute: 2_000 })
    const ask = { inputTokens: 100, outputTokens: 128_000 }
    const permit = granted(caller, ask)
    expect(reserve(caller, ask)).toMatchObject({ type: 'refused', waitMs: 60_000 })
    permit.settle({ inputTokens: 100, outputTokens: 250 })
    expect(reserve(caller, ask)).toMatchObject({ kind: 'output-tokens', waitMs: 15_000 })
    clock.advance(15_000)
    granted(caller, ask)
  })

  test('of requests under way has room when one of them is over', () => {
    const { granted, reserve, limits } = limiter()
    const caller = keyWith({ concurrentRequests: 2 })
    const first = granted(caller)
    granted(caller)
    expect(limits.inFlight('key', 'key_1')).toBe(2)
    expect(reserve(caller)).toMatchObject({
      kind: 'concurrent-requests',
      limit: 2,
      remaining: 0,
      waitMs: CONCURRENCY_WAIT_MS,
    })
    first.release()
    first.release()
    first.undo()
    expect(limits.inFlight('key', 'key_1')).toBe(1)
    granted(caller)
    expect(reserve(caller).type).toBe('refused')
  })

  test('of requests under way is not asked by one that shares what another makes, which counts as a request all the same', () => {
    const { granted, reserve, limits } = limiter()
    const caller = keyWith({ concurrentRequests: 1, requestsPerMinute: 3, tokensPerMinute: 100 })
    const first = granted(caller, { inputTokens: 100, outputTokens: 0 })
    const shared = granted(caller, SHARED_ASK)
    granted(caller, SHARED_ASK)
    expect(limits.inFlight('key', 'key_1')).toBe(1)
    expect(reserve(caller, SHARED_ASK)).toMatchObject({ type: 'refused', kind: 'requests' })
    shared.undo()
    expect(limits.inFlight('key', 'key_1')).toBe(1)
    granted(caller, SHARED_ASK)
    first.undo()
    expect(limits.inFlight('key', 'key_1')).toBe(0)
  })
})

describe('several limits', () => {
  const caller: LimitedCaller = {
    key: { id: 'key_1', limits: { requestsPerMinute: 10, concurrentRequests: 3 } },
    project: { id: 'prj_1', limits: { inputTokensPerMinute: 100, requestsPerMinute: 1_000 } },
  }

  test('are all taken, or none is', () => {
    const { granted, reserve, limits } = limiter()
    granted(caller, { inputTokens: 80, outputTokens: 0 })
    for (let count = 0; count < 50; count += 1) {
      expect(reserve(caller, { inputTokens: 30, outputTokens: 0 }).type).toBe('refused')
    }
    expect(limits.standing(caller)).toMatchObject({
      requests: { remaining: 9 },
      inputTokens: { remaining: 20 },
    })
    expect(limits.inFlight('key', 'key_1')).toBe(1)
    expect(limits.inFlight('project', 'prj_1')).toBe(1)
  })

  test('refuse with the one that has room last, and say whose it is', () => {
    const { granted, reserve } = limiter()
    for (let count = 0; count < 3; count += 1) granted(caller, { inputTokens: 33, outputTokens: 0 })
    expect(reserve(caller, { inputTokens: 11, outputTokens: 0 })).toMatchObject({
      kind: 'input-tokens',
      of: 'project',
      waitMs: 6_000,
    })
    expect(reserve(caller, { inputTokens: 1, outputTokens: 0 })).toMatchObject({
      kind: 'concurrent-requests',
      of: 'key',
    })
    expect(reserve(caller, { inputTokens: 101, outputTokens: 0 })).not.toHaveProperty('waitMs')
  })

  test('of a project bound all its keys together', () => {
    const { granted, reserve } = limiter()
    const project = { id: 'prj_1', limits: { requestsPerMinute: 2 } }
    granted({ key: { id: 'key_1', limits: {} }, project })
    granted({ key: { id: 'key_2', limits: {} }, project })
    expect(reserve({ key: { id: 'key_3', limits: {} }, project })).toMatchObject({ of: 'project' })
  })

  test('of a key and of a project by the same name are two', () => {
    const { granted } = limiter()
    const limits = { requestsPerMinute: 1 }
    granted({ key: { id: 'same', limits } })
    expect(() => granted({ project: { id: 'same', limits } })).not.toThrow()
  })
})

describe('a permit', () => {
  const caller = keyWith({ requestsPerMinute: 10, inputTokensPerMinute: 100, outputTokensPerMinute: 100 })
  const ask = { inputTokens: 60, outputTokens: 60 }
  const left = (limits: ReturnType<typeof limiter>['limits']) => {
    const standing = limits.standing(caller)
    return [
      standing?.requests?.remaining,
      standing?.inputTokens?.remaining,
      standing?.outputTokens?.remaining,
    ]
  }

  test('settled gives back what was not used', () => {
    const { granted, limits } = limiter()
    const permit = granted(caller, ask)
    expect(left(limits)).toEqual([9, 40, 40])
    permit.settle({ inputTokens: 20, outputTokens: 0 })
    expect(left(limits)).toEqual([9, 80, 100])
  })

  test('settled takes what was used beyond it, below zero where it must', () => {
    const { clock, granted, reserve, limits } = limiter()
    granted(caller, ask).settle({ inputTokens: 60, outputTokens: 200 })
    expect(left(limits)).toEqual([9, 40, 0])
    expect(reserve(caller, { inputTokens: 0, outputTokens: 1 })).toMatchObject({
      remaining: 0,
      waitMs: 60_600,
    })
    clock.advance(60_600)
    granted(caller, { inputTokens: 0, outputTokens: 1 })
  })

  test('settled after its bucket was full again gives nothing on top', () => {
    const { clock, granted, limits } = limiter()
    const permit = granted(caller, ask)
    clock.advance(60_000)
    permit.settle({ inputTokens: 0, outputTokens: 0 })
    expect(left(limits)).toEqual([10, 100, 100])
  })

  test('is settled once, and what is not known is taken as it was asked for', () => {
    const { granted, limits } = limiter()
    const permit = granted(caller, ask)
    permit.settle({ outputTokens: 10 })
    permit.settle({ inputTokens: 0, outputTokens: 0 })
    permit.undo()
    expect(left(limits)).toEqual([9, 40, 90])
  })

  test('whose input nobody counted keeps what it asked for, pictures too', () => {
    const both = keyWith({ inputTokensPerMinute: 100, tokensPerMinute: 200 })
    const pictured = { inputTokens: 10, attachedTokens: 30, outputTokens: 60 }
    for (const [used, inputLeft, tokensLeft] of [
      [{}, 60, 100],
      [{ outputTokens: 5 }, 60, 155],
      [{ inputTokens: 20 }, 80, 120],
    ] as const) {
      const { granted, limits } = limiter()
      granted(both, pictured).settle(used)
      expect(limits.standing(both)).toMatchObject({
        inputTokens: { remaining: inputLeft },
        tokens: { remaining: tokensLeft },
      })
    }
  })

  test('undone gives everything back, once', () => {
    const { granted, limits } = limiter()
    const permit = granted(caller, ask)
    permit.undo()
    permit.undo()
    permit.settle({ inputTokens: 100, outputTokens: 100 })
    expect(left(limits)).toEqual([10, 100, 100])
    expect(limits.inFlight('key', 'key_1')).toBe(0)
  })

  test('that is only released keeps what it asked for', () => {
    const { granted, limits } = limiter()
    granted(caller, ask).release()
    expect(left(limits)).toEqual([9, 40, 40])
    expect(limits.inFlight('key', 'key_1')).toBe(0)
  })

  test('may be settled after it is released', () => {
    const { granted, limits } = limiter()
    const permit = granted(caller, ask)
    permit.release()
    permit.settle({ inputTokens: 0, outputTokens: 0 })
    expect(left(limits)).toEqual([9, 100, 100])
  })

  test('is not spoiled by counts that are none', () => {
    const { granted, limits } = limiter()
    const permit = granted(caller, { inputTokens: Number.NaN, outputTokens: -5 })
    permit.settle({ inputTokens: Number.NaN, outputTokens: -1_000 })
    expect(left(limits)).toEqual([9, 100, 100])
    granted(caller, ask).settle({ inputTokens: Infinity, outputTokens: 60 })
    expect(left(limits)).toEqual([8, 40, 40])
  })

  test('with a count beyond belief shuts its caller out for an hour at most', () => {
    const { clock, granted } = limiter()
    granted(caller, ask).settle({ inputTokens: 1e15, outputTokens: 0 })
    clock.advance((DEBT_MINUTES_MAX + 1) * 60_000)
    expect(() => granted(caller, ask)).not.toThrow()
  })
})

describe('a limit that changes', () => {
  test('has what was taken of it still taken', () => {
    const { granted, reserve, limits } = limiter()
    for (let count = 0; count < 8; count += 1) granted(keyWith({ requestsPerMinute: 10 }))
    expect(limits.standing(keyWith({ requestsPerMinute: 20 }))?.requests).toMatchObject({
      limit: 20,
      remaining: 12,
    })
    expect(reserve(keyWith({ requestsPerMinute: 6 }))).toMatchObject({ limit: 6, waitMs: 30_000 })
  })

  test('is forgotten where it is taken away, and new where it is added', () => {
    const { granted, reserve } = limiter()
    granted(keyWith({ requestsPerMinute: 1 }))
    granted(keyWith({ concurrentRequests: 2 }))
    expect(reserve(keyWith({ concurrentRequests: 2 })).type).toBe('refused')
  })

  test('is divided by the part that is this node’s where no store grants a share, and is told whole', () => {
    const { clock, granted, reserve } = limiter({ sharing: { ownShare: 0.5, onWant() {} } })
    const caller = keyWith({ requestsPerMinute: 4, concurrentRequests: 100 })
    granted(caller)
    granted(caller)
    expect(reserve(caller)).toMatchObject({ limit: 4, remaining: 0, waitMs: 30_000 })
    clock.advance(30_000)
    granted(caller)
    expect(reserve(caller).type).toBe('refused')
  })

  test('lets one through at a time however small the share, and then has to earn it', () => {
    const { clock, granted, reserve } = limiter({ sharing: { ownShare: 0.01, onWant() {} } })
    const caller = keyWith({ requestsPerMinute: 60, inputTokensPerMinute: 1_000, concurrentRequests: 2 })
    granted(caller, { inputTokens: 800, outputTokens: 0 }).release()
    expect(reserve(caller).type).toBe('refused')
    clock.advance(60_000)
    expect(reserve(caller).type).toBe('refused')
    clock.advance(80 * 60_000)
    granted(caller)
  })
})

describe('the table', () => {
  const caller = (id: string) => keyWith({ requestsPerMinute: 2 }, id)

  test('forgets those who have everything, never those who have used something', () => {
    const { clock, granted, reserve, limits } = limiter({ holdersMax: 2 })
    granted(caller('a')).release()
    clock.advance(10_000)
    granted(caller('b')).release()
    expect(reserve(caller('c'))).toEqual({ type: 'no-room' })
    // Had it been forgotten, it would have two again.
    granted(caller('b')).release()
    expect(reserve(caller('b')).type).toBe('refused')
    granted(caller('a'))
    clock.advance(60_000)
    granted(caller('c'))
    // One whose request is under way is never forgotten.
    expect([limits.inFlight('key', 'a'), limits.standing(caller('b'))]).toEqual([1, undefined])
  })

  test('takes nothing of a key whose project finds no room in it', () => {
    const { granted, reserve, limits } = limiter({ holdersMax: 1 })
    const key = { id: 'k', limits: { requestsPerMinute: 5 } }
    granted({ project: { id: 'p', limits: { requestsPerMinute: 1 } } })
    expect(reserve({ key, project: { id: 'q', limits: { requestsPerMinute: 1 } } })).toEqual({
      type: 'no-room',
    })
    expect(limits.standing({ key })?.requests?.remaining).toBe(5)
  })
})

test('the standing of a caller is, of each kind, that of the limit with least left', () => {
  const { clock, granted, limits } = limiter()
  const caller: LimitedCaller = {
    key: { id: 'k', limits: { requestsPerMinute: 10, tokensPerMinute: 1_000 } },
    project: { id: 'p', limits: { requestsPerMinute: 5, outputTokensPerMinute: 60 } },
  }
  granted(caller, { inputTokens: 100, outputTokens: 20 })
  expect(limits.standing(caller)).toEqual({
    wallMs: clock.wallMs(),
    requests: { limit: 5, remaining: 4, resetMs: 12_000 },
    tokens: { limit: 1_000, remaining: 880, resetMs: 7_200 },
    outputTokens: { limit: 60, remaining: 40, resetMs: 20_000 },
  })
})
