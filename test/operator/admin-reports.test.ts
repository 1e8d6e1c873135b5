import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LedgerEntry, RequestRow } from '../../src/ledger/entry.ts'
import type { BudgetId } from '../../src/ledger/budget.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { openSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { systemClock } from '../../src/std/clock.ts'
import { ADMIN_WORK } from '../../src/http/admin/admin-api.ts'
import { openRawClient } from '../support/raw-client.ts'
import { readCsv } from '../support/read-csv.ts'
import { type AdminStage, type Answered, startAdmin, textOf } from '../support/admin-stage.ts'

const dataOf = ({ json }: Answered) => json['data'] as readonly JsonObject[]
const DAY_MS = 86_400_000

interface Spent {
  readonly id: string
  readonly who?: 'member' | 'stranger'
  readonly atMs?: number
  readonly modelId?: string
  readonly tags?: readonly string[]
  readonly endUser?: string
  readonly sessionId?: string
  readonly costNanoUsd?: number
  readonly charges?: LedgerEntry['charges']
}

/** Requests with one attempt each, posted as the gateway posts them. */
async function post(
  { store, users, dataKeys, project, otherProject, team, otherTeam, clock }: AdminStage,
  spent: readonly Spent[],
) {
  const lines = spent.map(
    ({ id, who = 'member', atMs = clock.wallMs(), modelId = 'm', tags = [], ...rest }) => {
      const attribution = {
        keyId: dataKeys[who].id,
        keyName: `${who} key`,
        projectId: who === 'member' ? project.id : otherProject.id,
        teamId: who === 'member' ? team.id : otherTeam.id,
        userId: users[who].id,
        tags,
        ...(rest.endUser === undefined ? {} : { endUser: rest.endUser }),
        ...(rest.sessionId === undefined ? {} : { sessionId: rest.sessionId }),
      }
      const costNanoUsd = (rest.costNanoUsd ?? 1_000) as NanoUsd
      const entry: LedgerEntry = {
        exchangeId: id,
        attempt: 1,
        atMs,
        attribution,
        modelId,
        target: 'up/m',
        provider: 'up',
        outcome: 'completed',
        durationMs: 5,
        inputTokens: 3,
        outputTokens: 2,
        basis: 'reported',
        costNanoUsd,
        isWaste: false,
        charges: rest.charges ?? [],
      }
      const request: RequestRow = {
        exchangeId: id,
        atMs,
        attribution,
        state: 'completed',
        dialect: 'openai-chat',
        operation: 'chat',
        modelId,
        status: 200,
        stream: false,
        attempts: 1,
        requestBytes: 1,
        responseBytes: 2,
        durationMs: 5,
        inputTokens: 3,
        outputTokens: 2,
        costNanoUsd,
        isSimulated: false,
      }
      return { entry, request }
    },
  )
  await store.postBooks({
    nodeId: 'node_1',
    entries: lines.map(({ entry }) => entry),
    requests: lines.map(({ request }) => request),
  })
}

