/** What outlives requests, and mostly the process: the store, the books, the directory of keys, and what keeps them in step. */

import { type CallerLimits, createCallerLimits } from '../admission/caller-limits.ts'
import { NODES_UNKNOWN, ShareRenewal } from '../admission/share-renewal.ts'
import { BodyKeeper } from '../archive/body-keeper.ts'
import { AnswerCache } from '../cache/answer-cache.ts'
import { ClearWatch } from '../cache/cache-clearing.ts'
import { cacheSchema, type CacheSettings } from '../cache/config-schema.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { type CachedReply, cachedReplyCodec } from '../exchange/cached-reply.ts'
import { createRecall, type Recall } from '../exchange/recall.ts'
import { journalSchema, type JournalSettings } from '../journal/config-schema.ts'
import { Journal } from '../journal/journal.ts'
import { Secret } from '../std/secret.ts'
import type { DirectoryStore } from '../keys/directory-store.ts'
import { KeyDirectory } from '../keys/key-directory.ts'
import { createSnapshotFile } from '../keys/directory-snapshot.ts'
import type { KeyId } from '../keys/records.ts'
import { BudgetAccounts } from '../ledger/budget-accounts.ts'
import { BudgetWatch } from '../ledger/budget-watch.ts'
import { Books } from '../ledger/books.ts'
import type { AtLimit } from '../ledger/request-books.ts'
import { type AppendLog, openAppendLog } from '../std/append-log.ts'
import type { Clock } from '../std/clock.ts'
import type { IdSource } from '../std/ids.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { createSealer, type Sealer } from '../std/sealer.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import type { Store } from '../stores/store.ts'
import type { Telemetry } from '../telemetry/records.ts'
import { type BookFolder, claimFolder, journalFolder, removeFolder } from './book-folders.ts'
import { BooksRecovery } from './books-recovery.ts'
import type { OpenedStore } from './open-store.ts'
import { OwnFolder } from './own-folder.ts'

export interface Keeping {
  readonly store: Store
  readonly books: Books
  /** What keys and projects may ask in a minute. */
  readonly limits: CallerLimits
  /** Answers that were given before, or are being given. */
  readonly recall: Recall
  /** Those of the cache. */
  readonly cache: Pick<AnswerCache<CachedReply>, 'drop' | 'noteRevision'>
  /** What was asked and answered, for those who want it kept. */
  readonly bodies: BodyKeeper
  /** Absent where only the file's keys count. */
  readonly directory?: KeyDirectory
  /** Absent where there is no directory. */
  readonly budgets?: BudgetWatch
  /** Seals what is at rest. */
  readonly sealer: Sealer
  /** Why things are not kept as they should be; empty when all is well. */
  troubles(): readonly string[]
  /** Posts what waits and gives leases back. */
  stop(): Promise<void>
}

export interface KeepingParts {
  readonly clock: Clock
  readonly ids: IdSource
  readonly telemetry: Pick<Telemetry, 'notices'>
}

/** What the configuration says of it. */
export interface KeepingRules {
  /** Trillionths of a dollar a token, of models without a known price; absent: they are refused where a budget pays. */
  readonly unknownPrice?: { readonly input: number; readonly output: number }
  /** How an answer ends that reaches what was held for it; default: `length`. */
  readonly atLimit?: AtLimit
  readonly journal?: JournalSettings
  readonly cache?: CacheSettings
}

/** Forgets everything when the process ends: for trying out, for drills and tests. */
export function keepInMemory(
  parts: KeepingParts,
  rules: KeepingRules = {},
  store = createMemoryStore(),
): Keeping {
  const nodeId = parts.ids.next('node_')
  const accounts = accountsOf(store, nodeId, parts)
  const books = new Books({ ...booksParts(parts, rules), store, accounts, nodeId })
  const sealer = createSealer([new Secret(parts.ids.next('master_'))])
  const { recall, cache, journal } = createRecallOf({ parts, rules, store, sealer, nodeId })
  const bodies = createBodyKeeper({ parts, store, sealer })
  return {
    store,
    books,
    limits: createCallerLimits(parts),
    recall,
    cache,
    bodies,
    sealer,
    troubles: () => books.troubles,
    async stop() {
      recall.stop(STOPPED)
      await journal.close()
      await bodies.stop()
      await books.stop()
      await store.close()
    },
  }
}

