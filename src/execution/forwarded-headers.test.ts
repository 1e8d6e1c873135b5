import { expect, test } from 'vitest'
import { createHeaderFilter, FORWARDED_HEADER_LENGTH_MAX } from './forwarded-headers.ts'

const filter = createHeaderFilter(['anthropic-beta', 'x-stainless-*', 'authorization', 'cookie'])

test('SEC-33: only what is on the list travels, within its length', () => {
  expect(
    filter({
      'anthropic-beta': 'a',
      'x-stainless-lang': 'js',
      'x-other': 'no',
      'x-stainless-long': 'x'.repeat(FORWARDED_HEADER_LENGTH_MAX + 1),
      'x-stainless-many': ['a', 'b'],
    }),
  ).toEqual({ 'anthropic-beta': 'a', 'x-stainless-lang': 'js' })
})

test('SEC-24: the secrets of the client never travel, whatever a list says', () => {
  expect(filter({ authorization: 'Bearer x', cookie: 'a=b' })).toEqual({})
})
