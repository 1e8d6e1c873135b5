/**
 * The directory as this process knows it: loaded at the start, looked after every second, and written to a snapshot, so
 * that no request waits for the store and none is refused a good key while the store is away (faults 128, 130, 148).
 */

import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { Notice } from '../std/notice.ts'
import { StoreConflict } from '../std/store-error.ts'
import { within } from '../std/within.ts'
import { applyChanges, everythingIn } from './directory-changes.ts'
import type { DirectorySnapshot } from './directory-snapshot.ts'
import type { DirectoryStore } from './directory-store.ts'
import { HashRenewal } from './hash-renewal.ts'
import { hashersOf, type NewHashes, standingOf } from './key-hashes.ts'
import { isInForce } from './key-changes.ts'
import { indexDirectory, type KeyIndex } from './key-index.ts'
import type { KeptKeys } from './keyring.ts'
import type { Directory, DirectoryChange, KeyId } from './records.ts'

/** How often the store is asked for its revision, ms: revocations made elsewhere hold within five seconds (SEC-12). */
export const POLL_MS = 1_000
/** A store that has not answered by then is away, ms. */
export const REFRESH_TIMEOUT_MS = 2_000
/** The shortest time between two looks at the store for the sake of unknown keys, ms. */
export const LOOK_AGAIN_MS = 250
/** How long a request with an unknown key waits for the answer to such a look, ms. */
export const LOOK_WAIT_MS = 50

export interface KeyDirectoryOptions {
  readonly clock: Clock
  readonly store: DirectoryStore
  /** Under which the hashes of keys were made, the newest first. */
  readonly peppers: KeptKeys['peppers']
  readonly snapshot?: DirectorySnapshot
  /**
   * Whether the snapshot belongs to this store alone, so that an empty store beside it has lost what it held, and is
   * given it back. Default false: the snapshot counts, the store is left as it is, and a notice says so.
   */
  readonly restoresEmptyStore?: boolean
  readonly notify: (notice: Notice) => void
}

/** Of keys, in one notice. */
const NAMES_MAX = 10

/** Where the directory was taken from at the start; `nothing`: neither the store nor a snapshot could be read. */
export type DirectoryOrigin = 'store' | 'snapshot' | 'nothing'

export class KeyDirectory implements KeptKeys {
  readonly peppers: KeptKeys['peppers']
  readonly #options: KeyDirectoryOptions
  readonly #listeners = new Set<(directory: Directory) => void>()
  #directory: Directory | undefined
  #index: KeyIndex | undefined
  #isFromStore = false
  /** Since the last look failed; an operator was told. */
  #isAway = false
  #isStopped = false
  #polling: Timer | undefined
  /** The look at the store under way. */
  #running: Promise<void> | undefined
  /** The look that begins when that one is over. */
  #next: Promise<void> | undefined
  /** Changes that were taken over without a look. */
  #takes = 0
  #lookedAgainAtMs = Number.NEGATIVE_INFINITY
  /** The look that begins as soon as there may be one again for the sake of unknown keys. */
  #later: Promise<void> | undefined
  #laterTimer: Timer | undefined
  /** Snapshots are written one after the other; the one that waits is the newest. */
  #writing: Promise<void> | undefined
  #unwritten: Directory | undefined
  #isUnwritable = false
  #isLossNoticed = false
  readonly #renewal: HashRenewal
  /** Of the master secrets that are given, the newest first. */
  readonly #marks: readonly string[]
  /** Keys under another secret than those, the last time that it was looked. */
  #missing = 0

