import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { Secret } from '../std/secret.ts'
import { EMPTY, madeKey, madeProject, madeUser, PEPPER } from './directory.test-support.ts'
import { indexDirectory } from './key-index.ts'
import { createKeyring, type KeptKeys } from './keyring.ts'
import type { Directory, KeyRecord, TeamId } from './records.ts'
import { mintKey } from './virtual-key.ts'

const FILE_KEY = { name: 'laptop', key: new Secret('sk-laptop-7f3a9c51e8b2d604') }
const NOW = 1_000_000

function kept(directory: Directory | undefined, more: Partial<KeptKeys> = {}): KeptKeys {
  const index = directory === undefined ? undefined : indexDirectory(directory)
  return { peppers: [PEPPER], index: () => index, wallMs: () => NOW, ...more }
}

function ringOf(directory: Partial<Directory>, more: Partial<KeptKeys> = {}) {
  return createKeyring([], kept({ ...EMPTY, revision: 1, ...directory }, more))
}

function refusalOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof GatewayError) return JSON.stringify([error.code, error.message, error.facts])
  }
  return 'let in'
}

describe('a kept key', () => {
  test('gives its holder everything that a request needs, and the same object every time', () => {
    // Sound: an id of a test.
    const teamId = 'team_1' as TeamId
    const project = madeProject('prj_1', { teamId, limits: { requestsPerMinute: 60 } })
    const user = madeUser('usr_1', { isService: true })
    const { key, record } = madeKey({
      name: 'ci',
      projectId: project.id,
      userId: user.id,
      scopes: { routes: ['smart'] },
      limits: { concurrentRequests: 2 },
    })
    const ring = ringOf({ projects: [project], users: [user], keys: [record] })
    expect(ring.authenticate(key)).toEqual({
      keyName: 'ci',
      keyId: record.id,
      line: [record.id],
      projectId: 'prj_1',
      teamId: 'team_1',
      userId: 'usr_1',
      scopes: { routes: ['smart'] },
      limits: { concurrentRequests: 2 },
      projectLimits: { requestsPerMinute: 60 },
      isService: true,
    })
    expect(ring.authenticate(key)).toBe(ring.authenticate(key))
  })

  test('has the team of its user where its project has none', () => {
    // Sound: an id of a test.
    const user = madeUser('usr_1', { teamId: 'team_2' as TeamId })
    const { key, record } = madeKey({ userId: user.id })
    expect(ringOf({ users: [user], keys: [record] }).authenticate(key).teamId).toBe('team_2')
  })

  test('stands beside those of the file', () => {
    const { key, record } = madeKey({ name: 'ci' })
    const ring = createKeyring([FILE_KEY], kept({ ...EMPTY, keys: [record] }))
    expect(ring.authenticate(FILE_KEY.key.reveal())).toEqual({ keyName: 'laptop' })
    expect(ring.authenticate(key).keyName).toBe('ci')
  })

  test('knows its whole line of rotations', () => {
    const third = madeKey()
    const second = madeKey({ replacedBy: third.record.id })
    const first = madeKey({ replacedBy: second.record.id })
    const other = madeKey()
    const ring = ringOf({ keys: [third.record, second.record, other.record, first.record] })
    const line = [first, second, third].map(({ record }) => record.id)
    for (const { key } of [first, second, third]) expect(ring.authenticate(key).line).toEqual(line)
    expect(ring.authenticate(other.key).line).toEqual([other.record.id])
  })

  test('is still known after a rotation of the master secret', () => {
    const older = randomBytes(32)
    const old = madeKey({}, older)
    const recent = madeKey()
    const ring = ringOf({ keys: [old.record, recent.record] }, { peppers: [PEPPER, older] })
    expect(ring.authenticate(old.key).keyId).toBe(old.record.id)
    expect(ring.authenticate(recent.key).keyId).toBe(recent.record.id)
    expect(() => ringOf({ keys: [old.record] }).authenticate(old.key)).toThrow(GatewayError)
  })

  test('expires by the wall clock, to the millisecond', () => {
    const { key, record } = madeKey({ expiresAtMs: NOW + 1 })
    let nowMs = NOW
    const ring = ringOf({ keys: [record] }, { wallMs: () => nowMs })
    expect(ring.authenticate(key).keyId).toBe(record.id)
    nowMs += 1
    expect(() => ring.authenticate(key)).toThrow(/none of this gateway/)
  })
})

test('SEC-19: whatever is the matter with a key, the refusal is the same to the letter', () => {
  const disabled = madeUser('usr_off', { disabledAtMs: 5 })
  const archived = madeProject('prj_off', { archivedAtMs: 5 })
  const bad = [
    madeKey({ revokedAtMs: 5 }),
    madeKey({ expiresAtMs: NOW }),
    madeKey({ userId: disabled.id }),
    madeKey({ projectId: archived.id }),
    madeKey({ userId: madeUser('usr_nobody').id }),
    madeKey({ projectId: madeProject('prj_nothing').id }),
    madeKey({ kind: 'admin', role: 'owner' }),
  ]
  const ring = ringOf({ users: [disabled], projects: [archived], keys: bad.map(({ record }) => record) })
  const unknown = refusalOf(() => ring.authenticate(mintKey('data').reveal()))
  expect(unknown).toContain('unauthenticated')
  for (const { key } of bad) expect(refusalOf(() => ring.authenticate(key))).toBe(unknown)
  expect(refusalOf(() => ring.authenticate('guess'))).toBe(unknown)
})

