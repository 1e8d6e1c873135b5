import { expect, test } from 'vitest'
import { clientKeyOf } from './client-key.ts'

test.each([
  ['a bearer token', { authorization: 'Bearer k1' }, 'k1'],
  ['any case of the scheme', { authorization: 'bEARER k1' }, 'k1'],
  ['several spaces', { authorization: '  Bearer \t k1  ' }, 'k1'],
  ['Anthropic’s header', { 'x-api-key': 'k1' }, 'k1'],
  ['Azure’s header', { 'api-key': ' k1 ' }, 'k1'],
  ['Google’s header', { 'x-goog-api-key': 'k1' }, 'k1'],
  ['the bearer token before the others', { 'x-api-key': 'k2', authorization: 'Bearer k1' }, 'k1'],
  ['the other header where the token is blank', { authorization: 'Bearer  ', 'x-api-key': 'k2' }, 'k2'],
  ['the other header where the scheme is another', { authorization: 'Basic abc', 'api-key': 'k2' }, 'k2'],
  ['blank headers passed over', { 'x-api-key': '  ', 'x-goog-api-key': 'k3' }, 'k3'],
])('reads %s', (_what, headers, key) => {
  expect(clientKeyOf(headers)).toBe(key)
})

test.each([
  ['nothing', {}],
  ['another scheme', { authorization: 'Basic abc' }],
  ['a token without a scheme', { authorization: 'k1' }],
  ['a scheme without a token', { authorization: 'Bearer' }],
  ['a scheme run into its token', { authorization: 'Bearerk1' }],
  ['a repeated header', { 'x-api-key': ['k1', 'k2'] }],
])('finds no key in %s', (_what, headers) => {
  expect(clientKeyOf(headers)).toBeUndefined()
})
