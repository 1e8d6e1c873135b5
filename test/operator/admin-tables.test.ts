import { describe, expect, test } from 'vitest'
import type { KeyRecord, ProjectRecord } from '../../src/keys/records.ts'
import type { BudgetId } from '../../src/ledger/budget.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import { type AdminStage, startAdmin, textOf } from '../support/admin-stage.ts'
import { readCsv } from '../support/read-csv.ts'

const LISTS = ['keys', 'projects', 'budgets'] as const
/** What a spreadsheet would run, and what it would not take for one cell. */
const HOSTILE = '=HYPERLINK("http://x"),+1'

describe('keys, projects and budgets as CSV', () => {
  test('keys have the names of what they belong to, what they may do, and no secret', async () => {
    const stage = await startAdmin()
    const { ask, keys, dataKeys, project, users } = stage
    const made = await ask('/api/v1/keys', {
      method: 'POST',
      key: keys.admin.secret,
      body: {
        name: 'nightly',
        project_id: project.id,
        user_id: users.stranger.id,
        scopes: { models: ['smart', 'a, "b"'], operations: [] },
        limits: { requests_per_minute: 60, concurrent_requests: 2 },
        keep_bodies: false,
        expires_at: '2026-03-01',
      },
    })
    expect(made.status).toBe(201)
    const rows = await table(stage, 'keys?kind=data')
    expect(rows.find(({ id }) => id === made.json['id'])).toEqual({
      id: made.json['id'],
      kind: 'data',
      name: 'nightly',
      hint: textOf(made.json['secret']).slice(-4),
      state: 'active',
      project_id: project.id,
      project_name: 'red app',
      user_id: users.stranger.id,
      user_name: 'sam',
      role: '',
      routes: '',
      models: '["smart","a, \\"b\\""]',
      operations: '[]',
      requests_per_minute: '60',
      input_tokens_per_minute: '',
      output_tokens_per_minute: '',
      tokens_per_minute: '',
      concurrent_requests: '2',
      keep_bodies: 'false',
      created_at: '2026-01-01T00:00:00.000Z',
      expires_at: '2026-03-01T00:00:00.000Z',
      revoked_at: '',
      replaced_by: '',
    })
    expect(new Set(rows.map(({ id }) => id))).toEqual(
      new Set([dataKeys.member.id, dataKeys.stranger.id, made.json['id']]),
    )
    const { text } = await ask('/api/v1/keys?format=csv&limit=10000', { key: keys.owner.secret })
    for (const secret of [...stage.everySecret, textOf(made.json['secret'])])
      expect(text).not.toContain(secret)
    for (const { hash } of stage.directory.current?.keys ?? []) expect(text).not.toContain(hash)
    const admin = (await table(stage, 'keys?kind=admin')).find(({ id }) => id === keys.viewer.id)
    expect(admin).toMatchObject({ role: 'viewer', user_name: 'vera', project_name: '' })
  })

  test('projects have the name of their team and their limits', async () => {
    const stage = await startAdmin()
    const { ask, keys, project, team, otherTeam } = stage
    const changed = { limits: { tokens_per_minute: 5_000 } }
    await ask(`/api/v1/projects/${project.id}`, { method: 'PATCH', key: keys.admin.secret, body: changed })
    const rows = await table(stage, 'projects')
    expect(new Set(rows.map((row) => [row['name'], row['team_id'], row['team_name']]))).toEqual(
      new Set([
        ['blue app', otherTeam.id, 'blue'],
        ['red app', team.id, 'red'],
      ]),
    )
    expect(rows.find(({ id }) => id === project.id)).toMatchObject({
      tokens_per_minute: '5000',
      requests_per_minute: '',
      archived_at: '',
    })
  })

  test('budgets are flat, with what is spent, leased and left to the nano-dollar', async () => {
    const stage = await startAdmin()
    const { ask, keys, project, store, clock } = stage
    const key = keys.admin.secret
    const set = async (body: object) => {
      const made = await ask('/api/v1/budgets', { method: 'POST', key, body })
      expect(made.status).toBe(201)
      return textOf(made.json['id']) as BudgetId
    }
    const ofProject = { kind: 'project', id: project.id }
    const limited = {
      name: 'red',
      scope: ofProject,
      period: 'month',
      limit_nano_usd: 10_000_001,
      owner: 'ops',
    }
    const budgetId = await set(limited)
    // A tag that is called as a project is: no project.
    await set({ name: 'tag', scope: { kind: 'tag', id: project.id }, period: 'total', limit_usd: '1' })
    await set({ name: 'all', scope: { kind: 'all' }, period: 'day', limit_usd: '2' })
    const lease = 3_000_000 as NanoUsd
    const charge = { budgetId, periodStartMs: clock.wallMs() }
    await store.lease([{ nodeId: 'node_1', charge, needNanoUsd: lease, wantNanoUsd: lease }])
    const rows = await table(stage, 'budgets')
    expect(rows.find(({ id }) => id === budgetId)).toEqual({
      id: budgetId,
      name: 'red',
      scope_kind: 'project',
      scope_id: project.id,
      scope_name: 'red app',
      period: 'month',
      limit_usd: '0.010000001',
      limit_nano_usd: '10000001',
      owner: 'ops',
      period_start: '2026-01-01T00:00:00.000Z',
      resets_at: '2026-02-01T00:00:00.000Z',
      spent_usd: '0.000000000',
      spent_nano_usd: '0',
      leased_usd: '0.003000000',
      leased_nano_usd: '3000000',
      left_usd: '0.007000001',
      left_nano_usd: '7000001',
      created_at: '2026-01-01T00:00:00.000Z',
      removed_at: '',
    })
    const scopes = rows.map((row) => [row['scope_kind'], row['scope_id'], row['scope_name']])
    expect(scopes).toContainEqual(['tag', project.id, ''])
    expect(scopes).toContainEqual(['all', '', ''])
  })

  test('what people called them is no formula, and makes no cell or line of its own', async () => {
    const stage = await startAdmin()
    const { ask, keys, edit } = stage
    const make = async (list: string, body: object) => {
      const { status } = await ask(`/api/v1/${list}`, { method: 'POST', key: keys.owner.secret, body })
      expect([list, status]).toEqual([list, 201])
    }
    const scope = { kind: 'model', id: HOSTILE }
    await make('budgets', { name: HOSTILE, owner: HOSTILE, scope, period: 'day', limit_usd: '1' })
    // Names of keys and projects are checked where they are made, and in tables all the same.
    await edit(({ keys: [one], projects: [other] }) => ({
      changes: [
        { type: 'put-key', key: { ...(one as KeyRecord), name: HOSTILE, scopes: { models: [HOSTILE] } } },
        { type: 'put-project', project: { ...(other as ProjectRecord), name: HOSTILE } },
      ],
      notes: [],
    }))
    for (const list of LISTS) {
      const asked = { key: keys.owner.secret, headers: { accept: 'text/csv' } }
      const answer = await ask(`/api/v1/${list}`, asked)
      expect(answer.headers['content-type']).toMatch(/^text\/csv/)
      const [header = [], ...rows] = readCsv(answer.text)
      for (const row of rows) expect(row).toHaveLength(header.length)
      const cells = rows.flat()
      expect([list, cells.includes(`'${HOSTILE}`)]).toEqual([list, true])
      for (const cell of cells) expect(cell).not.toMatch(/^\s*[=+\-@]/)
    }
  })

  test('have as many rows as asked for, and lead to the rest', async () => {
    const stage = await startAdmin()
    const { ask, keys } = stage
    const key = keys.owner.secret
    for (const list of LISTS) {
      const body = {
        keys: (at: number) => ({ name: `key ${at}` }),
        projects: (at: number) => ({ name: `project ${at}` }),
        budgets: (at: number) => ({ name: `b ${at}`, scope: { kind: 'all' }, period: 'day', limit_usd: '1' }),
      }[list]
      for (let at = 0; at < 3; at += 1) await ask(`/api/v1/${list}`, { method: 'POST', key, body: body(at) })
      const all = await table(stage, list)
      const first = await ask(`/api/v1/${list}?format=csv&limit=2`, { key })
      const cursor = textOf(first.headers['x-next-cursor'])
      const rest = await ask(`/api/v1/${list}?format=csv&limit=10000&cursor=${cursor}`, { key })
      const ids = [first, rest].flatMap(({ text }) =>
        readCsv(text)
          .slice(1)
          .map(([id]) => id),
      )
      expect([list, ids]).toEqual([list, all.map(({ id }) => id)])
      expect(rest.headers['x-next-cursor']).toBeUndefined()
      expect((await ask(`/api/v1/${list}?limit=10001`, { key })).status).toBe(400)
    }
  })

  test('SEC-19: a member has in them what is his own, and no name of what he may not see', async () => {
    const stage = await startAdmin()
    const { ask, keys, dataKeys, project, otherProject, users } = stage
    const lent = { name: 'lent', project_id: otherProject.id, user_id: users.member.id }
    const made = await ask('/api/v1/keys', { method: 'POST', key: keys.admin.secret, body: lent })
    const rows = await table(stage, 'keys?kind=data', keys.member.secret)
    expect(new Set(rows.map((row) => [row['id'], row['project_name'], row['user_name']]))).toEqual(
      new Set([
        [dataKeys.member.id, 'red app', 'mia'],
        [made.json['id'], '', 'mia'],
      ]),
    )
    expect((await table(stage, 'projects', keys.member.secret)).map(({ id }) => id)).toEqual([project.id])
    expect(await table(stage, 'budgets', keys.member.secret)).toEqual([])
  })
})

/** A record for each row, by the names of the columns. */
async function table(
  { ask, keys }: AdminStage,
  path: string,
  key = keys.owner.secret,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const { status, text } = await ask(`/api/v1/${path}${path.includes('?') ? '&' : '?'}format=csv`, { key })
  expect([path, status]).toEqual([path, 200])
  const [header = [], ...rows] = readCsv(text)
  return rows.map((row) => Object.fromEntries(header.map((name, place) => [name, row[place] ?? ''])))
}
