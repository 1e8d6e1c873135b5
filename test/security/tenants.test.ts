/** What one client can learn of another, and how long a key is good for after it was taken back. */

import { describe, expect, test } from 'vitest'
import {
  DOLLAR,
  type MadeKey,
  type MoneyPlan,
  type MoneyStage,
  openMoneyStage,
} from '../support/money-stage.ts'
import { openRawClient } from '../support/raw-client.ts'

interface Shared extends MoneyStage {
  readonly mine: MadeKey
  readonly theirs: MadeKey
  readonly owner: MadeKey
  /** As the holder of the key, with JSON or nothing. */
  as(key: MadeKey, method: string, path: string, body?: object): Promise<Told>
  /** Over the admin API of this very process. */
  admin(method: string, path: string, body?: object): Promise<Told>
}

interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function told(url: string, key: MadeKey, method: string, body?: object): Promise<Told> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

async function openShared(plan: MoneyPlan = {}): Promise<Shared> {
  const made: MadeKey[] = []
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      made.push(await ledger.key({ name: 'mine' }), await ledger.key({ name: 'theirs' }))
      made.push(await ledger.key({ name: 'boss', kind: 'admin', role: 'owner' }))
    },
  })
  const [mine, theirs, owner] = made
  if (mine === undefined || theirs === undefined || owner === undefined) throw new Error('no keys were made')
  return {
    ...stage,
    mine,
    theirs,
    owner,
    as: (key, method, path, body) => told(stage.url + path, key, method, body),
    admin: (method, path, body) => told(`${stage.gateway.running.adminUrl}${path}`, owner, method, body),
  }
}

const neutral = ({ status, text }: Told, id: string) => [
  status,
  text.replaceAll(id, 'THE-ID').replaceAll(/req_\w+/g, 'REQUEST'),
]

describe('SEC-19: what is another client’s', () => {
  test('is to the letter what never was: answers that are kept, whatever is done with them', async () => {
    const { as, mine, theirs } = await openShared()
    const made = await as(mine, 'POST', '/v1/responses', { model: 'chat/m', input: 'who am I' })
    const { id } = JSON.parse(made.text) as { id: string }
    const never = 'resp_0000000000000000'
    expect((await as(mine, 'GET', `/v1/responses/${id}`)).status).toBe(200)
    for (const [method, end] of [
      ['GET', ''],
      ['GET', '/input_items'],
      ['GET', '?stream=true'],
      ['POST', '/cancel'],
      ['DELETE', ''],
    ] as const) {
      const foreign = neutral(await as(theirs, method, `/v1/responses/${id}${end}`), id)
      expect(foreign).toEqual(neutral(await as(theirs, method, `/v1/responses/${never}${end}`), never))
      expect([method, end, foreign[0]]).toEqual([method, end, 404])
    }
    // And nothing was done to it.
    expect((await as(mine, 'GET', `/v1/responses/${id}`)).text).toContain(id)
  })

  test('is to the letter what never was: how a request was decided', async () => {
    const { send, as, mine, theirs } = await openShared()
    const response = await send({
      client: 'openai-chat',
      key: mine.secret,
      headers: { 'x-holdfast-explain': '1' },
    })
    await response.text()
    const id = response.headers.get('x-request-id') ?? ''
    expect((await as(mine, 'GET', `/explain/${id}`)).status).toBe(200)
    const never = 'req_00000000000000000000'
    expect(neutral(await as(theirs, 'GET', `/explain/${id}`), id)).toEqual(
      neutral(await as(theirs, 'GET', `/explain/${never}`), never),
    )
  })

  test('SEC-41: a stream that is running is not come back to by anybody else', async () => {
    const { send, ask, mine, theirs, simulator } = await openShared({
      scenario: { pace: { firstTokenMs: 50, perTokenMs: 20 }, answers: [{ text: 'word '.repeat(20) }] },
    })
    const asking = {
      client: 'openai-chat',
      mode: 'stream',
      headers: { 'idempotency-key': 'order-1', 'x-holdfast-durable': '1' },
    } as const
    const running = await send({ ...asking, key: mine.secret })
    const comingBack = { ...asking, headers: { ...asking.headers, 'last-event-id': '1' } }
    const foreign = await ask({ ...comingBack, key: theirs.secret })
    // To another key there is nothing to come back to; where it may begin, it begins a request of its own.
    if (foreign.status === 200) expect(simulator.calls).toHaveLength(2)
    expect(foreign.headers.get('x-holdfast-recall')).toBeNull()
    await running.text()
    expect((await ask({ ...comingBack, key: mine.secret })).headers.get('x-holdfast-recall')).not.toBeNull()
  })
})

