import { describe, expect, test } from 'vitest'
import { allowedQuery, checkId } from './path-id.ts'

describe('an id in a path', () => {
  test.each(['file-abc', 'msgbatch_01GSR2pUkGcad188iHy2BkZH', 'a.b', 'x'.repeat(128)])('may be %s', (id) => {
    expect(checkId(id)).toBe(id)
  })

  test.each(['', '.', '..', 'a/b', 'a?b', 'a#b', 'a%2fb', 'a b', '@evil', 'é', 'x'.repeat(129), 'a\r\nb'])(
    'may not be %j',
    (id) => {
      expect(() => checkId(id)).toThrow(/id in the path/)
    },
  )
})

describe('a query', () => {
  test('travels as far as it is allowed, encoded anew', () => {
    expect(allowedQuery("limit=2&key=secret&after=a%26b'c", ['after', 'limit'])).toBe(
      '?after=a%26b%27c&limit=2',
    )
  })

  test('is empty where nothing of it is allowed', () => {
    expect([
      allowedQuery('key=1', ['limit']),
      allowedQuery('', ['limit']),
      allowedQuery('limit=1', []),
    ]).toEqual(['', '', ''])
  })

  test('leaves a long value behind', () => {
    expect(allowedQuery(`limit=${'9'.repeat(300)}`, ['limit'])).toBe('')
  })
})
