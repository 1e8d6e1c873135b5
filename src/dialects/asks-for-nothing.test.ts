import { expect, test } from 'vitest'
import { asksForNothing } from './asks-for-nothing.ts'

test.each([
  ['store', false],
  ['truncation', 'disabled'],
  ['logit_bias', {}],
  ['safetySettings', []],
  ['container', null],
] as const)('%s asks for nothing with %j', (name, value) => {
  expect(asksForNothing(name, value)).toBe(true)
})

test.each([
  ['store', true],
  ['truncation', 'auto'],
  ['logit_bias', { 50256: -100 }],
  ['safetySettings', [{}]],
  ['top_a', 0],
  ['raw_mode', false],
  ['grammar', ''],
] as const)('%s asks for something with %j', (name, value) => {
  expect(asksForNothing(name, value)).toBe(false)
})
