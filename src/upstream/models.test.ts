import { afterAll, describe, expect, test } from 'vitest'
import { dialects } from '../dialects/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Provider } from '../providers/provider.ts'
import { systemClock } from '../std/clock.ts'
import { Secret } from '../std/secret.ts'
import { listModels, MODEL_LIST_BYTES_MAX, MODEL_PAGES_MAX, modelIdsOf, probe } from './models.ts'
import { createRedactor } from './redact.ts'
import { createSender } from './send.ts'
import { createUndiciTransport } from './undici-transport.ts'
import {
  CREDENTIAL,
  httpAnswer,
  openRawWall,
  openWall,
  type ReceivedRequest,
  until,
  wallProvider,
} from './wall.ts'

const transport = createUndiciTransport()
afterAll(() => transport.close())
const deps = {
  sender: createSender({ transport, clock: systemClock, dialects, redactor: createRedactor() }),
  clock: systemClock,
}

function providerAt(origin: string, over: Partial<Provider> = {}): Provider {
  return wallProvider(origin, { modelsPath: '/models', ...over })
}

async function listFrom(answer: (request: ReceivedRequest) => void, over: Partial<Provider> = {}) {
  await using wall = await openWall(answer)
  const source = { provider: providerAt(wall.origin, over), credential: new Secret(CREDENTIAL) }
  const models = await listModels(source, deps, { timeoutMs: 2_000 })
  return { models, heads: wall.requests.map(({ head }) => head) }
}

const entries = (...ids: string[]) => JSON.stringify({ object: 'list', data: ids.map((id) => ({ id })) })

describe('listing models', () => {
  test('reads the list with the provider’s credential', async () => {
    const { models, heads } = await listFrom(({ socket }) =>
      socket.write(httpAnswer(200, entries('a', 'b', 'a'))),
    )
    expect(models).toEqual(['a', 'b'])
    expect(heads[0]).toMatch(/^GET \/v1\/models HTTP/)
    expect(heads[0]).toContain(`authorization: Bearer ${CREDENTIAL}`)
    expect(heads[0]).not.toContain('content-type')
  })

  test('turns the pages of a list that has more', async () => {
    const { models, heads } = await listFrom(({ socket, number }) => {
      const page = {
        data: [{ id: `m-${number}`, type: 'model' }],
        has_more: number < 3,
        last_id: `m ${number}/&`,
      }
      socket.write(httpAnswer(200, JSON.stringify(page)))
    })
    expect(models).toEqual(['m-1', 'm-2', 'm-3'])
    expect(heads[1]).toMatch(/^GET \/v1\/models\?after_id=m%201%2F%26 HTTP/)
  })

  test('a list without end is read for a bounded number of pages', async () => {
    const { heads } = await listFrom(({ socket, number }) => {
      socket.write(
        httpAnswer(200, JSON.stringify({ data: [{ id: `m${number}` }], has_more: true, last_id: 'x' })),
      )
    })
    expect(heads).toHaveLength(MODEL_PAGES_MAX)
  })

  test('a provider without a list has none', async () => {
    const { modelsPath: _none, ...provider } = providerAt('http://127.0.0.1:1')
    expect(await listModels({ provider }, deps, { timeoutMs: 100 })).toEqual([])
  })

  test.each([
    ['no JSON', '{"data":', 'upstream_bad_response'],
    ['too long', `{"data":[],"x":"${'a'.repeat(MODEL_LIST_BYTES_MAX)}"}`, 'response_too_large'],
  ])('a list that is %s is an error', async (_name, body, code) => {
    await expect(listFrom(({ socket }) => socket.write(httpAnswer(200, body)))).rejects.toMatchObject({
      code,
    })
  })

  test('a refusal is classified as any other', async () => {
    await expect(listFrom(({ socket }) => socket.write(httpAnswer(401, '{}')))).rejects.toMatchObject({
      code: 'upstream_auth',
    })
  })

  test('a server that says nothing, or never stops, is left at the time limit', async () => {
    for (const bytes of ['', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{']) {
      await using wall = await openWall(({ socket }) => socket.write(bytes))
      const asking = listModels({ provider: providerAt(wall.origin) }, deps, { timeoutMs: 40 })
      await expect(asking).rejects.toMatchObject({ code: 'upstream_timeout' })
      await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
    }
  })

  test('stops when the caller leaves', async () => {
    await using wall = await openWall(() => undefined)
    const caller = new AbortController()
    const reason = new GatewayError('client_gone', 'gone')
    const asking = listModels({ provider: providerAt(wall.origin) }, deps, {
      timeoutMs: 5_000,
      signal: caller.signal,
    })
    await until(() => wall.requests.length === 1)
    caller.abort(reason)
    await expect(asking).rejects.toBe(reason)
  })
})

describe('the names in a list', () => {
  test.each([
    ['OpenAI’s', { data: [{ id: 'gpt' }] }, ['gpt']],
    ['Ollama’s own', { models: [{ name: 'llama:8b', model: 'llama:8b' }] }, ['llama:8b']],
    ['Gemini’s own', { models: [{ name: 'models/gemini' }] }, ['gemini']],
    ['a bare array', [{ id: 'a/b' }, 'c'], ['a/b', 'c']],
    [
      'of strange entries',
      {
        data: [
          null,
          1,
          {},
          { id: 5 },
          { id: '' },
          { id: 'a b' },
          { id: 'a\u0000' },
          { id: 'x'.repeat(257) },
          { id: 'ok' },
        ],
      },
      ['ok'],
    ],
    ['null', null, []],
    ['a number', 7, []],
    ['with null for data', { data: null, models: 'x' }, []],
  ])('%s', (_name, list, ids) => {
    expect(modelIdsOf(list)).toEqual(ids)
  })
})

describe('probing', () => {
  test('finds a server that answers, and its list', async () => {
    await using wall = await openWall(({ socket }) => socket.write(httpAnswer(200, entries('a'))))
    const answer = await probe({ provider: providerAt(wall.origin), path: '/models', timeoutMs: 1_000 }, deps)
    expect(answer).toEqual({ status: 200, body: JSON.parse(entries('a')) })
  })

  test('finds a server that refuses', async () => {
    await using wall = await openWall(({ socket }) => socket.write(httpAnswer(401, '{}')))
    const answer = await probe({ provider: providerAt(wall.origin), path: '/models', timeoutMs: 1_000 }, deps)
    expect(answer?.status).toBe(401)
  })

  test('finds nothing at a closed port, a silent one, one that speaks no HTTP, and an address that is none', async () => {
    let closed = ''
    {
      await using wall = await openWall(() => undefined)
      closed = wall.origin
    }
    await using silent = await openRawWall((socket) => socket.resume())
    await using other = await openRawWall((socket) => {
      socket.resume()
      socket.write('SSH-2.0-OpenSSH_9.2\r\n')
    })
    const startedAtMs = performance.now()
    for (const origin of [closed, silent.origin, other.origin, 'nonsense']) {
      expect(
        await probe({ provider: providerAt(origin), path: '/models', timeoutMs: 60 }, deps),
      ).toBeUndefined()
    }
    expect(performance.now() - startedAtMs).toBeLessThan(2_000)
  })
})
