import { expect, test } from 'vitest'
import { CONTEXT_WINDOWS_DATE, contextWindow } from './context-windows.ts'
import { knownProviders } from './index.ts'
import facts from './context-windows.json' with { type: 'json' }

test('windows are whole numbers of tokens, for providers that exist', () => {
  for (const [id, models] of Object.entries(facts.windows)) {
    expect(knownProviders.has(id), id).toBe(true)
    for (const tokens of Object.values(models)) expect(Number.isInteger(tokens) && tokens > 0).toBe(true)
  }
})

test('a known model has its window, a stranger none', () => {
  expect(contextWindow('openai', 'gpt-4o')).toBe(128_000)
  expect(contextWindow('openai', '__proto__')).toBeUndefined()
  expect(contextWindow('nobody', 'gpt-4o')).toBeUndefined()
})

test('the figures say of which day they are', () => {
  expect(CONTEXT_WINDOWS_DATE).toMatch(/^\d{4}-\d{2}-\d{2}$/)
})
