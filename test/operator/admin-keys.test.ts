import { describe, expect, test } from 'vitest'
import { createUser } from '../../src/keys/people-changes.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { StoreConflict, StoreUnavailable } from '../../src/std/store-error.ts'
import { type AdminStage, type Answered, startAdmin, textOf } from '../support/admin-stage.ts'

/** Data of a page. */
const dataOf = ({ json }: Answered) => json['data'] as readonly JsonObject[]
const idsOf = (answer: Answered) => dataOf(answer).map(({ id }) => id)
const NOBODY = '0'.repeat(32)

async function auditOf({ store }: AdminStage) {
  return (await store.auditLines({ limit: 1_000 })).rows
}

describe('keys', () => {
  test('are made, shown once, and good at once', async () => {
    const stage = await startAdmin()
    const { ask, keys, users, project, rooms } = stage
    const made = await ask('/api/v1/keys', {
      method: 'POST',
      key: keys.admin.secret,
      body: {
        name: 'ci',
        project_id: project.id,
        user_id: users.member.id,
        scopes: { models: ['smart'], operations: ['chat'] },
        limits: { requests_per_minute: 5 },
        expires_at: '2026-02-01',
      },
    })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({
      kind: 'data',
      state: 'active',
      role: null,
      scopes: { models: ['smart'], operations: ['chat'] },
      limits: { requests_per_minute: 5 },
      expires_at: '2026-02-01T00:00:00.000Z',
    })
    const secret = textOf(made.json['secret'])
    expect(secret).toMatch(/^sk-hf-[0-9A-Za-z]{38}$/)
    const kept = rooms.directory.current?.keys.find(({ id }) => id === made.json['id'])
    expect(kept).toMatchObject({ name: 'ci', hint: secret.slice(-4) })
    const read = await ask(`/api/v1/keys/${textOf(made.json['id'])}`, { key: keys.admin.secret })
    const { secret: _, ...shown } = made.json
    expect(read.json).toEqual(shown)
    const admin = await ask('/api/v1/keys', {
      method: 'POST',
      key: keys.owner.secret,
      body: { name: 'auditor', kind: 'admin', role: 'viewer' },
    })
    const me = await ask('/api/v1/me', { key: textOf(admin.json['secret']) })
    expect(me.json).toMatchObject({
      role: 'viewer',
      actor: `token:${textOf(admin.json['id'])}`,
      csrf_token: null,
    })
  })

  test('are rotated with an overlap, and revoked at once', async () => {
    const { ask, keys, clock } = await startAdmin()
    const made = await ask('/api/v1/keys', {
      method: 'POST',
      key: keys.owner.secret,
      body: { name: 'robot', kind: 'admin', role: 'admin' },
    })
    const old = { id: textOf(made.json['id']), secret: textOf(made.json['secret']) }
    const rotated = await ask(`/api/v1/keys/${old.id}/rotate`, {
      method: 'POST',
      key: keys.owner.secret,
      body: { overlap_seconds: 60 },
    })
    expect([rotated.status, rotated.json['name']]).toEqual([201, 'robot'])
    const next = { id: textOf(rotated.json['id']), secret: textOf(rotated.json['secret']) }
    const isGood = async (key: string) => (await ask('/api/v1/me', { key })).status === 200
    expect([await isGood(old.secret), await isGood(next.secret)]).toEqual([true, true])
    const replaced = await ask(`/api/v1/keys/${old.id}`, { key: keys.owner.secret })
    expect(replaced.json).toMatchObject({ replaced_by: next.id, state: 'active' })
    clock.advance(60_000)
    expect([await isGood(old.secret), await isGood(next.secret)]).toEqual([false, true])
    const revoke = () => ask(`/api/v1/keys/${next.id}/revoke`, { method: 'POST', key: keys.owner.secret })
    expect((await revoke()).json).toMatchObject({ state: 'revoked' })
    expect(await isGood(next.secret)).toBe(false)
    expect((await revoke()).json).toMatchObject({ state: 'revoked' })
  })

  test('that a rotation makes end when it says, or when the old one would have', async () => {
    const { ask, keys, makeKey } = await startAdmin()
    const rotate = async (id: string, body: JsonObject) => {
      const { status, json } = await ask(`/api/v1/keys/${id}/rotate`, {
        method: 'POST',
        key: keys.admin.secret,
        body,
      })
      return { id: textOf(json['id'] ?? ''), told: [status, json['expires_at']] }
    }
    const { id } = await makeKey({ name: 'trial', expiresAtMs: Date.parse('2026-01-03') })
    expect((await rotate(id, { expires_at: '2020-01-01' })).told[0]).toBe(400)
    const inherited = await rotate(id, {})
    expect(inherited.told).toEqual([201, '2026-01-03T00:00:00.000Z'])
    const longer = await rotate(inherited.id, { expires_at: '2026-02-01' })
    expect(longer.told).toEqual([201, '2026-02-01T00:00:00.000Z'])
    expect((await rotate(longer.id, { expires_at: null })).told).toEqual([201, null])
  })

  test('are narrowed, widened and given an end; null takes away', async () => {
    const { ask, keys, dataKeys } = await startAdmin()
    const patch = (body: JsonObject) =>
      ask(`/api/v1/keys/${dataKeys.member.id}`, { method: 'PATCH', key: keys.admin.secret, body })
    const expires_at = '2026-03-01T12:00:00+01:00'
    const limited = await patch({
      limits: { tokens_per_minute: 100 },
      expires_at,
      scopes: { routes: ['a*'] },
    })
    expect(limited.json).toMatchObject({
      limits: { tokens_per_minute: 100 },
      expires_at: '2026-03-01T11:00:00.000Z',
      scopes: { routes: ['a*'] },
    })
    const freed = await patch({ limits: null, expires_at: null, scopes: {} })
    expect(freed.json).toMatchObject({ limits: {}, expires_at: null, scopes: {} })
    expect((await patch({})).status).toBe(200)
    for (const body of [
      { expires_at: '2020-01-01' },
      { expires_at: 'tomorrow' },
      { limits: { requests_per_minute: 0 } },
      { limits: { requests_per_second: 1 } },
      { scopes: { models: ['*x'] } },
      { role: 'owner' },
      { hash: 'x' },
    ]) {
      const { status, json } = await patch(body)
      expect([body, status, json]).toMatchObject([body, 400, { error: { code: 'invalid_request' } }])
    }
  })

  test('a key is answered for the words it got: taken names, strange bodies, other media', async () => {
    const { ask, keys } = await startAdmin()
    const post = (body: unknown, headers: Record<string, string> = {}) =>
      ask('/api/v1/keys', { method: 'POST', key: keys.owner.secret, body, headers })
    expect((await post({ name: 'mia laptop' })).status).toBe(409)
    expect((await post({ name: 'of the file' })).status).toBe(409)
    expect((await post({ name: 'x', project_id: 'prj_none' })).json).toMatchObject({
      error: { message: expect.stringContaining('project_id') },
    })
    expect((await post({ name: 'x', project_id: 'red app' })).status).toBe(400)
    expect((await post([])).status).toBe(400)
    expect((await post({ name: 'x' }, { 'content-type': 'text/plain' })).status).toBe(415)
    const raw = (text: string) =>
      ask('/api/v1/keys', {
        method: 'POST',
        key: keys.owner.secret,
        raw: text,
        headers: { 'content-type': 'application/json' },
      })
    for (const text of ['', '{"name":', '{"name":"p","__proto__":{"role":"owner"}}', '['.repeat(60_000)])
      expect((await raw(text)).status).toBe(400)
    expect(({} as JsonObject)['role']).toBeUndefined()
  })
})

