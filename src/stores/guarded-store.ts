/**
 * Keeps a slow or hung store from costing its callers anything: every operation has a deadline, and after a few that
 * did not answer in time the next are refused at once, while a look at the store every second finds out when it is well
 * again. What a request may wait for and what nobody waits for are judged apart: a store that is slow still takes the
 * books.
 */

import type { Clock } from '../std/clock.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { type StoreHealth, StorePulse } from './store-pulse.ts'
import type { Store } from './store.ts'

/** How long each operation may take, ms. */
export interface StoreDeadlines {
  /** A request waits for the money. */
  readonly lease: number
  /** A request waits for an answer that may be there, and does without it. */
  readonly recall: number
  /** A request under an idempotency key waits to hear whose it is, and cannot do without: a slow store is waited for. */
  readonly claim: number
  /** Keeping an answer, giving a lease back. */
  readonly keep: number
  /** Revisions and shares of limits, asked every second or so. */
  readonly revision: number
  /** Batches that nobody waits for: of the books, and of the journal. */
  readonly postBooks: number
  /** Bodies, which are large, and for which nobody waits. */
  readonly bodies: number
  /** Changes of keys and budgets, with their audit lines. */
  readonly change: number
  /** Whole lists: the directory, the budgets, how they stand. */
  readonly load: number
  readonly report: number
  readonly sweep: number
  /** The look that finds out whether the store is well again. */
  readonly ping: number
}

export const STORE_DEADLINES_MS: StoreDeadlines = {
  lease: 50,
  recall: 50,
  claim: 2_000,
  keep: 2_000,
  revision: 1_000,
  postBooks: 5_000,
  bodies: 10_000,
  change: 5_000,
  load: 10_000,
  report: 10_000,
  sweep: 10_000,
  ping: 1_000,
}

export interface GuardOptions {
  readonly clock: Clock
  readonly deadlinesMs?: Partial<StoreDeadlines>
  /** Comes before the first operation, again and again until it has succeeded; where it rejects, so does what was asked. */
  readonly beforeUse?: () => Promise<void>
  /** The store began to answer, to be slow, or to fail. */
  readonly onChange?: (health: StoreHealth) => void
}

export interface GuardedStore extends Store {
  health(): StoreHealth
}

/** How an operation bears on what is known of the store. */
interface Operation {
  readonly deadlineMs: number
  /** A request waits for it. */
  readonly isPrompt: boolean
  /** False for what is slow by itself, and says nothing of the store. */
  readonly isTelling: boolean
}

