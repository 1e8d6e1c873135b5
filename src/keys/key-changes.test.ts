import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSeededIds, createSeededRandom } from '../std/ids.ts'
import { applyChanges } from './directory-changes.ts'
import { EMPTY, madeProject, madeUser, PEPPER } from './directory.test-support.ts'
import { DirectoryError, type DirectoryFailure } from './directory-edit.ts'
import {
  createKey,
  findKey,
  type KeyEditContext,
  type NewKey,
  revokeKey,
  rotateKey,
  ROTATION_OVERLAP_MS,
} from './key-changes.ts'
import { indexDirectory } from './key-index.ts'
import { createKeyring } from './keyring.ts'
import type { Directory } from './records.ts'
import { isWellFormed, kindOfKey } from './virtual-key.ts'

const NOW = 1_000_000
const context: KeyEditContext = {
  nowMs: NOW,
  actor: 'cli',
  ids: createSeededIds(createSeededRandom(1)),
  peppers: [PEPPER],
}
const at = (nowMs: number) => ({ ...context, nowMs })

function created(directory: Directory, asked: NewKey, nowMs = NOW) {
  const edit = createKey(directory, asked, at(nowMs))
  return {
    ...edit,
    key: edit.key,
    text: edit.secret.reveal(),
    directory: applyChanges(directory, edit.changes),
  }
}

function isGood(directory: Directory, key: string, nowMs = NOW): boolean {
  const index = indexDirectory(directory)
  const ring = createKeyring([], { peppers: [PEPPER], index: () => index, wallMs: () => nowMs })
  return ring.findHolder(key).type === 'found'
}

function failureOf(act: () => unknown): DirectoryFailure | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(DirectoryError)
    return error instanceof DirectoryError ? error.reason : undefined
  }
}

describe('creating a key', () => {
  test('gives it once, keeps its hash, and writes neither into the audit log', () => {
    const { text, key, notes, directory } = created(EMPTY, { name: 'ci', limits: { requestsPerMinute: 5 } })
    expect(isWellFormed(text)).toBe(true)
    expect(key).toMatchObject({
      kind: 'data',
      name: 'ci',
      scopes: {},
      createdAtMs: NOW,
      hint: text.slice(-4),
    })
    expect(key.id).toMatch(/^key_[0-9a-f]{32}$/)
    expect(isGood(directory, text)).toBe(true)
    expect(notes).toEqual([
      {
        atMs: NOW,
        actor: 'cli',
        action: 'create-key',
        subject: key.id,
        after: expect.objectContaining({ name: 'ci', limits: { requestsPerMinute: 5 } }),
      },
    ])
    const written = JSON.stringify([notes, directory])
    expect(written).not.toContain(text)
    expect(JSON.stringify(notes)).not.toContain(key.hash)
    expect(JSON.stringify(notes)).not.toContain(text.slice(-4))
  })

  test('finds project and user by name or by id', () => {
    const user = madeUser('usr_1', { name: 'ada@example.org' })
    const project = madeProject('prj_1', { name: 'search' })
    const directory = { ...EMPTY, users: [user], projects: [project] }
    for (const asked of [
      { user: 'usr_1', project: 'prj_1' },
      { user: 'ada@example.org', project: 'search' },
    ])
      expect(created(directory, { name: 'ci', ...asked }).key).toMatchObject({
        userId: 'usr_1',
        projectId: 'prj_1',
      })
    expect(() => created(directory, { name: 'ci', project: 'serach' })).toThrow(
      'There is no project called "serach". Did you mean "search"?',
    )
  })

  test('an admin key has a role, or a user with one', () => {
    const directory = { ...EMPTY, users: [madeUser('usr_1')] }
    const { text, key } = created(directory, { name: 'a', kind: 'admin', role: 'viewer' })
    expect(kindOfKey(text)).toBe('admin')
    expect(key.role).toBe('viewer')
    expect(created(directory, { name: 'a', kind: 'admin', user: 'usr_1' }).key.role).toBeUndefined()
    expect(failureOf(() => created(directory, { name: 'a', kind: 'admin' }))).toBe('invalid')
    expect(
      failureOf(() => created(directory, { name: 'a', kind: 'admin', user: 'usr_1', role: 'owner' })),
    ).toBe('invalid')
    expect(failureOf(() => created(directory, { name: 'a', role: 'owner' }))).toBe('invalid')
  })

  test('a name is free again when its key is revoked or has expired, and not before', () => {
    const first = created(EMPTY, { name: 'ci', expiresAtMs: NOW + 10 })
    expect(failureOf(() => created(first.directory, { name: 'ci' }, NOW + 9))).toBe('taken')
    expect(created(first.directory, { name: 'ci' }, NOW + 10).key.name).toBe('ci')
    const revoked = applyChanges(first.directory, revokeKey(first.directory, 'ci', context).changes)
    expect(created(revoked, { name: 'ci' }).key.name).toBe('ci')
    expect(
      failureOf(() => createKey(EMPTY, { name: 'of file' }, { ...context, namesOfFile: ['of file'] })),
    ).toBe('taken')
  })

  test.each<[string, NewKey, DirectoryFailure]>([
    ['no name', { name: '' }, 'invalid'],
    ['a name of two lines', { name: 'a\nb' }, 'invalid'],
    ['an expiry that is over', { name: 'a', expiresAtMs: NOW }, 'invalid'],
    ['an expiry that is no time', { name: 'a', expiresAtMs: Number.NaN }, 'invalid'],
    ['a limit of nothing', { name: 'a', limits: { requestsPerMinute: 0 } }, 'invalid'],
    ['a limit of a half', { name: 'a', limits: { tokensPerMinute: 0.5 } }, 'invalid'],
    ['a star in the middle', { name: 'a', scopes: { models: ['a*b'] } }, 'invalid'],
    ['an empty route', { name: 'a', scopes: { routes: [''] } }, 'invalid'],
    ['too many models', { name: 'a', scopes: { models: Array.from({ length: 101 }, () => 'm') } }, 'invalid'],
    // Sound: what a careless client may send.
    ['no operation', { name: 'a', scopes: { operations: ['toString' as 'chat'] } }, 'invalid'],
    ['a user who is not there', { name: 'a', user: 'nobody' }, 'not-found'],
    ['a user who is disabled', { name: 'a', user: 'usr_off' }, 'invalid'],
    ['a project that is archived', { name: 'a', project: 'prj_off' }, 'invalid'],
  ])('is refused with %s', (_what, asked, reason) => {
    const directory = {
      ...EMPTY,
      users: [madeUser('usr_off', { disabledAtMs: 1 })],
      projects: [madeProject('prj_off', { archivedAtMs: 1 })],
    }
    expect(failureOf(() => created(directory, asked))).toBe(reason)
  })

  test('SEC-21: a key given in place of a name is not repeated', () => {
    const { text } = created(EMPTY, { name: 'ci' })
    for (const act of [() => created(EMPTY, { name: `${text}!` }), () => revokeKey(EMPTY, text, context)]) {
      try {
        act()
        expect.unreachable()
      } catch (error) {
        expect(String(error)).toContain('looks like a key')
        expect(String(error)).not.toContain(text)
      }
    }
  })
})