describe('nobody rises above his role', () => {
  test('an administrator makes, rotates and changes nothing of an owner', async () => {
    const stage = await startAdmin()
    const { ask, keys, users } = stage
    const ownersData = await stage.makeKey({ name: 'olga laptop', user: users.owner.id })
    const before = await auditOf(stage)
    const calls: readonly (readonly [string, string, JsonObject?])[] = [
      ['POST', '/api/v1/keys', { name: 'up', kind: 'admin', role: 'owner' }],
      ['POST', '/api/v1/keys', { name: 'up', kind: 'admin', user_id: users.owner.id }],
      ['POST', `/api/v1/keys/${keys.owner.id}/rotate`, {}],
      ['POST', `/api/v1/keys/${keys.owner.id}/revoke`],
      ['PATCH', `/api/v1/keys/${keys.owner.id}`, { expires_at: null }],
      ['POST', '/api/v1/keys', { name: 'up', user_id: users.owner.id }],
      ['POST', `/api/v1/keys/${ownersData.id}/rotate`, {}],
      ['POST', `/api/v1/keys/${ownersData.id}/revoke`],
      ['PATCH', `/api/v1/keys/${ownersData.id}`, { scopes: {} }],
      ['POST', '/api/v1/users', { name: 'up', role: 'owner' }],
      ['PATCH', `/api/v1/users/${users.admin.id}`, { role: 'owner' }],
      ['PATCH', `/api/v1/users/${users.owner.id}`, { role: 'viewer' }],
      ['DELETE', `/api/v1/users/${users.owner.id}`],
      ['POST', `/api/v1/users/${users.owner.id}/sign-in-links`],
    ]
    for (const [method, path, body] of calls) {
      const { status, json } = await ask(path, { method, key: keys.admin.secret, ...(body && { body }) })
      expect([method, path, status, json]).toMatchObject([
        method,
        path,
        403,
        { error: { code: 'permission_denied' } },
      ])
    }
    expect(await auditOf(stage)).toEqual(before)
  })

  test('an administrator changes data keys of his peers, of those below, of projects and of service accounts', async () => {
    const { ask, keys, users, project, edit } = await startAdmin()
    const { user: service } = await edit((known, context) =>
      createUser(known, { name: 'deploy', role: 'owner', isService: true }, context),
    )
    const post = (path: string, body?: JsonObject) =>
      ask(`/api/v1/keys${path}`, { method: 'POST', key: keys.admin.secret, ...(body && { body }) })
    const holders = [
      { user_id: users.admin.id },
      { user_id: users.member.id },
      { user_id: users.viewer.id },
      { user_id: service.id },
      { project_id: project.id },
      {},
    ]
    for (const [at, whose] of holders.entries()) {
      const made = await post('', { name: `key ${at}`, ...whose })
      const rotated = await post(`/${textOf(made.json['id'])}/rotate`, {})
      const revoked = await post(`/${textOf(rotated.json['id'])}/revoke`)
      expect([whose, made.status, rotated.status, revoked.status]).toEqual([whose, 201, 201, 200])
    }
  })

  test('a member rotates and revokes his own keys and no other, and does not learn which others there are', async () => {
    const { ask, keys, dataKeys } = await startAdmin()
    const post = (id: string, verb: string) =>
      ask(`/api/v1/keys/${id}/${verb}`, {
        method: 'POST',
        key: keys.member.secret,
        ...(verb === 'rotate' && { body: {} }),
      })
    for (const verb of ['rotate', 'revoke']) {
      const foreign = await post(dataKeys.stranger.id, verb)
      const unknown = await post(`key_${NOBODY}`, verb)
      expect([foreign.status, foreign.text]).toEqual([404, unknown.text])
    }
    expect((await post(dataKeys.member.id, 'rotate')).status).toBe(201)
    expect((await post(dataKeys.member.id, 'revoke')).status).toBe(200)
  })

  test('a member who rotates his key gives it no later end, which is for those who may change it', async () => {
    const { ask, keys, users, makeKey } = await startAdmin()
    const end = '2026-01-03T00:00:00.000Z'
    const { id } = await makeKey({ name: 'trial', user: users.member.id, expiresAtMs: Date.parse(end) })
    const rotate = (expires_at: string | null) =>
      ask(`/api/v1/keys/${id}/rotate`, { method: 'POST', key: keys.member.secret, body: { expires_at } })
    for (const later of [null, '2026-01-03T00:00:00.001Z']) {
      const { status, json } = await rotate(later)
      expect([status, json]).toMatchObject([403, { error: { code: 'permission_denied' } }])
      expect(JSON.stringify(json)).toContain(end)
    }
    expect((await rotate('2026-01-02')).json).toMatchObject({ expires_at: '2026-01-02T00:00:00.000Z' })
  })

  test('the last owner stays one', async () => {
    const { ask, keys, users } = await startAdmin()
    const path = `/api/v1/users/${users.owner.id}`
    expect((await ask(path, { method: 'DELETE', key: keys.owner.secret })).status).toBe(400)
    expect(
      (await ask(path, { method: 'PATCH', key: keys.owner.secret, body: { role: 'viewer' } })).status,
    ).toBe(400)
  })
})

