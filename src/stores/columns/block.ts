/**
 * Entries in columns as a store keeps them: the numbers as one run of bytes, each column no wider than its largest number
 * asks, and the lists of words beside it. 20 to 30 bytes an entry, where the columns in memory take 49.
 *
 * The bytes: 2 of the version, 2 free, 8 of widths (bytes of a number, of each of `STORED` in turn), 4 of how many origins
 * there are; then the origins, the columns, and the flags, each beginning at a multiple of eight. Numbers are in the order
 * of bytes of the machine, which on all but the rarest is the same; elsewhere the version reads as an unknown one.
 */

import type { EntryColumns } from './entry-columns.ts'

export interface Block {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly numbers: Uint8Array
  /** Empty where nobody asks for them. */
  readonly endUsers: readonly string[]
  readonly sessions: readonly string[]
  readonly tagSets: readonly string[]
}

/** Of the bytes; one is added when they are laid out in another way. */
const VERSION = 1
const HEADER_BYTES = 16
const WIDTHS_PLACE = 4
const ORIGINS_PLACE = 12

/** Columns whose width is told. Times are kept from the first one of the block on. */
const STORED = [
  'atMs',
  'costNano',
  'inputTokens',
  'outputTokens',
  'origin',
  'endUser',
  'session',
  'tags',
] as const

type Width = 1 | 2 | 4 | 8
type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** Bytes that are no block of this version's. Nothing is lost by it: blocks are made of the entries, which stand beside them. */
export class UnreadableBlock extends Error {
  override readonly name = 'UnreadableBlock'
}

export function blockOf(columns: EntryColumns): Block {
  const { count, firstMs, lastMs, endUsers, sessions, tagSets } = columns
  return { count, firstMs, lastMs, numbers: numbersOf(columns), endUsers, sessions, tagSets }
}

function numbersOf(columns: EntryColumns): Uint8Array {
  const { count, firstMs, origins, flags } = columns
  const stored = STORED.map((name) =>
    name === 'atMs' ? columns.atMs.map((time) => time - firstMs) : columns[name],
  )
  const widths = stored.map((column) => widthFor(column))
  const memory = new ArrayBuffer(bytesOf(widths, origins.length, count))
  const bytes = new Uint8Array(memory)
  new Uint16Array(memory, 0, 1).set([VERSION])
  bytes.set(widths, WIDTHS_PLACE)
  new Uint32Array(memory, ORIGINS_PLACE, 1).set([origins.length])
  const parts = partsOf(memory, 0, { widths, origins: origins.length, count })
  parts.origins.set(origins)
  for (const [place, column] of stored.entries()) parts.stored[place]?.set(column)
  parts.flags.set(flags)
  return bytes
}

function widthFor(column: Numbers): Width {
  let highest = 0
  for (const number of column) {
    if (!Number.isInteger(number) || number < 0) return 8
    if (number > highest) highest = number
  }
  if (highest <= 0xff) return 1
  if (highest <= 0xffff) return 2
  return highest <= 0xffff_ffff ? 4 : 8
}

/** Throws `UnreadableBlock`. */
export function columnsIn(block: Block): EntryColumns {
  const { count, firstMs, lastMs, endUsers, sessions, tagSets } = block
  // Numbers are read in place, so they have to begin at a multiple of eight.
  const bytes = block.numbers.byteOffset % 8 === 0 ? block.numbers : new Uint8Array(block.numbers)
  const { origins, stored, flags } = partsOf(bytes.buffer, bytes.byteOffset, shapeOf(bytes, count))
  const column = (name: (typeof STORED)[number]) => stored[STORED.indexOf(name)] ?? new Uint8Array()
  const read = {
    atMs: once(() => timesFrom(firstMs, column('atMs'))),
    origin: once(() => places(column('origin'))),
    endUser: once(() => places(column('endUser'))),
    session: once(() => places(column('session'))),
    tags: once(() => places(column('tags'))),
  }
  return {
    count,
    firstMs,
    lastMs,
    // Few reports look at all of these.
    get atMs() {
      return read.atMs()
    },
    get origin() {
      return read.origin()
    },
    get endUser() {
      return read.endUser()
    },
    get session() {
      return read.session()
    },
    get tags() {
      return read.tags()
    },
    costNano: wide(column('costNano')),
    inputTokens: wide(column('inputTokens')),
    outputTokens: wide(column('outputTokens')),
    flags,
    origins: [...origins],
    endUsers,
    sessions,
    tagSets,
  }
}

function once<Result extends object>(make: () => Result): () => Result {
  let made: Result | undefined
  return () => (made ??= make())
}

interface Shape {
  readonly widths: readonly number[]
  readonly origins: number
  readonly count: number
}

function shapeOf(bytes: Uint8Array, count: number): Shape {
  if (bytes.length < HEADER_BYTES)
    throw new UnreadableBlock(`A block of ${count} entries has ${bytes.length} bytes: it is damaged.`)
  const [version] = new Uint16Array(bytes.buffer, bytes.byteOffset, 1)
  if (version !== VERSION)
    throw new UnreadableBlock(
      `A block of entries has the format ${version}, and this version of Holdfast reads format ${VERSION}: it is damaged, or was written by another version.`,
    )
  const widths = [...bytes.subarray(WIDTHS_PLACE, WIDTHS_PLACE + STORED.length)]
  const [origins = 0] = new Uint32Array(bytes.buffer, bytes.byteOffset + ORIGINS_PLACE, 1)
  const isWhole = widths.every(isWidth) && bytes.length === bytesOf(widths, origins, count)
  if (!isWhole)
    throw new UnreadableBlock(
      `A block of ${count} entries has ${bytes.length} bytes, which is not what it says of itself: it is damaged.`,
    )
  return { widths, origins, count }
}

function isWidth(width: number): boolean {
  return width === 1 || width === 2 || width === 4 || width === 8
}

function bytesOf(widths: readonly number[], origins: number, count: number): number {
  const columns = widths.reduce((bytes, width) => bytes + toEight(width * count), 0)
  return HEADER_BYTES + origins * 8 + columns + count
}

function toEight(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}

/** Each part of the bytes, where it lies. */
function partsOf(memory: ArrayBufferLike, start: number, { widths, origins, count }: Shape) {
  let place = start + HEADER_BYTES
  const next = (bytes: number) => {
    const began = place
    place += toEight(bytes)
    return began
  }
  return {
    origins: new Float64Array(memory, next(origins * 8), origins),
    stored: widths.map((width) => viewOf(memory, next(width * count), { width, count })),
    flags: new Uint8Array(memory, next(0), count),
  }
}

function viewOf(
  memory: ArrayBufferLike,
  place: number,
  { width, count }: { readonly width: number; readonly count: number },
): Numbers {
  switch (width) {
    case 1:
      return new Uint8Array(memory, place, count)
    case 2:
      return new Uint16Array(memory, place, count)
    case 4:
      return new Uint32Array(memory, place, count)
    default:
      return new Float64Array(memory, place, count)
  }
}

// Copied into columns of one width each: what reads them is compiled for that one, and is twice as fast for it.

function wide(column: Numbers): Float64Array {
  return column instanceof Float64Array ? column : new Float64Array(column)
}

function places(column: Numbers): Uint32Array {
  return column instanceof Uint32Array ? column : new Uint32Array(column)
}

function timesFrom(firstMs: number, column: Numbers): Float64Array {
  const times = new Float64Array(column)
  for (let place = 0; place < times.length; place += 1) times[place] = firstMs + (times[place] ?? 0)
  return times
}
