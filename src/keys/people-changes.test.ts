import { describe, expect, test } from 'vitest'
import { createSeededIds, createSeededRandom } from '../std/ids.ts'
import { applyChanges } from './directory-changes.ts'
import { EMPTY, madeUser } from './directory.test-support.ts'
import { type DirectoryEdit, DirectoryError, type EditContext, RECORDS_MAX } from './directory-edit.ts'
import {
  archiveProject,
  createProject,
  createTeam,
  createUser,
  disableUser,
  setProjectLimits,
  setRole,
} from './people-changes.ts'
import type { Directory } from './records.ts'

const context: EditContext = { nowMs: 7, actor: 'user:usr_0', ids: createSeededIds(createSeededRandom(2)) }
const after = (directory: Directory, edit: DirectoryEdit) => applyChanges(directory, edit.changes)
const refused = (reason: string) => expect.objectContaining({ name: 'DirectoryError', reason })

describe('users', () => {
  test('are created with a role, and a team by name', () => {
    const withTeam = after(EMPTY, createTeam(EMPTY, { name: 'core' }, context))
    const edit = createUser(
      withTeam,
      { name: 'Ada Lovelace', email: 'ada@example.org', team: 'core', isService: true },
      context,
    )
    expect(edit.user).toEqual({
      id: expect.stringMatching(/^usr_[0-9a-f]{32}$/),
      name: 'Ada Lovelace',
      email: 'ada@example.org',
      role: 'member',
      isService: true,
      teamId: withTeam.teams[0]?.id,
      createdAtMs: 7,
    })
    expect(edit.notes).toEqual([
      { atMs: 7, actor: 'user:usr_0', action: 'create-user', subject: edit.user.id, after: { ...edit.user } },
    ])
  })

  test.each([
    ['a name that is taken', { name: 'usr_1' }, 'taken'],
    ['no name', { name: '' }, 'invalid'],
    ['an address that is none', { name: 'x', email: 'nowhere' }, 'invalid'],
    ['a team that is not there', { name: 'x', team: 'none' }, 'not-found'],
  ])('are refused with %s', (_what, asked, reason) => {
    expect(() => createUser({ ...EMPTY, users: [madeUser('usr_1')] }, asked, context)).toThrow(
      refused(reason),
    )
  })

  test('give their name back when they are disabled, and that is done once', () => {
    const directory = after(EMPTY, createUser(EMPTY, { name: 'ada' }, context))
    const disabled = after(directory, disableUser(directory, 'ada', context))
    expect(disabled.users).toMatchObject([{ disabledAtMs: 7 }])
    expect(createUser(disabled, { name: 'ada' }, context).user.name).toBe('ada')
    expect(disableUser(disabled, disabled.users[0]?.id ?? '', context)).toEqual({ changes: [], notes: [] })
  })

  test('change their role, with before and after in the audit log', () => {
    const directory = { ...EMPTY, users: [madeUser('usr_1')] }
    const edit = setRole(directory, { user: 'usr_1', role: 'admin' }, context)
    expect(after(directory, edit).users).toMatchObject([{ role: 'admin' }])
    expect(edit.notes).toMatchObject([
      { action: 'set-role', before: { role: 'member' }, after: { role: 'admin' } },
    ])
    expect(setRole(directory, { user: 'usr_1', role: 'member' }, context).changes).toEqual([])
  })

  test('the last owner stays one', () => {
    const owners = [
      madeUser('usr_1', { role: 'owner' }),
      madeUser('usr_2', { role: 'owner', disabledAtMs: 1 }),
      madeUser('usr_3'),
    ]
    const directory = { ...EMPTY, users: owners }
    expect(() => disableUser(directory, 'usr_1', context)).toThrow(/only owner/)
    expect(() => setRole(directory, { user: 'usr_1', role: 'admin' }, context)).toThrow(/only owner/)
    const two = after(directory, setRole(directory, { user: 'usr_3', role: 'owner' }, context))
    expect(disableUser(two, 'usr_1', context).changes).toHaveLength(1)
  })
})

describe('projects', () => {
  const made = createProject(EMPTY, { name: 'search', limits: { requestsPerMinute: 60 } }, context)
  const directory = after(EMPTY, made)

  test('are created, limited and archived', () => {
    expect(made.project).toEqual({
      id: expect.stringMatching(/^prj_[0-9a-f]{32}$/),
      name: 'search',
      limits: { requestsPerMinute: 60 },
      createdAtMs: 7,
    })
    const limited = setProjectLimits(
      directory,
      { project: 'search', limits: { tokensPerMinute: 9 } },
      context,
    )
    expect(after(directory, limited).projects).toMatchObject([{ limits: { tokensPerMinute: 9 } }])
    expect(after(directory, limited).projects[0]?.limits).not.toHaveProperty('requestsPerMinute')
    const archived = after(directory, archiveProject(directory, 'search', context))
    expect(archived.projects).toMatchObject([{ archivedAtMs: 7 }])
    expect(createProject(archived, { name: 'search' }, context).project.name).toBe('search')
    expect(archiveProject(archived, made.project.id, context).changes).toEqual([])
  })

  test('are refused where the name is taken or a limit is none', () => {
    expect(() => createProject(directory, { name: 'search' }, context)).toThrow(refused('taken'))
    expect(() =>
      setProjectLimits(directory, { project: 'search', limits: { concurrentRequests: -1 } }, context),
    ).toThrow(/limits\.concurrentRequests: -1 is not a limit/)
    expect(() => archiveProject(directory, 'none', context)).toThrow(DirectoryError)
  })
})

test('teams have names of their own', () => {
  const made = createTeam(EMPTY, { name: 'core' }, context)
  expect(made.team.id).toMatch(/^team_[0-9a-f]{32}$/)
  expect(() => createTeam(after(EMPTY, made), { name: 'core' }, context)).toThrow(refused('taken'))
})

test('a directory that is full takes no more', () => {
  const users = Array.from({ length: RECORDS_MAX }, () => madeUser('usr_1'))
  expect(() => createUser({ ...EMPTY, users }, { name: 'x' }, context)).toThrow(refused('full'))
})
