import { describe, expect, test } from 'vitest'
import { adminAccess } from '../../src/http/admin/access.ts'
import { ROLES, startAdmin } from '../support/admin-stage.ts'

const protectedRoutes = Object.entries(adminAccess).flatMap(([route, roles]) =>
  roles === 'open' ? [] : [{ route, roles: roles as readonly string[] }],
)

function callOf(route: string, id = 'key_00000000000000000000000000000000') {
  const [method = '', path = ''] = route.split(' ')
  const hasBody = method === 'POST' || method === 'PATCH' || method === 'PUT'
  return {
    path: path.replace(/\{\w+\}/, id),
    asking: { method, ...(hasBody && { body: {} }) },
  }
}

describe('SEC-13: the table of roles', () => {
  test('has a row for every route of the app, and the app a route for every row', async () => {
    const { api } = await startAdmin()
    const served = api.routes.map((route) => route.replaceAll(/:(\w+)/g, '{$1}')).sort()
    expect([...new Set(served)]).toEqual(Object.keys(adminAccess).sort())
  })

  test.each(protectedRoutes)(
    'SEC-13: $route is 401 without a credential, with a wrong one, and with a data key',
    async ({ route }) => {
      const { ask, dataKeys } = await startAdmin()
      const { path, asking } = callOf(route)
      const answers = [
        await ask(path, asking),
        await ask(path, { ...asking, key: 'sk-hf-admin-wrong' }),
        await ask(path, { ...asking, key: dataKeys.member.secret }),
      ]
      for (const { status, json } of answers)
        expect([status, json]).toEqual([
          401,
          { error: { code: 'unauthenticated', message: expect.any(String), next_step: expect.any(String) } },
        ])
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    },
  )

  test.each(protectedRoutes)(
    'SEC-13: $route is 403 for every role that its row leaves out, and not for the others',
    async ({ route, roles }) => {
      const { ask, keys } = await startAdmin()
      for (const role of ROLES) {
        const { path, asking } = callOf(route)
        const { status, json } = await ask(path, { ...asking, key: keys[role].secret })
        const isRefused = status === 403
        expect([role, isRefused]).toEqual([role, !roles.includes(role)])
        if (isRefused) expect(json).toMatchObject({ error: { code: 'permission_denied' } })
        expect([200, 201, 400, 403, 404, 409]).toContain(status)
      }
    },
  )

  test('an unknown path is 404 and a wrong method 405, for anybody and without a look at the credential', async () => {
    const { ask, keys } = await startAdmin()
    for (const key of [undefined, keys.owner.secret, 'wrong']) {
      const asking = key === undefined ? {} : { key }
      for (const path of ['/api/v1/secrets', '/api/v2/keys', '/api/', '/api/v1/keys/', '/api/v1//keys'])
        expect([path, (await ask(path, asking)).status]).toEqual([path, 404])
      const wrong = await ask('/api/v1/keys', { ...asking, method: 'PUT' })
      expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'GET, POST'])
    }
  })

  test.each([
    '/healthz/../api/v1/keys',
    '/healthz/%2e%2e/api/v1/keys',
    '/healthz/..;/api/v1/keys',
    '/healthz;/../api/v1/keys',
    '/sign-in/../api/v1/keys',
    '//api/v1/keys',
    '/api//v1/keys',
    '/api/v1/keys/',
    '/api/v1/keys;x=1',
    '/api/v1/keys%2f',
    '/api%2fv1/keys',
    '/api/v1/%6beys',
    '/API/v1/KEYS',
    '/api/v1/keys%00',
    '/api\\v1\\keys',
    '/api/v1/keys#/healthz',
    'http://localhost/api/v1/keys',
    '/openapi.json/../api/v1/keys',
  ])('SEC-14: %s is to nobody what it is not to a caller with a key', async (path) => {
    const { ask, keys } = await startAdmin()
    const canonical = await ask('/api/v1/keys', { key: keys.member.secret })
    expect(canonical.status).toBe(200)
    for (const key of [undefined, 'wrong', keys.member.secret]) {
      const { status, text } = await ask(path, key === undefined ? {} : { key })
      // The verdict of the path as it should be spelled, or none at all.
      if (status === 200) expect([path, key, text]).toEqual([path, keys.member.secret, canonical.text])
      else expect([path, status >= 400 && status < 500]).toEqual([path, true])
    }
  })

  test('SEC-15: no header changes the path, the method or who is asking', async () => {
    const { ask, keys } = await startAdmin()
    const headers = {
      'x-http-method-override': 'POST',
      'x-original-url': '/api/v1/me',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-user': 'olga',
    }
    expect((await ask('/api/v1/keys', { headers })).status).toBe(401)
    expect((await ask('/api/v1/audit', { headers, key: keys.member.secret })).status).toBe(403)
  })
})