/** The same with keys and budgets that are made while it runs. */
export async function openInMemory(parts: KeepingParts, rules: KeepingRules): Promise<Keeping> {
  const kept = keepInMemory(parts, rules)
  const { clock, telemetry } = parts
  const notify = telemetry.notices.publish.bind(telemetry.notices)
  const budgets = new BudgetWatch({
    clock,
    store: kept.store,
    accounts: kept.books.accounts,
    onNotice: notify,
  })
  const directory = new KeyDirectory({
    clock,
    store: afterBudgets(kept.store, budgets),
    peppers: kept.sealer.deriveKeys('pepper'),
    notify,
  })
  await Promise.all([directory.start(), budgets.start()])
  followRevisions(kept.cache, directory)
  return {
    ...kept,
    directory,
    budgets,
    async stop() {
      budgets.stop()
      await directory.stop()
      await kept.stop()
    },
  }
}

/** Never rejects for a store that is away: what was known last counts until it is back. */
export async function openKeeping(
  parts: KeepingParts,
  rules: KeepingRules,
  { store, base, sealer, peppers, health, postedUntilMs, onRebuilt, onReplaced }: OpenedStore,
): Promise<Keeping> {
  const { clock, ids, telemetry } = parts
  const notify = telemetry.notices.publish.bind(telemetry.notices)
  const root = `${base}.books`
  const folder = claimFolder(root, ids.next('node_'))
  const accounts = accountsOf(store, folder.nodeId, { ...parts, awaitsBudgets: true })
  onRebuilt(() => {
    accounts.forgetLeases()
    void books.postAgain({ sinceMs: 0, postedUntilMs: budgets.postedUntilMs })
  })
  onReplaced({
    tellLeases: () => ({ nodeId: folder.nodeId, leases: accounts.tellLeases() }),
    postAgain: (sinceMs) => books.postAgain({ sinceMs, postedUntilMs: budgets.postedUntilMs }),
  })
  const own = new OwnFolder({ folder, clock, onLost: () => accounts.forgetLeases(), onNotice: notify })
  const log = openAppendLog({ folder: folder.path })
  const { nodeId } = folder
  const isOurs = () => own.isOurs()
  const books = new Books({ ...booksParts(parts, rules), store, accounts, nodeId, log, isOurs })
  const { recall, cache, journal } = createRecallOf({
    parts,
    rules,
    store,
    sealer,
    nodeId,
    // Where several nodes share a store, keys are claimed in it.
    ...(store.isShared ? {} : { journalLog: openJournalLog(folder) }),
  })
  const bodies = createBodyKeeper({ parts, store, sealer })
  const budgets = new BudgetWatch({
    clock,
    store,
    accounts,
    snapshotPath: `${base}.budgets.json`,
    post: async () => recovery.isDone && (await books.postSoFar()),
    onNotice: notify,
  })
  const directory = new KeyDirectory({
    clock,
    store: afterBudgets(store, budgets),
    peppers,
    snapshot: createSnapshotFile(`${base}.keys.json`),
    restoresEmptyStore: !store.isShared,
    notify,
  })
  const recovery = new BooksRecovery({
    root,
    nodeId,
    store,
    clock,
    postedUntilMs: await postedUntilMs(),
    adoptJournal: (left) => journal.adopt(left),
    onCompany: (hasCompany) => journal.setCompany(hasCompany),
    onNotice: notify,
  })
  await recovery.start()
  const { limits, renewal } = limitsOf(store, nodeId, clock)
  await Promise.all([directory.start(), budgets.start(), renewal?.start()])
  const clearings = new ClearWatch({ log: store, forget: () => cache.forget() })
  followRevisions(cache, directory)
  directory.onChange(() => void clearings.look())
  return {
    store,
    books,
    limits,
    recall,
    cache,
    bodies,
    directory,
    budgets,
    sealer,
    troubles: () => [...books.troubles, ...own.troubles, ...health()],
    async stop() {
      recall.stop(STOPPED)
      budgets.stop()
      recovery.stop()
      await renewal?.stop()
      await bodies.stop()
      await directory.stop()
      await journal.close()
      await books.stop()
      await budgets.writeDown()
      own.stop()
      // Where the folder stays, the next start brings in what it has and gives back what is leased.
      if (journal.isAllKept && books.isAllPosted && (await returnLeases(store, nodeId))) removeFolder(folder)
      await store.close()
    },
  }
}

/**
 * A key comes into force after the budgets that were there before it: not one request of its is let through without them.
 * Where they cannot be read, a directory with a key that was not there before is not either; a revocation waits for nothing.
 */