describe('SEC-19: what a member sees', () => {
  test('is his own: lists leave out the rest', async () => {
    const { ask, keys, users, team, project, dataKeys } = await startAdmin()
    const list = async (what: string, key = keys.member.secret) =>
      idsOf(await ask(`/api/v1/${what}`, { key }))
    expect((await list('keys')).map(textOf).sort()).toEqual([keys.member.id, dataKeys.member.id].sort())
    expect(await list(`keys?user_id=${users.stranger.id}`)).toEqual([])
    expect(await list('projects')).toEqual([project.id])
    expect(await list('teams')).toEqual([team.id])
    expect(await list('users')).toEqual([users.member.id])
    for (const role of ['viewer', 'admin', 'owner'] as const) {
      expect(await list('keys', keys[role].secret)).toHaveLength(7)
      expect(await list('users', keys[role].secret)).toHaveLength(5)
    }
  })

  test('a member who is no user sees nothing at all', async () => {
    const { ask, makeKey } = await startAdmin()
    const { secret } = await makeKey({ name: 'nobody', kind: 'admin', role: 'member' })
    for (const what of ['keys', 'projects', 'teams', 'users', 'budgets', 'requests', 'usage'])
      expect([what, dataOf(await ask(`/api/v1/${what}`, { key: secret }))]).toEqual([what, []])
  })

  test('what is another’s answers as what does not exist, byte for byte', async () => {
    const { ask, keys, users, otherTeam, otherProject, dataKeys } = await startAdmin()
    const pairs = [
      [`/api/v1/keys/${dataKeys.stranger.id}`, `/api/v1/keys/key_${NOBODY}`],
      [`/api/v1/keys/${keys.owner.id}`, '/api/v1/keys/x'],
      [`/api/v1/users/${users.stranger.id}`, `/api/v1/users/usr_${NOBODY}`],
      [`/api/v1/teams/${otherTeam.id}`, `/api/v1/teams/team_${NOBODY}`],
      [`/api/v1/projects/${otherProject.id}`, `/api/v1/projects/prj_${NOBODY}`],
    ] as const
    for (const [foreign, unknown] of pairs) {
      const answers = [
        await ask(foreign, { key: keys.member.secret }),
        await ask(unknown, { key: keys.member.secret }),
      ]
      expect(answers.map(({ status }) => status)).toEqual([404, 404])
      expect(answers[0]?.text).toBe(answers[1]?.text)
    }
  })
})

