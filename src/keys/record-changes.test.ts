import { describe, expect, test } from 'vitest'
import { createSeededIds, createSeededRandom } from '../std/ids.ts'
import { applyChanges } from './directory-changes.ts'
import { EMPTY, madeKey, madeProject, madeUser } from './directory.test-support.ts'
import { archiveTeam, changeKey, changeProject, changeUser, renameTeam } from './record-changes.ts'
import type { Directory, TeamId, TeamRecord } from './records.ts'

const context = { nowMs: 1_000, actor: 'user:u', ids: createSeededIds(createSeededRandom(1)) }

// Sound: an id of a test.
const team = (id: string, fields: Partial<TeamRecord> = {}): TeamRecord => ({
  id: id as TeamId,
  name: id,
  createdAtMs: 1,
  ...fields,
})

function directoryOf(parts: Partial<Directory>): Directory {
  return { ...EMPTY, ...parts }
}

describe('a key', () => {
  const { record } = madeKey({ name: 'k', limits: { requestsPerMinute: 1 }, expiresAtMs: 5_000 })
  const directory = directoryOf({ keys: [record] })

  test('takes what is named and keeps the rest; null takes away', () => {
    const edit = changeKey(directory, { key: record.id, scopes: { models: ['a'] }, limits: null }, context)
    const { limits: _, ...rest } = record
    expect(edit.key).toEqual({ ...rest, scopes: { models: ['a'] } })
    expect(applyChanges(directory, edit.changes).keys).toEqual([edit.key])
    expect(changeKey(directory, { key: 'k', expiresAtMs: null }, context).key).not.toHaveProperty(
      'expiresAtMs',
    )
  })

  test('that changes nothing changes nothing', () => {
    // Also where its fields were written in another order.
    const { limits, ...rest } = record
    for (const key of [record, { ...(limits && { limits }), ...rest }]) {
      const edit = changeKey(directoryOf({ keys: [key] }), { key: record.id }, context)
      expect(edit).toEqual({ key: record, changes: [], notes: [] })
    }
  })

  test('SEC-55: is noted before and after, without its hash', () => {
    const { notes } = changeKey(directory, { key: record.id, expiresAtMs: 9_000 }, context)
    expect(notes).toMatchObject([
      {
        action: 'change-key',
        actor: 'user:u',
        subject: record.id,
        before: { expiresAtMs: 5_000 },
        after: { expiresAtMs: 9_000 },
      },
    ])
    expect(JSON.stringify(notes)).not.toContain(record.hash)
  })

  test.each([
    [{ expiresAtMs: 1_000 }, 'over'],
    [{ expiresAtMs: Number.NaN }, 'over'],
    [{ limits: { requestsPerMinute: 0 } }, 'limit'],
    [{ scopes: { models: ['*x'] } }, 'names no models'],
  ])('is not given %j', (change, words) => {
    expect(() => changeKey(directory, { key: record.id, ...change }, context)).toThrow(words)
  })

  test('that is revoked, or replaced by another, does not come back to life', () => {
    const revoked = { ...record, revokedAtMs: 2 }
    expect(() =>
      changeKey(directoryOf({ keys: [revoked] }), { key: record.id, limits: null }, context),
    ).toThrow('revoked')
    const replaced = { ...record, replacedBy: record.id }
    expect(() =>
      changeKey(directoryOf({ keys: [replaced] }), { key: record.id, expiresAtMs: null }, context),
    ).toThrow('keeps its end')
  })
})

describe('people and projects', () => {
  const owner = madeUser('usr_o', { role: 'owner', name: 'olga' })
  const member = madeUser('usr_m', { name: 'mia', email: 'm@example.org' })
  const directory = directoryOf({
    users: [owner, member],
    teams: [team('red'), team('old', { archivedAtMs: 5 })],
    projects: [madeProject('app'), madeProject('gone', { archivedAtMs: 5 })],
  })

  test('a user moves, is renamed, loses an address', () => {
    const { user } = changeUser(
      directory,
      { user: 'mia', name: 'mina', email: null, team: 'red', role: 'admin' },
      context,
    )
    const { email: _, ...rest } = member
    expect(user).toEqual({ ...rest, name: 'mina', teamId: 'red', role: 'admin' })
    const back = applyChanges(directory, [{ type: 'put-user', user }])
    expect(changeUser(back, { user: 'mina', team: null }, context).user).not.toHaveProperty('teamId')
  })

  test.each([
    [{ user: 'usr_o', role: 'viewer' }, 'only owner'],
    [{ user: 'usr_m', name: 'olga' }, 'already'],
    [{ user: 'usr_m', name: '<b>' }, 'not a name'],
    [{ user: 'usr_m', email: 'nobody' }, 'e-mail'],
    [{ user: 'usr_m', team: 'old' }, 'archived'],
    [{ user: 'usr_m', team: 'none' }, 'no team'],
  ] as const)('a user is not changed by %j', (change, words) => {
    expect(() => changeUser(directory, change, context)).toThrow(words)
  })

  test('a disabled user stays as he is', () => {
    const gone = directoryOf({ users: [owner, { ...member, disabledAtMs: 5 }] })
    expect(() => changeUser(gone, { user: 'usr_m', name: 'x' }, context)).toThrow('disabled')
  })

  test('a project is renamed, limited, given to a team; an archived one is not', () => {
    const edit = changeProject(
      directory,
      { project: 'app', name: 'a', team: 'red', limits: { concurrentRequests: 1 } },
      context,
    )
    expect(edit.project).toMatchObject({ name: 'a', teamId: 'red', limits: { concurrentRequests: 1 } })
    expect(edit.notes).toMatchObject([{ action: 'change-project', subject: 'app' }])
    expect(() => changeProject(directory, { project: 'gone', name: 'b' }, context)).toThrow('archived')
  })

  test('a team is renamed, and archived once', () => {
    expect(renameTeam(directory, { team: 'red', name: 'rot' }, context).team.name).toBe('rot')
    expect(() => renameTeam(directory, { team: 'old', name: 'x' }, context)).toThrow('archived')
    expect(archiveTeam(directory, 'red', context).changes).toMatchObject([{ team: { archivedAtMs: 1_000 } }])
    expect(archiveTeam(directory, 'old', context)).toEqual({ changes: [], notes: [] })
  })
})
