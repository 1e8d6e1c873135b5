/** What every store must answer about the books: spending by anything and any time, requests in pages. */

import { describe, expect, test } from 'vitest'
import type { Attribution, LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import type { RequestQuery, SpendDimension, SpendQuery } from '../../reports/report-store.ts'
import {
  DAY_MS,
  entry,
  HOUR_MS,
  nano,
  ONE_HOUR_MS,
  type OpenFixture,
  post,
  row,
  spend,
  unpriced,
  withStore,
} from './samples.test-support.ts'

const MINUTE_MS = 60_000
/** Of what is written as it is, and what is escaped somewhere. */
const ODD = `o"d\\d: {é \u2028 \u0001 %_'}`

export function describeReports(open: OpenFixture): void {
  describe('spending', () => {
    test('of everything is one row, and none where nothing happened', () =>
      withStore(open, async (store) => {
        expect(await spend(store)).toEqual([])
        await post(store, [
          entry('a'),
          entry('b', { isWaste: true, costNanoUsd: nano(7), basis: 'counted' }),
          entry('c', { costNanoUsd: nano(5), basis: 'estimated' }),
          unpriced('d', { inputTokens: 1, outputTokens: 2 }),
          unpriced('e', { basis: 'none', outcome: 'failed', inputTokens: 0, outputTokens: 0 }),
        ])
        expect(await spend(store)).toStrictEqual([
          {
            group: [],
            entries: 5,
            costNanoUsd: 112,
            wasteNanoUsd: 7,
            estimatedNanoUsd: 12,
            unpriced: 1,
            inputTokens: 31,
            outputTokens: 62,
          },
        ])
      }))

    test.each<readonly [SpendDimension, Partial<LedgerEntry>, string]>([
      ['key', { attribution: { tags: [], keyId: 'key_1', keyName: 'one' } }, 'key_1'],
      ['key', { attribution: { tags: [], keyName: 'of the file' } }, 'of the file'],
      ['project', { attribution: { tags: [], projectId: 'prj_1' } }, 'prj_1'],
      ['team', { attribution: { tags: [], teamId: 'team_1' } }, 'team_1'],
      ['user', { attribution: { tags: [], userId: 'usr_1' } }, 'usr_1'],
      ['end-user', { attribution: { tags: [], endUser: 'Zoë' } }, 'Zoë'],
      ['tag', { attribution: { tags: ['a:b'] } }, 'a:b'],
      ['session', { attribution: { tags: [], sessionId: 's_1' } }, 's_1'],
      ['route', { route: 'fast' }, 'fast'],
      ['model', { modelId: 'large' }, 'large'],
      ['target', { target: 'other/large' }, 'other/large'],
      ['provider', { provider: 'other' }, 'other'],
    ])('is told apart, and filtered, by %s', (dimension, fields, value) =>
      withStore(open, async (store) => {
        const without = { model: 'small', target: 'acme/small', provider: 'acme' }
        const elsewhere = Object.entries(without).find(([name]) => name === dimension)?.[1]
        await post(store, [
          entry('a', { ...fields, costNanoUsd: nano(3) }),
          entry('b', { ...fields, costNanoUsd: nano(4), atMs: HOUR_MS + 5 * ONE_HOUR_MS }),
          entry('c'),
        ])
        const rows = await spend(store, { by: [dimension] })
        expect(rows.map(({ group, entries, costNanoUsd }) => [group, entries, costNanoUsd])).toEqual([
          [[elsewhere], 1, 100],
          [[value], 2, 7],
        ])
        const filtered = await spend(store, { where: { [dimension]: value } })
        expect(filtered.map(({ group, costNanoUsd }) => [group, costNanoUsd])).toEqual([[[], 7]])
        expect(await spend(store, { where: { [dimension]: `${value}?` }, by: ['hour'] })).toEqual([])
      }),
    )

    test('is told apart by hour, day and month (UTC), the earliest first', () =>
      withStore(open, async (store) => {
        await post(store, [
          entry('a', { atMs: HOUR_MS + 2 * ONE_HOUR_MS + 5, costNanoUsd: nano(9) }),
          entry('b', { atMs: HOUR_MS }),
          entry('c', { atMs: HOUR_MS + ONE_HOUR_MS - 1 }),
          entry('d', { atMs: HOUR_MS + 20 * DAY_MS, costNanoUsd: nano(1_000) }),
        ])
        const sums = async (by: SpendDimension) =>
          (await spend(store, { by: [by] })).map(({ group, costNanoUsd }) => [group[0], costNanoUsd])
        expect(await sums('hour')).toEqual([
          ['2026-11-17T10:00:00.000Z', 200],
          ['2026-11-17T12:00:00.000Z', 9],
          ['2026-12-07T10:00:00.000Z', 1_000],
        ])
        expect(await sums('day')).toEqual([
          ['2026-11-17T00:00:00.000Z', 209],
          ['2026-12-07T00:00:00.000Z', 1_000],
        ])
        expect(await sums('month')).toEqual([
          ['2026-11-01T00:00:00.000Z', 209],
          ['2026-12-01T00:00:00.000Z', 1_000],
        ])
      }))

    test('is exact to the millisecond at both ends, whole hours or not', () =>
      withStore(open, async (store) => {
        const times = Array.from({ length: 60 }, (_, place) => HOUR_MS + place * 7 * MINUTE_MS)
        await post(
          store,
          times.map((atMs, place) => entry(`a${place}`, { atMs, costNanoUsd: nano(1) })),
        )
        const ends = [
          HOUR_MS - DAY_MS,
          HOUR_MS,
          HOUR_MS + 1,
          HOUR_MS + 7 * MINUTE_MS,
          HOUR_MS + 7 * MINUTE_MS + 1,
          HOUR_MS + 50 * MINUTE_MS,
          HOUR_MS + ONE_HOUR_MS,
          HOUR_MS + 2 * ONE_HOUR_MS + 1,
          HOUR_MS + 3 * ONE_HOUR_MS,
          HOUR_MS + DAY_MS,
        ]
        for (const fromMs of ends) {
          for (const untilMs of ends) {
            const expected = times.filter((atMs) => atMs >= fromMs && atMs < untilMs).length
            const [all] = await spend(store, { fromMs, untilMs })
            expect([fromMs, untilMs, all?.costNanoUsd ?? 0]).toEqual([fromMs, untilMs, expected])
          }
        }
      }))

    test('of several dimensions is told apart by all of them, an entry once for each of its tags', () =>
      withStore(open, async (store) => {
        const who = (keyId: string, tags: readonly string[], endUser?: string): Attribution => ({
          keyId,
          tags,
          ...(endUser === undefined ? {} : { endUser }),
        })
        await post(store, [
          entry('a', { attribution: who('key_1', ['x', 'y'], 'u1'), costNanoUsd: nano(1) }),
          entry('b', { attribution: who('key_1', ['x'], 'u2'), costNanoUsd: nano(10) }),
          entry('c', { attribution: who('key_2', ['x']), costNanoUsd: nano(100), modelId: 'large' }),
          entry('d', { attribution: who('key_2', []), costNanoUsd: nano(1_000) }),
        ])
        const sums = async (query: Partial<SpendQuery>) =>
          (await spend(store, query)).map(({ group, costNanoUsd }) => [...group, costNanoUsd])
        expect(await sums({ by: ['tag', 'key'] })).toEqual([
          [undefined, 'key_2', 1_000],
          ['x', 'key_2', 100],
          ['x', 'key_1', 11],
          ['y', 'key_1', 1],
        ])
        expect(await sums({ by: ['key', 'model', 'hour'], where: { tag: 'x' } })).toEqual([
          ['key_2', 'large', '2026-11-17T10:00:00.000Z', 100],
          ['key_1', 'small', '2026-11-17T10:00:00.000Z', 11],
        ])
        expect(await sums({ by: ['tag'], where: { key: 'key_1', model: 'small' } })).toEqual([
          ['x', 11],
          ['y', 1],
        ])
        // What shares a request with a tag: entries that have it, by all of theirs.
        expect(await sums({ by: ['tag'], where: { tag: 'y' } })).toEqual([
          ['x', 1],
          ['y', 1],
        ])
        expect(await sums({ by: ['end-user'], where: { tag: 'x' } })).toEqual([
          [undefined, 100],
          ['u2', 10],
          ['u1', 1],
        ])
        expect(await sums({ by: ['tag', 'end-user'], fromMs: HOUR_MS, untilMs: HOUR_MS + 5 })).toEqual([
          [undefined, undefined, 1_000],
          ['x', undefined, 100],
          ['x', 'u2', 10],
          ['x', 'u1', 1],
          ['y', 'u1', 1],
        ])
      }))

    test('is that of any of several keys, one of the file among them, whatever it is told apart by', () =>
      withStore(open, async (store) => {
        const of = (keyId: string, fields: Partial<LedgerEntry>) =>
          entry(`${keyId}.${fields.costNanoUsd}`, {
            ...fields,
            attribution: { tags: ['x'], sessionId: 's', keyId, keyName: 'laptop' },
          })
        await post(store, [
          of('key_1', { costNanoUsd: nano(1) }),
          of('key_2', { costNanoUsd: nano(10), atMs: HOUR_MS + DAY_MS }),
          of('key_2', { costNanoUsd: nano(100), atMs: HOUR_MS + 3 * DAY_MS }),
          of('key_3', { costNanoUsd: nano(1_000) }),
          entry('f', { costNanoUsd: nano(10_000), attribution: { tags: ['x'], keyName: 'of the file' } }),
        ])
        const costs = async (key: readonly string[], query: Partial<SpendQuery>) =>
          (await spend(store, { ...query, where: { ...query.where, key } })).map(({ group, costNanoUsd }) => [
            ...group,
            costNanoUsd,
          ])
        const line = ['key_1', 'key_2']
        expect(await costs(line, {})).toEqual([[111]])
        expect(await costs([...line, 'of the file'], {})).toEqual([[10_111]])
        expect(await costs(line, { by: ['key'] })).toEqual([
          ['key_2', 110],
          ['key_1', 1],
        ])
        expect(await costs(line, { by: ['tag', 'session'] })).toEqual([['x', 's', 111]])
        expect(await costs(line, { where: { tag: 'x', session: 's' } })).toEqual([[111]])
        expect(await costs(line, { fromMs: HOUR_MS + 1, untilMs: HOUR_MS + DAY_MS + 1 })).toEqual([[10]])
        for (const nobodys of [[], ['key_9'], ['laptop']]) expect(await costs(nobodys, {})).toEqual([])
      }))

    test('shows the costliest groups, and no more rows than asked for', () =>
      withStore(open, async (store) => {
        await post(
          store,
          Array.from({ length: 9 }, (_, place) =>
            entry(`a${place}`, { modelId: `m${place}`, costNanoUsd: nano((place * 5) % 9) }),
          ),
        )
        const rows = await spend(store, { by: ['model'], rowsMax: 3 })
        expect(rows.map(({ costNanoUsd }) => costNanoUsd)).toEqual([8, 7, 6])
      }))

    test('is taken literally, whatever the values say', () =>
      withStore(open, async (store) => {
        const odd = `'; DROP TABLE entries; -- "\\ %_ \u0001`
        await post(store, [entry('a', { modelId: odd, attribution: { tags: [odd], sessionId: odd } })])
        expect(await spend(store, { by: ['model', 'tag', 'hour'], where: { tag: odd } })).toHaveLength(1)
        expect((await spend(store, { by: ['session'] }))[0]?.group).toEqual([odd])
        expect((await store.requests({ limit: 5, tag: odd, code: odd })).rows).toEqual([])
      }))
  })

  describe('requests', () => {
    test('are read in pages, the newest first, each once, whatever arrives between', () =>
      withStore(open, async (store) => {
        const times = [5, 5, 5, 9, 1, 5, 7]
        await post(
          store,
          [],
          times.map((offset, place) => row(`r${place}`, { atMs: HOUR_MS + offset })),
        )
        const seen: string[] = []
        let cursor: string | undefined
        for (let page = 0; page < 10; page += 1) {
          const answer = await store.requests({ limit: 2, ...(cursor === undefined ? {} : { cursor }) })
          seen.push(...answer.rows.map(({ exchangeId }) => exchangeId))
          if (page === 0) await post(store, [], [row('late', { atMs: HOUR_MS + 99 })])
          cursor = answer.next
          if (cursor === undefined) break
        }
        expect(seen).toHaveLength(7)
        expect(new Set(seen).size).toBe(7)
        expect(seen.map((id) => times[Number(id.slice(1))])).toEqual([9, 7, 5, 5, 5, 5, 1])
      }))

    test('end without a next page where the last one is full', () =>
      withStore(open, async (store) => {
        await post(store, [], [row('a'), row('b')])
        const page = await store.requests({ limit: 2 })
        expect(page.rows).toHaveLength(2)
        expect(page.next).toBeUndefined()
      }))

    test.each<readonly [Partial<RequestQuery>, Partial<RequestRow>]>([
      [{ keyId: 'key_1' }, { attribution: { tags: [], keyId: 'key_1', keyName: 'x' } }],
      [{ keyId: 'of the file' }, { attribution: { tags: [], keyName: 'of the file' } }],
      [{ keyId: ['key_0', 'key_1'] }, { attribution: { tags: [], keyId: 'key_1', keyName: 'x' } }],
      [{ keyId: ['key_1', 'of the file'] }, { attribution: { tags: [], keyName: 'of the file' } }],
      [{ projectId: 'prj_1' }, { attribution: { tags: [], projectId: 'prj_1' } }],
      [{ teamId: 'team_1' }, { attribution: { tags: [], teamId: 'team_1' } }],
      [{ userId: 'usr_1' }, { attribution: { tags: [], userId: 'usr_1' } }],
      [{ teamId: ODD }, { attribution: { tags: [], teamId: ODD, userId: 'usr_1' } }],
      [{ userId: ODD }, { attribution: { tags: [], teamId: 'team_1', userId: ODD } }],
      [{ sessionId: 's' }, { attribution: { tags: [], sessionId: 's' } }],
      [{ endUser: 'u' }, { attribution: { tags: [], endUser: 'u' } }],
      [{ tag: 'b' }, { attribution: { tags: ['a', 'b'] } }],
      [{ modelId: 'm' }, { modelId: 'm' }],
      [{ route: 'r' }, { route: 'r' }],
      [{ target: 't/m' }, { target: 't/m' }],
      [{ state: 'failed' }, { state: 'failed' }],
      [{ code: 'rate_limited' }, { code: 'rate_limited' }],
      [{ fromMs: HOUR_MS + 1 }, { atMs: HOUR_MS + 1 }],
      [{ untilMs: HOUR_MS }, { atMs: HOUR_MS - 1 }],
      [{ endedFromMs: HOUR_MS + 60_000 }, { atMs: HOUR_MS - 1, durationMs: 60_001 }],
    ])('are filtered by %j', (query, fields) =>
      withStore(open, async (store) => {
        const wanted = row('wanted', fields)
        const other = row('other', {
          attribution: { tags: ['c'] },
          message: `"teamId":"team_1","userId":"usr_1"`,
        })
        await post(store, [], [other, wanted])
        expect(await store.requests({ ...query, limit: 10 })).toStrictEqual({ rows: [wanted] })
      }),
    )

    test('are filtered by a provider that any of their attempts went to, whoever answered in the end', () =>
      withStore(open, async (store) => {
        const at = (provider: string) => ({ provider, target: `${provider}/small` })
        const attribution = { tags: [], teamId: 'team_1' }
        await post(
          store,
          [
            entry('fell back', at('first')),
            entry('fell back', { ...at('second'), attempt: 2 }),
            entry('fell back', { ...at('first'), attempt: 3 }),
            entry('at once', { ...at('second'), attribution }),
            entry('elsewhere', at('third')),
          ],
          [
            row('fell back', { atMs: HOUR_MS + 3, target: 'first/small', attempts: 3 }),
            row('at once', { atMs: HOUR_MS + 2, target: 'second/small', attribution }),
            row('elsewhere', { atMs: HOUR_MS + 1, target: 'third/small' }),
            // No attempt was made: it was answered from what was kept of that target.
            row('recalled', { target: 'second/small', attempts: 0, recall: 'hit' }),
          ],
        )
        const found = async (query: Partial<RequestQuery>) => {
          const { rows, next } = await store.requests({ limit: 10, ...query })
          return [rows.map(({ exchangeId }) => exchangeId), next]
        }
        expect(await found({ provider: 'first' })).toEqual([['fell back'], undefined])
        expect(await found({ provider: 'second' })).toEqual([['fell back', 'at once'], undefined])
        expect(await found({ provider: 'third' })).toEqual([['elsewhere'], undefined])
        for (const nobody of ['fourth', '', 'third/small', 'THIRD', "' OR 1=1 --"])
          expect(await found({ provider: nobody })).toEqual([[], undefined])
        expect(await found({ provider: 'second', teamId: 'team_1' })).toEqual([['at once'], undefined])
        expect(await found({ provider: 'second', target: 'first/small' })).toEqual([['fell back'], undefined])
        const page = await store.requests({ provider: 'second', limit: 1 })
        expect(page.rows.map(({ exchangeId }) => exchangeId)).toEqual(['fell back'])
        const cursor = page.next ?? 'none'
        expect(await found({ provider: 'second', cursor, limit: 1 })).toEqual([['at once'], undefined])
      }))

    test('are told with their attempts in order, and not at all where nobody knows them', () =>
      withStore(open, async (store) => {
        const attempts = [1, 2, 3].map((attempt) => entry('a', { attempt, atMs: HOUR_MS + 10 - attempt }))
        await post(store, attempts.toReversed(), [row('a')])
        await post(store, [entry('b')])
        expect(await store.request('a')).toStrictEqual({ request: row('a'), attempts })
        expect(await store.request('c')).toBeUndefined()
      }))
  })
}
