/**
 * Which master secret a store is used with, remembered in it and beside it by marks that tell nothing of it: with another
 * one every key would look like a stranger's and no answer could be opened, so the start is refused instead (SEC-26).
 */

import { readFileIfThere, replaceFile } from '../std/replace-file.ts'
import type { Sealer } from '../std/sealer.ts'
import { StoreUnavailable } from '../std/store-error.ts'

/** Of the mark that is kept; the rest of it would be of no more use. */
const MARK_BYTES = 16
/** Marks beside one store: one for each rotation. */
const MARKS_MAX = 64

/** What is mended by giving the store the secret that it was used with. */
class ForeignSecret extends Error {}

/** The part of a store that is needed here. */
export interface SecretMatcher {
  matchSecret(marks: readonly [string, ...(readonly string[])]): Promise<boolean>
}

export interface KnownSecretsOptions {
  /** The file beside the store: what is known while the store does not answer. */
  readonly path: string
  readonly sealer: Pick<Sealer, 'deriveKeys'>
}

export class KnownSecrets {
  readonly #path: string
  readonly #marks: readonly [string, ...(readonly string[])]

  constructor({ path, sealer }: KnownSecretsOptions) {
    const [newest, ...older] = sealer.deriveKeys('mark')
    this.#path = path
    this.#marks = [markOf(newest), ...older.map(markOf)]
  }

  /** Rejects where none of the secrets at hand is one that was used before on this node. */
  async checkBeside(): Promise<void> {
    const known = await this.#known()
    if (known.length > 0 && !this.#marks.some((mark) => known.includes(mark))) throw foreign(this.#path)
  }

  /** Rejects where the store is used with another secret; resolves where it does not answer, and is asked later then. */
  async checkAtStart(store: SecretMatcher): Promise<void> {
    try {
      await this.#check(store)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }

  /** The same for a store that answers later than the start: one of another secret is as good as one that is away. */
  async checkBeforeUse(store: SecretMatcher): Promise<void> {
    try {
      await this.#check(store)
    } catch (error) {
      if (error instanceof ForeignSecret) throw new StoreUnavailable(error.message)
      throw error
    }
  }

  async #check(store: SecretMatcher): Promise<void> {
    if (!(await store.matchSecret(this.#marks))) throw foreign('the store')
    await this.#noteBeside()
  }

  /** A disk that takes nothing keeps nobody from starting. */
  async #noteBeside(): Promise<void> {
    const [newest] = this.#marks
    const known = await this.#known()
    if (known.includes(newest)) return
    const all = [...known, newest].slice(-MARKS_MAX)
    await replaceFile(this.#path, `${all.join('\n')}\n`).catch(() => undefined)
  }

  async #known(): Promise<readonly string[]> {
    const text = (await readFileIfThere(this.#path)) ?? ''
    return text.split('\n').filter((line) => line !== '')
  }
}

function markOf(key: Buffer): string {
  return key.subarray(0, MARK_BYTES).toString('hex')
}

function foreign(where: string): ForeignSecret {
  return new ForeignSecret(
    `The master secret is not the one that this store was used with (${where} knows that one by its mark): give that one back, in HOLDFAST_MASTER_KEY, masterKey or the file it was in; to change it, name both with a comma between them, the new one first. Gateways that share a store share the secret.`,
  )
}
