/**
 * Every door of the table of routes at once: no budget, limit or scope has a way around it, nothing that a request says
 * moves a call, and of its headers only what is listed goes on. A route that is added to the table is asked here by itself.
 */

import { createServer, request as openRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FORWARDED_HEADER_LENGTH_MAX } from '../../src/execution/forwarded-headers.ts'
import { httpLimits } from '../../src/http/http-limits.ts'
import { createRoutes, type HttpRoute } from '../../src/http/route-table.ts'
import type { RecordedCall } from '../../src/simulator/recorded-call.ts'
import { ASTRAY_FIELDS, ASTRAY_HEADERS, openStray } from '../support/led-astray.ts'
import { type Ledger, type MoneyPlan, type MoneyStage, openMoneyStage } from '../support/money-stage.ts'
import { openRawClient } from '../support/raw-client.ts'

const CREDENTIAL = 'provider-key-0123456789'

interface Door {
  readonly route: HttpRoute
  readonly name: string
  readonly path: string
}

/** The documented path of each route that a client key opens, the stars filled in with what exists. */
const doors: readonly Door[] = createRoutes(httpLimits)
  .filter(({ access, endpoint }) => access === 'key' && endpoint.kind !== 'metrics')
  .map((route) => ({
    route,
    name: `${route.method} ${route.path}`,
    path: route.path.replace('**', 'google%2Fm').replace('*', 'an-id'),
  }))

/** What asks nothing of a provider: what is kept here, and the list of models. */
const OURS = new Set(['kept-answer', 'models', 'model', 'explanation'])
const outward = doors.filter(({ route }) => !OURS.has(route.endpoint.kind))

/** What costs nothing: counting, and what is about files and batches that are there. */
const isFree = ({ route, name }: Door): boolean =>
  route.method !== 'POST' || /count_tokens|countTokens|input_tokens|\/cancel$|\/files$/.test(name)

/** A body in which every route finds what it needs. */
const BODY = {
  max_tokens: 8,
  messages: [{ role: 'user', content: 'Hi' }],
  input: 'hi',
  voice: 'alloy',
  query: 'q',
  documents: ['a'],
  contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
  content: { parts: [{ text: 'hi' }] },
}

function bodyOf({ route }: Door): Readonly<Record<string, unknown>> {
  switch (route.path) {
    case '/v1/batches':
      return { input_file_id: 'file-1', endpoint: '/v1/chat/completions', completion_window: '24h' }
    case '/v1/messages/batches':
      return { requests: [{ custom_id: '1', params: { ...BODY, model: 'm' } }] }
    case '/v1beta/models/**:batchEmbedContents':
      return { requests: [{ model: 'models/google/m', content: BODY.content }] }
    default:
      return /completions$|images/.test(route.path) ? { ...BODY, prompt: 'hi' } : BODY
  }
}

/** The model of a provider that has the operation. */
function modelOf({ route }: Door): string {
  if (route.path.startsWith('/v1/messages')) return 'messages/m'
  return route.path === '/v1/responses/input_tokens' ? 'responses/m' : 'chat/m'
}

interface Knock {
  readonly key: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: Readonly<Record<string, unknown>>
}