describe('revoking a key', () => {
  test('ends it, by name or id, and a second time changes nothing', () => {
    const { directory, text, key } = created(EMPTY, { name: 'ci' })
    for (const asked of ['ci', key.id]) {
      const edit = revokeKey(directory, asked, at(NOW + 5))
      expect(edit.notes).toMatchObject([{ action: 'revoke-key', subject: key.id }])
      const after = applyChanges(directory, edit.changes)
      expect(after.keys).toMatchObject([{ revokedAtMs: NOW + 5 }])
      expect(isGood(after, text)).toBe(false)
      expect(revokeKey(after, key.id, context)).toEqual({ changes: [], notes: [] })
      expect(failureOf(() => revokeKey(after, 'ci', context))).toBe('not-found')
    }
  })

  test('by its name ends the rotated key as well, by its id that one alone', () => {
    const first = created(EMPTY, { name: 'ci' })
    const rotation = rotateKey(first.directory, { key: 'ci' }, context)
    const directory = applyChanges(first.directory, rotation.changes)
    const byName = applyChanges(directory, revokeKey(directory, 'ci', context).changes)
    expect([isGood(byName, first.text), isGood(byName, rotation.secret.reveal())]).toEqual([false, false])
    const byId = applyChanges(directory, revokeKey(directory, first.key.id, context).changes)
    expect([isGood(byId, first.text), isGood(byId, rotation.secret.reveal())]).toEqual([false, true])
  })
})

