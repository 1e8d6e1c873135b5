import { expect, test } from 'vitest'
import { key, project } from '../stores/contract/samples.test-support.ts'
import { cachedFor } from './cached-for.ts'

const keys = [
  key('key_1', { replacedBy: key('key_2').id }),
  key('key_2', { replacedBy: key('key_3').id }),
  key('key_3'),
  key('key_4'),
  key('key_5', { name: 'of search', projectId: project('prj_1').id }),
]

test('answers are those of a project, of the first key of a line of rotations, or of a key of the file', () => {
  expect(cachedFor({}, keys)).toBeUndefined()
  expect(cachedFor({ project: 'prj_1' }, keys)).toBe('prj_1')
  expect(['key_1', 'key_3', 'key_4', 'laptop'].map((id) => cachedFor({ key: id }, keys))).toEqual([
    'key_1',
    'key_1',
    'key_4',
    'laptop',
  ])
})

test('of one key of a project they cannot be told apart', () => {
  expect(() => cachedFor({ key: 'key_5' }, keys)).toThrow(/of search belongs to a project.*prj_1/)
  expect(() => cachedFor({ key: 'key_4', project: 'prj_1' }, keys)).toThrow('not both')
})
