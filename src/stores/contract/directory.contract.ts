/** What every store must do with people, teams, projects and keys, and with the audit log beside them. */

import { describe, expect, test } from 'vitest'
import type { Directory } from '../../keys/records.ts'
import { findBrokenLink } from '../../std/audit.ts'
import { StoreConflict } from '../../std/store-error.ts'
import {
  budget,
  byId,
  HOUR_MS,
  key,
  note,
  type OpenFixture,
  project,
  team,
  user,
  withStore,
} from './samples.test-support.ts'

export function describeDirectory(open: OpenFixture): void {
  describe('the directory', () => {
    test('begins empty, at a revision that stays while nothing changes', () =>
      withStore(open, async (store) => {
        const directory = await store.loadDirectory()
        expect(directory).toEqual({
          revision: await store.directoryRevision(),
          users: [],
          teams: [],
          projects: [],
          keys: [],
        })
        expect(await store.directoryRevision()).toBe(directory.revision)
      }))

    test('gives every record back as it was put, absent fields absent', () =>
      withStore(open, async (store) => {
        const full = {
          users: [
            user('usr_1'),
            user('usr_2', { email: 'a@b.c', isService: true, teamId: team('team_1').id, disabledAtMs: 7 }),
          ],
          teams: [team('team_1'), team('team_2', { name: 'Zoë "quoted" \u{1f600}', archivedAtMs: HOUR_MS })],
          projects: [
            project('prj_1'),
            project('prj_2', {
              teamId: team('team_1').id,
              limits: { requestsPerMinute: 0, tokensPerMinute: 5 },
            }),
          ],
          keys: [
            key('key_1'),
            key('key_2', {
              kind: 'admin',
              hashedUnder: '0123456789abcdef',
              otherHashes: [{ hash: 'another', hashedUnder: 'fedcba9876543210' }],
              role: 'owner',
              userId: user('usr_1').id,
              projectId: project('prj_1').id,
              scopes: { routes: ['a*'], models: [], operations: ['chat'] },
              limits: { concurrentRequests: 3 },
              expiresAtMs: 1,
              revokedAtMs: 2,
              replacedBy: key('key_1').id,
            }),
          ],
        }
        const revision = await store.changeDirectory(
          [
            ...full.users.map((user) => ({ type: 'put-user', user }) as const),
            ...full.teams.map((team) => ({ type: 'put-team', team }) as const),
            ...full.projects.map((project) => ({ type: 'put-project', project }) as const),
            ...full.keys.map((key) => ({ type: 'put-key', key }) as const),
          ],
          [],
        )
        expect(inOrder(await store.loadDirectory())).toStrictEqual({ revision, ...full })
      }))

    test('puts a whole record in place of the one with its id', () =>
      withStore(open, async (store) => {
        await store.changeDirectory([{ type: 'put-key', key: key('key_1', { expiresAtMs: 5 }) }], [])
        await store.changeDirectory([{ type: 'put-key', key: key('key_1', { revokedAtMs: 6 }) }], [])
        expect((await store.loadDirectory()).keys).toStrictEqual([key('key_1', { revokedAtMs: 6 })])
      }))

    test('grows its revision with every change', () =>
      withStore(open, async (store) => {
        const before = await store.directoryRevision()
        const first = await store.changeDirectory([{ type: 'put-team', team: team('team_1') }], [])
        const second = await store.changeDirectory([{ type: 'put-team', team: team('team_1') }], [], first)
        expect(first).toBeGreaterThan(before)
        expect(second).toBeGreaterThan(first)
        expect(await store.directoryRevision()).toBe(second)
      }))

    test('refuses a change of a directory that is not at the expected revision, and leaves no trace of it', () =>
      withStore(open, async (store) => {
        const old = await store.directoryRevision()
        await store.changeDirectory([{ type: 'put-team', team: team('team_1') }], [note('team_1')])
        const before = await store.loadDirectory()
        const late = store.changeDirectory(
          [{ type: 'put-team', team: team('team_2') }],
          [note('team_2')],
          old,
        )
        await expect(late).rejects.toThrow(StoreConflict)
        expect(await store.loadDirectory()).toEqual(before)
        expect(await subjects(store)).toEqual(['team_1'])
      }))

    test('lets exactly one of many that change the same revision at one time win', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        const revision = await store.directoryRevision()
        const tries = Array.from({ length: 12 }, (_, place) =>
          (place % 2 === 0 ? store : other).changeDirectory(
            [{ type: 'put-team', team: team(`team_${place}`) }],
            [note(`team_${place}`)],
            revision,
          ),
        )
        const settled = await Promise.allSettled(tries)
        const lost = settled.filter((one) => one.status === 'rejected')
        expect(lost).toHaveLength(11)
        for (const { reason } of lost) expect(reason).toBeInstanceOf(StoreConflict)
        expect((await store.loadDirectory()).teams).toHaveLength(1)
        expect(await subjects(store)).toHaveLength(1)
      }))
  })

  describe('the audit log', () => {
    test('SEC-55: chains the lines of changes, budgets and sign-ins in the order they came', () =>
      withStore(open, async (store) => {
        await store.changeDirectory(
          [{ type: 'put-key', key: key('key_1') }],
          [note('key_1', { before: null, after: { z: 1, a: [1, { y: 2, b: 'é' }] } }), note('key_1 again')],
        )
        await store.putBudget(budget('bud_1', 5), [note('bud_1')])
        await store.note(note('usr_1', { action: 'sign-in', actor: 'user:usr_1' }))
        const { rows } = await store.auditLines({ limit: 10 })
        const lines = rows.toReversed()
        expect(lines.map(({ sequence, subject }) => [sequence, subject])).toEqual([
          [1, 'key_1'],
          [2, 'key_1 again'],
          [3, 'bud_1'],
          [4, 'usr_1'],
        ])
        expect(lines[0]).toMatchObject({ before: null, after: { z: 1, a: [1, { y: 2, b: 'é' }] } })
        expect(lines[1]).not.toHaveProperty('before')
        expect(findBrokenLink(lines)).toBeUndefined()
      }))

    test('keeps one whole chain when many write at one time', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        await Promise.all(
          Array.from({ length: 20 }, (_, place) =>
            (place % 2 === 0 ? store : other).note(note(`subject ${place}`)),
          ),
        )
        const { rows } = await store.auditLines({ limit: 100 })
        expect(rows).toHaveLength(20)
        expect(findBrokenLink(rows.toReversed())).toBeUndefined()
      }))

    test('is read in pages, the newest first', () =>
      withStore(open, async (store) => {
        for (let place = 1; place <= 5; place += 1) await store.note(note(`subject ${place}`))
        const first = await store.auditLines({ limit: 2 })
        expect(first.rows.map(({ sequence }) => sequence)).toEqual([5, 4])
        await store.note(note('subject 6'))
        const second = await store.auditLines({ limit: 2, ...cursorOf(first.next) })
        expect(second.rows.map(({ sequence }) => sequence)).toEqual([3, 2])
        const third = await store.auditLines({ limit: 2, ...cursorOf(second.next) })
        expect(third.rows.map(({ sequence }) => sequence)).toEqual([1])
        expect(third.next).toBeUndefined()
      }))
  })
}

function inOrder({ revision, users, teams, projects, keys }: Directory): Directory {
  return {
    revision,
    users: byId(users),
    teams: byId(teams),
    projects: byId(projects),
    keys: byId(keys),
  }
}

async function subjects(store: Parameters<Parameters<typeof withStore>[1]>[0]): Promise<readonly string[]> {
  return (await store.auditLines({ limit: 100 })).rows.map(({ subject }) => subject)
}

function cursorOf(next: string | undefined): { readonly cursor?: string } {
  return next === undefined ? {} : { cursor: next }
}
