/**
 * Posts lines to the books: entries and rows once each, and what they cost to the budgets, in one transaction. Sums and
 * blocks are made later, of thousands of entries at a time: with every posting they would cost more than the lines.
 */

import type { Charge } from '../../ledger/entry.ts'
import {
  AT_PLACE,
  type BatchValues,
  CHARGES_PLACE,
  COST_PLACE,
  ENTRY_COLUMNS,
  ORIGIN_COLUMNS,
  REQUEST_COLUMNS,
  type Value,
} from './book-values.ts'
import type { Database } from './database.ts'
import { chargedUntilMs, spend } from './sqlite-budgets.ts'
import { sumEntries } from './sqlite-sums.ts'
import { fromJson } from './values.ts'
import { failpoint } from '../../std/failpoints.ts'

const FIND_ORIGIN = `SELECT id FROM origins WHERE ${ORIGIN_COLUMNS.map((name) => `${name} = ?`).join(' AND ')}`
const ADD_ORIGIN = `INSERT INTO origins (${ORIGIN_COLUMNS.join(', ')}) VALUES (${places(ORIGIN_COLUMNS)})`
const FIND_EXCHANGE = 'SELECT id FROM exchanges WHERE hash = ? AND exchange_id = ?'
const ADD_EXCHANGE = 'INSERT INTO exchanges (hash, exchange_id) VALUES (?, ?)'
const NEWEST_EXCHANGE = 'SELECT max(hash) AS hash FROM exchanges'
const ADD_ENTRY = `INSERT INTO entries (exchange, origin, charges, ${ENTRY_COLUMNS.join(', ')})
  VALUES (?, ?, ?, ${places(ENTRY_COLUMNS)}) ON CONFLICT DO NOTHING`
const ADD_REQUEST = `INSERT INTO requests (exchange, origin, ${REQUEST_COLUMNS.join(', ')})
  VALUES (?, ?, ${places(REQUEST_COLUMNS)}) ON CONFLICT DO NOTHING`

/** Origins remembered, so that one need not be looked for with every batch. */
const ORIGINS_MAX = 20_000
/** Entries that are in no sum yet, at most: a report reads them one by one, and summing them holds up nobody for long. */
const UNSUMMED_MAX = 5_000

export class Posting {
  readonly #db: Database
  /** Of committed transactions only. */
  readonly #origins = new Map<string, number>()
  /** Since the last sums that this connection made; the first posting finds out about those before it. */
  #unsummed = UNSUMMED_MAX

  constructor(db: Database) {
    this.#db = db
  }

  post(nodeId: string, text: string, postedUntilMs = 0): void {
    this.#keep(text, (charge, nanoUsd) => spend(this.#db, nodeId, charge, nanoUsd), postedUntilMs)
  }

  /** Of a copy: what lines cost stands in the periods already. */
  take(text: string): void {
    this.#keep(text, () => {})
  }