describe('people', () => {
  test('users, service accounts, teams and projects come, change and go, and their records stay', async () => {
    const stage = await startAdmin()
    const { ask, keys } = stage
    const call = (method: string, path: string, body?: JsonObject) =>
      ask(`/api/v1/${path}`, { method, key: keys.admin.secret, ...(body && { body }) })
    const team = (await call('POST', 'teams', { name: 'green' })).json['id']
    const user = await call('POST', 'users', { name: 'Zoë', email: 'z@example.org', team_id: textOf(team) })
    expect(user.json).toMatchObject({ role: 'member', is_service: false, team_id: team })
    const bot = await call('POST', 'users', { name: 'deploy', is_service: true })
    expect(idsOf(await call('GET', 'users?is_service=true'))).toEqual([bot.json['id']])
    const changed = await call('PATCH', `users/${textOf(user.json['id'])}`, {
      email: null,
      team_id: null,
      role: 'viewer',
    })
    expect(changed.json).toMatchObject({ email: null, team_id: null, role: 'viewer', name: 'Zoë' })
    const project = await call('POST', 'projects', {
      name: 'app',
      team_id: textOf(team),
      limits: { concurrent_requests: 2 },
    })
    expect(project.json).toMatchObject({ limits: { concurrent_requests: 2 } })
    const path = `projects/${textOf(project.json['id'])}`
    expect((await call('PATCH', path, { name: 'app 2', limits: null })).json).toMatchObject({
      name: 'app 2',
      limits: {},
      team_id: team,
    })
    expect((await call('PATCH', `teams/${textOf(team)}`, { name: 'lime' })).json).toMatchObject({
      name: 'lime',
    })
    for (const gone of [textOf(path), `teams/${textOf(team)}`, `users/${textOf(user.json['id'])}`]) {
      const { json } = await call('DELETE', gone)
      expect(json['archived_at'] ?? json['disabled_at']).toMatch(/^2026-/)
      expect((await call('GET', gone)).json).toEqual(json)
      expect((await call('DELETE', gone)).json).toEqual(json)
    }
    expect((await call('POST', 'projects', { name: 'late', team_id: textOf(team) })).status).toBe(400)
    const actions = (await auditOf(stage)).slice(0, 10).map(({ action, actor }) => [actor, action])
    expect(actions).toEqual(
      [
        'disable-user',
        'archive-team',
        'archive-project',
        'rename-team',
        'change-project',
        'create-project',
        'change-user',
        'create-user',
        'create-user',
        'create-team',
      ].map((action) => [`token:${keys.admin.id}`, action]),
    )
  })

  test('pages hold their place while others are added', async () => {
    const { ask, keys, clock } = await startAdmin()
    const add = async (name: string) => {
      clock.advance(1)
      await ask('/api/v1/teams', { method: 'POST', key: keys.owner.secret, body: { name } })
    }
    for (let count = 0; count < 7; count += 1) await add(`t${count}`)
    const names: unknown[] = []
    let next: unknown = ''
    while (next !== null) {
      const cursor = next === '' ? '' : `&cursor=${textOf(next)}`
      const page = await ask(`/api/v1/teams?limit=2${cursor}`, { key: keys.owner.secret })
      names.push(...dataOf(page).map(({ name }) => name))
      next = page.json['next']
      await add(`late${names.length}`)
    }
    expect(names.slice(0, 7)).toEqual(['t6', 't5', 't4', 't3', 't2', 't1', 't0'])
    expect(names).toHaveLength(9)
    for (const cursor of ['x', '0', 'AAAA', 'A'.repeat(600)])
      expect((await ask(`/api/v1/teams?cursor=${cursor}`, { key: keys.owner.secret })).status).toBe(400)
  })
})

