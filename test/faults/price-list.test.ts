import { afterEach, expect, test, vi } from 'vitest'
import { loadConfig } from '../../src/app/config/load-config.ts'
import { costOf } from '../../src/ledger/cost-of.ts'
import { factsOfTarget, modelFacts } from '../../src/providers/model-facts.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

test('fault 147: prices stand in the package, and nobody is asked for them', () => {
  const asked = vi.fn<() => never>(() => {
    throw new Error('the network is down')
  })
  vi.stubGlobal('fetch', asked)
  expect(modelFacts('openai', 'gpt-4o')?.prices?.input).toBeGreaterThan(0)
  expect(asked).not.toHaveBeenCalled()
})

test('fault 147: a model that no list names has no price, which is never a price of 0', () => {
  const target = { provider: { id: 'openai' }, modelId: 'gpt-of-tomorrow' }
  const prices = factsOfTarget(target)?.prices
  expect(prices).toBeUndefined()
  expect(costOf({ inputTokens: 10, outputTokens: 10 }, prices)).toBeUndefined()
})

test.each(['"free"', '-1', '.nan', '1e9', '{}'])(
  'fault 147: a list of prices that says %s keeps the configuration from coming into force, and says where',
  (price) => {
    const loaded = loadConfig({
      text: `discover: false\nproviders:\n  openai:\n    credential: sk-some-key-0123456789\n    prices:\n      m: { input: ${price}, output: 1 }\n`,
      path: 'holdfast.yaml',
      env: {},
    })
    expect(loaded.ok).toBe(false)
    if (!loaded.ok)
      expect(loaded.faults).toMatchObject([{ line: 6, path: 'providers.openai.prices.m.input' }])
  },
)