describe('SEC-12: a key that is revoked here', () => {
  const slow = { pace: { firstTokenMs: 50, perTokenMs: 25 }, answers: [{ text: 'word '.repeat(15) }] }

  test('is refused by the very next request: plain, cached, replayed, joined or come back to', async () => {
    const { admin, ask, send, mine, simulator } = await openShared({
      scenario: slow,
      config: { routes: { smart: { targets: ['chat/m'], cache: true } } },
    })
    const key = mine.secret
    const plain = { client: 'openai-chat', key } as const
    const cached = { ...plain, model: 'smart', prompt: 'again' }
    const keyed = { ...plain, headers: { 'idempotency-key': 'order-1' } }
    const running = {
      ...plain,
      mode: 'stream',
      headers: { 'idempotency-key': 'order-2', 'x-holdfast-durable': '1' },
    } as const
    for (const asking of [plain, cached, keyed]) expect((await ask(asking)).status).toBe(200)
    expect((await ask(cached)).headers.get('x-holdfast-cache')).toBe('HIT')
    expect((await ask(keyed)).headers.get('x-holdfast-recall')).toBe('replayed')
    const begun = await send(running)
    const calls = simulator.calls.length

    expect((await admin('POST', `/api/v1/keys/${mine.id}/revoke`, {})).status).toBe(200)
    for (const asking of [
      plain,
      cached,
      keyed,
      running,
      { ...running, headers: { ...running.headers, 'last-event-id': '1' } },
    ]) {
      const { status, error } = await ask(asking)
      expect([asking, status, error?.code]).toEqual([
        asking,
        401,
        expect.stringMatching(/unauthenticated|invalid_api_key/),
      ])
    }
    expect(simulator.calls.length).toBe(calls)
    await begun.body?.cancel()
  })
})

describe('SEC-18: whoever guesses keys', () => {
  test('SEC-15: does not become somebody else by a header, nor is another slowed down in his place', async () => {
    const { gateway, mine, url } = await openShared()
    const statuses: number[] = []
    for (let number = 0; number < 60; number += 1) {
      const address = `203.0.113.${number}`
      const response = await fetch(`${url}/v1/models`, {
        headers: {
          authorization: `Bearer sk-hf-guess${String(number).padStart(31, '0')}`,
          'x-forwarded-for': address,
          'x-real-ip': address,
          'cf-connecting-ip': address,
          'true-client-ip': address,
          'x-client-ip': address,
          forwarded: `for=${address}`,
        },
      })
      await response.text()
      statuses.push(response.status)
    }
    expect(statuses.slice(0, 20).every((status) => status === 401)).toBe(true)
    expect(statuses.slice(25).filter((status) => status === 401).length).toBeLessThan(10)
    expect(statuses.at(-1)).toBe(429)
    // Whoever comes from another address is told as ever that his key is none, and a good key passes from this one.
    const client = await openRawClient(gateway.port)
    client.send(
      `GET /v1/models HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.1\r\nauthorization: Bearer ${mine.secret}\r\nconnection: close\r\n\r\n`,
    )
    expect((await client.closed()).text).toMatch(/^HTTP\/1\.1 200 /)
  })
})

test('SEC-55: nobody changes or removes a line of the audit log or of the books, in the file itself either', async () => {
  const { DatabaseSync } = await import('node:sqlite')
  const { ask, mine, books, budget, path, store } = await openShared()
  await budget({ scope: { kind: 'key', id: mine.id }, nanoUsd: DOLLAR })
  expect((await ask({ client: 'openai-chat', key: mine.secret })).status).toBe(200)
  await books(1)
  const file = new DatabaseSync(path)
  try {
    for (const [table, column] of [
      ['audit', 'line'],
      ['entries', 'cost_nano'],
      ['requests', 'state'],
    ]) {
      const [{ lines } = { lines: 0 }] = file.prepare(`SELECT count(*) AS lines FROM ${table}`).all()
      expect([table, Number(lines) > 0]).toEqual([table, true])
      expect(() => file.exec(`UPDATE ${table} SET ${column} = ${column}`)).toThrow(/append-only/)
      expect(() => file.exec(`DELETE FROM ${table}`)).toThrow(/append-only/)
    }
  } finally {
    file.close()
  }
  expect((await store.auditLines({ limit: 10 })).rows.length).toBeGreaterThan(2)
})
