import { describe, expect, test } from 'vitest'
import { type Block, blockOf, columnsIn, UnreadableBlock } from './block.ts'
import { type ColumnRow, columnsOf } from './entry-columns.ts'

const AT_MS = Date.UTC(2026, 9, 1)

function rows(count: number): readonly ColumnRow[] {
  return Array.from({ length: count }, (_, place) => ({
    atMs: AT_MS + place * 1_000,
    costNano: place === 3 ? null : place * 1_000_000,
    inputTokens: place * 10,
    outputTokens: place % 200,
    origin: 1 + (place % 30) * 1_000_000_000,
    endUser: place % 4 === 0 ? null : `person-${place % 100}`,
    session: `session-${place % 1_000}`,
    tags: place % 2 === 0 ? '["a","b"]' : null,
    flags: place % 8,
  }))
}

/** As a driver gives them: somewhere in a larger piece of memory. */
function moved(block: Block, offset: number): Block {
  const memory = Buffer.alloc(block.numbers.length + offset)
  memory.set(block.numbers, offset)
  return { ...block, numbers: memory.subarray(offset) }
}

function changed(block: Block, change: (bytes: Uint8Array) => Uint8Array): Block {
  return { ...block, numbers: change(new Uint8Array(block.numbers)) }
}

describe('a block', () => {
  test.each([0, 1, 7, 20_000])('gives back the columns of %i entries', (count) => {
    const columns = columnsOf(rows(count))
    expect(columnsIn(blockOf(columns))).toEqual(columns)
  })

  test.each([0, 3, 8])('is read where its bytes begin at %i of a larger piece of memory', (offset) => {
    const columns = columnsOf(rows(50))
    expect(columnsIn(moved(blockOf(columns), offset))).toEqual(columns)
  })

  test('keeps numbers of every size, also those that are not whole', () => {
    const sizes = [0, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, 1.5, -1]
    for (const size of sizes) {
      const [row] = rows(1)
      if (row === undefined) throw new Error('no row')
      const columns = columnsOf([row, { ...row, atMs: AT_MS + size, costNano: size, inputTokens: size }])
      expect(columnsIn(blockOf(columns))).toEqual(columns)
    }
  })

  test('takes at most 30 bytes an entry, but for words', () => {
    const columns = columnsOf(rows(20_000))
    expect(blockOf(columns).numbers.length / 20_000).toBeLessThan(30)
  })

  test.each([
    ['an unknown format', (bytes: Uint8Array) => bytes.with(0, 9), /format 9.*reads format 1/],
    ['a byte of another order', (bytes: Uint8Array) => bytes.with(0, 0).with(1, 1), /format 256/],
    ['too few bytes', (bytes: Uint8Array) => bytes.slice(0, -1), /damaged/],
    ['no bytes', () => new Uint8Array(), /has 0 bytes/],
    ['a width that no column has', (bytes: Uint8Array) => bytes.with(5, 3), /damaged/],
    ['a width of another column', (bytes: Uint8Array) => bytes.with(5, 8), /damaged/],
    ['more origins than it holds', (bytes: Uint8Array) => bytes.with(15, 0xff), /damaged/],
  ])('is refused with %s', (_what, change, message) => {
    const block = blockOf(columnsOf(rows(40)))
    const read = () => columnsIn(changed(block, change))
    expect(read).toThrow(UnreadableBlock)
    expect(read).toThrow(message)
  })
})