describe('usage', () => {
  test('is told apart by model and day, exact to the nano-dollar, with names beside ids', async () => {
    const stage = await startAdmin()
    const { ask, keys, clock, dataKeys } = stage
    const dayMs = clock.wallMs()
    clock.advance(2 * DAY_MS)
    await post(stage, [
      { id: 'r1', atMs: dayMs, modelId: 'a', costNanoUsd: 1 },
      { id: 'r2', atMs: dayMs, modelId: 'a', costNanoUsd: 999_999_999_999_999 },
      { id: 'r3', atMs: dayMs + DAY_MS, modelId: 'b', who: 'stranger', costNanoUsd: 41_000 },
    ])
    const key = keys.viewer.secret
    const page = await ask('/api/v1/usage?by=model,day', { key })
    expect(dataOf(page)).toMatchObject([
      {
        group: { model: 'a', day: '2026-01-01T00:00:00.000Z' },
        attempts: 2,
        cost_usd: '1000000.000000000',
        cost_nano_usd: 1_000_000_000_000_000,
        waste_usd: '0.000000000',
        input_tokens: 6,
      },
      { group: { model: 'b', day: '2026-01-02T00:00:00.000Z' }, cost_usd: '0.000041000' },
    ])
    const byKey = await ask(
      `/api/v1/usage?by=key&key=${dataKeys.member.id}&from=2026-01-01&until=2026-01-02`,
      { key },
    )
    expect(dataOf(byKey)).toMatchObject([
      { group: { key: dataKeys.member.id }, names: { key: 'mia laptop' }, attempts: 2 },
    ])
    const cut = await ask('/api/v1/usage?by=model&limit=1', { key })
    expect([dataOf(cut).length, cut.json['is_cut']]).toEqual([1, true])
    for (const query of [
      'by=prompt',
      'by=a,b,c,d',
      'by=key,key',
      'from=x',
      'from=2026-01-02&until=2026-01-01',
      'limit=0',
      'x=1',
    ])
      expect([query, (await ask(`/api/v1/usage?${query}`, { key })).status]).toEqual([query, 400])
  })

  test('has pages, as JSON and as CSV, of the time that the first one looked at', async () => {
    const stage = await startAdmin()
    const { ask, keys, clock } = stage
    const key = keys.viewer.secret
    const models = Array.from({ length: 12_500 }, (_, at) => `m${textOf(at).padStart(5, '0')}`)
    await post(
      stage,
      models.map((modelId) => ({ id: modelId, modelId })),
    )
    const seen: unknown[] = []
    const spans = new Set<string>()
    let cursor = ''
    for (const rows of [1_000, 1_000, 400]) {
      const limit = rows === 400 ? '&limit=400' : ''
      const page = await ask(`/api/v1/usage?by=model${limit}${cursor}`, { key })
      expect([dataOf(page).length, page.json['is_cut']]).toEqual([rows, true])
      seen.push(...dataOf(page).map(({ group }) => (group as JsonObject)['model']))
      spans.add(`${textOf(page.json['from'])} ${textOf(page.json['until'])}`)
      cursor = `&cursor=${textOf(page.json['next'])}`
      // What was spent meanwhile, in another month, would be the first row and move all others.
      clock.advance(31 * DAY_MS)
      await post(stage, [{ id: `later ${seen.length}`, modelId: 'a', costNanoUsd: 5_000 }])
    }
    expect([seen, spans.size]).toEqual([models.slice(0, 2_400), 1])

    const until = '&from=2026-01-01&until=2026-01-31'
    const first = await ask(`/api/v1/usage?by=model&format=csv${until}`, { key })
    const next = textOf(first.headers['x-next-cursor'])
    const second = await ask(`/api/v1/usage?by=model&format=csv${until}&cursor=${next}`, { key })
    const [head, ...rows] = readCsv(first.text)
    const [headAgain, ...rest] = readCsv(second.text)
    expect([rows.length, rest.length, headAgain]).toEqual([10_000, 2_500, head])
    expect([...rows, ...rest].map((row) => row[1])).toEqual(models)
    expect(second.headers['x-next-cursor']).toBeUndefined()
    expect((await ask(`/api/v1/usage?by=model&cursor=${next}&limit=1`, { key })).json).toMatchObject({
      next: expect.stringMatching(/_10001$/),
    })
  })

  test('takes no cursor that no page gave, none of another time, and goes no further than the store can bear', async () => {
    const asked: number[] = []
    const stage = await startAdmin({
      store: (store) => ({
        spend: async (query) => {
          asked.push(query.rowsMax)
          return await store.spend(query)
        },
      }),
    })
    const refusal = async (query: string) => {
      const { status, json } = await stage.ask(`/api/v1/usage?${query}`, { key: stage.keys.viewer.secret })
      expect([query, status, json]).toMatchObject([query, 400, { error: { code: 'invalid_request' } }])
      return textOf((json['error'] as JsonObject)['message'])
    }
    for (const cursor of [
      'x',
      '1',
      '5_9',
      '5_9_0',
      '5_9_-1',
      '5_9_01',
      '5_9_1e3',
      '5_9_1.5',
      '9_5_1',
      '5_5_1',
      '5_9999999999999999_1',
      '5_9_1_',
      '5_9_1%0a',
      '%205_9_1',
    ])
      expect(await refusal(`cursor=${cursor}`)).toContain('none that a page gave')
    expect(await refusal('cursor=5_9_1&from=2026-01-01')).toContain('another time')
    expect(await refusal('cursor=5_9_1&until=2026-01-01')).toContain('another time')
    expect(await refusal('cursor=5_9_100001')).toContain('narrow the time or the filters')
    expect(asked).toEqual([])
    const last = await stage.ask('/api/v1/usage?format=csv&cursor=5_9_50000', {
      key: stage.keys.viewer.secret,
    })
    expect([last.status, asked]).toEqual([200, [60_001]])
  })

  test('SEC-19: a member sees what his own keys spent, whatever he asks for', async () => {
    const stage = await startAdmin()
    const { ask, keys, users, dataKeys, otherProject } = stage
    await post(stage, [
      { id: 'r1', costNanoUsd: 5 },
      { id: 'r2', who: 'stranger', costNanoUsd: 7 },
    ])
    const cost = async (query: string) =>
      dataOf(await ask(`/api/v1/usage?${query}`, { key: keys.member.secret })).map(
        (row) => row['cost_nano_usd'],
      )
    expect(await cost('by=user')).toEqual([5])
    expect(await cost(`user=${users.stranger.id}`)).toEqual([])
    expect(await cost(`by=key&key=${dataKeys.stranger.id}`)).toEqual([])
    expect(await cost(`by=project&project=${otherProject.id}`)).toEqual([])
  })
})

test('a report takes a key by its id, or by its name, which is that of its whole line of rotations', async () => {
  const stage = await startAdmin()
  const { ask, keys, dataKeys } = stage
  const path = `/api/v1/keys/${dataKeys.member.id}/rotate`
  const rotated = await ask(path, { method: 'POST', key: keys.owner.secret, body: {} })
  const next = textOf(rotated.json['id'])
  await post(stage, [
    { id: 'r1', costNanoUsd: 5 },
    { id: 'r2', who: 'stranger', costNanoUsd: 7 },
  ])
  const later = { ...stage, dataKeys: { ...dataKeys, member: { ...dataKeys.member, id: next } } }
  await post(later, [{ id: 'r3', costNanoUsd: 11 }])
  const told = async (asked: string, key = keys.viewer.secret) => {
    const query = `key=${encodeURIComponent(asked)}`
    const usage = dataOf(await ask(`/api/v1/usage?${query}`, { key }))
    const requests = dataOf(await ask(`/api/v1/requests?${query}`, { key }))
    return [usage.map((row) => row['cost_nano_usd']), requests.map(({ id }) => textOf(id)).sort()]
  }
  const both = [[16], ['r1', 'r3']]
  expect(await told('mia laptop')).toEqual(both)
  expect(await told(next)).toEqual([[11], ['r3']])
  expect(await told(dataKeys.member.id)).toEqual([[5], ['r1']])
  expect(await told('sam laptop')).toEqual([[7], ['r2']])
  // SEC-19: to a member only what is his own has a name.
  expect(await told('mia laptop', keys.member.secret)).toEqual(both)
  for (const nobodys of ['sam laptop', dataKeys.stranger.id, 'nobody'])
    expect(await told(nobodys, keys.member.secret)).toEqual([[], []])
})

