import { describe, expect, test } from 'vitest'
import { startServer } from '../../test/support/http-server.ts'
import { httpLimits } from './http-limits.ts'
import { createRouter, createRoutes, type HttpRoute } from './route-table.ts'

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
  ['POST', '/v1beta/openai/gpt-4o:generateContent', 'openai/gpt-4o'],
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
  ['GET', '/v1/files/a/b'],
  ['GET', '/v1/files//content'],
])('does not know %s %s', (method, path) => {
  expect(router.match(method, path)).toEqual({ type: 'unknown' })
})

test('names the methods of a path that is asked with another', () => {
  expect(router.match('DELETE', '/v1/models')).toEqual({ type: 'wrong-method', allow: 'GET, HEAD, OPTIONS' })
  expect(router.match('GET', '/v1/messages')).toEqual({ type: 'wrong-method', allow: 'POST, OPTIONS' })
})

/** What an endpoint takes for a request. */
function bodyFor({ endpoint }: HttpRoute): string | FormData {
  if (endpoint.kind !== 'operation') return '{"model":"m"}'
  if (endpoint.spec.body === 'form') {
    const form = new FormData()
    form.set('model', 'm')
    return form
  }
  return JSON.stringify({
    model: 'm',
    ...Object.fromEntries(endpoint.spec.required.map((name) => [name, 'x'])),
  })
}

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
      ['POST', '/v1/embeddings', 'key', httpLimits.bodyBytes],
      ['POST', '/v1beta/models/**:embedContent', 'key', httpLimits.bodyBytes],
      ['POST', '/v1beta/models/**:batchEmbedContents', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/images/generations', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/images/edits', 'key', httpLimits.formBytes],
      ['POST', '/v1/images/variations', 'key', httpLimits.formBytes],
      ['POST', '/v1/audio/speech', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/audio/transcriptions', 'key', httpLimits.formBytes],
      ['POST', '/v1/audio/translations', 'key', httpLimits.formBytes],
      ['POST', '/v1/moderations', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/rerank', 'key', httpLimits.bodyBytes],
      ['POST', '/v1/files', 'key', httpLimits.formBytes],
      ['GET', '/v1/files', 'key', 0],
      ['GET', '/v1/files/*', 'key', 0],
      ['GET', '/v1/files/*/content', 'key', 0],
      ['DELETE', '/v1/files/*', 'key', 0],
      ['POST', '/v1/batches', 'key', httpLimits.bodyBytes],
      ['GET', '/v1/batches', 'key', 0],
      ['GET', '/v1/batches/*', 'key', 0],
      ['POST', '/v1/batches/*/cancel', 'key', 0],
      ['POST', '/v1/messages/batches', 'key', httpLimits.bodyBytes],
      ['GET', '/v1/messages/batches', 'key', 0],
      ['GET', '/v1/messages/batches/*/results', 'key', 0],
      ['GET', '/v1/messages/batches/*', 'key', 0],
      ['POST', '/v1/messages/batches/*/cancel', 'key', 0],
      ['DELETE', '/v1/messages/batches/*', 'key', 0],
      ['GET', '/v1/models', 'key', 0],
      ['GET', '/v1/models/**', 'key', 0],
      ['GET', '/explain/*', 'key', 0],
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
      explain: (requestId) => ({ requestId }),
      models: [{ id: 'm', ownedBy: 'fake', isSimulated: false }],
      metrics: async () => 'up 1\n',
    })
    for (const route of routes) {
      const { method, path } = route
      const answer = await fetch(url + path.replace('**', 'm').replace('*', 'm'), {
        method,
        headers: { authorization: 'Bearer sk-1' },
        ...(method === 'POST' ? { body: bodyFor(route) } : {}),
      })
      expect([path, answer.status]).toEqual([path, 200])
      await answer.arrayBuffer()
    }
  })
})