test('SEC-9: the stored hash is worth nothing as a key', () => {
  const { record } = madeKey()
  const ring = ringOf({ keys: [record] })
  const bytes = Buffer.from(record.hash, 'base64url')
  for (const guess of [
    record.hash,
    bytes.toString('hex'),
    bytes.toString('base64'),
    bytes.toString('latin1'),
  ])
    expect(() => ring.authenticate(guess)).toThrow(GatewayError)
})

test('a record whose hash is none is passed over', () => {
  const { record } = madeKey()
  const ring = ringOf({
    keys: [
      { ...record, hash: '' },
      { ...record, hash: 'short' },
    ],
  })
  for (const guess of ['', 'x']) expect(() => ring.authenticate(guess)).toThrow(GatewayError)
})

describe('SEC-16: the two doors', () => {
  const user = madeUser('usr_1', { role: 'admin' })
  const data = madeKey()
  const admin = madeKey({ kind: 'admin', role: 'viewer' })
  const ofUser = madeKey({ kind: 'admin', userId: user.id })
  const ring = createKeyring(
    [FILE_KEY],
    kept({ ...EMPTY, users: [user], keys: [data.record, admin.record, ofUser.record] }),
  )

  test('an admin key opens the admin API, with its role or that of its user', () => {
    expect(ring.authenticateAdmin(admin.key)).toEqual({
      keyName: admin.record.name,
      keyId: admin.record.id,
      role: 'viewer',
    })
    expect(ring.authenticateAdmin(ofUser.key)).toMatchObject({ role: 'admin', userId: 'usr_1' })
  })

  test('a data key does not, nor one of the file, nor none', () => {
    for (const key of [data.key, FILE_KEY.key.reveal(), 'guess', '', undefined])
      expect(() => ring.authenticateAdmin(key)).toThrow(expect.objectContaining({ code: 'unauthenticated' }))
  })

  test('an admin key opens nothing else', () => {
    for (const { key } of [admin, ofUser]) expect(() => ring.authenticate(key)).toThrow(GatewayError)
  })

  test('an admin key without any role opens nothing', () => {
    const bare = madeKey({ kind: 'admin' })
    expect(() => ringOf({ keys: [bare.record] }).authenticateAdmin(bare.key)).toThrow(GatewayError)
  })

  test('the admin API is not open where no keys exist', () => {
    expect(() => ringOf({}).authenticateAdmin(undefined)).toThrow(GatewayError)
    expect(() => createKeyring([]).authenticateAdmin('x')).toThrow(GatewayError)
  })
})

describe('without keys of the file', () => {
  test('everyone is let in while no data key was ever made', () => {
    expect(ringOf({}).authenticate(undefined)).toEqual({})
    expect(ringOf({ keys: [madeKey({ kind: 'admin', role: 'owner' }).record] }).authenticate('x')).toEqual({})
  })

  test('a key is needed once one was made, and ever after', () => {
    for (const fields of [{}, { revokedAtMs: 5 }, { expiresAtMs: 5 }] as const) {
      const ring = ringOf({ keys: [madeKey(fields).record] })
      expect(() => ring.authenticate(undefined)).toThrow(/carries no client key/)
      expect(() => ring.authenticate('x')).toThrow(GatewayError)
    }
  })

  test('fault 148: nobody is let in while it is not known whether there are keys', () => {
    const ring = createKeyring([], kept(undefined))
    expect(() => ring.authenticate(undefined)).toThrow(GatewayError)
    expect(() => ring.authenticate(mintKey('data').reveal())).toThrow(GatewayError)
  })
})

test('of any directory, exactly the keys in force of people and projects in force are let in', () => {
  const time = fc.option(fc.integer({ min: NOW - 2, max: NOW + 2 }), { nil: undefined })
  const fields = fc.record({
    kind: fc.constantFrom('data' as const, 'admin' as const),
    expiresAtMs: time,
    revokedAtMs: time,
    user: fc.constantFrom(undefined, 'usr_on', 'usr_off', 'usr_none'),
    project: fc.constantFrom(undefined, 'prj_on', 'prj_off', 'prj_none'),
  })
  const users = [madeUser('usr_on'), madeUser('usr_off', { disabledAtMs: 1 })]
  const projects = [madeProject('prj_on'), madeProject('prj_off', { archivedAtMs: 1 })]
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 8 }), (all) => {
      const made = all.map(({ kind, expiresAtMs, revokedAtMs, user, project }) => {
        const optional: Partial<KeyRecord> = {
          ...(expiresAtMs !== undefined && { expiresAtMs }),
          ...(revokedAtMs !== undefined && { revokedAtMs }),
          ...(user !== undefined && { userId: madeUser(user).id }),
          ...(project !== undefined && { projectId: madeProject(project).id }),
        }
        return madeKey({ kind, role: 'member', ...optional })
      })
      const ring = createKeyring(
        [FILE_KEY],
        kept({ ...EMPTY, users, projects, keys: made.map(({ record }) => record) }),
      )
      for (const [at, { key, record }] of made.entries()) {
        const { user = 'usr_on', project = 'prj_on' } = all[at] ?? {}
        const isGood =
          record.revokedAtMs === undefined &&
          NOW < (record.expiresAtMs ?? Number.POSITIVE_INFINITY) &&
          user === 'usr_on' &&
          project === 'prj_on'
        const isLetIn = (act: () => unknown) => refusalOf(act) === 'let in'
        expect(isLetIn(() => ring.authenticate(key))).toBe(isGood && record.kind === 'data')
        expect(isLetIn(() => ring.authenticateAdmin(key))).toBe(isGood && record.kind === 'admin')
      }
    }),
    { numRuns: 300 },
  )
})
