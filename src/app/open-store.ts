/** Opens the store that the configuration names, with what seals and hashes by its master secret. */

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Peppers } from '../keys/key-hashes.ts'
import { describeKeyWeakness } from '../keys/weak-key.ts'
import { createChannel } from '../std/channel.ts'
import type { Clock } from '../std/clock.ts'
import { MASTER_SECRET_VARIABLE, readMasterSecret } from '../std/master-secret.ts'
import { createSealer, type Sealer } from '../std/sealer.ts'
import type { Notice } from '../std/notice.ts'
import type { Secret } from '../std/secret.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { guardStore } from '../stores/guarded-store.ts'
import { KnownFiles } from '../stores/known-files.ts'
import type { StoreHealth } from '../stores/store-pulse.ts'
import type { Store } from '../stores/store.ts'
import type { NodeLeases } from '../stores/postgres/catch-up.ts'
import { isTransferable, type Transferable } from '../stores/transfer.ts'
import type { NoticeRecord, Telemetry } from '../telemetry/records.ts'
import { assertTlsVerification } from '../upstream/dial.ts'
import type { StoreChoice } from './config/config.ts'
import { KnownSecrets } from './known-secrets.ts'
import { StartError } from './start-error.ts'

export interface OpenedStore {
  readonly store: Store
  /** The store as it is copied to another; absent where it cannot be. */
  readonly transfer?: Transferable
  /** Path of the files beside the store, without their ends (`.books`, `.keys.json`). */
  readonly base: string
  readonly sealer: Sealer
  readonly peppers: Peppers
  /** What was settled before this moment, ms since 1970, was in the store when the files beside it were written; 0: nobody knows. */
  readonly postedUntilMs: () => Promise<number>
  /** Calls `listener` whenever the store was made anew, and knows of no lease any more. */
  readonly onRebuilt: (listener: () => void) => void
  /** Of a store that took the place of another, and may lack what this one had: asked from now on. */
  readonly onReplaced: (replacement: Replacement) => void
  /** Why the store does not answer as it should; empty when it does. */
  readonly health: () => readonly string[]
}

export interface Replacement {
  /** What this node has leased: the store is told. */
  tellLeases(): NodeLeases
  /** Posts again what was settled from `sinceMs` on, ms since 1970; nothing is leased until it resolves. */
  postAgain(sinceMs: number): Promise<void>
}

export interface OpenStoreOptions {
  readonly clock: Clock
  readonly telemetry: Pick<Telemetry, 'notices'>
  readonly masterKey: Secret | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /**
   * What this node knew is put back where the store lost it: for the gateway, whose files beside the store say so. Default
   * false: for commands, which leave it to that.
   */
  readonly putsBack?: boolean
  /** A copy goes into it, be it the second half of one that was cut short. */
  readonly isCopyTarget?: boolean
}

export type KeptChoice = Exclude<StoreChoice, { kind: 'memory' }>

