/**
 * Blocks as a thread keeps them in memory between reports. Those that are full never change, and half of what a report takes
 * is fetching them. Words are fetched where a report asks for them: there may be as many as entries.
 */

import { type Block, columnsIn } from '../columns/block.ts'
import type { EntryColumns } from '../columns/entry-columns.ts'
import { BLOCK_MIN } from './block-builder.ts'
import type { Row, Session } from './connections.ts'
import { bytesIn, numberIn, textIn } from './row-values.ts'

/** Bytes of blocks that are kept; a million entries with all their words take about 80 MiB. */
const BLOCKS_KEPT_BYTES_MAX = 128 * 1_024 * 1_024
/** What an entry takes without its words, beside the bytes it was read from. */
const ENTRY_BYTES = 49
/** What a word takes beside its letters, as it lies in memory. */
const WORD_BYTES = 32

const WITHIN = {
  name: 'blocks-within',
  text: 'SELECT id, entries, first_ms, last_ms FROM holdfast.blocks WHERE last_ms >= $1 AND first_ms < $2 ORDER BY id',
}
const READ = {
  name: 'read-block',
  text: `
SELECT CASE WHEN $2 THEN numbers END AS numbers, CASE WHEN $2 THEN tag_sets END AS tag_sets,
  CASE WHEN $3 THEN end_users END AS end_users, CASE WHEN $4 THEN sessions END AS sessions
FROM holdfast.blocks WHERE id = $1`,
}

export interface BlocksAsked {
  readonly fromMs: number
  readonly untilMs: number
  readonly hasEndUsers: boolean
  readonly hasSessions: boolean
}

/** Entries beside the time come along; lists of words that were not asked for may be empty. */
interface KeptBlock {
  readonly block: Block
  readonly columns: EntryColumns
  readonly hasEndUsers: boolean
  readonly hasSessions: boolean
  readonly bytes: number
}

interface Listed {
  readonly id: number
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

export class KeptBlocks {
  readonly #bytesMax: number
  readonly #kept = new Map<number, KeptBlock>()
  #bytes = 0

  constructor(bytesMax = BLOCKS_KEPT_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Inside a transaction that sees one moment. */
  async *within(session: Session, asked: BlocksAsked): AsyncGenerator<EntryColumns> {
    const rows = await session.query(WITHIN, [asked.fromMs, asked.untilMs])
    const listed = rows.map((row) => ({
      id: numberIn(row, 'id'),
      count: numberIn(row, 'entries'),
      firstMs: numberIn(row, 'first_ms'),
      lastMs: numberIn(row, 'last_ms'),
    }))
    // The server gets the next one ready while this one is added up.
    let next = this.#read(session, listed[0], asked)
    for (const place of listed.keys()) {
      const block = await next
      next = this.#read(session, listed[place + 1], asked)
      // Where nobody takes it any more, nobody hears of its failure either.
      next.catch(() => undefined)
      if (block !== undefined) yield block.columns
    }
  }

  clear(): void {
    this.#kept.clear()
    this.#bytes = 0
  }

  async #read(
    session: Session,
    listed: Listed | undefined,
    asked: BlocksAsked,
  ): Promise<KeptBlock | undefined> {
    if (listed === undefined) return undefined
    const known = this.#kept.get(listed.id)
    const hasEndUsers = asked.hasEndUsers && known?.hasEndUsers !== true
    const hasSessions = asked.hasSessions && known?.hasSessions !== true
    if (known !== undefined && !hasEndUsers && !hasSessions) return known
    const [row] = await session.query(READ, [listed.id, known === undefined, hasEndUsers, hasSessions])
    if (row === undefined) return undefined
    const block = keptOf(row, listed, known)
    if (listed.count >= BLOCK_MIN) this.#keep(listed.id, block)
    return block
  }

  /** What came first stays: whoever reads more than there is room for would find nothing again otherwise. */
  #keep(id: number, block: KeptBlock): void {
    const bytes = this.#bytes - (this.#kept.get(id)?.bytes ?? 0) + block.bytes
    if (bytes > this.#bytesMax) return
    this.#bytes = bytes
    this.#kept.set(id, block)
  }
}

/** With what is known of it already. */
function keptOf(row: Row, listed: Listed, known: KeptBlock | undefined): KeptBlock {
  const endUsers = wordsIn(row, 'end_users')
  const sessions = wordsIn(row, 'sessions')
  const tagSets = wordsIn(row, 'tag_sets')
  const numbers = known?.block.numbers ?? bytesIn(row, 'numbers')
  const block: Block = {
    ...listed,
    numbers,
    endUsers: endUsers?.all ?? known?.block.endUsers ?? [],
    sessions: sessions?.all ?? known?.block.sessions ?? [],
    tagSets: tagSets?.all ?? known?.block.tagSets ?? [],
  }
  const first = known?.bytes ?? listed.count * ENTRY_BYTES + numbers.byteLength
  return {
    block,
    columns: columnsIn(block),
    hasEndUsers: endUsers !== undefined || known?.hasEndUsers === true,
    hasSessions: sessions !== undefined || known?.hasSessions === true,
    bytes: [endUsers, sessions, tagSets].reduce((sum, words) => sum + (words?.bytes ?? 0), first),
  }
}

interface Words {
  readonly all: readonly string[]
  readonly bytes: number
}

function wordsIn(row: Row, column: string): Words | undefined {
  if (row[column] === null) return undefined
  const text = textIn(row, column)
  // Sound: only such a list is written to that column.
  const all = JSON.parse(text) as readonly string[]
  return { all, bytes: text.length + all.length * WORD_BYTES }
}