  #keep(text: string, onSpent: (charge: Charge, nanoUsd: number) => void, postedUntilMs = 0): void {
    const batch = new Batch(this.#db, fromJson<BatchValues>(text), this.#origins)
    this.#db.write(() => {
      batch.addLines(postedUntilMs === 0 ? 0 : Math.min(postedUntilMs, chargedUntilMs(this.#db)))
      for (const { charge, nanoUsd } of spendingOf(batch.costs)) onSpent(charge, nanoUsd)
      failpoint('posting')
    })
    if (this.#origins.size > ORIGINS_MAX) this.#origins.clear()
    for (const [name, id] of batch.newOrigins) this.#origins.set(name, id)
    this.#unsummed += batch.added
    if (this.#unsummed >= UNSUMMED_MAX) this.#sum()
  }

  /** What was posted stands, whatever comes of it: the next posting tries again. */
  #sum(): void {
    try {
      sumEntries(this.#db)
      this.#unsummed = 0
    } catch {
      // Locked, or full: reports read the entries themselves until there are sums of them.
    }
  }
}

class Batch {
  readonly #db: Database
  readonly #values: BatchValues
  readonly #known: ReadonlyMap<string, number>
  readonly newOrigins = new Map<string, number>()
  /** What new entries cost, by the text of what they are charged to: many are charged alike. */
  readonly costs = new Map<string, number>()
  readonly #exchanges = new Map<string, number>()
  added = 0

  constructor(db: Database, values: BatchValues, known: ReadonlyMap<string, number>) {
    this.#db = db
    this.#values = values
    this.#known = known
  }

  addLines(untilMs: number): void {
    const { entries, requests, charges } = this.#values
    const origins = this.#values.origins.map((names) => this.#origin(names))
    const newest = Number(this.#db.get(NEWEST_EXCHANGE)?.['hash'] ?? -1)
    // What a statement is not told is NULL.
    const addEntry = this.#db.prepare(ADD_ENTRY)
    for (const values of entries) {
      this.#name(values, origins, newest)
      const text = charges[Number(values[CHARGES_PLACE] ?? -1)]
      values[CHARGES_PLACE] = text ?? null
      if (addEntry.run(...values).changes === 0) continue
      this.added += 1
      if (Number(values[AT_PLACE]) >= untilMs) this.#charge(values[COST_PLACE], text)
    }
    const addRequest = this.#db.prepare(ADD_REQUEST)
    for (const values of requests) {
      this.#name(values, origins, newest)
      addRequest.run(...values)
    }
  }

  /** The numbers of its exchange and its origin, in place: the values are ours, and copying them costs a tenth of a posting. */
  #name(values: Value[], origins: readonly number[], newest: number): void {
    values[0] = this.#exchange(String(values[0]), newest)
    values[1] = origins[Number(values[1])] ?? null
  }

  #charge(cost: Value | undefined, charges: string | undefined): void {
    if (typeof cost !== 'number' || charges === undefined) return
    this.costs.set(charges, (this.costs.get(charges) ?? 0) + cost)
  }

  /** `newest`: the last hash before this batch; most exchanges come after it, and need not be looked for. */
  #exchange(exchangeId: string, newest: number): number {
    const known = this.#exchanges.get(exchangeId)
    if (known !== undefined) return known
    const hash = hashOf(exchangeId)
    const found = hash > newest ? undefined : this.#db.get(FIND_EXCHANGE, hash, exchangeId)?.['id']
    const number = Number(found ?? this.#db.prepare(ADD_EXCHANGE).run(hash, exchangeId).lastInsertRowid)
    this.#exchanges.set(exchangeId, number)
    return number
  }

  #origin(names: readonly string[]): number {
    const name = names.join('\n')
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const found = this.#db.get(FIND_ORIGIN, ...names)?.['id']
    const id = Number(found ?? this.#db.prepare(ADD_ORIGIN).run(...names).lastInsertRowid)
    this.newOrigins.set(name, id)
    return id
  }
}

interface Spending {
  readonly charge: Charge
  nanoUsd: number
}

/** What each budget pays, in all. */
function spendingOf(costs: ReadonlyMap<string, number>): Iterable<Spending> {
  const spending = new Map<string, Spending>()
  for (const [text, nanoUsd] of costs) {
    for (const charge of fromJson<readonly Charge[]>(text)) {
      const id = `${charge.budgetId}\n${charge.periodStartMs}`
      const known = spending.get(id)
      if (known === undefined) spending.set(id, { charge, nanoUsd })
      else known.nanoUsd += nanoUsd
    }
  }
  return spending.values()
}

export function findExchange(db: Database, exchangeId: string): number | undefined {
  const row = db.get(FIND_EXCHANGE, hashOf(exchangeId), exchangeId)
  return row === undefined ? undefined : Number(row['id'])
}

/** Ids that begin with their time (std/ids.ts). */
const IN_ORDER = /^[a-z]+_[0-9a-f]{36}$/
const IN_ORDER_CHARS = 36
/** 52 bits: all of the time, and four of chance. */
const HASH_HEX_CHARS = 13

/** Kept in the file, so it never changes. Where the id begins with its time the index grows at its end, at a quarter of the cost. */
function hashOf(id: string): number {
  if (!IN_ORDER.test(id)) return hashOfText(id)
  const start = id.length - IN_ORDER_CHARS
  return Number.parseInt(id.slice(start, start + HASH_HEX_CHARS), 16)
}

/** 52 bits of it: two halves of FNV-1a. */
function hashOfText(text: string): number {
  let high = 0x811c9dc5
  let low = 0x01000193
  for (let place = 0; place < text.length; place += 1) {
    const code = text.charCodeAt(place)
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul(low ^ code, 0x85ebca6b)
    low ^= low >>> 15
  }
  return ((high ^ (high >>> 13)) >>> 12) * 0x1_0000_0000 + (low >>> 0)
}

function places(columns: readonly string[]): string {
  return columns.map(() => '?').join(', ')
}
