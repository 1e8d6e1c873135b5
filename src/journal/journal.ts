/**
 * Answers kept under their idempotency keys. The rule is that nothing is ever paid for twice without a word: a record
 * stands before a provider is asked, it goes only where nothing was spent, and what became of a request that a crash cut
 * off is said to be in doubt.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { ByteSealer } from '../std/sealer.ts'
import type { AppendLog } from '../std/append-log.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { STORE_WAIT_MS, within } from '../std/within.ts'
import { CLAIM_WAIT_MS, type Claims } from './claims.ts'
import type { JournalSettings } from './config-schema.ts'
import type { JournalName, JournalRecord, JournalStore } from './journal-store.ts'
import { JournalWriter } from './journal-writer.ts'
import { LoggedClaims } from './logged-claims.ts'
import { StoreClaims } from './store-claims.ts'

/** Exchanges that are remembered for having spent nothing; and claims that failed. */
const VOID_MAX = 10_000
/** How long a run is reckoned to take at most: until its answer is kept its key is used for so long and `ttl` beside, ms. */
export const UNDER_WAY_MS = 3_600_000
/** How long a claim that failed may still be begun: longer than a database takes to give a statement up, ms. */
export const LATE_CLAIM_MS = 20_000
/** How long what became of requests waits for more, where nobody but this process asks the store for it, ms. */
export const GATHER_MS = 20

export interface JournalRooms {
  readonly clock: Clock
  readonly store: JournalStore
  readonly sealer: ByteSealer
  /** Of this process and no other, not even the one before it on this machine. */
  readonly nodeId: string
  readonly settings: JournalSettings
  /**
   * Where keys are claimed instead of in the store. Given only where no other process writes to the store, and where it
   * lists its ids.
   */
  readonly log?: AppendLog
}

export interface JournalEntry {
  readonly id: string
  readonly requestHash: string
  readonly exchangeId: string
}

/** An answer that was kept: given again, it is the same. */
export interface KeptAnswer {
  readonly exchangeId: string
  readonly answer: Uint8Array
}

/** What is written in the place of an answer that is too large to be kept. */
const TOO_LARGE = 0
const WHOLE = 1
const WHOLE_MARK = Buffer.of(WHOLE)

export class Journal {
  readonly #rooms: JournalRooms
  readonly #writer: JournalWriter
  readonly #stored: StoreClaims
  /** The claims of one who has the store to himself. */
  readonly #logged: LoggedClaims | undefined
  #hasCompany = false
  /**
   * Exchanges that spent nothing: whoever reads a record of theirs, be it dropped a moment ago, is not in doubt. Each with
   * the time at which the store said that it dropped that, in ms; it may never have. Oldest first.
   */
  readonly #void = new Map<string, number>()
  /** Claims that failed, by their exchange: the store may begin them late. Oldest first. */
  readonly #orphans = new Map<string, { readonly name: JournalName; readonly atMs: number }>()
  #sweeping: Timer | undefined

