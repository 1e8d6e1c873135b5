import { expect, test } from 'vitest'
import { isRequestCursor } from './request-cursor.ts'

test('a cursor of another kind of store is none: it is not taken for the end of the list', () => {
  const given = {
    sqlite: '1764000000000.17',
    postgres: '0001764000000000.req_01a2',
    memory: '0000000000000005.r1',
  }
  for (const [kind, cursor] of Object.entries(given)) expect(isRequestCursor(cursor, kind)).toBe(true)
  for (const [kind, cursor] of [
    ['sqlite', given.postgres],
    ['postgres', given.sqlite],
    ['memory', given.sqlite],
    ['postgres', 'req_01a2'],
  ] as const)
    expect([kind, cursor, isRequestCursor(cursor, kind)]).toEqual([kind, cursor, false])
})
