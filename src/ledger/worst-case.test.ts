import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Usage } from '../canonical/usage.ts'
import { costOf } from './cost-of.ts'
import type { Prices, SearchPrices } from './prices.ts'
import type { AskedClass } from './service-class.ts'
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
const fee = fc.integer({ min: 0, max: 100_000_000_000 })
const drawnSearch = fc
  .record({
    low: fee,
    medium: fee,
    high: fee,
    per: fc.constantFrom('query' as const, 'request' as const),
    usualKind: fc.constantFrom('low' as const, 'medium' as const),
    isAlways: fc.boolean(),
  })
  .map(({ isAlways, ...search }): SearchPrices => ({ ...search, ...(isAlways && { isAlways }) }))
const drawnPrices = fc
  .record({
    base: tables,
    tiers: fc.array(fc.tuple(tokens, tables), { maxLength: 2 }),
    flex: fc.option(tables, { nil: undefined }),
    priority: fc.option(tables, { nil: undefined }),
    fast: fc.option(tables, { nil: undefined }),
    search: fc.option(drawnSearch, { nil: undefined }),
  })
  .map(({ base, tiers, search, ...drawn }): Prices => {
    const byBound = tiers
      .map(([aboveInputTokens, table]) => ({ aboveInputTokens, ...table }))
      .sort((one, other) => one.aboveInputTokens - other.aboveInputTokens)
    const priced = Object.entries(present(drawn)).map(([name, table]) => [name, present(table ?? {})])
    const classes = priced.length === 0 ? {} : { classes: Object.fromEntries(priced) }
    // Sound: absent fields are left out.
    return present({ ...present(base), tiers: byBound.map(present), ...classes, search }) as Prices
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
    searchesMax: fc.integer({ min: 0, max: 20 }),
  })
  .map(({ bound, outputBound, parts, hasSound, searchesMax }) => {
    const [all = 0, read = 0, written = 0, hour = 0, sound = 0, said = 0, thought = 0, spoken = 0] = parts
    const inputTokens = Math.floor(bound * all)
    const cacheReadTokens = Math.floor(inputTokens * read)
    const cacheWriteTokens = Math.floor((inputTokens - cacheReadTokens) * written)
    const outputTokens = Math.floor(outputBound * said)
    const reasoningTokens = Math.floor(outputTokens * thought)
    const usage: Usage = {
      searches: Math.round(searchesMax * said),
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
    return { usage, bound, outputBound, hasSound, searchesMax }
  })

/** What is asked for, and what the answer may say of it: that class, or the usual one. */
const drawnClass = fc.constantFrom<{ asked: AskedClass | undefined; told: Partial<Usage> }>(
  { asked: undefined, told: {} },
  { asked: undefined, told: { serviceTier: 'default' } },
  { asked: 'flex', told: {} },
  { asked: 'flex', told: { serviceTier: 'default' } },
  { asked: 'priority', told: { serviceTier: 'priority' } },
  { asked: 'priority', told: { serviceTier: 'default' } },
  { asked: 'any', told: { serviceTier: 'priority' } },
  { asked: 'any', told: { serviceTier: 'flex' } },
  { asked: 'other', told: { serviceTier: 'priority' } },
  { asked: 'fast', told: {} },
  { asked: 'fast', told: { serviceTier: 'standard', speed: 'fast' } },
  { asked: 'fast', told: { serviceTier: 'standard', speed: 'standard' } },
)

/** Where it may be answered, what was asked of that, and what the answer may say. */
const drawnPlace = fc.constantFrom<{ mayStayInUs: boolean; asked: string | undefined; told: Partial<Usage> }>(
  { mayStayInUs: false, asked: undefined, told: {} },
  { mayStayInUs: false, asked: 'global', told: { inferenceGeo: 'global' } },
  { mayStayInUs: true, asked: undefined, told: { inferenceGeo: 'us' } },
  { mayStayInUs: true, asked: 'us', told: {} },
  { mayStayInUs: true, asked: 'us', told: { inferenceGeo: 'not_available' } },
)

describe('the worst case of an attempt', () => {
  test('SEC-49: is never less than what any usage within its bounds costs', () => {
    fc.assert(
      fc.property(
        drawnPrices,
        drawnUsage,
        drawnClass,
        drawnPlace,
        (prices, drawn, { asked, told }, place) => {
          const { usage, bound, outputBound, hasSound, searchesMax } = drawn
          const { mayStayInUs } = place
          const mayCacheForAnHour = (usage.cacheWrite1hTokens ?? 0) > 0
          const facts = { hasSound, serviceClass: asked, mayCacheForAnHour, mayStayInUs, searchesMax }
          const worst = worstPrices(prices, bound, facts)
          if (worst === undefined) return
          const held = worstCaseOf({ inputTokensMax: bound, outputTokensMax: outputBound }, worst)
          const options = { serviceClass: asked, inferenceGeo: place.asked }
          const cost = costOf({ ...usage, ...told, ...place.told }, prices, options) ?? 0
          expect(held).toBeGreaterThanOrEqual(cost)
        },
      ),
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
      worstPrices(prices, 10, { hasSound: true, serviceClass: 'any', mayCacheForAnHour: false }),
    ).toEqual({
      input: 9,
      output: 8,
    })
  })

  test('holds the price of the class that is named, and that of the usual one where it is dearer', () => {
    const facts = { hasSound: false, mayCacheForAnHour: false }
    const classes = { flex: { input: 1_000, output: 1_000 }, priority: { input: 4_000, output: 8_000 } }
    const prices = { input: 2_000, output: 4_000, classes }
    const worst = (serviceClass: AskedClass | undefined) =>
      worstPrices(prices, 10, { ...facts, serviceClass })
    expect(worst(undefined)).toEqual({ input: 2, output: 4 })
    expect(worst('flex')).toEqual({ input: 2, output: 4 })
    expect(worst('priority')).toEqual({ input: 4, output: 8 })
    expect(worst('any')).toEqual({ input: 4, output: 8 })
  })

  test('holds what is fast for those alone who ask for it', () => {
    const facts = { hasSound: false, mayCacheForAnHour: false }
    const prices = {
      input: 5_000,
      output: 25_000,
      classes: { fast: { input: 30_000, output: 150_000 } },
    }
    const worst = (serviceClass: AskedClass | undefined) =>
      worstPrices(prices, 10, { ...facts, serviceClass })
    expect(worst('fast')).toEqual({ input: 30, output: 150 })
    expect(worst('any')).toEqual({ input: 5, output: 25 })
    expect(worst(undefined)).toEqual({ input: 5, output: 25 })
  })

  test('holds a tenth more for what may stay in the United States', () => {
    const facts = { hasSound: false, mayCacheForAnHour: false, mayStayInUs: true }
    expect(worstPrices({ input: 5_000, output: 25_000 }, 10, facts)).toEqual({ input: 5.5, output: 27.5 })
  })

  test('takes a class beyond the bound of a tier to become dearer by as much as the usual one does', () => {
    const prices = {
      input: 2_000,
      output: 4_000,
      tiers: [{ aboveInputTokens: 10, input: 4_000, output: 6_000 }],
      classes: { priority: { input: 4_000, output: 8_000 } },
    }
    const facts = { hasSound: false, serviceClass: 'priority', mayCacheForAnHour: false } as const
    expect(worstPrices(prices, 10, facts)).toEqual({ input: 4, output: 8 })
    expect(worstPrices(prices, 11, facts)).toEqual({ input: 8, output: 12 })
  })

  test('SEC-49: counts an hour in the cache at twice the input where nothing is published of caches, if it may be asked for', () => {
    const facts = { hasSound: false }
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
            mayCacheForAnHour: false,
            searchesMax: 3,
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
    const facts = { hasSound: false, mayCacheForAnHour: false }
    expect(worstPrices(undefined, 10, facts)).toBeUndefined()
    expect(worstPrices({ output: 5 }, 10, facts)).toBeUndefined()
    expect(worstPrices({ input: 5, output: 5 }, 10, { ...facts, hasSound: true })).toBeUndefined()
    expect(worstPrices({ input: 5_000 }, 10, facts)).toEqual({ input: 5, output: 0 })
  })
})
