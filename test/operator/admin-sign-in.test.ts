import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SESSION_MS } from '../../src/http/admin/sessions.ts'
import { SIGN_IN_LINK_MS } from '../../src/http/admin/sign-in.ts'
import type { UserRecord } from '../../src/keys/records.ts'
import { disableUser } from '../../src/keys/people-changes.ts'
import { StoreUnavailable } from '../../src/std/store-error.ts'
import { ask, type Asking, startAdmin, textOf } from '../support/admin-stage.ts'
import { startTestGateway } from '../support/gateway.ts'
import { simulated } from '../support/gateway-process.ts'

const NEW_TEAM = { method: 'POST', body: { name: 'green' } }

describe('a sign-in link', () => {
  test('signs in once, with a cookie that no script reads and no other site sends', async () => {
    const { ask, signIn } = await startAdmin()
    const { token, answer, cookie } = await signIn()
    expect([answer.status, answer.headers['location']]).toEqual([303, '/'])
    expect(answer.headers['set-cookie']).toMatch(
      /^holdfast_session_\d+=[0-9a-f]{64}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    )
    const page = await ask('/', { cookie })
    expect(page.headers['content-type']).toBe('text/html; charset=UTF-8')
    for (const word of ['/openapi.json', '/api/v1/usage', '/api/v1/keys', 'signed in as owner'])
      expect(page.text).toContain(word)
    const again = await ask('/sign-in', { method: 'POST', form: { token } })
    expect([again.status, again.headers['set-cookie']]).toEqual([401, undefined])
    expect(again.text).toContain('was used before')
  })

  test('is not used up by programs that look ahead at links', async () => {
    const { ask, signInLinks, store } = await startAdmin()
    const { path } = signInLinks.make({ kind: 'role', role: 'owner' })
    for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS', 'PUT']) {
      const { status, headers } = await ask(path, { method })
      expect([method, status, headers['set-cookie']]).toEqual([
        method,
        method === 'GET' || method === 'HEAD' ? 200 : 405,
        undefined,
      ])
    }
    const page = await ask(path)
    expect(page.text).toContain('<form method="post" action="/sign-in">')
    expect(page.text).not.toMatch(/<script|javascript:|\son\w+=|<link|<img|https?:/i)
    const token = /name="token" value="([0-9a-f]{64})"/.exec(page.text)?.[1] ?? ''
    expect((await ask('/sign-in', { method: 'POST', form: { token } })).status).toBe(303)
    const { rows } = await store.auditLines({ limit: 1 })
    expect(rows).toMatchObject([{ action: 'sign-in', actor: expect.stringMatching(/^token:link_/) }])
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  test('is over after a quarter of an hour', async () => {
    const { ask, signInLinks, clock } = await startAdmin()
    const tokens = [1, 2].map(
      () => signInLinks.make({ kind: 'role', role: 'owner' }).path.split('=')[1] ?? '',
    )
    const use = (token = '') => ask('/sign-in', { method: 'POST', form: { token } })
    clock.advance(SIGN_IN_LINK_MS - 1)
    expect((await use(tokens[0])).status).toBe(303)
    clock.advance(1)
    expect((await use(tokens[1])).status).toBe(401)
  })

  test('is worth nothing in the hands of another page, nor for a user who is gone', async () => {
    const { ask, signInLinks, users, edit, port } = await startAdmin()
    const form = () => ({
      token: signInLinks.make({ kind: 'user', userId: users.member.id }).path.split('=')[1] ?? '',
    })
    for (const headers of [
      { origin: 'http://localhost:3000' },
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[])
      expect((await ask('/sign-in', { method: 'POST', form: form(), headers })).status).toBe(403)
    const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' }
    expect((await ask('/sign-in', { method: 'POST', form: form(), headers: own })).status).toBe(303)
    await edit((known, context) => disableUser(known, users.member.id, context))
    expect((await ask('/sign-in', { method: 'POST', form: form() })).status).toBe(401)
  })

  test('is good again where the store could not write the sign-in down', async () => {
    let isAway = true
    const { ask, signInLinks, store } = await startAdmin({
      store: (store) => ({
        note: async (note) => {
          if (isAway) throw new StoreUnavailable('The database does not answer.')
          await store.note(note)
        },
      }),
    })
    const token = signInLinks.make({ kind: 'role', role: 'owner' }).path.split('=')[1] ?? ''
    const use = () => ask('/sign-in', { method: 'POST', form: { token } })
    const refused = await use()
    expect([refused.status, refused.headers['set-cookie']]).toEqual([503, undefined])
    isAway = false
    const uses = await Promise.all([use(), use(), use()])
    expect(uses.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([303, 401, 401])
    const lines = (await store.auditLines({ limit: 100 })).rows
    expect(lines.filter(({ action }) => action === 'sign-in')).toHaveLength(1)
  })

  test('is made by an administrator for a user, whose role it has; not for one above him, nor for a program', async () => {
    const { ask, keys, users, edit } = await startAdmin()
    const link = (id: string) =>
      ask(`/api/v1/users/${id}/sign-in-links`, { method: 'POST', key: keys.admin.secret })
    const made = await link(users.viewer.id)
    expect(made.status).toBe(201)
    const token = textOf(made.json['path']).split('=')[1] ?? ''
    const { headers } = await ask('/sign-in', { method: 'POST', form: { token } })
    const me = await ask('/api/v1/me', { cookie: headers['set-cookie']?.split(';')[0] ?? '' })
    expect(me.json).toMatchObject({ role: 'viewer', user_name: 'vera', actor: `user:${users.viewer.id}` })
    expect((await link(users.owner.id)).status).toBe(403)
    const bot = {
      ...users.viewer,
      id: 'usr_b' as UserRecord['id'],
      name: 'bot',
      isService: true,
    }
    await edit(() => ({ changes: [{ type: 'put-user', user: bot }], notes: [] }))
    expect((await link(bot.id)).status).toBe(400)
  })

  test('is printed at each start until there is somebody who can let others in, and not after', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-sign-in-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const config = { ...simulated, store: { kind: 'sqlite', path: join(folder, 'holdfast.db') } }
    /** Starts the gateway, makes an admin key of this role with the link that it prints, and stops it. */
    const makeKeyOf = async (role: string) => {
      await using gateway = await startTestGateway({ config, env: {} })
      if (gateway.running.signInUrl === undefined) return 'no link'
      const { port, searchParams } = new URL(gateway.running.signInUrl)
      const call = (path: string, asking: Asking) => ask(Number(port), path, { method: 'POST', ...asking })
      const form = { token: searchParams.get('token') ?? '' }
      const cookie = (await call('/sign-in', { form })).headers['set-cookie']?.split(';')[0] ?? ''
      const { json } = await call('/api/v1/me', { method: 'GET', cookie })
      const headers = { 'x-csrf-token': textOf(json['csrf_token']) }
      const body = { name: role, kind: 'admin', role }
      return (await call('/api/v1/keys', { cookie, headers, body })).status
    }
    const seen: unknown[] = []
    for (const role of ['viewer', 'member', 'owner', 'admin']) seen.push(await makeKeyOf(role))
    expect(seen).toEqual([201, 201, 201, 'no link'])
  })

  test.each(['', 'x', '"><script>alert(1)</script>', 'a'.repeat(64), '../../', '%00'])(
    'SEC-54: what stands in the place of its token is never written into the page: %j',
    async (token) => {
      const { ask } = await startAdmin()
      const { status, text } = await ask(`/sign-in?token=${encodeURIComponent(token)}`)
      expect(status).toBe(200)
      expect(text).not.toContain('<script')
      if (!/^[0-9a-f]{64}$/.test(token)) expect(text).not.toContain('<form')
    },
  )
})

describe('SEC-54: a session', () => {
  test('reads by its cookie alone and changes with its CSRF token, which no other session has', async () => {
    const { ask, signIn } = await startAdmin()
    const { cookie, csrf } = await signIn()
    const other = await signIn()
    expect((await ask('/api/v1/keys', { cookie })).status).toBe(200)
    for (const headers of [{}, { 'x-csrf-token': '' }, { 'x-csrf-token': other.csrf }] as Record<
      string,
      string
    >[]) {
      const refused = await ask('/api/v1/teams', { ...NEW_TEAM, cookie, headers })
      expect([refused.status, refused.json]).toMatchObject([403, { error: { code: 'csrf_token_missing' } }])
    }
    const headers = { 'x-csrf-token': csrf }
    const foreign = { ...headers, origin: 'http://localhost:3000' }
    expect((await ask('/api/v1/teams', { ...NEW_TEAM, cookie, headers: foreign })).status).toBe(403)
    expect((await ask('/api/v1/teams', { ...NEW_TEAM, cookie, headers })).status).toBe(201)
  })

  test('is over twelve hours after the sign-in, however it was used', async () => {
    const { ask, signIn, clock } = await startAdmin()
    const { cookie } = await signIn()
    for (let hour = 0; hour < 11; hour += 1) {
      clock.advance(3_600_000)
      expect((await ask('/api/v1/me', { cookie })).status).toBe(200)
    }
    clock.advance(SESSION_MS - 11 * 3_600_000 - 1)
    expect((await ask('/api/v1/me', { cookie })).status).toBe(200)
    clock.advance(1)
    expect((await ask('/api/v1/me', { cookie })).status).toBe(401)
    expect((await ask('/', { cookie })).text).toContain('To sign in')
  })

  test('ends with the sign-out, which needs its token too, and with the next sign-in of the same browser', async () => {
    const { ask, signIn, signInLinks, store } = await startAdmin()
    const first = await signIn()
    const out = (csrf_token: string) =>
      ask('/sign-out', { method: 'POST', cookie: first.cookie, form: { csrf_token } })
    expect((await out('0'.repeat(64))).status).toBe(403)
    expect((await ask('/api/v1/me', { cookie: first.cookie })).status).toBe(200)
    expect((await out(first.csrf)).status).toBe(303)
    expect((await ask('/api/v1/me', { cookie: first.cookie })).status).toBe(401)
    const { rows } = await store.auditLines({ limit: 1 })
    expect(rows).toMatchObject([{ action: 'sign-out' }])

    const second = await signIn()
    const token = signInLinks.make({ kind: 'role', role: 'owner' }).path.split('=')[1] ?? ''
    const third = await ask('/sign-in', { method: 'POST', cookie: second.cookie, form: { token } })
    expect(third.status).toBe(303)
    expect((await ask('/api/v1/me', { cookie: second.cookie })).status).toBe(401)
  })

  test('ends with its user, and has the role that the user has now', async () => {
    const { ask, signIn, users, edit } = await startAdmin()
    const { cookie } = await signIn('admin')
    expect((await ask('/api/v1/audit', { cookie })).status).toBe(200)
    await edit((known) => ({
      changes: known.users.flatMap((user) =>
        user.id === users.admin.id
          ? [{ type: 'put-user' as const, user: { ...user, role: 'member' as const } }]
          : [],
      ),
      notes: [],
    }))
    expect((await ask('/api/v1/audit', { cookie })).status).toBe(403)
    await edit((known, context) => disableUser(known, users.admin.id, context))
    expect((await ask('/api/v1/me', { cookie })).status).toBe(401)
  })

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "';alert(1)//",
    '<svg/onload=alert(1)>',
    '</title><script>alert(1)</script>',
    '{{constructor.constructor("alert(1)")()}}',
    'javascript:alert(1)',
    '&lt;script&gt;',
    '\u202Egnp.exe\u0000<b>',
  ])('stored text stays text, in pages and in answers: %j', async (name) => {
    const { ask, signIn, users, edit, store, clock } = await startAdmin()
    const plain = await ask('/', await signIn('owner'))
    await edit(() => ({
      changes: [{ type: 'put-user', user: { ...users.owner, name } }],
      notes: [{ atMs: clock.wallMs(), actor: name, action: name, subject: name }],
    }))
    const { cookie } = await signIn('owner')
    const page = await ask('/', { cookie })
    expect(page.headers['content-security-policy']).toBe(
      "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    const marks = ({ text }: { readonly text: string }) => text.match(/[<>"]/g)
    expect(marks(page)).toEqual(marks(plain))
    for (const path of ['/api/v1/users', '/api/v1/audit', '/api/v1/me']) {
      const { headers, json, text } = await ask(path, { cookie })
      expect(headers['content-type']).toMatch(/^application\/json/)
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(JSON.stringify(json)).toBe(text)
    }
    expect((await store.auditLines({ limit: 5 })).rows.length).toBeGreaterThan(0)
  })
})

describe('SEC-18: failed attempts', () => {
  test('are held back for their source; a good credential is not, nor counted', async () => {
    const { ask, keys, clock, signIn } = await startAdmin()
    const { cookie } = await signIn()
    const statuses: number[] = []
    for (let turn = 0; turn < 30; turn += 1)
      statuses.push((await ask('/api/v1/me', { key: `sk-hf-admin-${turn}` })).status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(20)
    expect(statuses.at(-1)).toBe(429)
    const held = await ask('/api/v1/me', { key: 'sk-hf-admin-x' })
    expect(held.json).toMatchObject({ error: { code: 'too_many_attempts' } })
    expect(Number(held.headers['retry-after'])).toBeGreaterThan(0)
    expect((await ask('/sign-in', { method: 'POST', form: { token: 'f'.repeat(64) } })).status).toBe(429)
    expect((await ask('/api/v1/me', { key: keys.owner.secret })).status).toBe(200)
    expect((await ask('/api/v1/me', { cookie })).status).toBe(200)
    clock.advance(2_000)
    expect((await ask('/api/v1/me', { key: 'sk-hf-admin-x' })).status).toBe(401)
  })
})
