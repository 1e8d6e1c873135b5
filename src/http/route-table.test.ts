import { describe, expect, test } from 'vitest'
import { startServer } from '../../test/support/http-server.ts'
import { httpLimits } from './http-limits.ts'
import { createRouter, createRoutes } from './route-table.ts'

const routes = createRoutes(httpLimits)
const router = createRouter(routes)

test.each([
  ['POST', '/v1/chat/completions', 'openai-chat'],
  ['POST', '/chat/completions', 'openai-chat'],
  ['POST', '/v1/v1/chat/completions', 'openai-chat'],
  ['POST', '/openai/v1/chat/completions', 'openai-chat'],
  ['POST', '/v1/messages', 'anthropic-messages'],
  ['POST', '/messages', 'anthropic-messages'],
  ['POST', '/anthropic/v1/messages', 'anthropic-messages'],
  ['POST', '/anthropic/v1/messages/count_tokens', 'anthropic-messages'],
  ['POST', '/v1/responses', 'openai-responses'],
  ['POST', '/v1/completions', 'openai-completions'],
  ['POST', '/v1/models/gemini-x:generateContent', 'gemini'],
  ['POST', '/v1beta/models/gemini-x:streamGenerateContent', 'gemini'],
])('routes %s %s to %s', (method, path, dialect) => {
  const match = router.match(method, path)
  expect(match.type === 'found' && match.route.endpoint).toMatchObject({ kind: 'inference', dialect })
})

test.each([
  ['GET', '/v1/models/gpt', 'gpt'],
  ['GET', '/v1/models/openai%2Fgpt', 'openai/gpt'],
  ['GET', '/models/openai/gpt', 'openai/gpt'],
  ['GET', '/v1/models/%2e%2e%2Fx', '../x'],
  ['POST', '/openai/deployments/my%20gpt/chat/completions', 'my gpt'],
  ['POST', '/openai/deployments/my%20gpt/completions', 'my gpt'],
  ['POST', '/v1beta/models/openai/gpt:4:countTokens', 'openai/gpt:4'],
])('reads the name in %s %s', (method, path, parameter) => {
  expect(router.match(method, path)).toMatchObject({ type: 'found', parameter })
})

test.each([
  ['GET', '/v2/models'],
  ['GET', '/V1/models'],
  ['GET', '/v1/models.'],
  ['GET', '/v1/models/%ff'],
  ['POST', '/v1/%63hat/completions'],
  ['POST', '/openai/deployments/a/b/chat/completions'],
  ['POST', '/openai/deployments//chat/completions'],
  ['POST', '/v1beta/models/:generateContent'],
])('does not know %s %s', (method, path) => {
  expect(router.match(method, path)).toEqual({ type: 'unknown' })
})

test('names the methods of a path that is asked with another', () => {
  expect(router.match('DELETE', '/v1/models')).toEqual({ type: 'wrong-method', allow: 'GET, HEAD, OPTIONS' })
  expect(router.match('GET', '/v1/messages')).toEqual({ type: 'wrong-method', allow: 'POST, OPTIONS' })
})

describe('SEC-13: every route', () => {
  test('stands in the table with its method, its need of a key and its bound', () => {
    expect(
      routes.map(({ method, path, access, bodyBytesMax }) => [method, path, access, bodyBytesMax]),
    ).toEqual([
      ['POST', '/v1/chat/completions', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/completions', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/responses', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/responses/input_tokens', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/messages', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/messages/count_tokens', 'key', httpLimits.bodyBytes],
      ['POST', '/v1beta/models/**:generateContent', 'key', httpLimits.bodyBytes],
      ['POST', '/v1beta/models/**:streamGenerateContent', 'key', httpLimits.bodyBytes],
      ['POST', '/v1beta/models/**:countTokens', 'key', httpLimits.bodyBytes],
      ['GET', '/v1/responses/*/input_items', 'key', 0],
      ['POST', '/v1/responses/*/cancel', 'key', 0],
      ['GET', '/v1/responses/*', 'key', 0],
      ['DELETE', '/v1/responses/*', 'key', 0],
      ['GET', '/v1/models', 'key', 0],
      ['GET', '/v1/models/**', 'key', 0],
      ['GET', '/metrics', 'key', 0],
      ['GET', '/livez', 'open', 0],
      ['GET', '/readyz', 'open', 0],
      ['GET', '/', 'open', 0],
    ])
  })

  test('refuses a request without a key under each of its names, unless it is a probe', async () => {
    const { url, gateway } = await startServer({
      keys: new Map([['sk-1', 'laptop']]),
      metrics: async () => 'up 1\n',
    })
    for (const { method, path, aliases, access } of routes) {
      for (const name of [path, ...aliases].map((each) => each.replace('**', 'm').replace('*', 'm'))) {
        const answer = await fetch(
          url + name,
          method === 'POST' ? { method, body: '{"model":"m"}' } : { method },
        )
        expect([name, answer.status]).toEqual([name, access === 'open' ? 200 : 401])
        if (access === 'key') expect(answer.headers.get('x-should-retry')).toBe('false')
        await answer.arrayBuffer()
      }
    }
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })

  test('serves each key route to a good key', async () => {
    const { url } = await startServer({
      keys: new Map([['sk-1', 'laptop']]),
      models: [{ id: 'm', ownedBy: 'fake', isSimulated: false }],
      metrics: async () => 'up 1\n',
    })
    for (const { method, path } of routes) {
      const answer = await fetch(url + path.replace('**', 'm').replace('*', 'm'), {
        method,
        headers: { authorization: 'Bearer sk-1' },
        ...(method === 'POST' ? { body: '{"model":"m"}' } : {}),
      })
      expect([path, answer.status]).toEqual([path, 200])
      await answer.arrayBuffer()
    }
  })
})
