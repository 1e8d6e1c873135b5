/** What every store must answer where spending is told apart by several things at once: alike, and in one order. */

import { describe, expect, test } from 'vitest'
import type { Attribution } from '../../ledger/entry.ts'
import type { SpendQuery } from '../../reports/report-store.ts'
import {
  entry,
  HOUR_MS,
  nano,
  type OpenFixture,
  post,
  spend,
  unpriced,
  withStore,
} from './samples.test-support.ts'

const MINUTE_MS = 60_000

export function describeCombinations(open: OpenFixture): void {
  describe('spending', () => {
    describe('of what requests say of themselves, several at once,', () => {
      const people = (fields: Partial<Attribution>): Attribution => ({ tags: [], ...fields })
      const posted = [
        people({ teamId: 't1', endUser: 'u1', sessionId: 's1', tags: ['x', 'y'] }),
        people({ teamId: 't1', endUser: 'u1', sessionId: 's2', tags: ['y', 'x'] }),
        people({ teamId: 't2', endUser: 'u1', sessionId: 's1', tags: ['x'] }),
        people({ teamId: 't2', endUser: 'u2', sessionId: 's3', tags: ['z'] }),
        people({ teamId: 't1', sessionId: 's3' }),
      ].map((attribution, place) =>
        entry(`a${place}`, {
          attribution,
          costNanoUsd: nano(10 ** place),
          atMs: HOUR_MS + place * 25 * MINUTE_MS,
          isWaste: place === 1,
          basis: place === 2 ? 'estimated' : 'reported',
        }),
      )
      type Sums = readonly (string | number | undefined)[]

      test.each<readonly [string, Partial<SpendQuery>, readonly Sums[]]>([
        [
          'tag and end user',
          { by: ['tag', 'end-user'] },
          [
            [undefined, undefined, 10_000],
            ['z', 'u2', 1_000],
            ['x', 'u1', 111],
            ['y', 'u1', 11],
          ],
        ],
        [
          'session of a team',
          { by: ['session'], where: { team: 't1' } },
          [
            ['s3', 10_000],
            ['s2', 10],
            ['s1', 1],
          ],
        ],
        [
          'hour and end user',
          { by: ['hour', 'end-user'] },
          [
            ['2026-11-17T10:00:00.000Z', 'u1', 111],
            ['2026-11-17T11:00:00.000Z', undefined, 10_000],
            ['2026-11-17T11:00:00.000Z', 'u2', 1_000],
          ],
        ],
        [
          'what comes with a tag',
          { by: ['tag'], where: { tag: 'x' } },
          [
            ['x', 111],
            ['y', 11],
          ],
        ],
        [
          'what comes with a tag, by session and team',
          { by: ['tag', 'session', 'team'], where: { tag: 'y' } },
          [
            ['x', 's2', 't1', 10],
            ['y', 's2', 't1', 10],
            ['x', 's1', 't1', 1],
            ['y', 's1', 't1', 1],
          ],
        ],
        [
          'a tag of one end user and session',
          { where: { tag: 'x', 'end-user': 'u1', session: 's1' } },
          [[101]],
        ],
        ['nobody', { by: ['tag'], where: { tag: 'x', 'end-user': 'u2' } }, []],
        [
          'day and team of an end user, for less than an hour',
          {
            by: ['day', 'team'],
            where: { 'end-user': 'u1' },
            fromMs: HOUR_MS + 1,
            untilMs: HOUR_MS + 51 * MINUTE_MS,
          },
          [
            ['2026-11-17T00:00:00.000Z', 't2', 100],
            ['2026-11-17T00:00:00.000Z', 't1', 10],
          ],
        ],
      ])('is exact: %s', (_what, query, expected) =>
        withStore(open, async (store) => {
          await post(store, posted)
          const rows = await spend(store, query)
          expect(rows.map(({ group, costNanoUsd }) => [...group, costNanoUsd])).toEqual(expected)
        }),
      )

      test('tells waste, estimates, tokens and attempts of each group', () =>
        withStore(open, async (store) => {
          await post(store, [
            ...posted,
            unpriced('b', { attribution: people({ sessionId: 's1', tags: ['x'] }) }),
          ])
          const [row] = await spend(store, { by: ['tag', 'session'], where: { tag: 'x', session: 's1' } })
          expect(row).toStrictEqual({
            group: ['x', 's1'],
            entries: 3,
            costNanoUsd: 101,
            wasteNanoUsd: 0,
            estimatedNanoUsd: 100,
            unpriced: 1,
            inputTokens: 30,
            outputTokens: 60,
          })
          const [wasted] = await spend(store, { by: ['session', 'tag'], where: { session: 's2' } })
          expect(wasted).toMatchObject({ group: ['s2', 'x'], costNanoUsd: 10, wasteNanoUsd: 10 })
        }))
    })

    test('in equal parts is told in the order of the words, and none comes before all', () =>
      withStore(open, async (store) => {
        const words = ['b', 'a!', undefined, 'a', 'Z', 'ä', 'ab']
        await post(
          store,
          words.map((word, place) =>
            entry(`a${place}`, {
              ...(word === undefined ? {} : { route: word }),
              attribution: {
                tags: word === undefined ? [] : [word],
                ...(word === undefined ? {} : { sessionId: word, endUser: word, teamId: word }),
              },
            }),
          ),
        )
        const inOrder = [undefined, 'Z', 'a', 'a!', 'ab', 'b', 'ä']
        for (const by of ['route', 'team', 'tag', 'session', 'end-user'] as const) {
          const words = async (query: Partial<SpendQuery>) =>
            (await spend(store, { by: [by], ...query })).map(({ group }) => group[0])
          expect([by, await words({})]).toEqual([by, inOrder])
          expect([by, await words({ rowsMax: 3 })]).toEqual([by, inOrder.slice(0, 3)])
          const pairs = await spend(store, { by: ['day', 'model', by] })
          expect([by, pairs.map(({ group }) => group[2])]).toEqual([by, inOrder])
        }
      }))

    test('is the same where there are thousands of entries', () =>
      withStore(open, async (store) => {
        const count = 12_000
        const entries = Array.from({ length: count }, (_, place) =>
          entry(`a${place}`, {
            atMs: HOUR_MS + place * 1_000,
            costNanoUsd: nano(place),
            inputTokens: place,
            attribution: {
              tags: [`t${place % 3}`, 'all'],
              sessionId: `s${place % 1_000}`,
              endUser: `u${place % 7}`,
            },
          }),
        )
        for (let from = 0; from < count; from += 2_000) await post(store, entries.slice(from, from + 2_000))
        const sumOf = (which: (place: number) => boolean) =>
          entries.reduce((sum, _, place) => sum + (which(place) ? place : 0), 0)
        const bySession = await spend(store, { by: ['session'], rowsMax: 2 })
        expect(bySession.map(({ group, costNanoUsd }) => [...group, costNanoUsd])).toEqual([
          ['s999', sumOf((place) => place % 1_000 === 999)],
          ['s998', sumOf((place) => place % 1_000 === 998)],
        ])
        const companions = await spend(store, { by: ['tag'], where: { tag: 't1', 'end-user': 'u2' } })
        const both = sumOf((place) => place % 3 === 1 && place % 7 === 2)
        expect(
          companions.map(({ group, costNanoUsd, inputTokens }) => [...group, costNanoUsd, inputTokens]),
        ).toEqual([
          ['all', both, both],
          ['t1', both, both],
        ])
        const untilMs = HOUR_MS + 9_999_500
        const [part] = await spend(store, { where: { session: 's5' }, fromMs: HOUR_MS + 5_001, untilMs })
        expect(part?.costNanoUsd).toBe(sumOf((place) => place % 1_000 === 5 && place > 5 && place < 10_000))
        expect(part?.entries).toBe(9)
      }))
  })
}
