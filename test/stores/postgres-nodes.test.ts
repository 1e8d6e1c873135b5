/** Two nodes, processes of their own, spend from one budget in one PostgreSQL, and one of them is killed. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { BookBatch } from '../../src/ledger/ledger-store.ts'
import { budget, charge } from '../../src/stores/contract/samples.test-support.ts'
import type { Store } from '../../src/stores/store.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { openStore, postgresStage } from './postgres.test-support.ts'

const LIMIT = 4_000_000
const NODE_FILE = join(import.meta.dirname, 'spending-node.ts')

interface Node {
  readonly id: string
  readonly child: ChildProcess
  /** The batches it wrote down before it posted them. */
  batches(): readonly BookBatch[]
  readonly ended: Promise<number | null>
}

describe.skipIf(skipsPostgres())('nodes that share a store in PostgreSQL', () => {
  const stage = postgresStage()

  test('faults 117, 123, 146: never spend more than there is, whatever dies, and everything balances in the end', async () => {
    const url = await stage.server.createDatabase()
    const store = await openStore(url)
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-nodes-'))
    const nodes: Node[] = []
    onTestFinished(async () => {
      for (const { child } of nodes) child.kill('SIGKILL')
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    })
    await store.putBudget(budget('bud_1', LIMIT), [])
    const first = startNode(url, 'node_1', folder)
    const second = startNode(url, 'node_2', folder)
    nodes.push(first, second)
    const watched = watchLimit(store)

    await until(() => first.batches().length >= 60 && second.batches().length >= 20)
    first.child.kill('SIGKILL')
    await first.ended
    expect(await second.ended).toBe(0)

    // The survivor could not spend what the dead one had leased.
    const held = sumOf(await store.leasesOf('node_1'))
    expect(await standing(store)).toMatchObject({
      leasedNanoUsd: held + sumOf(await store.leasesOf('node_2')),
    })
    expect(held).toBeGreaterThan(0)

    // What it wrote down is posted again, all of it, and what is left of its lease goes back.
    for (const batch of first.batches()) await store.postBooks(batch)
    for (const batch of first.batches()) await store.postBooks(batch)
    for (const nodeId of ['node_1', 'node_2'])
      for (const lease of await store.leasesOf(nodeId)) await store.returnLease(nodeId, lease, lease.nanoUsd)
    const written = costOf(first) + costOf(second)
    expect(await standing(store)).toMatchObject({ leasedNanoUsd: 0, spentNanoUsd: written })
    expect(await entriesCost(store)).toBe(written)
    expect(written).toBeLessThanOrEqual(LIMIT)

    // The next node finds what came back, and not a nano-dollar more.
    const third = startNode(url, 'node_3', folder)
    nodes.push(third)
    expect(await third.ended).toBe(0)
    expect(await standing(store)).toMatchObject({ spentNanoUsd: LIMIT })
    expect(await entriesCost(store)).toBe(LIMIT)
    const looks = await watched.end()
    expect(looks).toBeGreaterThan(10)
  })
})

function startNode(url: string, id: string, folder: string): Node {
  const file = join(folder, `${id}.jsonl`)
  const child = spawn(process.execPath, [NODE_FILE, url, id, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    id,
    child,
    ended,
    batches: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').flatMap(batchIn) : []),
  }
}

/** The last line of a process that was killed may be half a line: it was not posted either. */
function batchIn(line: string): readonly BookBatch[] {
  try {
    return [JSON.parse(line) as BookBatch]
  } catch {
    return []
  }
}

/** Looks at the budget again and again; how often it did. */
function watchLimit(store: Store): { end(): Promise<number> } {
  const state = { isOver: false }
  const watching = (async () => {
    let looks = 0
    for (; !state.isOver; looks += 1) {
      const { spentNanoUsd, leasedNanoUsd } = await standing(store)
      expect(spentNanoUsd + leasedNanoUsd).toBeLessThanOrEqual(LIMIT)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return looks
  })()
  return {
    end: () => {
      state.isOver = true
      return watching
    },
  }
}

async function standing(store: Store) {
  const [found] = await store.standings([charge('bud_1')])
  if (found === undefined) throw new Error('The budget is gone.')
  return found
}

async function entriesCost(store: Store): Promise<number> {
  // By session the entries are counted themselves, and not the sums kept of them.
  const rows = await store.spend({ fromMs: 0, untilMs: 4_000_000_000_000, by: ['session'], rowsMax: 10 })
  return rows.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)
}

function costOf(node: Node): number {
  const entries = node.batches().flatMap(({ entries }) => entries)
  return entries.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0), 0)
}

function sumOf(leases: readonly { readonly nanoUsd: number }[]): number {
  return leases.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0)
}

async function until(holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error('It did not come true within 20 s.')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
