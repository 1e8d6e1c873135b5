import { expect, test } from 'vitest'
import { gatherPages } from './gather-pages.ts'

function source(count: number) {
  const asked: number[] = []
  const page = async ({ limit, cursor }: { readonly limit: number; readonly cursor?: string }) => {
    asked.push(limit)
    const from = Number(cursor ?? 0)
    const rows = Array.from({ length: Math.min(limit, count - from) }, (_, index) => from + index)
    return { rows, ...(from + limit < count && { next: String(from + limit) }) }
  }
  return { asked, page }
}

test('reads page after page up to what was asked for, and no row more', async () => {
  const { asked, page } = source(100)
  const { rows, next } = await gatherPages({ pageMax: 10, rowsMax: 25, page })
  expect([rows.length, next, asked]).toEqual([25, '25', [10, 10, 5]])
  const rest = await gatherPages({ pageMax: 50, rowsMax: 1_000, cursor: next, page })
  expect([rest.rows[0], rest.rows.length, rest.next]).toEqual([25, 75, undefined])
})

test('an empty source is one empty page', async () => {
  const { asked, page } = source(0)
  expect(await gatherPages({ pageMax: 10, rowsMax: 25, page })).toEqual({ rows: [] })
  expect(asked).toEqual([10])
})
