import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerText } from './header-text.ts'

/** As Node gives what was sent in these bytes. */
const received = (text: string, encoding: 'utf8' | 'latin1') => Buffer.from(text, encoding).toString('latin1')

test('a value is what was meant by it, in UTF-8 as in Latin-1', () => {
  expect(headerText(received('Zoë', 'utf8'))).toBe('Zoë')
  expect(headerText(received('Zoë', 'latin1'))).toBe('Zoë')
  expect(headerText('Zoe\t')).toBe('Zoe\t')
})

test('whatever is sent as UTF-8 comes out as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(headerText(received(text, 'utf8'))).toBe(text)
    }),
  )
})