async function knock(url: string, door: Door, { key, path = door.path, headers, fields }: Knock) {
  const { method, bodyBytesMax } = door.route
  const isForm = bodyBytesMax === httpLimits.formBytes
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(isForm ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(bodyBytesMax > 0 && {
      body: isForm
        ? formOf(door, fields)
        : JSON.stringify({ model: modelOf(door), ...bodyOf(door), ...fields }),
    }),
    redirect: 'manual',
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

function formOf(door: Door, fields: Readonly<Record<string, unknown>> = {}): FormData {
  const form = new FormData()
  const words: Readonly<Record<string, unknown>> = {
    model: modelOf(door),
    purpose: 'batch',
    prompt: 'hi',
    ...fields,
  }
  for (const [name, value] of Object.entries(words))
    form.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  form.set(door.route.path.includes('images') ? 'image' : 'file', new Blob(['{}\n']), 'a.wav')
  return form
}

interface Opened extends Omit<MoneyStage, 'key'> {
  readonly key: string
  /** The calls that providers get while `act` runs. */
  during(act: () => Promise<unknown>): Promise<readonly RecordedCall[]>
}

async function open(makeKey: (ledger: Ledger) => Promise<string>, plan: MoneyPlan = {}): Promise<Opened> {
  let key = ''
  const stage = await openMoneyStage({
    ...plan,
    prepare: async (ledger) => {
      key = await makeKey(ledger)
    },
  })
  const during: Opened['during'] = async (act) => {
    const last = stage.simulator.calls.at(-1)?.number ?? 0
    await act()
    return stage.simulator.calls.filter(({ number }) => number > last)
  }
  return { ...stage, key, during }
}

const unbounded = async (ledger: Ledger) => (await ledger.key({ name: 'laptop' })).secret

test('every door of the table is one that reaches a provider, or is known to be answered here', async () => {
  const { url, key, during } = await open(unbounded)
  expect(outward.length).toBeGreaterThan(30)
  for (const door of doors) {
    const calls = await during(() => knock(url, door, { key }))
    expect([door.name, calls.length]).toEqual([door.name, outward.includes(door) ? 1 : 0])
  }
})

describe('SEC-47: through every door', () => {
  test('a budget that is spent pays for nothing', async () => {
    const { url, key, during } = await open(async (ledger) => {
      const { id, secret } = await ledger.key({ name: 'poor' })
      await ledger.budget({ scope: { kind: 'key', id }, nanoUsd: 1 })
      return secret
    })
    const costly = outward.filter((door) => !isFree(door))
    expect(costly.length).toBeGreaterThan(15)
    for (const door of costly) {
      const calls = await during(async () => {
        const { status, text } = await knock(url, door, { key })
        expect([door.name, status >= 400, text]).toEqual([
          door.name,
          true,
          expect.stringMatching(/budget_exceeded|price_unknown/),
        ])
      })
      expect([door.name, calls.length]).toEqual([door.name, 0])
    }
  })

  test('SEC-37: a limit of requests counts each of them, what is passed through as well', async () => {
    const { url, key, during } = await open(
      async (ledger) => (await ledger.key({ name: 'slow', limits: { requestsPerMinute: 1 } })).secret,
    )
    const [first] = outward
    if (first !== undefined) await knock(url, first, { key })
    const calls = await during(async () => {
      for (const door of outward)
        expect([door.name, (await knock(url, door, { key })).status]).toEqual([door.name, 429])
    })
    expect(calls).toEqual([])
  })

  test('a key that covers other things reaches nobody', async () => {
    for (const scopes of [{ routes: ['smart'] }, { models: ['other/*'] }]) {
      const { url, key, during } = await open(
        async (ledger) => (await ledger.key({ name: 'narrow', scopes })).secret,
        { config: { routes: { smart: { targets: ['chat/m'] } } } },
      )
      const calls = await during(async () => {
        for (const door of outward) {
          const { status } = await knock(url, door, { key })
          expect([door.name, [403, 404].includes(status)]).toEqual([door.name, true])
        }
      })
      expect(calls).toEqual([])
    }
  })

  test('SEC-37: what is asked has its line in the books, under the key that asked', async () => {
    const { url, key, books } = await open(unbounded)
    const ids = new Map<string | null, string>()
    for (const door of outward)
      ids.set((await knock(url, door, { key })).headers.get('x-request-id'), door.name)
    const { requests } = await books(outward.length)
    const told = requests.map(({ exchangeId, attribution }) => [ids.get(exchangeId), attribution.keyName])
    expect(new Map(told as [string, string][])).toEqual(new Map(outward.map(({ name }) => [name, 'laptop'])))
    expect(told).toHaveLength(outward.length)
  })
})

describe('SEC-1: through every door', () => {
  test('no field, header or parameter moves the call', async () => {
    await using stray = await openStray()
    const { url, key, during, simulator } = await open(unbounded)
    const { host } = new URL(simulator.origin)
    const templates = providerPaths()
    const headers = Object.fromEntries(ASTRAY_HEADERS.map((name) => [name, stray.host]))
    const query = ASTRAY_FIELDS.map((name) => `${name}=${encodeURIComponent(stray.origin)}`).join('&')
    let served = 0
    for (const door of outward) {
      const knocks: Omit<Knock, 'key'>[] = [{ headers }, { path: `${door.path}?${query}` }]
      if (door.route.bodyBytesMax > 0)
        knocks.push(...ASTRAY_FIELDS.map((name) => ({ fields: { [name]: `${stray.origin}/v1` } })))
      const calls = await during(async () => {
        for (const asking of knocks) await knock(url, door, { key, ...asking })
      })
      served += calls.length
      for (const call of calls) {
        expect([door.name, call.headers['host']]).toEqual([door.name, host])
        expect([door.name, call.path, isOneOf(templates, call)]).toEqual([door.name, call.path, true])
        expect(call.path).not.toContain(stray.host.split(':')[1])
      }
    }
    expect(served).toBeGreaterThan(300)
    expect(stray.calls).toEqual([])
  }, 60_000)

  test('SEC-7: what a prompt points to is fetched by nobody here, whichever provider is asked', async () => {
    await using stray = await openStray()
    const { url, key, during } = await open(unbounded)
    const address = `${stray.origin}/cat.png`
    const asks: readonly (readonly [string, object])[] = [
      [
        '/v1/chat/completions',
        { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: address } }] }] },
      ],
      [
        '/v1/messages',
        {
          messages: [
            {
              role: 'user',
              content: ['image', 'document'].map((type) => ({ type, source: { type: 'url', url: address } })),
            },
          ],
        },
      ],
      [
        '/v1/responses',
        {
          input: [
            {
              role: 'user',
              content: [
                { type: 'input_image', image_url: address },
                { type: 'input_file', file_url: address },
              ],
            },
          ],
        },
      ],
      [
        '/v1beta/models/MODEL:generateContent',
        {
          contents: [{ role: 'user', parts: [{ fileData: { mimeType: 'image/png', fileUri: address } }] }],
        },
      ],
    ]
    const calls = await during(async () => {
      for (const [path, body] of asks) {
        for (const model of ['chat/m', 'messages/m', 'responses/m', 'google/m']) {
          const response = await fetch(url + path.replace('MODEL', encodeURIComponent(model)), {
            method: 'POST',
            headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
            body: JSON.stringify({ model, max_tokens: 8, ...body }),
          })
          await response.text()
          expect([path, model, response.status < 500]).toEqual([path, model, true])
        }
      }
    })
    expect(calls.length).toBeGreaterThan(3)
    expect(stray.calls).toEqual([])
  })
})