describe('the store behind it', () => {
  test('a change that others were faster than is decided anew', async () => {
    let conflicts = 2
    const { ask, keys } = await startAdmin({
      store: (store) => ({
        changeDirectory: async (...change) => {
          conflicts -= 1
          if (conflicts >= 0) throw new StoreConflict('The directory was changed meanwhile.')
          return await store.changeDirectory(...change)
        },
      }),
    })
    const post = () =>
      ask('/api/v1/teams', { method: 'POST', key: keys.owner.secret, body: { name: 'green' } })
    expect((await post()).status).toBe(201)
    expect((await post()).status).toBe(409)
    conflicts = 100
    const busy = await ask('/api/v1/teams', {
      method: 'POST',
      key: keys.owner.secret,
      body: { name: 'blau' },
    })
    expect([busy.status, busy.json]).toMatchObject([409, { error: { code: 'conflict' } }])
  })

  test('while it is away what is known is read, changes are 503, and nothing tells more', async () => {
    const away = async () => {
      throw new StoreUnavailable('connect ECONNREFUSED /var/run/secret.sock')
    }
    const { ask, keys } = await startAdmin({
      store: () => ({ changeDirectory: away, loadBudgets: away, spend: away, requests: away, ping: away }),
    })
    const key = keys.owner.secret
    expect((await ask('/api/v1/keys', { key })).status).toBe(200)
    expect((await ask('/api/v1/health', { key })).json).toMatchObject({
      state: 'serving',
      store: { kind: 'memory', is_answering: false },
    })
    for (const answer of [
      await ask('/api/v1/teams', { method: 'POST', key, body: { name: 'green' } }),
      await ask('/api/v1/budgets', { key }),
      await ask('/api/v1/usage', { key }),
      await ask('/api/v1/requests', { key }),
    ]) {
      expect([answer.status, answer.json]).toMatchObject([503, { error: { code: 'store_unavailable' } }])
      expect(answer.text).not.toContain('secret.sock')
    }
  })

  test('SEC-61: a defect is one answer without a stack, and one notice', async () => {
    const { ask, keys, notices } = await startAdmin({
      store: () => ({
        loadBudgets: async () => {
          throw new TypeError('secret inside')
        },
      }),
    })
    const answer = await ask('/api/v1/budgets', { key: keys.owner.secret })
    expect(answer.status).toBe(500)
    expect(answer.text).not.toMatch(/secret inside|at .*\.[jt]s:|TypeError/)
    expect(notices).toMatchObject([{ name: 'admin_defect', facts: { kind: 'TypeError' } }])
    expect(JSON.stringify(notices)).not.toContain('secret inside')
  })
})

