import { describe, expect, test } from 'vitest'
import { madeKey } from './directory.test-support.ts'
import type { KeyRecord } from './records.ts'
import { keysMeant } from './rotation-lines.ts'

describe('keys that a report means', () => {
  // Sound: ids of a test.
  const made = (id: string, fields: { readonly name?: string; readonly replacedBy?: string } = {}) =>
    ({ ...madeKey({ name: 'ci' }).record, id, ...fields }) as KeyRecord
  const keys = [
    made('key_1', { replacedBy: 'key_3' }),
    made('key_2', { name: 'other' }),
    made('key_3', { replacedBy: 'key_4' }),
    made('key_4'),
  ]
  const meant = (asked: string, known = keys, namesOfFile: readonly string[] = []) =>
    keysMeant({ keys: known, namesOfFile }, asked)

  test('are all of a line by its name, the oldest first, and one by its id', () => {
    expect(meant('ci')).toEqual(['key_1', 'key_3', 'key_4'])
    expect(meant('other')).toEqual(['key_2'])
    expect(meant('key_3')).toEqual(['key_3'])
  })

  test('are those of the newest line that had the name', () => {
    expect(meant('ci', [...keys, made('key_5', { replacedBy: 'key_6' }), made('key_6')])).toEqual([
      'key_5',
      'key_6',
    ])
  })

  test('are that of the file where it has the name, and none where nobody had it', () => {
    expect(meant('ci', keys, ['ci'])).toEqual(['ci'])
    expect(meant('laptop')).toBeUndefined()
  })
})