  constructor(rooms: JournalRooms) {
    this.#rooms = rooms
    const { clock, store, log } = rooms
    const isLogged = log !== undefined && store.listJournal !== undefined
    this.#writer = new JournalWriter({
      clock,
      store,
      gatherMs: isLogged ? GATHER_MS : 0,
      onTaken: (record) => this.#logged?.release(record),
      onFreed: (names) => this.#noteFreed(names),
    })
    if (isLogged) this.#logged = new LoggedClaims({ clock, store, log, writer: this.#writer })
    this.#stored = new StoreClaims({ clock, store, onOrphan: (name) => this.#disown(name) })
  }

  get answerBytesMax(): number {
    return this.#rooms.settings.answerBytes
  }

  /** The store has everything: the log is not needed any more. */
  get isAllKept(): boolean {
    return this.#writer.size === 0
  }

  /**
   * `undefined`: it is begun, and durably so; else the answer that was kept. Throws `idempotency_mismatch` where the key
   * was used for another request, `idempotency_in_doubt` where nobody knows what became of it, and `store_unavailable`
   * where the store cannot tell: then nothing may be asked of a provider.
   */
  async begin(entry: JournalEntry): Promise<KeptAnswer | undefined> {
    const found = await this.#begin(entry)
    if (found === undefined) return undefined
    if (found.state === 'done' || !this.#void.has(found.exchangeId)) return this.#open(found, entry)
    this.#free(found)
    await this.#ask(() => within(this.#rooms.clock, CLAIM_WAIT_MS, this.#writer.flush()))
    const again = await this.#begin(entry)
    if (again?.exchangeId === found.exchangeId) throw away()
    return again === undefined ? undefined : this.#open(again, entry)
  }

  /** What is kept under the key, for whoever comes back for the rest of it; begins nothing. */
  async find(entry: Omit<JournalEntry, 'exchangeId'>): Promise<KeptAnswer | undefined> {
    const waiting = this.#waiting(entry.id)
    const found = waiting ?? (await this.#ask(() => this.#look(entry.id)))
    return found === undefined ? undefined : this.#open(found, entry)
  }

  /**
   * Keeps what was answered from now on until `ttl` is over; `undefined` for what is too large. Until the store has it, it
   * is given from memory. Where other nodes may ask for it, this resolves when the store has it, and after a bound all the
   * same.
   */
  async keep(entry: JournalEntry, answer: Uint8Array | undefined): Promise<void> {
    const { clock, sealer, settings, nodeId } = this.#rooms
    const isKept = answer !== undefined && answer.length <= settings.answerBytes
    const plain = isKept ? Buffer.concat([WHOLE_MARK, answer]) : Buffer.of(TOO_LARGE)
    const sealed = sealer.seal(plain, contextOf(entry))
    const waiting = this.#writer.find(entry.id)
    const isWaiting = waiting?.record.exchangeId === entry.exchangeId
    const begun = isWaiting ? waiting.record : this.#recordOf(entry, nodeId)
    const expiresAtMs = clock.wallMs() + settings.ttl
    const record: JournalRecord = { ...begun, state: 'done', answer: sealed, expiresAtMs }
    this.#logged?.kept(record)
    this.#writer.put({
      record,
      isBegun: !isWaiting || waiting.isBegun,
      isLeft: false,
    })
    if (this.#logged !== undefined) return
    await within(clock, STORE_WAIT_MS, this.#writer.taken(entry)).catch(() => {})
  }

  /** Frees the key: what was asked cost nothing. */
  async free(entry: JournalEntry): Promise<void> {
    const { clock } = this.#rooms
    this.#logged?.freed(entry)
    this.#free(entry)
    if (this.#logged !== undefined) return
    await within(clock, STORE_WAIT_MS, this.#writer.flush()).catch(() => {})
  }

  /** While another process writes to the store, a key is claimed there, log or not. */
  setCompany(hasCompany: boolean): void {
    // What the other one claimed is in the store, and not in what is known of it here.
    if (this.#hasCompany && !hasCompany) void this.#logged?.start()
    this.#hasCompany = hasCompany
  }

  /** Takes over what a run that is gone had begun, from the folder of its log. Throws Node's error where that cannot be. */
  adopt(folder: string): void {
    this.#logged?.adopt(folder)
  }

  /** Removes what expired now and then, until `stop`. */
  start(everyMs: number): void {
    this.#sweeping?.cancel()
    this.#sweeping = repeat(this.#rooms.clock, everyMs, () => this.sweep())
    void this.#logged?.start()
  }

  stop(): void {
    this.#sweeping?.cancel()
    this.#logged?.stop()
  }

  /** Brings what waits into the store, as far as it takes it; nothing is begun afterwards. */
  async close(): Promise<void> {
    this.stop()
    this.#writer.stop()
    this.#freeOrphans(Number.POSITIVE_INFINITY)
    await this.#writer.flush()
    this.#rooms.log?.close()
  }

  /** A store that is away is swept another time. */
  async sweep(): Promise<void> {
    const { clock, store, settings } = this.#rooms
    this.#logged?.sweep()
    this.#freeOrphans(clock.nowMs() - LATE_CLAIM_MS)
    this.#forgetVoid(clock.nowMs() - LATE_CLAIM_MS)
    try {
      // Some at a time, so that requests need not wait for all of it.
      while ((await store.sweepJournal(clock.wallMs(), settings.bytes)) > 0);
    } catch {
      // The next time comes.
    }
  }

  get #claims(): Claims {
    return this.#logged === undefined || this.#hasCompany ? this.#stored : this.#logged
  }

  async #begin(entry: JournalEntry): Promise<JournalRecord | undefined> {
    const record = this.#waiting(entry.id)
    if (record !== undefined) return record
    try {
      return await this.#ask(async () => {
        await this.#bringLeft(entry.id)
        return this.#claims.begin(this.#recordOf(entry, this.#rooms.nodeId))
      })
    } catch (error) {
      // It may have been begun all the same, and nobody will run it.
      if (!this.#void.has(entry.exchangeId)) this.#noteVoid(entry.exchangeId, this.#rooms.clock.nowMs())
      throw error
    }
  }

  async #look(id: string): Promise<JournalRecord | undefined> {
    await this.#bringLeft(id)
    return this.#claims.find(id)
  }

  /** Of what a run that is gone left, the store may know more, and has to have it before it is asked. */
  async #bringLeft(id: string): Promise<void> {
    if (this.#writer.find(id)?.isLeft !== true) return
    await within(this.#rooms.clock, CLAIM_WAIT_MS, this.#writer.flush())
    if (this.#writer.find(id)?.isLeft === true)
      throw new StoreUnavailable('The store does not take the journal of a run that is gone.')
  }

  /** What this process knows better than the store. */
  #waiting(id: string): JournalRecord | undefined {
    const waiting = this.#writer.find(id)
    return waiting === undefined || waiting.isLeft ? undefined : waiting.record
  }

  #recordOf(entry: JournalEntry, nodeId: string): JournalRecord {
    const { id, requestHash, exchangeId } = entry
    const createdAtMs = this.#rooms.clock.wallMs()
    const expiresAtMs = createdAtMs + UNDER_WAY_MS + this.#rooms.settings.ttl
    return { id, requestHash, exchangeId, nodeId, state: 'open', createdAtMs, expiresAtMs }
  }

  #open(found: JournalRecord, asked: Omit<JournalEntry, 'exchangeId'>): KeptAnswer {
    if (found.requestHash !== asked.requestHash) throw mismatch(found.exchangeId)
    if (found.answer === undefined)
      throw this.#mayComeYet(found) ? elsewhere(found.exchangeId) : inDoubt(found.exchangeId, CUT_OFF)
    const plain = this.#unseal(found.answer, found)
    if (plain[0] !== WHOLE) throw inDoubt(found.exchangeId, NOT_KEPT)
    return { exchangeId: found.exchangeId, answer: plain.subarray(1) }
  }

  /** Another process that writes to the store may be making it: whether that lives is not known here. */
  #mayComeYet({ nodeId, createdAtMs }: JournalRecord): boolean {
    const { clock, nodeId: own } = this.#rooms
    return this.#claims === this.#stored && nodeId !== own && clock.wallMs() < createdAtMs + UNDER_WAY_MS
  }

  #unseal(sealed: Uint8Array, found: JournalName): Uint8Array {
    try {
      return this.#rooms.sealer.open(sealed, contextOf(found))
    } catch {
      throw inDoubt(found.exchangeId, UNREADABLE)
    }
  }

  async #ask<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      throw away(error)
    }
  }

  #free(name: JournalName): void {
    this.#noteVoid(name.exchangeId, Number.POSITIVE_INFINITY)
    this.#writer.free(name)
  }

  #noteVoid(exchangeId: string, freedAtMs: number): void {
    this.#void.set(exchangeId, freedAtMs)
    bound(this.#void)
  }

  #noteFreed(names: readonly JournalName[]): void {
    const nowMs = this.#rooms.clock.nowMs()
    for (const { exchangeId } of names) if (this.#void.has(exchangeId)) this.#void.set(exchangeId, nowMs)
  }

  /** Those whose record the store dropped until then: whoever read it before has long heard so. */
  #forgetVoid(untilMs: number): void {
    for (const [exchangeId, freedAtMs] of this.#void) if (freedAtMs <= untilMs) this.#void.delete(exchangeId)
  }

  /** Nobody else knows that nothing was asked under this key: freed now, and once more when it surely is not begun any more. */
  #disown(name: JournalName): void {
    this.#free(name)
    this.#orphans.set(name.exchangeId, { name, atMs: this.#rooms.clock.nowMs() })
    bound(this.#orphans)
  }

  /** Those whose claim failed until then. */
  #freeOrphans(untilMs: number): void {
    for (const [exchangeId, { name, atMs }] of this.#orphans) {
      if (atMs > untilMs) continue
      this.#orphans.delete(exchangeId)
      this.#free(name)
    }
  }
}

