import { expect, test } from 'vitest'
import { requestCursor } from './given-cursor.ts'

test('a cursor of another kind of store is refused, not taken for the end of the list', () => {
  const given = {
    sqlite: '1764000000000.17',
    postgres: '0001764000000000.req_01a2',
    memory: '0000000000000005.r1',
  }
  for (const [kind, cursor] of Object.entries(given)) expect(requestCursor(cursor, kind)).toBe(cursor)
  for (const [kind, cursor] of [
    ['sqlite', given.postgres],
    ['postgres', given.sqlite],
    ['memory', given.sqlite],
    ['postgres', 'req_01a2'],
  ] as const)
    expect(() => requestCursor(cursor, kind)).toThrow('none that a page gave')
  expect(requestCursor(undefined, 'sqlite')).toBeUndefined()
})