describe('requests', () => {
  test('ten thousand are paged through, each once, the newest first', async () => {
    const stage = await startAdmin()
    const { ask, keys, clock } = stage
    const startMs = clock.wallMs()
    const ids = Array.from({ length: 10_000 }, (_, index) => `r${textOf(index).padStart(5, '0')}`)
    // Many of one millisecond.
    await post(
      stage,
      ids.map((id, index) => ({ id, atMs: startMs + Math.floor(index / 7) })),
    )
    const seen: unknown[] = []
    let cursor: unknown = null
    do {
      const next = cursor === null ? '' : `&cursor=${encodeURIComponent(textOf(cursor))}`
      const page = await ask(`/api/v1/requests?limit=997${next}`, { key: keys.owner.secret })
      seen.push(...dataOf(page).map(({ id }) => id))
      cursor = page.json['next']
    } while (cursor !== null)
    expect(seen).toEqual(ids.toReversed())
    const csv = await ask('/api/v1/requests?limit=2500&format=csv', { key: keys.owner.secret })
    expect(csv.text.split('\r\n')).toHaveLength(2_502)
    const rest = await ask(`/api/v1/requests?limit=10000&format=csv&cursor=${csv.headers['x-next-cursor']}`, {
      key: keys.owner.secret,
    })
    expect(rest.text.split('\r\n')).toHaveLength(7_502)
    expect(rest.headers['x-next-cursor']).toBeUndefined()
    expect(dataOf(await ask('/api/v1/requests?limit=5000', { key: keys.owner.secret }))).toHaveLength(500)
  })

  test('one is shown with its attempts, and found by what it was', async () => {
    const stage = await startAdmin()
    const { ask, keys, users, team, otherTeam } = stage
    const key = keys.viewer.secret
    await post(stage, [
      { id: 'r1', modelId: 'a', tags: ['team:x'] },
      { id: 'r2', who: 'stranger' },
    ])
    const one = await ask('/api/v1/requests/r1', { key })
    expect(one.json).toMatchObject({
      request: { id: 'r1', model: 'a', cost_usd: '0.000001000', tags: ['team:x'], route: null },
      attempts: [{ attempt: 1, target: 'up/m', basis: 'reported', is_waste: false }],
    })
    for (const [query, ids] of [
      ['model=a', ['r1']],
      ['tag=team:x', ['r1']],
      [`user=${users.stranger.id}`, ['r2']],
      [`team=${team.id}`, ['r1']],
      [`team=${otherTeam.id}&model=a`, []],
      ['provider=up&model=a', ['r1']],
      ['provider=up/m', []],
      ['state=failed', []],
      ['until=2025-12-31', []],
    ] as const)
      expect([query, dataOf(await ask(`/api/v1/requests?${query}`, { key })).map(({ id }) => id)]).toEqual([
        query,
        ids,
      ])
  })

  test.each([
    ['requests', ['x', '.', '1796049', '-1', `1.${'9'.repeat(300)}`]],
    ['audit', ['x', '0', '1.5', '-1', '1e3', '9'.repeat(20)]],
  ])('%s take no cursor that no page gave: no rows would look like the end', async (list, cursors) => {
    const { ask, keys } = await startAdmin()
    for (const cursor of cursors) {
      const { status, json } = await ask(`/api/v1/${list}?cursor=${cursor}`, { key: keys.viewer.secret })
      expect([cursor, status, json]).toMatchObject([cursor, 400, { error: { code: 'invalid_request' } }])
    }
  })

  test('are asked for by a state that a request may end in, and by no other', async () => {
    const { ask, keys } = await startAdmin()
    const key = keys.viewer.secret
    for (const state of ['completed', 'client_gone', 'orphaned'])
      expect([state, (await ask(`/api/v1/requests?state=${state}`, { key })).status]).toEqual([state, 200])
    const { status, json } = await ask('/api/v1/requests?state=cancelled', { key })
    expect([status, json]).toMatchObject([400, { error: { code: 'invalid_request' } }])
    for (const word of ['state', 'client_gone', 'orphaned']) expect(JSON.stringify(json)).toContain(word)
  })

  test('SEC-19: another’s request answers a member as one that never was', async () => {
    const stage = await startAdmin()
    const { ask, keys, users } = stage
    await post(stage, [{ id: 'r1' }, { id: 'r2', who: 'stranger' }])
    const key = keys.member.secret
    expect(dataOf(await ask('/api/v1/requests', { key })).map(({ id }) => id)).toEqual(['r1'])
    expect(dataOf(await ask(`/api/v1/requests?user=${users.stranger.id}`, { key }))).toEqual([])
    const answers = [await ask('/api/v1/requests/r2', { key }), await ask('/api/v1/requests/r9', { key })]
    expect(answers.map(({ status }) => status)).toEqual([404, 404])
    expect(answers[0]?.text).toBe(answers[1]?.text)
    expect((await ask('/api/v1/requests/r1', { key })).status).toBe(200)
  })

  test('a store that overlooks the filter by user shows a member nothing of others', async () => {
    const stage = await startAdmin({
      store: (store) => ({ requests: (query) => store.requests({ limit: query.limit }) }),
    })
    await post(stage, [{ id: 'r1' }, { id: 'r2', who: 'stranger' }])
    const page = await stage.ask('/api/v1/requests', { key: stage.keys.member.secret })
    expect(dataOf(page).map(({ id }) => id)).toEqual(['r1'])
  })
})