test('SEC-21, SEC-27: no key, hash or token is in any list, answer, notice or audit line', async () => {
  const stage = await startAdmin()
  const { ask, keys, signIn, notices, everySecret, rooms, dataKeys } = stage
  const key = keys.owner.secret
  const made = await ask('/api/v1/keys', { method: 'POST', key, body: { name: 'once' } })
  const rotated = await ask(`/api/v1/keys/${dataKeys.member.id}/rotate`, { method: 'POST', key, body: {} })
  const session = await signIn('owner')
  const secrets = [
    ...everySecret,
    textOf(made.json['secret']),
    textOf(rotated.json['secret']),
    session.token,
    session.cookie.split('=')[1] ?? '',
    ...(rooms.directory.current?.keys ?? []).map(({ hash }) => hash),
  ]
  const shown: string[] = []
  for (const path of [
    '/',
    '/openapi.json',
    '/status',
    '/metrics',
    '/sign-in?token=x',
    '/nowhere',
    ...[
      'keys',
      'users',
      'teams',
      'projects',
      'budgets',
      'usage',
      'requests',
      'audit',
      'audit/verify',
      'me',
    ].map((what) => `/api/v1/${what}`),
    ...['health', 'routes', 'targets', `keys/${textOf(made.json['id'])}`].map((what) => `/api/v1/${what}`),
  ])
    shown.push((await ask(path, path.startsWith('/api') ? { key } : { cookie: session.cookie })).text)
  for (const wrong of everySecret) {
    shown.push((await ask(`/api/v1/keys/${wrong}`, { key })).text)
    shown.push((await ask('/api/v1/keys', { method: 'POST', key, body: { name: wrong } })).text)
    shown.push((await ask('/api/v1/users', { method: 'POST', key, body: { name: 'x', role: wrong } })).text)
    shown.push((await ask(`/api/v1/keys?state=${wrong}`, { key })).text)
    shown.push((await ask(`/api/v1/usage?by=${wrong}`, { key })).text)
  }
  shown.push(JSON.stringify(notices), JSON.stringify(await auditOf(stage)))
  for (const text of shown) for (const secret of secrets) expect(text.includes(secret)).toBe(false)
})

test('routes and targets are read here, and changed in their file', async () => {
  const { ask, keys } = await startAdmin()
  const key = keys.owner.secret
  expect(dataOf(await ask('/api/v1/routes', { key }))).toEqual([
    { name: 'smart', targets: ['up/m'], policy: { retries: 1 }, managed_by: 'holdfast.yaml:12' },
  ])
  expect(dataOf(await ask('/api/v1/targets', { key }))).toMatchObject([
    { target: 'up/m', credential: '0a1b2c3d', managed_by: 'holdfast.yaml' },
  ])
  for (const [method, path] of [
    ['PUT', '/api/v1/routes/smart'],
    ['DELETE', '/api/v1/routes/smart'],
    ['POST', '/api/v1/routes'],
    ['POST', '/api/v1/targets'],
  ] as const) {
    const { status, json } = await ask(path, { method, key, ...(method !== 'DELETE' && { body: {} }) })
    expect([status, json]).toMatchObject([
      409,
      { error: { code: 'managed_by_file', message: expect.stringContaining('holdfast.yaml') } },
    ])
  }
  expect((await ask('/api/v1/routes/none', { method: 'PUT', key, body: {} })).status).toBe(404)
})
