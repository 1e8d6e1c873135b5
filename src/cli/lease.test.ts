import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NO_FILLS } from '../admission/limit-share-store.ts'
import { claimFolder, disown } from '../app/book-folders.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createSealer } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { budget, charge, nano } from '../stores/contract/samples.test-support.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import { exitCodes } from './exit-codes.ts'
import { runIn } from './terminal.test-support.ts'

const DAY_START_MS = Date.UTC(2026, 10, 17)
let clock = new ManualClock()
let directory = ''
let store = createMemoryStore()

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-lease-'))
  writeFileSync(path.join(directory, 'holdfast.yaml'), 'discover: false\n')
  clock = new ManualClock()
  store = createMemoryStore({ isShared: true, clock })
  await store.putBudget(budget('bud_1', 10_000_000_000, { name: 'everybody' }), [])
  await store.putBudget(budget('bud_2', 5_000_000_000, { name: 'key:laptop', period: 'day' }), [])
})
afterEach(() => rmSync(directory, { recursive: true }))

function run(...words: readonly string[]) {
  return runIn(['lease', ...words, '--config', path.join(directory, 'holdfast.yaml')], {
    directory,
    clock,
    openBooks: async ({ config }) => ({
      store,
      peppers: [new Uint8Array(32)],
      sealer: createSealer([new Secret('the master secret of these tests')]),
      base: path.join(directory, 'holdfast'),
      config,
      findBodies: async () => ({ type: 'none' }),
      close: async () => {},
    }),
  })
}

function lease(nodeId: string, budgetId: string, nanoUsd: number, periodStartMs = 0) {
  const asked = { needNanoUsd: nano(1), wantNanoUsd: nano(nanoUsd) }
  return store.lease([{ nodeId, charge: charge(budgetId, periodStartMs), ...asked }])
}

const claim = (nodeId: string) => claimFolder(path.join(directory, 'holdfast.books'), nodeId)

/** As a node of another machine leaves its folder. */
function claimElsewhere(nodeId: string): void {
  const folder = path.join(directory, 'holdfast.books', nodeId)
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'owner.json'), '{"pid":1,"host":"another machine","startedAt":"1"}')
}

/** As a node asks the store every second. */
async function see(nodeId: string): Promise<void> {
  const parties = [{ party: 'key:a', share: 0, returned: NO_FILLS, wants: undefined }]
  await store.renewShares({ nodeId, turn: 1, holdMs: 5_000, parties })
}

describe('lease list', () => {
  test('says who has how much of which budget, and what is known of them', async () => {
    await lease('node_seen', 'bud_1', 2_500_000_000)
    await see('node_seen')
    clock.advance(4_000)
    await lease('node_here', 'bud_1', 1)
    claim('node_here')
    await lease('node_ended', 'bud_2', 1_000_000_000, DAY_START_MS)
    disown(claim('node_ended'))
    await lease('node_far', 'bud_2', 1_000_000_000, DAY_START_MS)
    claimElsewhere('node_far')
    await lease('node_lost', 'bud_2', 500_000_000, DAY_START_MS)
    const { exitCode, output, complaints } = await run('list')
    expect([exitCode, complaints]).toEqual([exitCodes.ok, ''])
    expect(output.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'NODE | STATE | BUDGET | PERIOD FROM | LEASED',
      'node_here | running | everybody | - | 0.000000001',
      'node_seen | running | everybody | - | 2.5',
      'node_ended | ended | key:laptop | 2026-11-17 00:00:00 | 1',
      'node_far | elsewhere | key:laptop | 2026-11-17 00:00:00 | 1',
      'node_lost | unseen | key:laptop | 2026-11-17 00:00:00 | 0.5',
    ])
    const { leases } = JSON.parse((await run('list', '--json')).output)
    expect(leases).toHaveLength(5)
    expect(leases[1]).toEqual({
      node: 'node_seen',
      state: 'running',
      seen_ms_ago: 4_000,
      budget: 'bud_1',
      budget_name: 'everybody',
      period_start: null,
      leased_usd: '2.5',
      leased_nano_usd: 2_500_000_000,
    })
    expect(leases[4]).toMatchObject({
      state: 'unseen',
      seen_ms_ago: null,
      period_start: '2026-11-17T00:00:00.000Z',
    })
  })

  test('says that nothing is leased', async () => {
    expect(await run('list')).toEqual({ exitCode: 0, output: '', complaints: 'nothing is leased' })
    expect(JSON.parse((await run('list', '--json')).output)).toEqual({ leases: [] })
    expect((await run('list', '--quiet')).complaints).toBe('')
  })
})