describe('rotating a key', () => {
  const asked: NewKey = {
    name: 'ci',
    project: 'prj_1',
    user: 'usr_1',
    scopes: { routes: ['smart'] },
    limits: { concurrentRequests: 3 },
    expiresAtMs: NOW + 90 * ROTATION_OVERLAP_MS,
  }
  const first = created({ ...EMPTY, users: [madeUser('usr_1')], projects: [madeProject('prj_1')] }, asked)

  test('gives a new one with the same grants; the old one is good for a day', () => {
    const edit = rotateKey(first.directory, { key: 'ci' }, context)
    const directory = applyChanges(first.directory, edit.changes)
    const text = edit.secret.reveal()
    expect(text).not.toBe(first.text)
    const { id: _id, hash: _hash, hint: _hint, ...grants } = first.key
    expect(edit.key).toEqual({ ...grants, id: edit.key.id, hash: edit.key.hash, hint: text.slice(-4) })
    expect(findKey(directory, 'ci', context).id).toBe(edit.key.id)
    expect(edit.notes.map(({ action }) => action)).toEqual(['create-key', 'rotate-key'])
    const last = NOW + ROTATION_OVERLAP_MS - 1
    expect([isGood(directory, first.text, last), isGood(directory, text, last)]).toEqual([true, true])
    expect([isGood(directory, first.text, last + 1), isGood(directory, text, last + 1)]).toEqual([
      false,
      true,
    ])
  })

  test('without an overlap ends the old one at once', () => {
    const edit = rotateKey(first.directory, { key: first.key.id, overlapMs: 0 }, context)
    expect(isGood(applyChanges(first.directory, edit.changes), first.text)).toBe(false)
  })

  test('lengthens no life', () => {
    const short = created(EMPTY, { name: 'short', expiresAtMs: NOW + 5 })
    const edit = rotateKey(short.directory, { key: 'short' }, context)
    expect(applyChanges(short.directory, edit.changes).keys.map(({ expiresAtMs }) => expiresAtMs)).toEqual([
      NOW + 5,
      NOW + 5,
    ])
  })

  test('gives the new one the end that is asked for, or none, and the old one no more than it had', () => {
    const short = created(EMPTY, { name: 'short', expiresAtMs: NOW + 5 })
    const endsAfter = (expiresAtMs: number | null) => {
      const { changes } = rotateKey(short.directory, { key: 'short', expiresAtMs }, context)
      return applyChanges(short.directory, changes).keys.map((key) => key.expiresAtMs)
    }
    expect(endsAfter(NOW + 500)).toEqual([NOW + 5, NOW + 500])
    expect(endsAfter(null)).toEqual([NOW + 5, undefined])
    expect(failureOf(() => endsAfter(NOW))).toBe('invalid')
  })

  test('is refused for a key that was rotated, is over, or with an overlap that is none', () => {
    const directory = applyChanges(
      first.directory,
      rotateKey(first.directory, { key: 'ci' }, context).changes,
    )
    expect(failureOf(() => rotateKey(directory, { key: first.key.id }, context))).toBe('invalid')
    const revoked = applyChanges(first.directory, revokeKey(first.directory, 'ci', context).changes)
    expect(failureOf(() => rotateKey(revoked, { key: first.key.id }, context))).toBe('invalid')
    for (const overlapMs of [-1, Number.NaN, 0.5, 91 * ROTATION_OVERLAP_MS])
      expect(failureOf(() => rotateKey(first.directory, { key: 'ci', overlapMs }, context))).toBe('invalid')
  })
})

type Act = {
  readonly verb: 'create' | 'revoke' | 'rotate' | 'wait'
  readonly name: string
  readonly ms: number
}

test('whatever is done in whatever order: names mean one key, ids are never reused, nothing is removed', () => {
  const act: fc.Arbitrary<Act> = fc.record({
    verb: fc.constantFrom('create', 'revoke', 'rotate', 'wait'),
    name: fc.constantFrom('a', 'b'),
    ms: fc.constantFrom(0, 1, 50),
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 25 }), (acts) => {
      let directory = EMPTY
      let nowMs = NOW
      for (const { verb, name, ms } of acts) {
        nowMs += ms
        const before = directory
        try {
          if (verb === 'create') directory = created(directory, { name }, nowMs).directory
          if (verb === 'revoke')
            directory = applyChanges(directory, revokeKey(directory, name, at(nowMs)).changes)
          if (verb === 'rotate')
            directory = applyChanges(
              directory,
              rotateKey(directory, { key: name, overlapMs: 10 }, at(nowMs)).changes,
            )
        } catch (error) {
          expect(error).toBeInstanceOf(DirectoryError)
        }
        expect(directory.keys.slice(0, before.keys.length).map(({ id }) => id)).toEqual(
          before.keys.map(({ id }) => id),
        )
        const newest = directory.keys.filter(
          (key) => key.revokedAtMs === undefined && key.replacedBy === undefined && key.name === name,
        )
        expect(newest.length).toBeLessThanOrEqual(1)
      }
      expect(new Set(directory.keys.map(({ id }) => id)).size).toBe(directory.keys.length)
    }),
    { numRuns: 300 },
  )
})
