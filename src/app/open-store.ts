/** Opens the store that the configuration names, with what seals and hashes by its master secret. */

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { createSnapshotFile } from '../keys/directory-snapshot.ts'
import { readBudgetSnapshot } from '../ledger/budget-snapshot.ts'
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
import type { LastKnown } from '../stores/last-known.ts'
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
  /** Calls `listener` whenever the store was made anew, and knows of no lease any more. */
  readonly onRebuilt: (listener: () => void) => void
  /** Calls `listener` whenever another took the store's place that may lack the last moments; it has the leases of `tellLeases`. */
  readonly onReplaced: (listener: () => void) => void
  /** Asked, from now on, for what this node has leased, whenever a store that took the place of another is to know it. */
  readonly setLeases: (tell: () => NodeLeases) => void
  /** Why the store does not answer as it should; empty when it does. */
  readonly health: () => readonly string[]
}

export interface OpenStoreOptions {
  readonly clock: Clock
  readonly telemetry: Pick<Telemetry, 'notices'>
  readonly masterKey: Secret | undefined
  readonly env: Readonly<Record<string, string | undefined>>
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
    const replaced = createChannel<undefined>()
    let tellLeases: (() => NodeLeases) | undefined
    const chosen = await openChosen(choice, base, {
      ...options,
      onRebuilt: () => rebuilt.publish(undefined),
      onReplaced: () => replaced.publish(undefined),
      tellLeases: () => tellLeases?.(),
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
    replaced.subscribe(() => void known.checkAtStart(chosen).catch(() => undefined))
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
      onRebuilt: (listener) => {
        rebuilt.subscribe(listener)
      },
      onReplaced: (listener) => {
        replaced.subscribe(listener)
      },
      setLeases: (tell) => {
        tellLeases = tell
      },
      health: () => troublesOf(store.health()),
    }
  } catch (error) {
    throw new StartError('environment', error instanceof Error ? error.message : String(error))
  }
}

const PART_OF_COPY =
  'this store holds a part of a copy that was cut short: run the same holdfast migrate again before it is used'

/** What a request may wait for the file, ms. */
const SQLITE_WAIT_MS = 250

/** Each is loaded only where it is chosen. */
async function openChosen(
  choice: KeptChoice,
  base: string,
  options: OpenStoreOptions & {
    readonly onRebuilt: () => void
    readonly onReplaced: () => void
    readonly tellLeases: () => NodeLeases | undefined
  },
): Promise<Store> {
  const { clock, telemetry, onRebuilt, onReplaced, tellLeases, isCopyTarget = false } = options
  const onNotice = (notice: Notice) => telemetry.notices.publish(notice)
  // What a store is given by a copy is not what was known of another one in its place.
  const lastKnown = async () => (isCopyTarget ? undefined : readLastKnown(base).catch(ignore))
  if (choice.kind === 'postgres') {
    const { openPostgresStore } = await import('../stores/postgres/postgres-store.ts')
    return openPostgresStore({ url: choice.url.reveal(), clock, lastKnown, tellLeases, onReplaced, onNotice })
  }
  const { openSqliteStore } = await import('../stores/sqlite/sqlite-store.ts')
  return openSqliteStore({
    path: choice.path,
    clock,
    lastKnown,
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

/** A file that cannot be read tells nothing; who keeps it tells that, and makes it anew. */
function ignore(): undefined {
  return undefined
}

/** What this node knew of the store the last time it looked; `undefined` where it never did. */
async function readLastKnown(base: string): Promise<LastKnown | undefined> {
  const directory = await createSnapshotFile(`${base}.keys.json`).read()
  const money = await readBudgetSnapshot(`${base}.budgets.json`)
  if (directory === undefined && money === undefined) return undefined
  return {
    directory: directory ?? { revision: 0, users: [], teams: [], projects: [], keys: [] },
    budgetsRevision: money?.revision ?? 0,
    budgets: money?.budgets ?? [],
    standings: money?.standings ?? [],
    postedUntilMs: money?.postedUntilMs ?? 0,
  }
}
