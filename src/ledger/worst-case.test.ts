import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Usage } from '../canonical/usage.ts'
import { costOf } from './cost-of.ts'
import type { Prices } from './prices.ts'
import { affordableOutput, worstCaseOf, worstPrices } from './worst-case.ts'

const tokens = fc.integer({ min: 0, max: 2_000_000 })
const price = fc.integer({ min: 0, max: 500_000_000 })
const maybe = fc.option(price, { nil: undefined })

const tables = fc.record(
  {
    input: price,
    output: price,
    cacheRead: maybe,
    cacheWrite: maybe,
    cacheWrite1h: maybe,
    reasoning: maybe,
    inputAudio: maybe,
    outputAudio: maybe,
  },
  { requiredKeys: ['input', 'output'] },
)
const drawnPrices = fc
  .record({
    base: tables,
    tiers: fc.array(fc.tuple(tokens, tables), { maxLength: 2 }),
    flex: fc.option(tables, { nil: undefined }),
  })
  .map(({ base, tiers, flex }): Prices => {
    const byBound = tiers
      .map(([aboveInputTokens, table]) => ({ aboveInputTokens, ...table }))
      .sort((one, other) => one.aboveInputTokens - other.aboveInputTokens)
    const classes = flex === undefined ? {} : { classes: { flex: present(flex) } }
    // Sound: absent fields are left out.
    return present({ ...present(base), tiers: byBound.map(present), ...classes }) as Prices
  })

function present<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Value
}

/** Any usage within the bounds: its kinds are parts of the input and of the output. */
const drawnUsage = fc
  .record({
    bound: tokens,
    outputBound: tokens,
    parts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
    hasSound: fc.boolean(),
  })
  .map(({ bound, outputBound, parts, hasSound }) => {
    const [all = 0, read = 0, written = 0, hour = 0, sound = 0, said = 0, thought = 0, spoken = 0] = parts
    const inputTokens = Math.floor(bound * all)
    const cacheReadTokens = Math.floor(inputTokens * read)
    const cacheWriteTokens = Math.floor((inputTokens - cacheReadTokens) * written)
    const outputTokens = Math.floor(outputBound * said)
    const reasoningTokens = Math.floor(outputTokens * thought)
    const usage: Usage = {
      inputTokens,
      cacheReadTokens,
      cacheWriteTokens,
      cacheWrite1hTokens: Math.floor(cacheWriteTokens * hour),
      outputTokens,
      reasoningTokens,
      ...(hasSound && {
        inputAudioTokens: Math.floor((inputTokens - cacheReadTokens - cacheWriteTokens) * sound),
        outputAudioTokens: Math.floor((outputTokens - reasoningTokens) * spoken),
      }),
    }
    return { usage, bound, outputBound, hasSound }
  })

describe('the worst case of an attempt', () => {
  test('SEC-49: is never less than what any usage within its bounds costs', () => {
    fc.assert(
      fc.property(drawnPrices, drawnUsage, fc.boolean(), (prices, drawn, hasServiceClass) => {
        const { usage, bound, outputBound, hasSound } = drawn
        const mayCacheForAnHour = (usage.cacheWrite1hTokens ?? 0) > 0
        const worst = worstPrices(prices, bound, { hasSound, hasServiceClass, mayCacheForAnHour })
        if (worst === undefined) return
        const held = worstCaseOf({ inputTokensMax: bound, outputTokensMax: outputBound }, worst)
        const options = hasServiceClass ? { serviceClass: 'flex' as const } : {}
        const cost = costOf(usage, prices, options) ?? 0
        expect(held).toBeGreaterThanOrEqual(cost)
      }),
      { numRuns: 2_000 },
    )
  })

  test('SEC-49: counts what a class of its own takes for sound', () => {
    const prices = {
      input: 1,
      output: 1,
      inputAudio: 1,
      outputAudio: 1,
      classes: { flex: { input: 1, output: 1, inputAudio: 9_000, outputAudio: 8_000 } },
    }
    expect(
      worstPrices(prices, 10, { hasSound: true, hasServiceClass: true, mayCacheForAnHour: false }),
    ).toEqual({
      input: 9,
      output: 8,
    })
  })

  test('SEC-49: counts an hour in the cache at twice the input where nothing is published of caches, if it may be asked for', () => {
    const facts = { hasSound: false, hasServiceClass: false }
    const prices = { input: 1_000, output: 1_000 }
    expect(worstPrices(prices, 10, { ...facts, mayCacheForAnHour: true })?.input).toBe(2)
    expect(worstPrices(prices, 10, { ...facts, mayCacheForAnHour: false })?.input).toBe(1)
  })

  test('what an amount pays for costs no more than that amount', () => {
    fc.assert(
      fc.property(
        drawnPrices,
        tokens,
        fc.integer({ min: 0, max: 10_000_000_000_000 }),
        (prices, bound, nanoUsd) => {
          const worst = worstPrices(prices, bound, {
            hasSound: false,
            hasServiceClass: false,
            mayCacheForAnHour: false,
          })
          if (worst === undefined) return
          const output = affordableOutput(nanoUsd, bound, worst)
          if (output < 0 || output === Number.POSITIVE_INFINITY) return
          const held = worstCaseOf({ inputTokensMax: bound, outputTokensMax: output }, worst)
          expect(held).toBeLessThanOrEqual(nanoUsd)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('what an amount pays for is a nano-dollar less where the fractions of a price add up to more', () => {
    const prices = { input: 0, output: 0.021 }
    const nanoUsd = 4_111_170_759_150
    const output = affordableOutput(nanoUsd, 0, prices)
    expect(output).toBe(Math.floor(nanoUsd / 0.021) - 48)
    expect(worstCaseOf({ inputTokensMax: 0, outputTokensMax: output }, prices)).toBeLessThanOrEqual(nanoUsd)
  })

  test('is not known where a price is missing that could matter', () => {
    const facts = { hasSound: false, hasServiceClass: false, mayCacheForAnHour: false }
    expect(worstPrices(undefined, 10, facts)).toBeUndefined()
    expect(worstPrices({ output: 5 }, 10, facts)).toBeUndefined()
    expect(worstPrices({ input: 5, output: 5 }, 10, { ...facts, hasSound: true })).toBeUndefined()
    expect(worstPrices({ input: 5_000 }, 10, facts)).toEqual({ input: 5, output: 0 })
  })
})