describe('lease release', () => {
  test('gives back all that a lost node has, and the audit log tells who did', async () => {
    await lease('node_lost', 'bud_1', 2_000_000_000)
    await lease('node_lost', 'bud_2', 500_000_000, DAY_START_MS)
    await lease('node_other', 'bud_1', 3)
    const { exitCode, output, complaints } = await run('release', 'node_lost')
    expect([exitCode, output, complaints]).toEqual([exitCodes.ok, '2.5 USD of 2 budgets given back', ''])
    expect(await store.leases()).toMatchObject([{ nodeId: 'node_other' }])
    const { rows } = await store.auditLines({ limit: 1 })
    expect(rows).toMatchObject([
      { atMs: clock.wallMs(), actor: 'cli', action: 'release-lease', subject: 'node_lost' },
    ])
  })

  test('--json says what was given back', async () => {
    await lease('node_lost', 'bud_1', 2_000_000_000)
    expect(JSON.parse((await run('release', 'node_lost', '--json')).output)).toMatchObject({
      ok: true,
      node: 'node_lost',
      state: 'unseen',
      forced: false,
      released_usd: '2',
      released_nano_usd: 2_000_000_000,
      leases: [{ budget: 'bud_1', budget_name: 'everybody', leased_nano_usd: 2_000_000_000 }],
    })
  })

  test('of a node that the store heard of in the last 30 seconds is refused', async () => {
    await lease('node_1', 'bud_1', 5)
    await see('node_1')
    clock.advance(29_000)
    const { exitCode, output, complaints } = await run('release', 'node_1')
    expect([exitCode, output]).toEqual([exitCodes.configuration, ''])
    expect(complaints).toMatch(/^node_1 runs: .* beyond the limits\. .*--force/)
    expect(await store.leases()).toHaveLength(1)
    clock.advance(2_000)
    expect(await run('release', 'node_1')).toMatchObject({ exitCode: exitCodes.ok })
  })

  test('of a node that comes back while it is asked for is refused by the store', async () => {
    await lease('node_1', 'bud_1', 5)
    const inner = store
    store = { ...inner, leases: async () => [{ ...charge('bud_1'), nodeId: 'node_1', nanoUsd: nano(5) }] }
    await see('node_1')
    expect(await run('release', 'node_1')).toMatchObject({
      exitCode: exitCodes.configuration,
      complaints: expect.stringMatching(/^node_1 runs: /),
    })
    expect(await inner.leasesOf('node_1')).toHaveLength(1)
  })

  test.each<readonly [string, () => void, RegExp, RegExp]>([
    ['a process of this machine', () => claim('node_1'), /^node_1 runs: /, /^warning: it runs: .* 0\.3 USD/],
    [
      'a process of another machine',
      () => claimElsewhere('node_1'),
      /^node_1 is a run of another machine or container/,
      /^warning: where it runs after all, .* 0\.3 USD/,
    ],
    [
      'a process that is over',
      () => disown(claim('node_1')),
      /^node_1 is over, .* start a gateway here/,
      /^warning: what its folder holds is charged in full .* 0\.3 USD/,
    ],
  ])(
    'of a node whose folder is that of %s is refused, and made with --force and a warning',
    async (_, leave, refusal, warning) => {
      await lease('node_1', 'bud_1', 300_000_000)
      leave()
      const refused = await run('release', 'node_1')
      expect(refused).toMatchObject({ exitCode: exitCodes.configuration, output: '' })
      expect(refused.complaints).toMatch(refusal)
      expect(await store.leasesOf('node_1')).toHaveLength(1)
      const forced = await run('release', 'node_1', '--force')
      expect([forced.exitCode, forced.output]).toEqual([exitCodes.ok, '0.3 USD of 1 budget given back'])
      expect(forced.complaints).toMatch(warning)
      expect(await store.leasesOf('node_1')).toEqual([])
      expect((await store.auditLines({ limit: 1 })).rows).toMatchObject([{ after: { isForced: true } }])
    },
  )

  test('of a node that has nothing leased is refused, in JSON too', async () => {
    await lease('node_1', 'bud_1', 5)
    const { exitCode, output } = await run('release', 'node_2', '--json')
    expect(exitCode).toBe(exitCodes.configuration)
    expect(JSON.parse(output)).toEqual({
      ok: false,
      message: '"node_2" has nothing leased; holdfast lease list says which nodes have',
    })
    expect(await store.leases()).toHaveLength(1)
  })
})
