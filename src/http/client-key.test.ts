import { expect, test } from 'vitest'
import { readClientKey } from './client-key.ts'

test.each([
  [{ authorization: 'Bearer sk-1' }, 'sk-1'],
  [{ authorization: 'bearer   sk-1 ' }, 'sk-1'],
  [{ 'x-api-key': 'sk-2' }, 'sk-2'],
  [{ 'api-key': 'sk-3' }, 'sk-3'],
  [{ authorization: 'Bearer sk-1', 'x-api-key': 'sk-2' }, 'sk-1'],
  [{ authorization: 'Basic dTpw', 'x-api-key': 'sk-2' }, 'sk-2'],
  [{ authorization: 'Bearer ', 'api-key': 'sk-3' }, 'sk-3'],
])('finds the key in %o', (headers, key) => {
  expect(readClientKey(headers)).toBe(key)
})

test.each([{}, { authorization: 'Basic dTpw' }, { authorization: 'Bearer' }, { 'x-api-key': ' ' }])(
  'finds none in %o',
  (headers) => {
    expect(readClientKey(headers)).toBeUndefined()
  },
)