export function guardStore(
  store: Store,
  { clock, deadlinesMs, beforeUse, onChange }: GuardOptions,
): GuardedStore {
  const deadlines: StoreDeadlines = { ...STORE_DEADLINES_MS, ...deadlinesMs }
  const promptMs = Math.max(deadlines.lease, deadlines.recall)
  const whenReady = once(beforeUse)
  const pulse = new StorePulse({
    ping: () => whenReady(() => store.ping()),
    clock,
    promptMs,
    pingMs: deadlines.ping,
    onChange,
  })
  const operation = (name: keyof StoreDeadlines): Operation => ({
    deadlineMs: deadlines[name],
    isPrompt: name === 'lease' || name === 'recall',
    isTelling: name !== 'report' && name !== 'sweep' && name !== 'bodies',
  })
  const lease = operation('lease')
  const recall = operation('recall')
  const claim = operation('claim')
  const keep = operation('keep')
  const revision = operation('revision')
  const postBooks = operation('postBooks')
  const bodies = operation('bodies')
  const change = operation('change')
  const load = operation('load')
  const report = operation('report')
  const sweep = operation('sweep')
  const run = <Result>(
    asked: Operation,
    ask: () => Promise<Result>,
    onLate: (result: Result) => void = ignore,
  ) => guarded({ clock, pulse, kind: store.kind }, asked, () => whenReady(ask), onLate)
  const { backup, listJournal } = store
  return {
    kind: store.kind,
    isShared: store.isShared,
    health: () => pulse.health,
    lease: (asks) =>
      run(
        lease,
        () => store.lease(asks),
        // Nobody waits for the money any more, so it goes back.
        (grants) =>
          grants.forEach(({ grantedNanoUsd }, place) => {
            const ask = asks[place]
            if (ask === undefined || grantedNanoUsd === 0) return
            store.returnLease(ask.nodeId, ask.charge, grantedNanoUsd).catch(ignore)
          }),
      ),
    returnLease: (nodeId, charge, nanoUsd) => run(keep, () => store.returnLease(nodeId, charge, nanoUsd)),
    leasesOf: (nodeId) => run(load, () => store.leasesOf(nodeId)),
    leases: () => run(load, () => store.leases()),
    releaseNode: (ask) => run(change, () => store.releaseNode(ask)),
    releases: (nodeId) => run(revision, () => store.releases(nodeId)),
    standings: (charges) => run(load, () => store.standings(charges)),
    postBooks: (batch) => run(postBooks, () => store.postBooks(batch)),
    loadBudgets: () => run(load, () => store.loadBudgets()),
    budgetsRevision: () => run(revision, () => store.budgetsRevision()),
    putBudget: (...put) => run(change, () => store.putBudget(...put)),
    // What is answered too late runs out by itself: the node never used it.
    renewShares: (ask) => run(revision, () => store.renewShares(ask)),
    loadDirectory: () => run(load, () => store.loadDirectory()),
    directoryRevision: () => run(revision, () => store.directoryRevision()),
    changeDirectory: (changes, notes, expectedRevision) =>
      run(change, () => store.changeDirectory(changes, notes, expectedRevision)),
    matchSecret: (marks) => run(change, () => store.matchSecret(marks)),
    note: (note) => run(change, () => store.note(note)),
    openJournals: (records, nowMs) =>
      run(
        claim,
        () => store.openJournals(records, nowMs),
        // They were begun for somebody who went on without them.
        (known) => {
          const freed = records.filter((_record, place) => known[place] === undefined)
          if (freed.length > 0) store.writeJournal({ freed, begun: [], kept: [] }).catch(ignore)
        },
      ),
    findJournal: (id, nowMs) => run(claim, () => store.findJournal(id, nowMs)),
    writeJournal: (changes) => run(postBooks, () => store.writeJournal(changes)),
    ...(listJournal === undefined
      ? {}
      : { listJournal: (place: number) => run(load, () => listJournal.call(store, place)) }),
    sweepJournal: (nowMs, bytesMax) => run(sweep, () => store.sweepJournal(nowMs, bytesMax)),
    findCached: (id, nowMs) => run(recall, () => store.findCached(id, nowMs)),
    findAlike: (query) => run(recall, () => store.findAlike(query)),
    putCached: (entry) => run(keep, () => store.putCached(entry)),
    dropCached: (notes, tenant) => run(sweep, () => store.dropCached(notes, tenant)),
    sweepCache: (nowMs, bytesMax) => run(sweep, () => store.sweepCache(nowMs, bytesMax)),
    putBodies: (batch) => run(bodies, () => store.putBodies(batch)),
    findBodies: (exchangeId, nowMs) => run(report, () => store.findBodies(exchangeId, nowMs)),
    sweepBodies: (nowMs, bytesMax) => run(sweep, () => store.sweepBodies(nowMs, bytesMax)),
    countSeals: (query) => run(report, () => store.countSeals(query)),
    spend: (query) => run(report, () => store.spend(query)),
    requests: (query) => run(report, () => store.requests(query)),
    request: (exchangeId) => run(report, () => store.request(exchangeId)),
    auditLines: (query) => run(report, () => store.auditLines(query)),
    ping: () => pulse.look(),
    ...(backup === undefined ? {} : { backup: (path: string) => backup.call(store, path) }),
    close: () => {
      pulse.stop()
      return store.close()
    },
  }
}

/** Asks after `before` has succeeded, which it need do only once. */
function once(before: GuardOptions['beforeUse']) {
  let isReady = before === undefined
  let preparing: Promise<void> | undefined
  return <Result>(ask: () => Promise<Result>): Promise<Result> => {
    if (isReady || before === undefined) return ask()
    preparing ??= before()
      .then(() => {
        isReady = true
      })
      .finally(() => {
        preparing = undefined
      })
    return preparing.then(ask)
  }
}

interface Guard {
  readonly clock: Clock
  readonly pulse: StorePulse
  readonly kind: Store['kind']
}

/** What comes after the deadline is not what was asked for any more. */
function guarded<Result>(
  { clock, pulse, kind }: Guard,
  { deadlineMs, isPrompt, isTelling }: Operation,
  ask: () => Promise<Result>,
  onLate: (result: Result) => void,
): Promise<Result> {
  const refusal = pulse.refusal(isPrompt)
  if (refusal !== undefined) return Promise.reject(new StoreUnavailable(refusal, { wasAsked: false }))
  const startedAtMs = clock.nowMs()
  return new Promise((resolve, reject) => {
    let isLate = false
    const timer = clock.after(deadlineMs, () => {
      isLate = true
      const error = new StoreUnavailable(`The ${kind} store did not answer within ${deadlineMs} ms.`)
      if (isTelling) pulse.noteFailure(isPrompt, startedAtMs, error)
      reject(error)
    })
    ask().then(
      (result) => {
        if (isLate) return onLate(result)
        timer.cancel()
        pulse.noteSuccess(isPrompt)
        resolve(result)
      },
      (error: unknown) => {
        if (isLate) return
        timer.cancel()
        // Any other refusal is an answer.
        if (!(error instanceof StoreUnavailable)) pulse.noteSuccess(isPrompt)
        else if (isTelling && !error.isWell) pulse.noteFailure(isPrompt, startedAtMs, error)
        reject(error)
      },
    )
  })
}

function ignore(): void {}
