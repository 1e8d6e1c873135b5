import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('finds the word that was meant', () => {
  expect(nearest('antropic', ['openai', 'anthropic'])).toBe('anthropic')
  expect(nearest('OPENAI', ['openai'])).toBe('openai')
})

test('says nothing when nothing is near', () => {
  expect(nearest('zzz', ['openai', 'anthropic'])).toBeUndefined()
  expect(nearest('a'.repeat(100), ['a'.repeat(100)])).toBeUndefined()
  expect(nearest('x', [])).toBeUndefined()
})
