import { describe, expect, test } from 'vitest'
import { indexDirectory } from '../keys/key-index.ts'
import type { Directory, KeyId, KeyRecord, UserId, UserRecord } from '../keys/records.ts'
import { hasOperators } from './has-operators.ts'

const NOW_MS = 1_000_000

const userOf = (fields: Partial<UserRecord>): UserRecord => ({
  // Sound: an id of a test.
  id: 'usr_1' as UserId,
  name: 'ada',
  role: 'owner',
  isService: false,
  createdAtMs: 1,
  ...fields,
})

const keyOf = (fields: Partial<KeyRecord>): KeyRecord => ({
  // Sound: an id of a test.
  id: 'key_1' as KeyId,
  kind: 'admin',
  name: 'ops',
  hash: Buffer.alloc(32, 7).toString('base64url'),
  hint: 'wxyz',
  scopes: {},
  createdAtMs: 1,
  ...fields,
})

interface Known {
  readonly users?: readonly UserRecord[]
  readonly keys?: readonly KeyRecord[]
}

function isThereOne({ users = [], keys = [] }: Known): boolean {
  const directory: Directory = { revision: 1, users, teams: [], projects: [], keys }
  return hasOperators(directory, indexDirectory(directory), NOW_MS)
}

const OWN = { userId: 'usr_1' as UserId }

describe('somebody can let others in', () => {
  test.each<[string, Known]>([
    ['an owner', { users: [userOf({})] }],
    ['an administrator', { users: [userOf({ role: 'admin' })] }],
    ['an admin key of an owner', { keys: [keyOf({ role: 'owner' })] }],
    ['an admin key that has not expired', { keys: [keyOf({ role: 'admin', expiresAtMs: NOW_MS + 1 })] }],
    ['an admin key of a service account', { users: [userOf({ isService: true })], keys: [keyOf(OWN)] }],
  ])('where there is %s', (_, known) => {
    expect(isThereOne(known)).toBe(true)
  })

  test.each<[string, Known]>([
    ['nobody', {}],
    ['a member and a viewer', { users: [userOf({ role: 'member' }), userOf({ role: 'viewer' })] }],
    ['a disabled owner with a key', { users: [userOf({ disabledAtMs: 2 })], keys: [keyOf(OWN)] }],
    ['a service account without a key', { users: [userOf({ isService: true })] }],
    ['an admin key of a viewer', { keys: [keyOf({ role: 'viewer' })] }],
    ['an admin key of a member', { users: [userOf({ role: 'member' })], keys: [keyOf(OWN)] }],
    ['a revoked admin key', { keys: [keyOf({ role: 'owner', revokedAtMs: 2 })] }],
    ['an expired admin key', { keys: [keyOf({ role: 'owner', expiresAtMs: NOW_MS })] }],
    ['a data key', { keys: [keyOf({ kind: 'data' })] }],
  ])('not where there is only %s', (_, known) => {
    expect(isThereOne(known)).toBe(false)
  })
})
