import { describe, expect, test } from 'vitest'
import { knownProviders } from './index.ts'
import { factsOfTarget, factsSources, knownModelCount, modelFacts, priceOf } from './model-facts.ts'
import { factsNames } from './model-facts-names.ts'

describe('the facts of models', () => {
  test('say what a model reads, writes, can do and costs', () => {
    expect(modelFacts('anthropic', 'claude-sonnet-4-5')).toMatchObject({
      contextTokens: 200_000,
      outputTokensMax: 64_000,
      inputs: ['text', 'image', 'pdf'],
      outputs: ['text'],
      callsTools: true,
      reasons: true,
      prices: {
        input: 3_000_000,
        output: 15_000_000,
        cacheRead: 300_000,
        cacheWrite: 3_750_000,
        cacheWrite1h: 6_000_000,
        tiers: [{ aboveInputTokens: 200_000, input: 6_000_000, output: 22_500_000 }],
      },
    })
    expect(priceOf('openai', 'gpt-5')).toMatchObject({
      input: 1_250_000,
      classes: { flex: { input: 625_000, cacheRead: 62_500 }, priority: { output: 20_000_000 } },
    })
  })

  test.each([
    ['anthropic', 'claude-sonnet-4-5-20250929'],
    ['vertex-anthropic', 'claude-sonnet-4-5@20250929'],
    ['bedrock', 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0'],
    ['openrouter', 'anthropic/claude-sonnet-4.5'],
    ['gemini', 'models/gemini-2.5-pro'],
    ['deepseek-anthropic', 'deepseek-chat'],
    ['azure-openai', 'gpt-5'],
    ['cohere', 'command-r-plus-08-2024'],
  ])('find %s %s by the name it goes by there', (provider, model) => {
    expect(modelFacts(provider, model)?.contextTokens).toBeGreaterThan(60_000)
  })

  test('of a fine-tuned model are what its base can do, at the price of fine-tunes where that is published', () => {
    const base = modelFacts('openai', 'gpt-4o-mini')
    const tuned = modelFacts('openai', 'ft:gpt-4o-mini-2024-07-18:acme::abc')
    expect(tuned).toMatchObject({ contextTokens: 128_000, inputs: base?.inputs })
    expect(tuned?.prices?.input).toBeGreaterThan(base?.prices?.input ?? 0)
    expect(modelFacts('openai', 'ft:gpt-5:acme::abc')?.prices).toBeUndefined()
  })

  test('of a variant that nobody published are not its price', () => {
    const variant = modelFacts('openrouter', 'anthropic/claude-sonnet-4.5:nitro')
    expect(variant?.callsTools).toBe(true)
    expect(variant?.prices).toBeUndefined()
  })

  test('of a further instance of a provider are those of the provider', () => {
    const provider = { id: 'work', instanceOf: 'openai' }
    expect(factsOfTarget({ provider, modelId: 'gpt-5' })).toBe(modelFacts('openai', 'gpt-5'))
  })

  test.each([
    ['openai', 'no-such-model'],
    ['ollama', 'gpt-5'],
    ['openai', '__proto__'],
    ['__proto__', 'gpt-5'],
  ])('are not known of %s %s', (provider, model) => {
    expect(modelFacts(provider, model)).toBeUndefined()
    expect(priceOf(provider, model)).toBeUndefined()
  })

  test('are dated and name their sources and licences', () => {
    const { date, sources } = factsSources()
    expect(date).toMatch(/^20\d\d-\d\d-\d\d$/)
    expect(sources.length).toBeGreaterThan(0)
    for (const source of sources) expect(source.licence).not.toBe('')
  })

  test('name only providers that are known, each with models', () => {
    for (const id of factsNames.keys()) {
      expect(knownProviders.has(id), id).toBe(true)
      expect(knownModelCount(id), id).toBeGreaterThan(0)
    }
  })
})
