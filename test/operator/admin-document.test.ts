import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { adminAccess } from '../../src/http/admin/access.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { startAdmin, textOf } from '../support/admin-stage.ts'

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

interface Operation extends JsonObject {
  readonly operationId: string
  readonly parameters?: readonly JsonObject[]
  readonly responses: Readonly<Record<string, JsonObject>>
  readonly requestBody?: JsonObject
  readonly security?: readonly JsonObject[]
}

interface Document extends JsonObject {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: JsonObject; readonly securitySchemes: JsonObject }
}

async function readDocument() {
  const stage = await startAdmin()
  const { status, headers, json } = await stage.ask('/openapi.json')
  expect([status, headers['content-type']]).toEqual([200, 'application/json'])
  return { ...stage, document: json as Document }
}

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )

/** What OpenAPI 3.1 demands of the parts that are used here. */
function faultsOf(document: Document): readonly string[] {
  const faults: string[] = []
  const demand = (isKept: boolean, fault: string) => void (isKept || faults.push(fault))
  const info = document['info'] as JsonObject
  demand(document['openapi'] === '3.1.0', 'openapi')
  demand(typeof info['title'] === 'string' && typeof info['version'] === 'string', 'info')
  const operations = operationsOf(document)
  const ids = operations.map(({ operation }) => operation.operationId)
  demand(new Set(ids).size === ids.length && ids.every(Boolean), 'operationId')
  for (const { path, method, operation } of operations) {
    const at = `${method} ${path}`
    demand(path.startsWith('/') && METHODS.has(method), at)
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const parameters = operation.parameters ?? []
    const inPath = parameters.filter((parameter) => parameter['in'] === 'path')
    demand(JSON.stringify(inPath.map(({ name }) => name)) === JSON.stringify(named), `${at}: path parameters`)
    demand(
      inPath.every(({ required }) => required === true),
      `${at}: a path parameter is required`,
    )
    demand(
      parameters.every(({ schema }) => schema !== undefined),
      `${at}: a parameter has a schema`,
    )
    const places = parameters.map((parameter) => `${textOf(parameter['in'])} ${textOf(parameter['name'])}`)
    demand(new Set(places).size === places.length, `${at}: a parameter twice`)
    const responses = Object.entries(operation.responses)
    demand(responses.length > 0, `${at}: responses`)
    for (const [status, { description }] of responses)
      demand(/^(?:[1-5]\d\d|default)$/.test(status) && typeof description === 'string', `${at}: ${status}`)
    for (const requirement of operation.security ?? [])
      for (const name of Object.keys(requirement))
        demand(name in document.components.securitySchemes, `${at}: security ${name}`)
  }
  for (const [, name = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
    demand(name in document.components.schemas, `$ref ${name}`)
  return faults
}

/** Every schema of the document, ready to judge a value. */
function compile(document: Document, schema: unknown) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  const rewritten = JSON.parse(
    JSON.stringify({ schema, all: document.components.schemas }).replaceAll(
      '#/components/schemas/',
      '#/$defs/',
    ),
  ) as {
    readonly schema: JsonObject
    readonly all: JsonObject
  }
  return ajv.compile({ ...rewritten.schema, $defs: rewritten.all })
}

const contentOf = (part: JsonObject | undefined) =>
  ((part?.['content'] as JsonObject | undefined)?.['application/json'] as JsonObject | undefined)?.['schema']

describe('the OpenAPI document', () => {
  test('keeps the rules of OpenAPI 3.1, and its schemas those of JSON Schema 2020-12', async () => {
    const { document } = await readDocument()
    expect(faultsOf(document)).toEqual([])
    for (const schema of Object.values(document.components.schemas)) compile(document, schema)
    for (const { operation } of operationsOf(document)) {
      for (const response of Object.values(operation.responses))
        compile(document, contentOf(response) ?? true)
      compile(document, contentOf(operation.requestBody) ?? true)
      for (const { schema } of operation.parameters ?? []) compile(document, schema)
    }
  })

  test('has every route of the app, and none besides', async () => {
    const { document, api } = await readDocument()
    const described = operationsOf(document).map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    const served = api.routes.map((route) => route.replaceAll(/:(\w+)/g, '{$1}'))
    expect(described.toSorted()).toEqual([...new Set(served)].toSorted())
  })

  test('demands a credential of everything that is not open', async () => {
    const { document } = await readDocument()
    for (const { path, method, operation } of operationsOf(document)) {
      const roles = Object.entries(adminAccess).find(
        ([route]) => route === `${method.toUpperCase()} ${path}`,
      )?.[1]
      expect([path, operation.security !== undefined]).toEqual([path, roles !== 'open'])
    }
  })

  test('says what comes: every list and every refusal is as it describes', async () => {
    const { document, ask, keys, users, project, dataKeys } = await readDocument()
    const key = keys.owner.secret
    const budget = {
      name: 'b',
      scope: { kind: 'user', id: users.member.id },
      period: 'week',
      limit_usd: '1.5',
    }
    const made = await ask('/api/v1/budgets', { method: 'POST', key, body: budget })
    const ids: Readonly<Record<string, string>> = {
      keys: dataKeys.member.id,
      projects: project.id,
      users: users.member.id,
      teams: users.member.teamId ?? '',
      budgets: textOf(made.json['id']),
      routes: 'smart',
    }
    let judged = 0
    for (const { path, method, operation } of operationsOf(document)) {
      if (method !== 'get' || !path.startsWith('/api/')) continue
      const answer = await ask(path.replace(/\{\w+\}/, ids[path.split('/')[3] ?? ''] ?? 'none'), { key })
      const validate = compile(
        document,
        contentOf(operation.responses[answer.status] ?? operation.responses['default']),
      )
      validate(answer.json)
      expect([path, answer.status, validate.errors]).toEqual([
        path,
        path.startsWith('/api/v1/requests/') ? 404 : 200,
        null,
      ])
      judged += 1
    }
    expect(judged).toBeGreaterThan(15)
  })
})

describe('SEC-61: every answer', () => {
  test('may not be kept, framed, sniffed or run, and shows no stack', async () => {
    const { ask, keys } = await startAdmin()
    const odd = [
      '',
      '%',
      '%00',
      '..%2f..',
      '{}',
      'a'.repeat(300),
      '<script>',
      "'; DROP TABLE keys;--",
      '\u00e4',
    ]
    const calls = [
      ...Object.keys(adminAccess).flatMap((route) => {
        const [method = '', path = ''] = route.split(' ')
        return odd.map((id) => ({ method, path: path.replace(/\{\w+\}/, encodeURI(id)) }))
      }),
      ...odd.map((text) => ({
        method: 'GET',
        path: `/api/v1/requests?cursor=${encodeURIComponent(text)}&from=${encodeURIComponent(text)}`,
      })),
      ...['/api', '/api/', '/api/v1', '/api/v1/keys/%', '/api/%2e%2e/status', '/sign-in?token=%'].map(
        (path) => ({ method: 'GET', path }),
      ),
    ]
    for (const { method, path } of calls) {
      for (const key of [keys.owner.secret, 'wrong']) {
        const { status, headers, text } = await ask(path, {
          method,
          key,
          ...(method !== 'GET' &&
            method !== 'DELETE' && { raw: '{"a":', headers: { 'content-type': 'application/json' } }),
        })
        expect([path, status === 500]).toEqual([path, false])
        expect([path, headers]).toMatchObject([
          path,
          {
            'cache-control': 'no-store',
            'x-content-type-options': 'nosniff',
            'content-security-policy': expect.stringContaining("default-src 'none'"),
            'cross-origin-resource-policy': 'same-origin',
          },
        ])
        expect(headers['access-control-allow-origin']).toBeUndefined()
        expect(text).not.toMatch(/\bat .*\.[jt]s:|node_modules|ZodError/)
      }
    }
  })

  test('SEC-16: a foreign name or page is refused before anything else, as everywhere on this listener', async () => {
    const { ask, keys, signIn } = await startAdmin()
    const { cookie } = await signIn()
    for (const path of ['/', '/openapi.json', '/sign-in', '/api/v1/keys']) {
      const asking = (headers: Record<string, string>) =>
        ask(path, { key: keys.owner.secret, cookie, headers })
      expect((await asking({ host: 'evil.example' })).status).toBe(421)
      expect((await asking({ origin: 'https://evil.example' })).status).toBe(403)
      expect((await asking({ origin: 'null' })).status).toBe(403)
      expect((await asking({ 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    }
  })

  test('what tells how the gateway is stays open, and answers GET alone', async () => {
    const { ask } = await startAdmin()
    for (const path of ['/status', '/metrics', '/healthz', '/readyz']) {
      expect([path, (await ask(path)).status]).toEqual([path, 200])
      expect([path, (await ask(path, { method: 'POST', body: {} })).status]).toEqual([path, 405])
    }
    expect((await ask('/explain/none')).status).toBe(404)
  })
})

test('docs/admin-api.md knows every route', async () => {
  const text = await readFile(new URL('../../docs/admin-api.md', import.meta.url), 'utf8')
  const named = [...text.matchAll(/`[^`]*?(\/[\w/{}.-]+)[^`]*`/g)].map(([, path = '']) => path)
  const missing = Object.keys(adminAccess)
    .map((route) => route.split(' ')[1] ?? '')
    .filter((path) => path.startsWith('/api/') && !/\/(?:projects|teams|users)\/\{id\}$|\{name\}$/.test(path))
    .filter((path) => !named.some((name) => path.endsWith(name)))
  expect(missing).toEqual([])
})

test('docs/admin-api.md names every filter of the reports, in the row of its route', async () => {
  const text = await readFile(new URL('../../docs/admin-api.md', import.meta.url), 'utf8')
  const { document } = await readDocument()
  const ofEveryList = new Set(['limit', 'cursor', 'format'])
  for (const path of ['/api/v1/requests', '/api/v1/usage', '/api/v1/audit']) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`GET ${path}\``)) ?? ''
    const filters = (document.paths[path]?.['get']?.parameters ?? []).map(({ name }) => textOf(name))
    const missing = filters.filter((name) => !ofEveryList.has(name) && !row.includes(`\`${name}\``))
    expect([path, filters.length > 3, missing]).toEqual([path, true, []])
  }
})
