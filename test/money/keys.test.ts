/** Keys at the client's door, over HTTP: made, used, scoped, rotated, revoked, guessed at. */

import { describe, expect, test } from 'vitest'
import type { ClientDialect } from '../support/client-answer.ts'
import { eventually, type MoneyStage, NAMES, openMoneyStage } from '../support/money-stage.ts'
import { ALL_CLIENTS } from '../support/upstreams.ts'

const refusal = { status: 401, code: 'unauthenticated' }

async function statusOf(stage: MoneyStage, key?: string, client: ClientDialect = 'openai-chat') {
  const { status, error } = await stage.ask({ client, ...(key === undefined ? {} : { key }) })
  return status === 200 ? { status } : { status, code: error?.code }
}

describe('a virtual key', () => {
  test('works with its first request, however short a time ago it was made elsewhere', async () => {
    const stage = await openMoneyStage()
    expect(await statusOf(stage)).toEqual({ status: 200 })
    for (const [place, client] of ALL_CLIENTS.entries()) {
      const { secret } = await stage.key({ name: `laptop ${client}` })
      // One look at the store is allowed in a quarter of a second; the poll, every second, finds the rest.
      const within = performance.now() + 1_200
      const answer = await eventually('the key works', async () => {
        const answer = await stage.ask({ client, key: secret })
        return answer.status === 200 || performance.now() > within ? answer : undefined
      })
      expect(answer.status).toBe(200)
      if (place === 0) expect(stage.gateway.exchanges.filter(({ status }) => status === 401)).toEqual([])
    }
    expect(await statusOf(stage)).toEqual(refusal)
  })

  test('SEC-12: revoked elsewhere is refused within five seconds, its replays and cached answers too', async () => {
    let secret = ''
    let id = ''
    const stage = await openMoneyStage({
      config: { cache: { default: true }, routes: { smart: { targets: ['chat/m'] } } },
      prepare: async (ledger) => void ({ secret, id } = await ledger.key({ name: 'laptop' })),
    })
    const keyed = { client: 'openai-chat', key: secret, headers: { 'idempotency-key': 'order-1' } } as const
    const cached = { client: 'openai-chat', key: secret, model: 'smart', prompt: 'again' } as const
    expect((await stage.ask(keyed)).status).toBe(200)
    expect((await stage.ask(keyed)).headers.get('x-holdfast-recall')).toBe('replayed')
    await stage.ask(cached)
    expect((await stage.ask(cached)).headers.get('x-holdfast-cache')).toBe('HIT')
    const calls = stage.simulator.calls.length

    await stage.revoke(id)
    const revokedAtMs = performance.now()
    await eventually('it is refused', async () =>
      (await stage.ask(cached)).status === 401 ? true : undefined,
    )
    expect(performance.now() - revokedAtMs).toBeLessThan(5_000)
    for (const asking of [keyed, cached]) {
      const { status, error, raw } = await stage.ask(asking)
      expect({ status, code: error?.code }).toEqual(refusal)
      expect(raw).not.toContain(secret)
    }
    expect(stage.simulator.calls.length).toBe(calls)
  })

  test('is refused from the moment it expires, in the words for every other bad key', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      prepare: async (ledger) => {
        ;({ secret } = await ledger.key({ name: 'short', expiresAtMs: Date.now() + 2_500 }))
      },
    })
    expect(await statusOf(stage, secret)).toEqual({ status: 200 })
    const expired = await eventually('it has expired', async () => {
      const answer = await stage.ask({ client: 'openai-chat', key: secret })
      return answer.status === 401 ? answer : undefined
    })
    const unknown = await stage.ask({ client: 'openai-chat', key: 'sk-hf-nobody' })
    expect(expired.error?.message).toBe(unknown.error?.message)
  })

  test('rotated: both are good while they overlap, with none the old one is gone', async () => {
    const stage = await openMoneyStage()
    const first = await stage.key({ name: 'laptop' })
    expect(await statusOf(stage, first.secret)).toEqual({ status: 200 })
    const second = await stage.rotate('laptop')
    const works = (key: string) => async () =>
      (await statusOf(stage, key)).status === 200 ? true : undefined
    await eventually('the new key works', works(second.secret), 300)
    expect(await statusOf(stage, first.secret)).toEqual({ status: 200 })
    const third = await stage.rotate('laptop', 0)
    await eventually('the newest key works', works(third.secret), 300)
    expect(await statusOf(stage, second.secret)).toEqual(refusal)
    expect(await statusOf(stage, third.secret)).toEqual({ status: 200 })
  })

  test('SEC-16: an admin key is worth nothing here', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      prepare: async (ledger) => {
        ;({ secret } = await ledger.key({ name: 'boss', kind: 'admin', role: 'owner' }))
        await ledger.key({ name: 'laptop' })
      },
    })
    for (const client of ALL_CLIENTS) expect(await statusOf(stage, secret, client)).toEqual(refusal)
    const list = await fetch(`${stage.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })
    expect(list.status).toBe(401)
  })

  test('SEC-9: neither its hash as it is kept, nor anything like the key, opens the door', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      prepare: async (ledger) => void ({ secret } = await ledger.key({ name: 'laptop' })),
    })
    const [kept] = (await stage.store.loadDirectory()).keys
    expect(kept?.hash).toMatch(/^[\w-]{43}$/)
    expect(JSON.stringify(kept)).not.toContain(secret.slice(6, 30))
    const hash = kept?.hash ?? ''
    const hex = Buffer.from(hash, 'base64url').toString('hex')
    const bad = [
      hash,
      hex,
      `sk-hf-${hash}`,
      kept?.id ?? '',
      secret.toUpperCase(),
      secret.toLowerCase(),
      secret.slice(0, -1),
      `${secret}x`,
      secret.padEnd(99, 'x'),
      'x'.repeat(99),
      'x'.repeat(9_000),
      'schlüssel',
      '%00',
    ]
    for (const key of bad) {
      const response = await fetch(`${stage.url}/v1/models`, {
        headers: { 'x-api-key': Buffer.from(key).toString('latin1') },
      })
      // A limit on guesses begins after twenty.
      expect([key, response.status]).toEqual([key, 401])
    }
    expect(await statusOf(stage, secret)).toEqual({ status: 200 })
  })

  test('fault 116, SEC-18: of a thousand guesses a few are judged, the rest is slowed down, and none is logged', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      prepare: async (ledger) => void ({ secret } = await ledger.key({ name: 'laptop' })),
    })
    const guess = (number: number) => `sk-hf-guess${String(number).padStart(31, '0')}`
    const said = new Map<number, Set<string>>()
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, place) =>
          stage.ask({ client: 'openai-chat', key: guess(round * 20 + place) }),
        ),
      )
      for (const { status, error, raw } of answers) {
        expect(raw).not.toContain('guess')
        said.set(status, (said.get(status) ?? new Set()).add(error?.message ?? ''))
      }
    }
    expect([...said.keys()].sort((one, other) => one - other)).toEqual([401, 429])
    expect([...said.values()].map((words) => words.size)).toEqual([1, 1])
    const judged = stage.gateway.exchanges.filter(({ status }) => status === 401).length
    expect(judged).toBeLessThan(100)
    expect(JSON.stringify([stage.gateway.exchanges, stage.gateway.notices])).not.toContain('guess')
    expect(stage.simulator.calls).toEqual([])
    // Whoever has a good key is served, from the same address too.
    expect(await statusOf(stage, secret)).toEqual({ status: 200 })
  })
})

describe('scopes', () => {
  const config = {
    routes: {
      smart: { targets: ['chat/m', 'messages/m'] },
      hidden: { targets: ['chat/secret-model'], when: undefined },
    },
  }

  test('SEC-19: what a key may not use looks to it as if it were not there, in every dialect', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      config,
      prepare: async (ledger) => {
        ;({ secret } = await ledger.key({ name: 'narrow', scopes: { routes: ['smart'] } }))
      },
    })
    const expectSame = async (client: ClientDialect, model: string) => {
      const told = await stage.ask({ client, key: secret, model })
      const missing = await stage.ask({ client, key: secret, model: 'no-such-model' })
      expect(told.status).toBe(missing.status)
      const neutral = (raw: string, name: string) =>
        raw.replaceAll(`\\"${name}\\"`, 'MODEL').replaceAll(/req_\w+/g, 'ID')
      expect(neutral(told.raw, model)).toBe(neutral(missing.raw, 'no-such-model'))
      expect(told.raw).not.toMatch(/Did you mean|Known models/)
      for (const hidden of ['hidden', 'secret-model', 'chat/m', 'messages/m', 'smart'])
        if (hidden !== model) expect(told.raw).not.toContain(hidden)
    }
    for (const client of ALL_CLIENTS) {
      expect((await stage.ask({ client, key: secret, model: 'smart' })).status).toBe(200)
      for (const model of ['hidden', `${NAMES[client]}/m`, 'm', 'smrt', 'chatt/m', 'hiden'])
        await expectSame(client, model)
    }
  })

  test('the list of models holds what the key may use, in all three shapes, and nothing else is found', async () => {
    let narrow = ''
    let byModel = ''
    const stage = await openMoneyStage({
      config,
      prepare: async (ledger) => {
        ;({ secret: narrow } = await ledger.key({ name: 'narrow', scopes: { routes: ['smart'] } }))
        ;({ secret: byModel } = await ledger.key({ name: 'models', scopes: { models: ['messages/*'] } }))
      },
    })
    const shapes = {
      openai: (key: string) => ({ authorization: `Bearer ${key}` }),
      anthropic: (key: string) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
      google: (key: string) => ({ 'x-goog-api-key': key }),
    }
    for (const headersOf of Object.values(shapes)) {
      const list = async (key: string) =>
        (await fetch(`${stage.url}/v1/models`, { headers: headersOf(key) })).text()
      expect(await list(narrow)).toContain('smart')
      expect(await list(narrow)).not.toMatch(/hidden|secret-model|chat\/m|messages\/m/)
      expect(await list(byModel)).toContain('messages/m')
      expect(await list(byModel)).not.toMatch(/hidden|secret-model|chat\/m|smart/)
      const find = (id: string) => fetch(`${stage.url}/v1/models/${id}`, { headers: headersOf(narrow) })
      expect((await find('smart')).status).toBe(200)
      expect((await find('hidden')).status).toBe(404)
      expect((await find('chat/m')).status).toBe(404)
    }
    expect(
      (await stage.ask({ client: 'anthropic-messages', key: byModel, model: 'messages/m' })).status,
    ).toBe(200)
    expect((await stage.ask({ client: 'anthropic-messages', key: byModel, model: 'chat/m' })).status).toBe(
      404,
    )
  })

  test('a route asked for by name is served by those of its targets that the key may use', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      config,
      prepare: async (ledger) => {
        ;({ secret } = await ledger.key({ name: 'models', scopes: { models: ['messages/m'] } }))
      },
    })
    const answer = await stage.ask({ client: 'openai-chat', key: secret, model: 'smart' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-holdfast-target')).toBe('messages/m')
  })

  test('a key for some models has no files and no batches', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      prepare: async (ledger) =>
        void ({ secret } = await ledger.key({ name: 'm', scopes: { models: ['chat/m'] } })),
    })
    for (const path of ['/v1/files', '/v1/batches', '/v1/messages/batches']) {
      const response = await fetch(stage.url + path, { headers: { authorization: `Bearer ${secret}` } })
      expect(response.status).toBe(403)
      expect(await response.text()).toMatch(/kept to certain models or routes/)
    }
    expect(stage.simulator.calls).toEqual([])
  })

  test('a key for chats may not do anything else, and is told so', async () => {
    let secret = ''
    const stage = await openMoneyStage({
      prepare: async (ledger) => {
        ;({ secret } = await ledger.key({ name: 'chats', scopes: { operations: ['chat'] } }))
      },
    })
    for (const client of ALL_CLIENTS)
      expect((await stage.ask({ client, key: secret, model: `${NAMES[client]}/m` })).status).toBe(200)
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    const calls = stage.simulator.calls.length
    const asks: readonly (readonly [string, string, object | undefined])[] = [
      ['POST', '/v1/embeddings', { model: 'chat/m', input: 'hi' }],
      [
        'POST',
        '/v1/messages/count_tokens',
        { model: 'messages/m', messages: [{ role: 'user', content: 'hi' }] },
      ],
      ['POST', '/v1/images/generations', { model: 'chat/m', prompt: 'hi' }],
      ['POST', '/v1/moderations', { model: 'chat/m', input: 'hi' }],
      [
        'POST',
        '/v1/batches',
        { input_file_id: 'file-1', endpoint: '/v1/chat/completions', completion_window: '24h' },
      ],
      ['GET', '/v1/files', undefined],
      ['POST', '/v1beta/models/google%2Fm:embedContent', { content: { parts: [{ text: 'hi' }] } }],
      ['POST', '/v1beta/models/google%2Fm:countTokens', { contents: [{ parts: [{ text: 'hi' }] }] }],
    ]
    for (const [method, path, body] of asks) {
      const response = await fetch(stage.url + path, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      expect([path, response.status]).toEqual([path, 403])
      expect(await response.text()).toContain('permission_denied')
    }
    expect(stage.simulator.calls.length).toBe(calls)
  })
})