/** Throws StartError where the store or the master secret is not what it must be. */
export async function openStore(choice: KeptChoice, options: OpenStoreOptions): Promise<OpenedStore> {
  const base = choice.kind === 'sqlite' ? choice.path : path.join(choice.folder, 'holdfast')
  try {
    // The driver's connections are Node's own: the environment would unsay for them what the address of the database says.
    if (choice.kind === 'postgres') assertTlsVerification(options.env)
    mkdirSync(path.dirname(base), { recursive: true, mode: 0o700 })
    const { secrets } = readMasterSecret({
      env: options.env[MASTER_SECRET_VARIABLE],
      ...(options.masterKey && { configured: options.masterKey }),
      path: `${base}.key`,
      describeWeakness: describeKeyWeakness,
    })
    const sealer = createSealer(secrets)
    const known = new KnownSecrets({ path: `${base}.marks`, sealer })
    await known.checkBeside()
    const rebuilt = createChannel<undefined>()
    let replacement: Replacement | undefined
    const chosen = await openChosen(choice, base, {
      ...options,
      onRebuilt: () => rebuilt.publish(undefined),
      tellLeases: () => replacement?.tellLeases(),
      async onReplaced(sinceMs) {
        void known.checkAtStart(chosen).catch(() => undefined)
        await replacement?.postAgain(sinceMs)
      },
    })
    const isHalf = async () =>
      options.isCopyTarget !== true && isTransferable(chosen) && (await chosen.isPartOfCopy())
    const check = async () => {
      // A store that is away is no reason not to start: it is asked before it is used.
      if (await isHalf().catch(() => false)) throw new StartError('environment', PART_OF_COPY)
      await known.checkAtStart(chosen)
    }
    await check().catch(async (error: unknown) => {
      await chosen.close()
      throw error
    })
    // A store that was made anew knows nothing of it any more.
    rebuilt.subscribe(() => void known.checkAtStart(chosen).catch(() => undefined))
    const store = guardStore(chosen, {
      clock: options.clock,
      beforeUse: async () => {
        if (await isHalf()) throw new StoreUnavailable(PART_OF_COPY)
        await known.checkBeforeUse(chosen)
      },
      // The file's own thread writes its log back now and then, and nobody else answers in its place.
      ...(choice.kind === 'sqlite' && { deadlinesMs: { lease: SQLITE_WAIT_MS, recall: SQLITE_WAIT_MS } }),
      onChange: (health) => options.telemetry.notices.publish(noticeOf(health)),
    })
    return {
      store,
      ...(isTransferable(chosen) && { transfer: chosen }),
      base,
      sealer,
      peppers: sealer.deriveKeys('pepper'),
      postedUntilMs: () => new KnownFiles(base).postedUntilMs(),
      onRebuilt: (listener) => {
        rebuilt.subscribe(listener)
      },
      onReplaced: (by) => {
        replacement = by
      },
      health: () => troublesOf(store.health()),
    }
  } catch (error) {
    throw new StartError('environment', error instanceof Error ? error.message : String(error))
  }
}

const PART_OF_COPY =
  'this store holds a part of a copy that was cut short: run the same holdfast migrate again before it is used'

/** As if nothing had been known of the store with these files. Rejects with Node's error. */
export function forgetKnown(base: string): Promise<void> {
  return new KnownFiles(base).forget()
}

/** What a request may wait for the file, ms. */
const SQLITE_WAIT_MS = 250

/** Each is loaded only where it is chosen. */
async function openChosen(
  choice: KeptChoice,
  base: string,
  options: OpenStoreOptions & {
    readonly onRebuilt: () => void
    readonly onReplaced: (sinceMs: number) => Promise<void>
    readonly tellLeases: () => NodeLeases | undefined
  },
): Promise<Store> {
  const { clock, telemetry, onRebuilt, onReplaced, tellLeases } = options
  const { isCopyTarget = false, putsBack = false } = options
  const onNotice = (notice: Notice) => telemetry.notices.publish(notice)
  const files = new KnownFiles(base)
  if (choice.kind === 'postgres') {
    const { openPostgresStore } = await import('../stores/postgres/postgres-store.ts')
    return openPostgresStore({
      url: choice.url.reveal(),
      clock,
      ...(putsBack && { known: files }),
      tellLeases,
      onReplaced,
      onNotice,
    })
  }
  const { openSqliteStore } = await import('../stores/sqlite/sqlite-store.ts')
  return openSqliteStore({
    path: choice.path,
    clock,
    // What a store is given by a copy is not what was known of another one in its place.
    ...(!isCopyTarget && { lastKnown: () => files.readLast() }),
    putsBack,
    onRebuilt,
    onNotice,
  })
}

function troublesOf({ state, lastError = 'it did not answer in time' }: StoreHealth): readonly string[] {
  if (state === 'answering') return []
  return [`The store is ${state === 'slow' ? 'slow' : 'away'}: ${lastError}`]
}

function noticeOf(health: StoreHealth): NoticeRecord {
  const [trouble] = troublesOf(health)
  return trouble === undefined
    ? { level: 'info', name: 'store_answering', message: 'The store answers again.' }
    : { level: 'warn', name: 'store_trouble', message: trouble }
}