  constructor(options: KeyDirectoryOptions) {
    this.#options = options
    this.peppers = options.peppers
    this.#marks = hashersOf(options.peppers).map(({ mark }) => mark)
    this.#renewal = new HashRenewal({
      clock: options.clock,
      store: options.store,
      known: () => (this.#isFromStore && !this.#isAway ? this.#directory : undefined),
      refresh: () => this.refresh(),
    })
  }

  /** Everything that is known; `undefined` where nothing could be read yet. */
  get current(): Directory | undefined {
    return this.#directory
  }

  /** Whether the store failed to answer the last time it was asked. */
  get isStoreAway(): boolean {
    return this.#isAway
  }

  index(): KeyIndex | undefined {
    return this.#index
  }

  wallMs(): number {
    return this.#options.clock.wallMs()
  }

  renewHashes(key: KeyId, hashes: () => NewHashes): void {
    this.#renewal.note(key, hashes)
  }

  /** Reads the directory and begins to look after it. Never rejects: the poll goes on until the store answers. */
  async start(): Promise<DirectoryOrigin> {
    await this.#readSnapshot()
    await this.#refreshQuietly()
    if (!this.#isStopped) this.#polling = repeat(this.#options.clock, POLL_MS, () => this.#refreshQuietly())
    if (this.#isFromStore) return 'store'
    if (this.#directory === undefined) return 'nothing'
    // It may be older than the store, which is asked first for that reason.
    this.#noticeMissing(this.#directory)
    return 'snapshot'
  }

  /** Ends the poll; resolves when the last snapshot is written. Whoever waits for a look that has not begun is told of none. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#polling?.cancel()
    this.#laterTimer?.cancel()
    this.#renewal.stop()
    await this.#writing
  }

  /** Calls `listener` with every new directory; gives back how to end that. */
  onChange(listener: (directory: Directory) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes over a change that the store has just taken, and is at `revision` since: it is in force when this returns. */
  take(changes: readonly DirectoryChange[], revision: number): void {
    const known = this.#directory
    // Where it was read meanwhile, there is nothing left to take.
    if (known?.revision !== revision - 1) return
    this.#takes += 1
    this.#take(applyChanges(known, changes))
  }

  /**
   * Takes over what the store holds now: whatever was changed before the call is in force when it resolves. Rejects where
   * the store does not answer.
   */
  refresh(): Promise<void> {
    if (this.#running === undefined) return this.#look()
    this.#next ??= this.#running.catch(() => {}).then(() => this.#look())
    return this.#next
  }

  /** A look at the store, which tells of all that was made before the call; whether it answered within so long. */
  lookNow(waitMs: number): Promise<boolean> {
    return this.#isAnsweredInTime(this.refresh(), waitMs)
  }

  /**
   * A look at the store for a key that is not known here, since it may have been made elsewhere a moment ago; whether the
   * store answered in time, so that a key which is still unknown did not exist when it was used. It is asked once in
   * `LOOK_AGAIN_MS`: who comes in between, and is not served by the look under way (`isFound`), waits for the next one.
   */
  async lookUntil(isFound: () => boolean): Promise<boolean> {
    const nowMs = this.#options.clock.nowMs()
    if (this.#isStopped) return false
    if (this.#later === undefined && nowMs - this.#lookedAgainAtMs >= LOOK_AGAIN_MS) {
      this.#lookedAgainAtMs = nowMs
      return this.lookNow(LOOK_WAIT_MS)
    }
    if (this.#running !== undefined && !(await this.#isAnsweredInTime(this.#running, LOOK_WAIT_MS)))
      return false
    if (isFound()) return true
    if (this.#isAway) return false
    return this.#isAnsweredInTime(this.#lookLater(), LOOK_AGAIN_MS + LOOK_WAIT_MS)
  }

  #lookLater(): Promise<void> {
    const { clock } = this.#options
    this.#later ??= new Promise((resolve) => {
      const delayMs = Math.max(0, this.#lookedAgainAtMs + LOOK_AGAIN_MS - clock.nowMs())
      this.#laterTimer = clock.after(delayMs, () => {
        this.#later = undefined
        this.#lookedAgainAtMs = clock.nowMs()
        resolve(this.refresh())
      })
    })
    return this.#later
  }

  #isAnsweredInTime(look: Promise<void>, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(waitMs, () => resolve(false))
      const answer = (isAnswered: boolean) => {
        timer.cancel()
        resolve(isAnswered)
      }
      look.then(
        () => answer(true),
        () => answer(false),
      )
    })
  }

  async #refreshQuietly(): Promise<void> {
    try {
      await this.refresh()
    } catch {
      // Noticed where it failed; the next poll tries again.
    }
  }

  #look(): Promise<void> {
    this.#next = undefined
    const takes = this.#takes
    // A store that hangs must not end the poll; what it says later is not heard.
    const look = within(this.#options.clock, REFRESH_TIMEOUT_MS, this.#readStore()).then(
      (read) => this.#takeAnswer(read, takes),
      (error: unknown) => {
        this.#noticeAway(error)
        throw error
      },
    )
    const running = look.finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  /** `undefined` where nothing has changed. */
  async #readStore(): Promise<Directory | undefined> {
    const { store } = this.#options
    const revision = await store.directoryRevision()
    if (this.#isFromStore && revision === this.#directory?.revision) return undefined
    return this.#isLoss(revision) ? await this.#giveBack() : await store.loadDirectory()
  }

  /** An empty store where there were keys: they must not vanish in silence (fault 128). */
  #isLoss(revision: number): boolean {
    return revision === 0 && this.#directory !== undefined && this.#directory.revision > 0
  }

  async #giveBack(): Promise<Directory | undefined> {
    const { store, restoresEmptyStore, clock } = this.#options
    const known = this.#directory
    if (known === undefined || restoresEmptyStore !== true) {
      this.#noticeLoss()
      return undefined
    }
    const note = {
      atMs: clock.wallMs(),
      actor: 'gateway',
      action: 'restore-directory',
      subject: `revision ${known.revision}`,
      after: { users: known.users.length, projects: known.projects.length, keys: known.keys.length },
    }
    try {
      await store.changeDirectory(everythingIn(known), [note], 0)
    } catch (error) {
      // Another process was faster, with the same snapshot or with something new.
      if (!(error instanceof StoreConflict)) throw error
    }
    this.#notify({
      level: 'error',
      name: 'directory_restored',
      message: `The store held no keys, and was given back the ${known.keys.length} of the snapshot: see what became of its data.`,
      facts: { keys: known.keys.length, revision: known.revision },
    })
    return store.loadDirectory()
  }

  #noticeLoss(): void {
    if (this.#isLossNoticed) return
    this.#isLossNoticed = true
    this.#notify({
      level: 'error',
      name: 'directory_lost',
      message:
        'The store holds no keys any more; those last known stay in force. Restore its backup, or stop the gateway and remove the snapshot to start afresh.',
      facts: { knownRevision: this.#directory?.revision ?? 0 },
    })
  }

  #takeAnswer(read: Directory | undefined, takes: number): void {
    if (this.#isAway)
      this.#notify({ level: 'info', name: 'directory_back', message: 'The store of keys answers again.' })
    this.#isAway = false
    if (read !== undefined && !this.#isOvertaken(read, takes)) this.#take(read)
  }

  /**
   * It was read before a change that was taken since that look began, a revocation perhaps, which was told of as done. A
   * store that went back meanwhile is seen by the next look.
   */
  #isOvertaken(read: Directory, takes: number): boolean {
    return this.#takes > takes && read.revision < (this.#directory?.revision ?? 0)
  }

  #noticeAway(error: unknown): void {
    if (this.#isAway) return
    this.#isAway = true
    this.#notify({
      level: 'warn',
      name: 'directory_away',
      message: `The store of keys does not answer; those last known stay in force. ${messageOf(error)}`,
      facts: { knownKeys: this.#directory?.keys.length ?? 0 },
    })
  }

  #take(directory: Directory): void {
    const before = this.#isFromStore ? this.#directory?.revision : undefined
    this.#isLossNoticed = false
    if (before !== undefined && directory.revision < before)
      this.#notify({
        level: 'warn',
        name: 'directory_went_back',
        message: `The store of keys went back from revision ${before} to ${directory.revision}, as after the restore of a backup.`,
        facts: { before, revision: directory.revision },
      })
    this.#isFromStore = true
    this.#putInForce(directory)
    this.#noticeMissing(directory)
    this.#unwritten = directory
    this.#writing ??= this.#writeSnapshots()
  }

  #putInForce(directory: Directory): void {
    this.#directory = directory
    this.#index = indexDirectory(directory)
    for (const listener of this.#listeners) {
      try {
        listener(directory)
      } catch (error) {
        this.#notify({ level: 'error', name: 'directory_listener_failed', message: messageOf(error) })
      }
    }
  }

  /** Those under a master secret that was taken out: it is no loss, they are known again when it is given again. */
  #noticeMissing({ keys }: Directory): void {
    const nowMs = this.wallMs()
    const missing = keys.filter((key) => isInForce(key, nowMs) && standingOf(key, this.#marks) === 'missing')
    const isMore = missing.length > this.#missing
    this.#missing = missing.length
    if (!isMore) return
    const names = missing.slice(0, NAMES_MAX).map(({ name }) => name)
    const others = missing.length - names.length
    const all = `${names.join(', ')}${others === 0 ? '' : ` and ${others} more`}`
    this.#notify({
      level: 'warn',
      name: 'keys_under_missing_secret',
      message: `Keys that are in force and not known here, since the master secret that they were made under is not given any more: ${missing.length} (${all}). Name it again behind the new one, with a comma between them, or make these keys anew: holdfast key rotate.`,
      facts: { keys: missing.length },
    })
  }

  async #readSnapshot(): Promise<void> {
    try {
      const directory = await this.#options.snapshot?.read()
      if (directory !== undefined) this.#putInForce(directory)
    } catch (error) {
      this.#notify({ level: 'warn', name: 'directory_snapshot_unreadable', message: messageOf(error) })
    }
  }

  async #writeSnapshots(): Promise<void> {
    while (this.#unwritten !== undefined) {
      const directory = this.#unwritten
      this.#unwritten = undefined
      try {
        await this.#options.snapshot?.write(directory)
        this.#isUnwritable = false
      } catch (error) {
        this.#noticeUnwritable(error)
      }
    }
    this.#writing = undefined
  }

  #noticeUnwritable(error: unknown): void {
    if (this.#isUnwritable) return
    this.#isUnwritable = true
    this.#notify({
      level: 'warn',
      name: 'directory_snapshot_unwritable',
      message: `The snapshot of keys cannot be written, so a start without the store would know an older one. ${messageOf(error)}`,
    })
  }

  #notify(notice: Notice): void {
    try {
      this.#options.notify(notice)
    } catch {
      // Whoever listens must not end the poll.
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
