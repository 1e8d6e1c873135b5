/** What this node knew of its store, in the files beside it, and which store that was: of another one it counts for nothing. */

import { randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createSnapshotFile } from '../keys/directory-snapshot.ts'
import { readBudgetSnapshot } from '../ledger/budget-snapshot.ts'
import { readFileIfThere, replaceFile } from '../std/replace-file.ts'
import type { Known, LastKnown } from './last-known.ts'

/** What `randomInt` can give, less one. */
const STORE_IDS = 2 ** 48 - 1

export class KnownFiles {
  readonly #base: string
  readonly #idPath: string

  /** `base`: path of the files, without their ends. */
  constructor(base: string) {
    this.#base = base
    this.#idPath = `${base}.store`
  }

  /** What was known last of the store of this id, or of one that has none yet. Never rejects: what cannot be read is not known. */
  async read(storeId: number | undefined): Promise<Known & { readonly storeId: number }> {
    const own = await this.#id()
    if (storeId !== undefined && own !== undefined && storeId !== own) return { storeId }
    return { storeId: storeId ?? own ?? randomInt(STORE_IDS), last: await this.readLast() }
  }

  /** From now on the files are of this store: those of another one go. Never rejects. */
  async keep(storeId: number): Promise<void> {
    const own = await this.#id()
    if (own === storeId) return
    try {
      if (own !== undefined) await this.forget()
      await replaceFile(this.#idPath, `${storeId}\n`)
    } catch {
      // A disk that takes nothing: whoever reads them next finds the other id, and knows nothing.
    }
  }

  /** `undefined` where nothing is known; that a file cannot be read tells whoever keeps it, and makes it anew. */
  async readLast(): Promise<LastKnown | undefined> {
    try {
      const directory = await createSnapshotFile(`${this.#base}.keys.json`).read()
      const money = await readBudgetSnapshot(`${this.#base}.budgets.json`)
      if (directory === undefined && money === undefined) return undefined
      return {
        directory: directory ?? { revision: 0, users: [], teams: [], projects: [], keys: [] },
        budgetsRevision: money?.revision ?? 0,
        budgets: money?.budgets ?? [],
        standings: money?.standings ?? [],
        postedUntilMs: money?.postedUntilMs ?? 0,
      }
    } catch {
      return undefined
    }
  }

  /** What was settled before this moment, ms since 1970, was in the store when the file of the budgets was written; 0: nobody knows. */
  async postedUntilMs(): Promise<number> {
    const money = await readBudgetSnapshot(`${this.#base}.budgets.json`).catch(() => undefined)
    return money?.postedUntilMs ?? 0
  }

  /** As if nothing had been known, of no store. Rejects with Node's error. */
  async forget(): Promise<void> {
    for (const end of ['keys.json', 'budgets.json', 'store'])
      await rm(`${this.#base}.${end}`, { force: true })
  }

  async #id(): Promise<number | undefined> {
    const text = await readFileIfThere(this.#idPath).catch(() => undefined)
    const id = Number(text ?? Number.NaN)
    return Number.isSafeInteger(id) ? id : undefined
  }
}