/** Each is one segment for whoever splits before decoding, and something else for whoever does not. */
const HOSTILE = [
  '..',
  '.',
  '%2e%2e',
  '%2E%2e%2Fmodels',
  '..%2f..%2fadmin',
  'an-id%2f..%2f..%2fadmin',
  '..%5c..%5cadmin',
  'an-id;x=1',
  'an-id%3bx',
  'an-id%00',
  'an-id%0d%0ax-injected:%201',
  '%252e%252e%252fadmin',
  'an-id/../../../admin',
  'an-id%3fkey=1',
  'an-id%23x',
  'an-id%20x',
  '%c0%ae%c0%ae',
  '@127.0.0.1',
  '%ff',
]

test('SEC-37: no id or name in a path leads out of the path that is listed for it', async () => {
  const { key, during, gateway } = await open(unbounded)
  const templates = providerPaths()
  for (const door of doors.filter(({ route }) => route.path.includes('*'))) {
    for (const hostile of HOSTILE) {
      const path = door.route.path.replace('**', `google%2Fm${hostile}`).replace('*', hostile)
      const body = door.route.bodyBytesMax > 0 ? JSON.stringify(bodyOf(door)) : ''
      const calls = await during(async () => {
        const client = await openRawClient(gateway.port)
        client.send(
          `${door.route.method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n` +
            `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
        )
        const { text } = await client.closed()
        expect([door.name, hostile, text.slice(9, 12)]).toEqual([
          door.name,
          hostile,
          expect.stringMatching(/^[24]/),
        ])
      })
      for (const call of calls) {
        expect([door.name, hostile, call.path, isOneOf(templates, call)]).toEqual([
          door.name,
          hostile,
          call.path,
          true,
        ])
        expect(call.headers).not.toHaveProperty('x-injected')
      }
    }
  }
}, 60_000)

test('SEC-37: what is not in the table is answered by nobody, and no provider hears of it', async () => {
  const { url, key, during } = await open(unbounded)
  const unlisted = [
    'fine_tuning/jobs',
    'assistants',
    'threads',
    'vector_stores',
    'organization/users',
    'organization/admin_api_keys',
    'uploads',
    'evals',
    'containers',
    'realtime/sessions',
    'chat/completions/abc',
    'files/an-id/anything',
    'models/m:tuneModel',
    'proxy/https://example.test',
  ]
  const calls = await during(async () => {
    for (const name of unlisted) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        for (const base of ['/v1', '/openai/v1', '/anthropic/v1', '/gemini/v1beta', '']) {
          const response = await fetch(`${url}${base}/${name}`, {
            method,
            headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
            ...(method === 'POST' && { body: JSON.stringify({ model: 'chat/m', ...BODY }) }),
          })
          await response.text()
          expect([method, base, name, response.status]).toEqual([
            method,
            base,
            name,
            expect.toSatisfy((status: number) => status === 404 || status === 405),
          ])
        }
      }
    }
  })
  expect(calls).toEqual([])
})

describe('SEC-24, SEC-33: through every door', () => {
  test('of a client’s headers nothing goes on that is not listed, nor its key, nor what is too long', async () => {
    const { url, key, during } = await open(unbounded)
    const unlisted = [
      'cookie',
      'proxy-authorization',
      'x-forwarded-for',
      'x-real-ip',
      'x-custom',
      'x-amz-security-token',
      'x-goog-user-project',
      'openai-api-key',
      'x-holdfast-user',
      'referer',
      'origin-agent',
      'range',
      'if-none-match',
      'accept-language',
      'traceparent',
    ]
    const listed = ['anthropic-beta', 'openai-beta', 'x-stainless-lang', 'anthropic-version']
    const headers = {
      ...Object.fromEntries(unlisted.map((name) => [name, 'client-value'])),
      ...Object.fromEntries(
        listed.map((name) => [name, `client-value${'x'.repeat(FORWARDED_HEADER_LENGTH_MAX)}`]),
      ),
    }
    const calls = await during(async () => {
      for (const door of outward) {
        await knock(url, door, { key, headers })
        // Google's older clients put their key into the address.
        await knock(url, door, { key, path: `${door.path}?key=${key}&api_key=client-value` })
      }
    })
    expect(calls.length).toBeGreaterThan(60)
    for (const { method, path, headers: sent } of calls) {
      const head = `${method} ${path} ${JSON.stringify(sent)}`
      expect(head).not.toContain('client-value')
      expect(head).not.toContain(key)
      expect(head).toContain(CREDENTIAL)
    }
  })

  test('SEC-20: our keys travel in headers, and stand in no address', async () => {
    const { url, key, during } = await open(unbounded)
    const calls = await during(async () => {
      for (const door of outward) await knock(url, door, { key })
    })
    for (const call of calls) {
      expect(call.path).not.toContain(CREDENTIAL)
      expect(new URL(call.path, 'http://x').searchParams.has('key')).toBe(false)
    }
  })

  test('nothing that a provider says of itself in headers comes back', async () => {
    const names = [
      'set-cookie',
      'server',
      'via',
      'location',
      'refresh',
      'link',
      'alt-svc',
      'x-powered-by',
      'openai-organization',
      'openai-project',
      'openai-version',
      'anthropic-organization-id',
      'anthropic-ratelimit-requests-limit',
      'x-ratelimit-limit-requests',
      'x-ratelimit-remaining-tokens',
      'cf-ray',
      'x-goog-project',
      'apim-request-id',
      'x-ms-region',
      'www-authenticate',
      'access-control-allow-origin',
      'content-security-policy',
      'x-custom',
      'etag',
      'x-request-id',
      'request-id',
    ]
    const origin = { url: '' }
    const proxy = createServer((request, response) => {
      const { method, headers, url = '' } = request
      const onward = openRequest(new URL(url, origin.url), { method, headers }, (answer) => {
        const { 'content-type': type = 'application/json' } = answer.headers
        const own = Object.fromEntries(names.map((name) => [name, 'foreign-value']))
        response.writeHead(answer.statusCode ?? 500, { ...own, 'content-type': type })
        answer.pipe(response)
      })
      request.pipe(onward)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      proxy.closeAllConnections()
      proxy.close()
    })
    // Sound: a server on TCP has an address with a port.
    const proxied = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const provider = (dialect: string, base: string) => ({
      dialect,
      baseUrl: `${proxied}${base}`,
      credential: CREDENTIAL,
      models: ['m'],
    })
    const { url, key, simulator, during } = await open(unbounded, {
      providers: {
        chat: provider('openai-chat', '/v1'),
        messages: provider('anthropic-messages', '/v1'),
        responses: provider('openai-responses', '/v1'),
        google: provider('gemini', '/v1beta'),
      },
    })
    origin.url = simulator.origin
    const calls = await during(async () => {
      for (const door of outward) {
        for (const stream of door.route.endpoint.kind === 'inference' ? [false, true] : [false]) {
          const { headers } = await knock(url, door, { key, ...(stream && { fields: { stream } }) })
          const foreign = [...headers].filter(([, value]) => value.includes('foreign-value'))
          expect([door.name, foreign]).toEqual([door.name, []])
        }
      }
    })
    expect(calls.length).toBeGreaterThan(outward.length - 2)
  })
})

/** What a provider may be asked at: the paths of all operations, below its version. */
function providerPaths(): readonly RegExp[] {
  return doors.map(({ route }) => {
    const pattern = route.path
      .replace(/^\/v1(?:beta)?/, '')
      .replaceAll(/[.:]/g, String.raw`\$&`)
      // The name of a model, encoded; an id is never one that has to be.
      .replace('**', 'NAME')
      .replace('*', '[A-Za-z0-9._-]+')
      .replace('NAME', '[A-Za-z0-9._%-]+')
    return new RegExp(`^/v1(?:beta)?${pattern}$`)
  })
}

/** And no segment of it, whoever decodes it first, leads up or ends it. */
function isOneOf(templates: readonly RegExp[], { path }: RecordedCall): boolean {
  const [bare = ''] = path.split('?')
  const segments = decodeURIComponent(bare).split(/[/\\]/)
  const leadsOut = segments.some((segment) => /^\.{1,2}(?::|$)|\p{Cc}/u.test(segment))
  return !leadsOut && templates.some((template) => template.test(bare))
}
