import { expect, test } from 'vitest'
import { headerText } from './header-text.ts'

test('leaves printable text as it is', () => {
  expect(headerText('openai/gpt-4o 100%')).toBe('openai/gpt-4o 100%')
})

test.each([
  ['a\r\nset-cookie: x', 'a%0D%0Aset-cookie: x'],
  ['a\u0000b', 'a%00b'],
  ['模型', '%E6%A8%A1%E5%9E%8B'],
  ['\ud800', '%EF%BF%BD'],
  ['50% é', '50%25 %C3%A9'],
])('SEC-32: encodes %j', (text, encoded) => {
  expect(headerText(text)).toBe(encoded)
})

test('cuts what is too long', () => {
  expect(headerText('x'.repeat(10_000))).toHaveLength(512)
  expect(headerText('é'.repeat(10_000))).toHaveLength(512)
})