function afterBudgets(store: DirectoryStore, budgets: BudgetWatch): DirectoryStore {
  const known = new Set<KeyId>()
  return {
    directoryRevision: () => store.directoryRevision(),
    async changeDirectory(...change) {
      const revision = await store.changeDirectory(...change)
      for (const one of change[0]) if (one.type === 'put-key') known.add(one.key.id)
      return revision
    },
    async loadDirectory() {
      const directory = await store.loadDirectory()
      const isBounded = await budgets.look()
      if (!isBounded && directory.keys.some(({ id }) => !known.has(id)))
        throw new StoreUnavailable('The budgets cannot be read, and no key comes into force without them.')
      for (const { id } of directory.keys) known.add(id)
      return directory
    },
  }
}

/** By which the cache knows what was removed before an answer was begun. */
function followRevisions(cache: Keeping['cache'], directory: KeyDirectory): void {
  if (directory.current !== undefined) cache.noteRevision(directory.current.revision)
  directory.onChange(({ revision }) => cache.noteRevision(revision))
}

function accountsOf(
  store: Store,
  nodeId: string,
  { clock, awaitsBudgets = false }: KeepingParts & { readonly awaitsBudgets?: boolean },
): BudgetAccounts {
  return new BudgetAccounts({
    store,
    awaitsBudgets,
    nodeId,
    isShared: store.isShared,
    wallMs: () => clock.wallMs(),
    nowMs: () => clock.nowMs(),
  })
}

/** Where nodes share the store they divide the limits; who has it alone has all of them. */
function limitsOf(store: Store, nodeId: string, clock: Clock) {
  if (!store.isShared) return { limits: createCallerLimits({ clock }), renewal: undefined }
  const sharing = { ownShare: 1 / NODES_UNKNOWN, onWant: () => renewal.soon() }
  const limits = createCallerLimits({ clock, sharing })
  const renewal: ShareRenewal = new ShareRenewal({ clock, store, nodeId, limits })
  return { limits, renewal }
}

function createBodyKeeper({
  parts,
  store,
  sealer,
}: Pick<RecallParts, 'parts' | 'store' | 'sealer'>): BodyKeeper {
  const { clock, telemetry } = parts
  const onNotice = telemetry.notices.publish.bind(telemetry.notices)
  return new BodyKeeper({ clock, store, sealer, onNotice, sweepEveryMs: SWEEP_MS })
}

interface RecallParts {
  readonly parts: KeepingParts
  readonly rules: KeepingRules
  readonly store: Store
  readonly sealer: Sealer
  readonly nodeId: string
  readonly journalLog?: AppendLog
}

function createRecallOf({ parts, rules, store, sealer, nodeId, journalLog: log }: RecallParts): {
  readonly recall: Recall
  readonly cache: AnswerCache<CachedReply>
  readonly journal: Journal
} {
  const { clock } = parts
  const { journal = journalSchema.parse(undefined), cache: settings = cacheSchema.parse(undefined) } = rules
  const kept = new Journal({ clock, store, sealer, nodeId, settings: journal, ...(log && { log }) })
  const cache = new AnswerCache({ clock, store, sealer, settings, codec: cachedReplyCodec })
  const recall = createRecall({
    clock,
    journal: kept,
    cache,
    cacheSettings: settings,
    sweepEveryMs: SWEEP_MS,
  })
  return { recall, cache, journal: kept }
}

/** A run's journal is small: what the store has is let go of often, so that little is read after a kill. */
const JOURNAL_LOG_BYTES = 1024 ** 2

function openJournalLog(folder: BookFolder): AppendLog {
  return openAppendLog({ folder: journalFolder(folder), segmentBytesMax: JOURNAL_LOG_BYTES })
}

/** How often kept answers that expired are removed, ms. */
const SWEEP_MS = 60_000

/** What requests that others share end with when the gateway does. */
const STOPPED = new GatewayError('gateway_shutting_down', 'The gateway is shutting down.')

function booksParts({ clock, telemetry }: KeepingParts, { unknownPrice, atLimit }: KeepingRules) {
  const onNotice = telemetry.notices.publish.bind(telemetry.notices)
  return { ...(unknownPrice && { unknownPrice }), ...(atLimit && { atLimit }), clock, onNotice }
}

/** Those too that the store granted when nobody waited for them any more; false where it does not answer. */
async function returnLeases(store: Store, nodeId: string): Promise<boolean> {
  try {
    for (const lease of await store.leasesOf(nodeId)) await store.returnLease(nodeId, lease, lease.nanoUsd)
    return true
  } catch {
    return false
  }
}