describe('CSV', () => {
  test.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    ' =cmd|x',
    '\r=1',
    '"=1',
    ',=1',
    '=HYPERLINK("http://x")',
  ])('a cell that strangers wrote is no formula: %j', async (modelId) => {
    const stage = await startAdmin()
    const { ask, keys } = stage
    await post(stage, [{ id: 'r1', modelId, tags: [modelId] }])
    for (const path of ['requests?limit=5', 'usage?by=model,tag']) {
      const answer = await ask(`/api/v1/${path}`, {
        key: keys.owner.secret,
        headers: { accept: 'text/csv' },
      })
      expect(answer.headers['content-type']).toMatch(/^text\/csv/)
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      const cells = readCsv(answer.text).flat()
      expect(cells.some((cell) => cell.includes(modelId))).toBe(true)
      for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r]|^\s+[=+\-@]/)
    }
  })

  test('has a line for each row and a cell for each column', async () => {
    const stage = await startAdmin()
    await post(stage, [
      { id: 'r1', modelId: 'a, "b"\nc' },
      { id: 'r2', modelId: 'plain' },
    ])
    const key = stage.keys.owner.secret
    const [header = [], ...rows] = readCsv((await stage.ask('/api/v1/requests?format=csv', { key })).text)
    expect(rows).toHaveLength(2)
    for (const row of rows) expect(row).toHaveLength(header.length)
    const models = rows.map((row) => row[header.indexOf('model')])
    expect(models.map(textOf).toSorted()).toEqual(['a, "b"\nc', 'plain'])
    const usage = readCsv((await stage.ask('/api/v1/usage?by=day,model&format=csv', { key })).text)
    for (const row of usage) expect(row).toHaveLength(usage[0]?.length ?? 0)
    expect(
      (await stage.ask('/api/v1/usage', { key, headers: { accept: 'application/json' } })).headers[
        'content-type'
      ],
    ).toMatch(/json/)
  })
})

test.each([
  ['end_user', 'müller'],
  ['end_user', 'm%C3%BCller'],
  ['tag', `bücher:${'x'.repeat(70)}`],
  ['session', 'à la carte'],
])('usage and requests find by %s %s what requests keep as that', async (field, name) => {
  const stage = await startAdmin()
  const key = stage.keys.viewer.secret
  await post(stage, [
    {
      id: 'r1',
      tags: [`b%C3%BCcher:${'x'.repeat(52)}`],
      endUser: 'm%C3%BCller',
      sessionId: '%C3%A0 la carte',
      costNanoUsd: 7,
    },
    { id: 'r2', costNanoUsd: 8 },
  ])
  const query = `${field}=${encodeURIComponent(name)}`
  expect(dataOf(await stage.ask(`/api/v1/usage?${query}`, { key }))).toMatchObject([{ cost_nano_usd: 7 }])
  expect(dataOf(await stage.ask(`/api/v1/requests?${query}`, { key }))).toMatchObject([{ id: 'r1' }])
})

