import { describe, expect, test } from 'vitest'
import type { Usage } from '../canonical/usage.ts'
import { costOf } from './cost-of.ts'
import type { Prices } from './prices.ts'
import type { AskedClass } from './service-class.ts'

/** Dollars for a million tokens, as price lists say it. */
const usd = (dollars: number) => Math.round(dollars * 1_000_000)

const claude: Prices = {
  input: usd(3),
  output: usd(15),
  cacheRead: usd(0.3),
  cacheWrite: usd(3.75),
  cacheWrite1h: usd(6),
  tiers: [{ aboveInputTokens: 200_000, input: usd(6), output: usd(22.5), cacheRead: usd(0.6) }],
}

describe('the cost of an answer', () => {
  test('is tokens times price, in nano-dollars', () => {
    expect(costOf({ inputTokens: 1_000, outputTokens: 100 }, claude)).toBe(3_000_000 + 1_500_000)
    expect(costOf({ inputTokens: 0, outputTokens: 0 }, claude)).toBe(0)
  })

  test('counts what was read from the cache and written to it at their own prices, once', () => {
    const usage = {
      inputTokens: 1_000,
      outputTokens: 0,
      cacheReadTokens: 500,
      cacheWriteTokens: 300,
      cacheWrite1hTokens: 100,
    }
    expect(costOf(usage, claude)).toBe(200 * 3_000 + 500 * 300 + 200 * 3_750 + 100 * 6_000)
  })

  test('takes the price of the tier that the whole input falls in', () => {
    expect(costOf({ inputTokens: 200_000, outputTokens: 1 }, claude)).toBe(200_000 * 3_000 + 15_000)
    expect(costOf({ inputTokens: 200_001, outputTokens: 1, cacheReadTokens: 1 }, claude)).toBe(
      200_000 * 6_000 + 600 + 22_500,
    )
  })

  test('takes reasoning as output unless it has a price, and sound only at its own', () => {
    const prices: Prices = { input: usd(1), output: usd(2), inputAudio: usd(10), outputAudio: usd(20) }
    const usage = {
      inputTokens: 10,
      outputTokens: 10,
      reasoningTokens: 4,
      inputAudioTokens: 5,
      outputAudioTokens: 2,
    }
    expect(costOf(usage, prices)).toBe(5 * 1_000 + 5 * 10_000 + 8 * 2_000 + 2 * 20_000)
    expect(costOf(usage, { ...prices, reasoning: usd(3) })).toBe(
      5 * 1_000 + 5 * 10_000 + 4 * 2_000 + 4 * 3_000 + 2 * 20_000,
    )
    expect(costOf(usage, { input: usd(1), output: usd(2) })).toBeUndefined()
  })

  test('takes a service class at its own prices, and is not known where there are none', () => {
    const prices: Prices = {
      input: usd(2),
      output: usd(8),
      classes: { batch: { input: usd(1), output: usd(4) } },
    }
    const usage = { inputTokens: 10, outputTokens: 10 }
    expect(costOf(usage, prices, { serviceClass: 'batch' })).toBe(50_000)
    expect(costOf(usage, prices, { serviceClass: 'priority' })).toBeUndefined()
  })

  test('is that of the class the answer tells, before the one that was asked for', () => {
    const prices: Prices = {
      input: usd(2),
      output: usd(8),
      classes: { flex: { input: usd(1), output: usd(4) }, priority: { input: usd(4), output: usd(16) } },
    }
    const counts = { inputTokens: 10, outputTokens: 10 }
    const cost = (serviceTier: string | undefined, serviceClass?: AskedClass) =>
      costOf({ ...counts, ...(serviceTier === undefined ? {} : { serviceTier }) }, prices, { serviceClass })
    expect(cost('default', 'priority')).toBe(100_000)
    expect(cost('priority')).toBe(200_000)
    expect(cost('priority', 'any')).toBe(200_000)
    expect(cost('auto', 'flex')).toBe(50_000)
    expect(cost(undefined, 'flex')).toBe(50_000)
    expect(cost(undefined, 'any')).toBe(100_000)
    expect(cost('scale')).toBeUndefined()
    expect(cost('turbo')).toBeUndefined()
    expect(cost(undefined, 'other')).toBeUndefined()
  })

  test('is that of the speed the answer tells, whatever its tier, before the one that was asked for', () => {
    const opus: Prices = {
      input: usd(5),
      output: usd(25),
      classes: { fast: { input: usd(30), output: usd(150) } },
    }
    const counts = { inputTokens: 10, outputTokens: 10 }
    const cost = (told: Partial<Usage>, serviceClass?: AskedClass, prices = opus) =>
      costOf({ ...counts, ...told }, prices, { serviceClass })
    expect(cost({ serviceTier: 'standard', speed: 'fast' }, 'fast')).toBe(1_800_000)
    expect(cost({ serviceTier: 'standard', speed: 'fast' })).toBe(1_800_000)
    expect(cost({ serviceTier: 'standard', speed: 'standard' }, 'fast')).toBe(300_000)
    expect(cost({ serviceTier: 'standard' }, 'fast')).toBe(1_800_000)
    expect(cost({ speed: 'fast' }, 'fast', claude)).toBeUndefined()
    expect(cost({ speed: 'ludicrous' })).toBeUndefined()
  })

  test('is a tenth more for what stays in the United States, and not known for a place nobody knows', () => {
    const usage = { inputTokens: 3, outputTokens: 1 }
    const cost = (told: string | undefined, inferenceGeo?: string) =>
      costOf({ ...usage, ...(told === undefined ? {} : { inferenceGeo: told }) }, claude, { inferenceGeo })
    expect(cost(undefined)).toBe(24_000)
    expect(cost('not_available')).toBe(24_000)
    expect(cost('us')).toBe(26_400)
    expect(cost(undefined, 'us')).toBe(26_400)
    expect(cost('global', 'us')).toBe(24_000)
    expect(cost('moon')).toBeUndefined()
    expect(costOf({ inputTokens: 5, outputTokens: 0, inferenceGeo: 'us' }, { input: 1_000, output: 0 })).toBe(
      6,
    )
  })

  test('is the usual one of a model without classes whose provider has a word of its own for it', () => {
    const usage = { inputTokens: 1_000, outputTokens: 0 }
    expect(costOf({ ...usage, serviceTier: 'on_demand' }, claude)).toBe(3_000_000)
    expect(costOf({ ...usage, serviceTier: 'turbo' }, claude)).toBe(3_000_000)
    expect(costOf({ ...usage, serviceTier: 'priority' }, claude)).toBeUndefined()
    expect(costOf({ ...usage, serviceTier: 'turbo' }, claude, { serviceClass: 'other' })).toBeUndefined()
    expect(costOf({ ...usage, serviceTier: 'standard' }, claude, { serviceClass: 'priority' })).toBe(
      3_000_000,
    )
  })

  test('stays exact below a nano-dollar a token and beyond what a double holds', () => {
    expect(costOf({ inputTokens: 3, outputTokens: 0 }, { input: 62_500, output: 0 })).toBe(188)
    expect(costOf({ inputTokens: 1_000_000_000, outputTokens: 0 }, { input: usd(600), output: 0 })).toBe(6e14)
  })

  test('never falls below nothing, whatever the counts say', () => {
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 5, reasoningTokens: 9 }
    expect(costOf(usage, claude)).toBe(5 * 300 + 15_000)
  })
})

describe('fault 91: a cost that is not known is not zero', () => {
  test.each([
    ['no prices', { inputTokens: 1, outputTokens: 1 }, undefined],
    ['no price for input', { inputTokens: 1, outputTokens: 1 }, { output: 1 }],
    ['no price for output', { inputTokens: 1, outputTokens: 1 }, { input: 1 }],
    ['no count of the input', { outputTokens: 1 }, claude],
    ['no count of the output', { inputTokens: 1 }, claude],
  ] as const)('%s', (_name, usage, prices) => {
    expect(costOf(usage, prices)).toBeUndefined()
  })

  test('an embedding has no output to count, and a free model costs zero', () => {
    expect(costOf({ inputTokens: 1_000 }, { input: usd(0.02) })).toBe(20_000)
    expect(costOf({ inputTokens: 1_000, outputTokens: 5 }, { input: 0, output: 0 })).toBe(0)
  })
})
