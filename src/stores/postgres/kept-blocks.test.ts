import { expect, test } from 'vitest'
import { blockOf } from '../columns/block.ts'
import { columnsOf, type ColumnRow } from '../columns/entry-columns.ts'
import { BLOCK_MIN } from './block-builder.ts'
import type { Row, Session } from './connections.ts'
import { KeptBlocks } from './kept-blocks.ts'

const ALL = { fromMs: 0, untilMs: 10, hasEndUsers: false, hasSessions: false }

/** Blocks of these sizes, and what is read of them. */
function fakeSession(sizes: readonly number[]): { readonly session: Session; readonly read: string[] } {
  const read: string[] = []
  const blocks = sizes.map((size) => blockOf(columnsOf(Array.from({ length: size }, rowOf))))
  const query = async (_statement: unknown, values: readonly unknown[] = []): Promise<readonly Row[]> => {
    const [id, hasNumbers, hasEndUsers, hasSessions] = values
    if (values.length === 2)
      return blocks.map(({ count }, place) => ({ id: place, entries: count, first_ms: 1, last_ms: 1 }))
    const block = blocks[Number(id)]
    read.push(
      `${String(id)}${hasNumbers === true ? ' numbers' : ''}${hasEndUsers === true ? ' end users' : ''}${hasSessions === true ? ' sessions' : ''}`,
    )
    return [
      {
        numbers: hasNumbers === true ? block?.numbers : null,
        tag_sets: hasNumbers === true ? JSON.stringify(block?.tagSets) : null,
        end_users: hasEndUsers === true ? JSON.stringify(block?.endUsers) : null,
        sessions: hasSessions === true ? JSON.stringify(block?.sessions) : null,
      },
    ]
  }
  return { session: { query, run: async () => 0 }, read }
}

function rowOf(_: unknown, place: number): ColumnRow {
  return {
    atMs: 1,
    costNano: place,
    inputTokens: 1,
    outputTokens: null,
    origin: 1,
    endUser: 'somebody',
    session: `session ${place % 9}`,
    tags: null,
    flags: 0,
  }
}

test('a full block is read once, its words where they are asked for, and a small one each time', async () => {
  const { session, read } = fakeSession([BLOCK_MIN, 3])
  const kept = new KeptBlocks()
  await Array.fromAsync(kept.within(session, ALL))
  await Array.fromAsync(kept.within(session, ALL))
  const [block] = await Array.fromAsync(kept.within(session, { ...ALL, hasSessions: true }))
  expect(block?.sessions).toHaveLength(9)
  expect(block?.costNano[7]).toBe(7)
  const [both] = await Array.fromAsync(kept.within(session, { ...ALL, hasSessions: true, hasEndUsers: true }))
  expect(both?.sessions).toHaveLength(9)
  expect(both?.endUsers).toEqual(['somebody'])
  expect(read).toEqual([
    '0 numbers',
    '1 numbers',
    '1 numbers',
    '0 sessions',
    '1 numbers sessions',
    '0 end users',
    '1 numbers end users sessions',
  ])
})

test('no more is kept than there is room for, and what is kept is found again', async () => {
  const one = new KeptBlocks()
  await Array.fromAsync(one.within(fakeSession([BLOCK_MIN]).session, ALL))
  const kept = new KeptBlocks(one.bytes * 2.5)
  const { session, read } = fakeSession([BLOCK_MIN, BLOCK_MIN, BLOCK_MIN, BLOCK_MIN])
  for (let times = 0; times < 3; times += 1)
    expect(await Array.fromAsync(kept.within(session, ALL))).toHaveLength(4)
  expect(kept.bytes).toBe(one.bytes * 2)
  expect(read.filter((what) => what.startsWith('0') || what.startsWith('1'))).toHaveLength(2)
  kept.clear()
  expect(kept.bytes).toBe(0)
  await Array.fromAsync(kept.within(session, ALL))
  expect(read.filter((what) => what.startsWith('0'))).toHaveLength(2)
})