describe('budgets', () => {
  test('are set, changed and removed, and say how they stand', async () => {
    const stage = await startAdmin()
    const { ask, keys, project, store, clock } = stage
    const key = keys.admin.secret
    const made = await ask('/api/v1/budgets', {
      method: 'POST',
      key,
      body: {
        name: 'red app',
        scope: { kind: 'project', id: project.id },
        period: 'month',
        limit_usd: '0.01',
        owner: 'olga@example.org',
      },
    })
    expect([made.status, made.json]).toMatchObject([
      201,
      {
        limit_usd: '0.010000000',
        limit_nano_usd: 10_000_000,
        owner: 'olga@example.org',
        standing: { spent_nano_usd: 0, left_usd: '0.010000000', resets_at: '2026-02-01T00:00:00.000Z' },
      },
    ])
    const budgetId = textOf(made.json['id']) as BudgetId
    const charge = { budgetId, periodStartMs: clock.wallMs() }
    const lease = 3_000_000 as NanoUsd
    await store.lease([{ nodeId: 'node_1', charge, needNanoUsd: lease, wantNanoUsd: lease }])
    await post(stage, [{ id: 'r1', costNanoUsd: 1_000_000, charges: [charge] }])
    const path = `/api/v1/budgets/${budgetId}`
    expect((await ask(path, { key })).json['standing']).toMatchObject({
      spent_nano_usd: 1_000_000,
      leased_nano_usd: 2_000_000,
      left_usd: '0.007000000',
    })
    const patch = (body: JsonObject) => ask(path, { method: 'PATCH', key, body })
    expect((await patch({ limit_nano_usd: 2_000_001, owner: null })).json).toMatchObject({
      limit_usd: '0.002000001',
      owner: null,
      standing: { left_nano_usd: 0 },
    })
    expect((await ask(path, { method: 'DELETE', key })).json).toMatchObject({
      removed_at: expect.any(String),
    })
    expect((await patch({ name: 'late' })).status).toBe(409)
    expect(dataOf(await ask('/api/v1/budgets', { key }))).toEqual([])
    expect(dataOf(await ask('/api/v1/budgets?removed=true', { key }))).toHaveLength(1)
    const lines = (await store.auditLines({ limit: 3 })).rows
    expect(lines).toMatchObject([
      { action: 'remove-budget', actor: `token:${keys.admin.id}`, subject: budgetId },
      {
        action: 'put-budget',
        before: { limitNanoUsd: 10_000_000, owner: 'olga@example.org' },
        after: { limitNanoUsd: 2_000_001 },
      },
      { action: 'put-budget', after: { name: 'red app' } },
    ])
    expect(lines[1]?.after).not.toHaveProperty('owner')
  })

  test('a change takes none back that was made while it was decided', async () => {
    const meanwhile: (() => Promise<unknown>)[] = []
    const { ask, keys, store } = await startAdmin({
      store: (store) => ({
        loadBudgets: async () => {
          const read = await store.loadBudgets()
          await meanwhile.shift()?.()
          return read
        },
      }),
    })
    const key = keys.admin.secret
    const body = { name: 'b', scope: { kind: 'all' }, period: 'day', limit_usd: '1' }
    const made = await ask('/api/v1/budgets', { method: 'POST', key, body })
    const path = `/api/v1/budgets/${textOf(made.json['id'])}`
    const patch = (fields: JsonObject) => ask(path, { method: 'PATCH', key, body: fields })

    meanwhile.push(() => patch({ limit_nano_usd: 7 }))
    expect((await patch({ name: 'c' })).json).toMatchObject({ name: 'c', limit_nano_usd: 7 })
    meanwhile.push(() => ask(path, { method: 'DELETE', key }))
    expect((await patch({ name: 'd' })).status).toBe(409)
    expect(await store.loadBudgets()).toMatchObject([{ name: 'c', removedAtMs: expect.any(Number) }])
  })

  test('sixteen changes at one time, as many as are let in, are all made', async () => {
    const { ask, keys, store } = await startAdmin()
    const key = keys.admin.secret
    const body = { name: 'b', scope: { kind: 'all' }, period: 'day', limit_usd: '1' }
    const paths: string[] = []
    for (let count = 0; count < ADMIN_WORK.placesMax; count += 1) {
      const made = await ask('/api/v1/budgets', { method: 'POST', key, body })
      paths.push(`/api/v1/budgets/${textOf(made.json['id'])}`)
    }
    const answers = await Promise.all(
      paths.map((path) => ask(path, { method: 'PATCH', key, body: { limit_nano_usd: 7 } })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set((await store.loadBudgets()).map(({ limitNanoUsd }) => limitNanoUsd))).toEqual(new Set([7]))
  })

  test('one can be for a key of the file by its name, which is all it has for an id', async () => {
    const { ask, keys, store } = await startAdmin()
    const post = (id: string) =>
      ask('/api/v1/budgets', {
        method: 'POST',
        key: keys.admin.secret,
        body: { name: 'b', scope: { kind: 'key', id }, period: 'day', limit_usd: '1' },
      })
    const made = await post('of the file')
    expect([made.status, made.json['scope']]).toEqual([201, { kind: 'key', id: 'of the file' }])
    // A name that a key of the store has is none: it may be another's tomorrow.
    expect((await post('mia laptop')).status).toBe(400)
    expect((await store.loadBudgets()).map(({ scope }) => scope.id)).toEqual(['of the file'])
  })

  test('one for whom clients name has the name as requests keep it, and is found by either', async () => {
    const { ask, keys, store } = await startAdmin()
    const key = keys.admin.secret
    const scope = { kind: 'end-user', id: 'müller' }
    const body = { name: 'b', scope, period: 'day', limit_usd: '1' }
    const made = await ask('/api/v1/budgets', { method: 'POST', key, body })
    expect([made.status, made.json['scope']]).toEqual([201, { kind: 'end-user', id: 'm%C3%BCller' }])
    // As one that was kept before.
    const [kept] = await store.loadBudgets()
    if (kept === undefined) throw new Error('nothing is kept')
    const before = {
      ...kept,
      id: 'bud_before' as BudgetId,
      scope: { kind: 'end-user', id: 'müller' } as const,
    }
    await store.putBudget(before, [])
    for (const id of ['müller', 'm%C3%BCller', 'muller']) {
      const found = await ask(`/api/v1/budgets?scope_id=${encodeURIComponent(id)}`, { key })
      expect([id, dataOf(found).length]).toEqual([id, id === 'muller' ? 0 : 2])
    }
  })

  test('one for a name that is longer than is kept is refused with the bound', async () => {
    const { ask, keys } = await startAdmin()
    const scope = { kind: 'tag', id: 'x'.repeat(70) }
    const body = { name: 'b', scope, period: 'day', limit_usd: '1' }
    const { status, text } = await ask('/api/v1/budgets', { method: 'POST', key: keys.admin.secret, body })
    expect(status).toBe(400)
    expect(text).toContain('of a tag 64 characters are kept, and this has 70')
  })

  test('one that is stored and not yet in force is not said to be', async () => {
    const { ask, keys, store } = await startAdmin({ rooms: { budgets: { look: async () => false } } })
    const body = { name: 'b', scope: { kind: 'all' }, period: 'day', limit_usd: '1' }
    const { status, text } = await ask('/api/v1/budgets', { method: 'POST', key: keys.admin.secret, body })
    const [stored] = await store.loadBudgets()
    expect(status).toBe(503)
    expect(text).toContain(`${stored?.id} is stored`)
  })

  test.each([
    [{ limit_usd: '-1' }, 'limit_usd'],
    [{ limit_usd: '1e3' }, 'limit_usd'],
    [{ limit_usd: '0.0000000001' }, 'limit_usd'],
    [{ limit_usd: '1000000.000000001' }, 'limit_usd'],
    [{ limit_nano_usd: 1.5 }, 'limit_nano_usd'],
    [{ limit_nano_usd: 9e15 }, 'limit_nano_usd'],
    [{}, 'limit_usd'],
    [{ limit_usd: '1', limit_nano_usd: 1 }, 'limit_usd'],
    [{ limit_usd: '1', scope: { kind: 'key', id: 'key_none' } }, 'scope.id'],
    [{ limit_usd: '1', scope: { kind: 'tag', id: '' } }, 'scope.id'],
    [{ limit_usd: '1', scope: { kind: 'tag', id: ' ' } }, 'scope.id'],
    [{ limit_usd: '1', scope: { kind: 'end-user', id: 'ü'.repeat(22) } }, 'scope.id'],
    [{ limit_usd: '1', scope: { kind: 'all', id: 'x' } }, 'scope.id'],
    [{ limit_usd: '1', period: 'year' }, 'period'],
    [{ limit_usd: '1', spent_nano_usd: 0 }, 'spent_nano_usd'],
  ])('SEC-48: a budget of %j is refused, and the field named', async (fields, field) => {
    const { ask, keys, store } = await startAdmin()
    const body = { name: 'b', scope: { kind: 'all' }, period: 'day', ...fields }
    const { status, json } = await ask('/api/v1/budgets', { method: 'POST', key: keys.owner.secret, body })
    expect([status, json]).toMatchObject([
      400,
      { error: { code: 'invalid_request', message: expect.stringContaining(field) } },
    ])
    expect(await store.loadBudgets()).toEqual([])
  })

  test('SEC-19: a member sees those of his own user, keys, team and its projects', async () => {
    const { ask, keys, users, team, otherTeam, project, otherProject, dataKeys } = await startAdmin()
    const scopes = {
      own: [
        { kind: 'user', id: users.member.id },
        { kind: 'key', id: dataKeys.member.id },
        { kind: 'team', id: team.id },
        { kind: 'project', id: project.id },
      ],
      foreign: [
        { kind: 'user', id: users.stranger.id },
        { kind: 'key', id: dataKeys.stranger.id },
        { kind: 'team', id: otherTeam.id },
        { kind: 'project', id: otherProject.id },
        { kind: 'all' },
        { kind: 'tag', id: 'x' },
      ],
    }
    const make = async (scope: JsonObject) => {
      const body = { name: 'b', scope, period: 'day', limit_usd: '1' }
      const made = await ask('/api/v1/budgets', { method: 'POST', key: keys.owner.secret, body })
      return textOf(made.json['id'])
    }
    const own = await Promise.all(scopes.own.map(make))
    const foreign = await Promise.all(scopes.foreign.map(make))
    const list = await ask('/api/v1/budgets', { key: keys.member.secret })
    expect(
      dataOf(list)
        .map(({ id }) => textOf(id))
        .toSorted(),
    ).toEqual(own.toSorted())
    const unknown = await ask('/api/v1/budgets/bud_none', { key: keys.member.secret })
    for (const id of foreign) {
      const { status, text } = await ask(`/api/v1/budgets/${id}`, { key: keys.member.secret })
      expect([status, text]).toEqual([404, unknown.text])
    }
  })
})

describe('SEC-55: the audit log', () => {
  test('has a line for every change, and says whether it is whole', async () => {
    const { ask, keys, store } = await startAdmin()
    const key = keys.viewer.secret
    const count = (await store.auditLines({ limit: 1_000 })).rows.length
    const whole = await ask('/api/v1/audit/verify', { key })
    expect(whole.json).toMatchObject({ is_whole: true, lines: count, broken_at: null, last_sequence: count })
    await ask('/api/v1/teams', { method: 'POST', key: keys.owner.secret, body: { name: 'green' } })
    const page = await ask('/api/v1/audit?limit=1', { key })
    expect(dataOf(page)).toMatchObject([
      {
        sequence: count + 1,
        actor: `token:${keys.owner.id}`,
        action: 'create-team',
        after: { name: 'green' },
      },
    ])
    const older = await ask(`/api/v1/audit?limit=1&cursor=${textOf(page.json['next'])}`, { key })
    expect(dataOf(older)).toMatchObject([{ sequence: count, hash: whole.json['last_hash'] }])
  })

  test('is narrowed by who, what, of what and when, in whole pages and as CSV, each line once', async () => {
    const { ask, keys, store, clock } = await startAdmin()
    const key = keys.viewer.secret
    const startMs = clock.wallMs()
    const note = async (at: number) => {
      const actor = at % 3 === 0 ? 'user:usr_1' : 'token:key_1'
      const action = at % 2 === 0 ? 'put-budget' : 'revoke-key'
      await store.note({ atMs: startMs + at * 1_000, actor, action, subject: `s${at}`, after: { at } })
    }
    for (let at = 0; at < 1_300; at += 1) await note(at)
    const wanted = Array.from({ length: 1_300 }, (_, at) => `s${at}`)
      .filter((_, at) => at % 6 === 0)
      .toReversed()
    const seen: unknown[] = []
    let cursor = ''
    for (let turn = 1; cursor !== '&cursor=null'; turn += 1) {
      const path = `/api/v1/audit?actor=user:usr_1&action=put-budget&limit=40${cursor}`
      const page = await ask(path, { key })
      seen.push(...dataOf(page).map(({ subject }) => subject))
      expect(dataOf(page)).toHaveLength(Math.min(40, wanted.length - 40 * (turn - 1)))
      cursor = `&cursor=${encodeURIComponent(textOf(page.json['next']))}`
      await note(6_000 * turn)
    }
    expect(seen).toEqual(wanted)

    const subjects = async (query: string) =>
      dataOf(await ask(`/api/v1/audit?${query}`, { key })).map(({ subject }) => subject)
    expect(await subjects('subject=s7')).toEqual(['s7'])
    const [from, until] = [startMs + 5_000, startMs + 8_000].map((ms) => new Date(ms).toISOString())
    expect(await subjects(`from=${from}&until=${until}`)).toEqual(['s7', 's6', 's5'])
    expect(await subjects('action=revoke-key&actor=user:usr_1&limit=2')).toEqual(['s1299', 's1293'])
    for (const query of ['who=x', 'from=x', 'actor=', 'actor=cli&cursor=x', 'actor=cli&cursor=0_7'])
      expect([query, (await ask(`/api/v1/audit?${query}`, { key })).status]).toEqual([query, 400])

    const table = await ask('/api/v1/audit?action=put-budget&format=csv&limit=600', { key })
    const [head = [], ...rows] = readCsv(table.text)
    expect(rows).toHaveLength(600)
    expect(rows.at(-1)?.[head.indexOf('after')]).toMatch(/^\{"at":\d+\}$/)
    const next = encodeURIComponent(textOf(table.headers['x-next-cursor']))
    const rest = await ask(`/api/v1/audit?action=put-budget&format=csv&limit=600&cursor=${next}`, { key })
    expect(readCsv(rest.text).at(-1)?.[head.indexOf('subject')]).toBe('s0')
    const whole = await ask('/api/v1/audit?format=csv&limit=10000', { key })
    expect(readCsv(whole.text)).toHaveLength(1 + (await store.auditLines({ limit: 10_000 })).rows.length)
  })

  test('a search through a long log looks at so many lines for a call, and goes on where it was', async () => {
    let reads = 0
    const { ask, keys } = await startAdmin({
      store: () => ({
        async auditLines({ cursor = '45001', limit }) {
          reads += 1
          const first = Number(cursor) - 1
          const rows = Array.from({ length: Math.min(limit, first) }, (_, at) => ({
            sequence: first - at,
            atMs: 0,
            actor: 'cli',
            action: 'create-key',
            subject: `s${first - at}`,
            previousHash: '',
            hash: '',
          }))
          return { rows, ...(first > limit && { next: String(first - limit + 1) }) }
        },
      }),
    })
    const pages: unknown[] = []
    let cursor = ''
    for (let turn = 0; turn < 3; turn += 1) {
      const page = await ask(`/api/v1/audit?subject=s3${cursor}`, { key: keys.viewer.secret })
      pages.push([dataOf(page).map(({ sequence }) => sequence), page.json['next'] === null, reads])
      cursor = `&cursor=${encodeURIComponent(textOf(page.json['next']))}`
    }
    expect(pages).toEqual([
      [[], false, 40],
      [[], false, 80],
      [[3], true, 90],
    ])
  })

  test('a line that was changed or left out afterwards shows', async () => {
    const { ask, keys } = await startAdmin({
      store: (store) => ({
        auditLines: async (query) => {
          const { rows, ...page } = await store.auditLines(query)
          return {
            ...page,
            rows: rows.map((line) => (line.sequence === 3 ? { ...line, actor: 'user:x' } : line)),
          }
        },
      }),
    })
    const { json } = await ask('/api/v1/audit/verify', { key: keys.viewer.secret })
    expect(json).toMatchObject({ is_whole: false, broken_at: 3 })
  })
})

test('all of it holds over the store in a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-admin-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const openStore = () => openSqliteStore({ path: join(folder, 'holdfast.db'), clock: systemClock })
  const stage = await startAdmin({ openStore })
  const { ask, keys, users, dataKeys, project } = stage
  const key = keys.owner.secret
  const budget = {
    name: 'b',
    scope: { kind: 'project', id: project.id },
    period: 'total',
    limit_nano_usd: 10_000,
  }
  const made = await ask('/api/v1/budgets', { method: 'POST', key, body: budget })
  const charges = [{ budgetId: textOf(made.json['id']) as BudgetId, periodStartMs: 0 }]
  await post(
    stage,
    Array.from({ length: 1_200 }, (_, index) => ({
      id: `r${index}`,
      who: index % 2 === 0 ? ('member' as const) : ('stranger' as const),
      costNanoUsd: 1,
      ...(index % 2 === 0 && { charges }),
    })),
  )
  const read = (path: string, role: keyof typeof keys = 'owner') =>
    ask(`/api/v1/${path}`, { key: keys[role].secret })
  expect((await read(`budgets/${textOf(made.json['id'])}`)).json['standing']).toMatchObject({
    spent_nano_usd: 600,
    left_nano_usd: 9_400,
    resets_at: null,
  })
  expect(dataOf(await read('usage?by=user', 'member'))).toMatchObject([
    { group: { user: users.member.id }, names: { user: 'mia' }, cost_nano_usd: 600, attempts: 600 },
  ])
  const own = await read('requests?limit=500', 'member')
  const rest = await read(`requests?limit=500&cursor=${textOf(own.json['next'])}`, 'member')
  expect([dataOf(own).length, dataOf(rest).length, rest.json['next']]).toEqual([500, 100, null])
  const shown = [...dataOf(own), ...dataOf(rest)]
  expect(new Set(shown.map((row) => row['key_id']))).toEqual(new Set([dataKeys.member.id]))
  const table = await read('requests?limit=10000&format=csv')
  expect(readCsv(table.text)).toHaveLength(1_201)
  expect((await read('requests/r1', 'member')).status).toBe(404)
  expect((await read('requests/r1')).json).toMatchObject({ attempts: [{ attempt: 1 }] })
  const verdict = (await read('audit/verify')).json
  expect(verdict).toMatchObject({ is_whole: true, lines: dataOf(await read('audit?limit=500')).length })
  for (const cursor of ['x', '-1', '1e3', '%00'])
    for (const what of ['requests', 'audit'])
      expect([what, cursor, (await read(`${what}?cursor=${cursor}`)).status]).toEqual([what, cursor, 400])
})

