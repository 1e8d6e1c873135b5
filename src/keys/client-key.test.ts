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
  ['/v1beta/models/m:generateContent?key=k1', 'k1'],
  ['/v1beta/models/m:streamGenerateContent?alt=sse&key=k%2D1', 'k-1'],
  ['/v1beta/models?monkey=k1', undefined],
  ['/v1beta/models?key=', undefined],
  ['/v1beta/models/key=k1', undefined],
])('reads the query of %s', (target, key) => {
  expect(clientKeyOf({}, target)).toBe(key)
})

test('a header counts before the query', () => {
  expect(clientKeyOf({ 'x-goog-api-key': 'k1' }, '/?key=k2')).toBe('k1')
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
