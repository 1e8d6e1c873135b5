/**
 * The real gateway over a SQLite file, killed at every named point and at any moment, and its books checked after every
 * start. `npm run crashes -- --count 5000` is the long form; a seed that fails is played again with `--seed`.
 */

import { expect, test } from 'vitest'
import { crashLoop } from '../../sim/crash/crash-loop.ts'

/** In two folders at a time, and a new database for each. */
const GROUPS = [
  { seed: 1, crashes: 70 },
  { seed: 2, crashes: 70 },
]

test('faults 111, 123, 124: nothing is lost and nothing counted twice in 140 crashes (I1, I5, I6)', {
  timeout: 400_000,
}, async () => {
  const reports = await Promise.all(
    GROUPS.map(({ seed, crashes }) => crashLoop({ seed, crashes, store: { kind: 'sqlite' } })),
  )
  expect(reports.flatMap(({ wrong }) => wrong)).toEqual([])
  expect(reports.map(({ crashes }) => crashes)).toEqual([70, 70])
  for (const { books, deaths } of reports) {
    // Budgets ran out, money was spent, and somebody was left in doubt: else nothing was proved.
    expect(books.states).toMatchObject({ completed: expect.any(Number), orphaned: expect.any(Number) })
    expect(books.states['rejected']).toBeGreaterThan(20)
    expect(books.basis['estimated']).toBeGreaterThan(10)
    expect(Object.keys(deaths).length).toBeGreaterThan(10)
  }
})