/** The oldest go. */
function bound(exchanges: Map<string, unknown>): void {
  for (const oldest of exchanges.keys()) {
    if (exchanges.size <= VOID_MAX) return
    exchanges.delete(oldest)
  }
}

/** An answer that is moved to another record does not open there. */
function contextOf({ id, exchangeId }: { readonly id: string; readonly exchangeId: string }): string {
  return `journal:${id}:${exchangeId}`
}

function away(cause: unknown = new StoreUnavailable('The store does not free the key.')): GatewayError {
  return new GatewayError(
    'store_unavailable',
    'The store that keeps answers under their Idempotency-Key is away, so that nobody can tell whether this request was answered before; nothing was sent to a provider.',
    { retryAfterMs: 1_000 },
    cause,
  )
}

/** The key was used for another request. */
export function mismatch(exchangeId: string): GatewayError {
  return new GatewayError(
    'idempotency_mismatch',
    `This Idempotency-Key was used for another request (${exchangeId}): its body, its path or its model differed. Use a new key for a new request.`,
    { param: 'Idempotency-Key' },
  )
}

const CUT_OFF =
  'was cut off before its answer was kept, or its answer made room for newer ones. It may have been paid for'
const NOT_KEPT = 'was answered, but its answer was too large to be kept. It was paid for'
const UNREADABLE =
  'was answered, but its answer cannot be opened any more: the master secret changed. It was paid for'

/** How long a client waits before it asks again for what another gateway makes, ms. */
const ELSEWHERE_WAIT_MS = 2_000

/** Asking again with the key costs nothing, whatever became of it. */
function elsewhere(exchangeId: string): GatewayError {
  return new GatewayError(
    'idempotency_in_doubt',
    `The request of this Idempotency-Key (${exchangeId}) is being answered by another gateway, or was cut off there: sent again with the same key it is given that answer once it is there. It may have been paid for; to pay for it anew, send it with a new key.`,
    {
      param: 'Idempotency-Key',
      isClientRetryable: true,
      retryAfterMs: ELSEWHERE_WAIT_MS,
      nextStep: 'Send it again with the same key, which costs nothing.',
    },
  )
}

function inDoubt(exchangeId: string, what: string): GatewayError {
  return new GatewayError(
    'idempotency_in_doubt',
    `The request of this Idempotency-Key (${exchangeId}) ${what}; to pay for it anew, send it with a new key.`,
    { param: 'Idempotency-Key' },
  )
}