describe('bounds', () => {
  test('a report that is too slow is 504 with words, and holds its place until the store is done', async () => {
    const waiting: (() => void)[] = []
    const { ask, keys, clock } = await startAdmin({
      bounds: { placesMax: 2, timeMs: 1_000 },
      store: () => ({
        spend: () => new Promise((resolve) => waiting.push(() => resolve([]))),
      }),
    })
    const key = keys.owner.secret
    const slow = [ask('/api/v1/usage', { key }), ask('/api/v1/usage', { key })]
    await expect.poll(() => waiting.length).toBe(2)
    const busy = async () => (await ask('/api/v1/keys', { key })).json
    expect(await busy()).toMatchObject({ error: { code: 'busy' } })
    clock.advance(1_000)
    for (const { status, json } of await Promise.all(slow))
      expect([status, json]).toMatchObject([
        504,
        { error: { code: 'too_slow', message: expect.any(String) } },
      ])
    expect(await busy()).toMatchObject({ error: { code: 'busy' } })
    for (const finish of waiting) finish()
    await expect.poll(async () => (await ask('/api/v1/keys', { key })).status).toBe(200)
    expect(clock.pendingTimers).toBeLessThanOrEqual(1)
  })

  test('SEC-29: a body of more than 64 KiB is 413, said or unsaid, and only for those who may send one', async () => {
    const { ask, keys } = await startAdmin()
    const raw = JSON.stringify({ name: 'x'.repeat(64 * 1024) })
    const json = { 'content-type': 'application/json' }
    const sent = (headers: Record<string, string>, key?: string) =>
      ask('/api/v1/teams', { method: 'POST', raw, headers, ...(key !== undefined && { key }) })
    for (const headers of [
      { ...json, 'content-length': textOf(raw.length) },
      { ...json, 'transfer-encoding': 'chunked' },
    ]) {
      const answer = await sent(headers, keys.owner.secret)
      expect([answer.status, answer.json]).toMatchObject([413, { error: { code: 'body_too_large' } }])
      expect(answer.headers['connection']).toBe('close')
      expect((await sent(headers)).status).toBe(401)
    }
    const fitting = await ask('/api/v1/teams', {
      method: 'POST',
      key: keys.owner.secret,
      raw: JSON.stringify({ name: 'green' }),
      headers: { ...json, 'transfer-encoding': 'chunked' },
    })
    expect(fitting.status).toBe(201)
  })

  test('a client that leaves in the middle of its body is no defect, and its call does nothing', async () => {
    const { ask, keys, port, notices, store } = await startAdmin()
    const lines = (await store.auditLines({ limit: 100 })).rows.length
    for (const framing of ['content-length: 100', 'transfer-encoding: chunked']) {
      const client = await openRawClient(port)
      client.send(
        `POST /api/v1/teams HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keys.owner.secret}\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`,
      )
      client.send(framing.startsWith('t') ? '5\r\n{"nam\r\n' : '{"nam')
      expect((await ask('/api/v1/me', { key: keys.owner.secret })).status).toBe(200)
      client.socket.destroy()
      await client.closed()
    }
    expect((await ask('/api/v1/me', { key: keys.owner.secret })).status).toBe(200)
    expect(notices).toEqual([])
    expect((await store.auditLines({ limit: 100 })).rows).toHaveLength(lines)
  })
})
