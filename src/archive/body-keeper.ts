/**
 * Keeps what was asked and answered where somebody wants it kept (SEC-25): noted on the way, beside the request, which
 * never waits for it; redacted, sealed (SEC-26) and given to the store in batches afterwards. What the store does not
 * take in time is given up, counted and told.
 */

import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { Notice } from '../std/notice.ts'
import type { ByteSealer } from '../std/sealer.ts'
import { within } from '../std/within.ts'
import { WriteBehind } from '../std/write-behind.ts'
import type { BodyStore, SealedBodies } from './body-store.ts'
import { type BodyNote, heldOf, type Noted, RunningNote, sizeOf } from './body-note.ts'
import { requestsSchema, type RequestsSettings } from './config-schema.ts'
import {
  type AskedHead,
  bodiesContext,
  encodeBodies,
  type KeptBodies,
  type KeptBody,
  type LeftOut,
} from './kept-bodies.ts'
import { type Redact, redactBody } from './redact-body.ts'

/** Bytes of all bodies that are noted and not yet in the store; what would pass them is not kept. */
export const WAITING_BYTES_MAX = 64 * 1024 ** 2
/** Requests whose bodies wait for the store. */
export const WAITING_MAX = 10_000
/** What one call of the store takes: the books are written by the same thread, and must not wait long. */
const BATCH_MAX = 100
const BATCH_BYTES_MAX = 4 * 1024 ** 2
/** How long bodies are collected before they are written, ms. */
const COLLECT_MS = 200
const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 30_000
/** The last batches when the gateway ends may take so long, ms. */
const STOP_MS = 2_000
/** Between two notices of what was given up, ms. */
const NOTICE_MS = 60_000
/** Noted beyond the largest answer that is kept, so that a secret at its end is seen whole. */
const BEYOND_BYTES = 4_096
/** A share of all bytes after which the oldest are looked for, whatever the time. */
const SWEPT_PART = 16

export interface BodyKeeperRooms {
  readonly clock: Clock
  readonly store: BodyStore
  readonly sealer: ByteSealer
  readonly onNotice: (notice: Notice) => void
  /** How often what expired is removed, ms; absent: never. */
  readonly sweepEveryMs?: number
}

/** What the configuration in force has to say. */
export interface BodyRules {
  readonly settings: RequestsSettings
  readonly redact: Redact
}

export class BodyKeeper {
  readonly #rooms: BodyKeeperRooms
  #rules: BodyRules = { settings: requestsSchema.parse(undefined), redact: (text) => text }
  readonly #waiting: Noted[] = []
  /** Sealed, and not taken by the store yet. */
  #batch: Batch | undefined
  #heldBytes = 0
  #dropped = 0
  #toldAtMs = Number.NEGATIVE_INFINITY
  #unsweptBytes = 0
  readonly #behind: WriteBehind
  #sweeping: Timer | undefined
  #isStopped = false

  constructor(rooms: BodyKeeperRooms) {
    this.#rooms = rooms
    const { clock, sweepEveryMs } = rooms
    this.#behind = new WriteBehind({
      clock,
      gatherMs: COLLECT_MS,
      retryMinMs: RETRY_MIN_MS,
      retryMaxMs: RETRY_MAX_MS,
      hasMore: () => this.#waiting.length > 0 || this.#batch !== undefined,
      write: () => this.#deliverAll(),
    })
    if (sweepEveryMs !== undefined) this.#sweeping = repeat(clock, sweepEveryMs, () => this.sweep())
  }

  /** The configuration changed. */
  use(rules: BodyRules): void {
    this.#rules = rules
  }

  /** Whether the bodies of a request are kept: as its key says, and where that says nothing, as the file does. */
  isWanted(ofKey: boolean | undefined): boolean {
    return ofKey ?? this.#rules.settings.keepBodies
  }

  /** Bytes that are noted and not yet in the store. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** `body` is copied; absent: a form, of so many bytes. `undefined` where there is no room for it. */
  note(head: AskedHead, body: Uint8Array | { readonly formBytes: number }): BodyNote | undefined {
    const { bodyBytes } = this.#rules.settings
    const asked = body instanceof Uint8Array ? body : leftOut('form', body.formBytes)
    const isTooLarge = asked instanceof Uint8Array && asked.length > bodyBytes
    const request = isTooLarge ? leftOut('too-large', asked.length) : asked
    if (this.#isStopped || !this.#hold(sizeOf(request))) {
      this.#drop()
      return undefined
    }
    const copy = request instanceof Uint8Array ? Buffer.from(request) : request
    return new RunningNote({
      noted: { head, request: copy },
      answerBytesMax: bodyBytes + BEYOND_BYTES,
      hold: (bytes) => this.#hold(bytes),
      letGo: (bytes) => this.#letGo(bytes),
      drop: () => this.#drop(),
      take: (noted) => this.#take(noted),
    })
  }

  /** A store that is away is swept another time. */
  async sweep(): Promise<void> {
    const { clock, store } = this.#rooms
    this.#unsweptBytes = 0
    await store.sweepBodies(clock.wallMs(), this.#rules.settings.bytes).catch(() => 0)
  }

  /** Gives the store what waits, as far as it takes it in a moment. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#sweeping?.cancel()
    this.#behind.stop()
    await within(this.#rooms.clock, STOP_MS, this.deliver()).catch(() => undefined)
    this.#dropped += this.#waiting.length + (this.#batch?.records.length ?? 0)
    this.#waiting.length = 0
    this.#batch = undefined
    this.#toldAtMs = Number.NEGATIVE_INFINITY
    this.#tellDropped()
  }

  /** Writes what waits, batch by batch; resolves when nothing does, or the store does not take it. */
  deliver(): Promise<void> {
    return this.#behind.flush()
  }

  #hold(bytes: number): boolean {
    if (this.#heldBytes + bytes > WAITING_BYTES_MAX) return false
    this.#heldBytes += bytes
    return true
  }

  #letGo(bytes: number): void {
    this.#heldBytes -= bytes
  }

  #take(noted: Noted): void {
    const isFull = this.#waiting.length >= WAITING_MAX
    if (this.#isStopped || isFull) {
      this.#letGo(heldOf(noted))
      this.#drop()
      return
    }
    this.#waiting.push(noted)
    this.#behind.soon()
  }

  /** False where the store does not take a batch, which waits on. */
  async #deliverAll(): Promise<boolean> {
    const { store } = this.#rooms
    for (;;) {
      this.#batch ??= await this.#sealBatch()
      if (this.#batch === undefined) return true
      const { records, heldBytes } = this.#batch
      try {
        await store.putBodies(records)
      } catch {
        return false
      }
      this.#batch = undefined
      this.#letGo(heldBytes)
      this.#unsweptBytes += heldBytes
      if (this.#unsweptBytes > this.#rules.settings.bytes / SWEPT_PART) await this.sweep()
    }
  }

  async #sealBatch(): Promise<Batch | undefined> {
    const records: SealedBodies[] = []
    let heldBytes = 0
    while (records.length < BATCH_MAX && heldBytes < BATCH_BYTES_MAX) {
      const noted = this.#waiting.shift()
      if (noted === undefined) break
      heldBytes += heldOf(noted)
      records.push(this.#seal(noted))
      // Requests, which share the thread, come between.
      await new Promise<void>((resolve) => void setImmediate(resolve))
    }
    return records.length === 0 ? undefined : { records, heldBytes }
  }

  #seal(noted: Noted): SealedBodies {
    const { clock, sealer } = this.#rooms
    const { exchangeId } = noted.head
    const createdAtMs = clock.wallMs()
    const expiresAtMs = createdAtMs + this.#rules.settings.ttl
    const sealed = sealer.seal(encodeBodies(this.#redacted(noted)), bodiesContext(exchangeId))
    return { exchangeId, createdAtMs, expiresAtMs, sealed }
  }

  #redacted({ head, request, answer }: Noted): KeptBodies {
    const path = head.path === undefined ? {} : { path: this.#rules.redact(head.path) }
    const kept = { ...head, ...path, request: this.#redactedBody(request) }
    if (answer === undefined) return kept
    const { chunks, bytes, ...said } = answer
    const body = isText(said.contentType)
      ? this.#redactedBody(Buffer.concat(chunks), bytes)
      : leftOut('binary', bytes)
    return { ...kept, answer: { ...said, body } }
  }

  #redactedBody(body: Uint8Array | KeptBody, bytes = sizeOf(body)): KeptBody {
    if (!(body instanceof Uint8Array)) return body
    const { redact, settings } = this.#rules
    return redactBody(body, bytes, { redact, bytesMax: settings.bodyBytes })
  }

  #drop(): void {
    this.#dropped += 1
    this.#tellDropped()
  }

  #tellDropped(): void {
    const { clock, onNotice } = this.#rooms
    const nowMs = clock.nowMs()
    if (this.#dropped === 0 || nowMs - this.#toldAtMs < NOTICE_MS) return
    this.#toldAtMs = nowMs
    onNotice({
      level: 'warn',
      name: 'bodies_dropped',
      message: `The bodies of ${this.#dropped} requests were not kept: the store does not take them, or not as fast as they come. The requests themselves went on.`,
      facts: { dropped: this.#dropped },
    })
    this.#dropped = 0
  }
}

interface Batch {
  readonly records: readonly SealedBodies[]
  readonly heldBytes: number
}

function leftOut(reason: LeftOut, bytes: number): KeptBody {
  return { type: 'left-out', reason, bytes }
}

function isText(contentType: string): boolean {
  return /^\s*(?:text\/|application\/(?:[\w.-]+\+)?(?:json|x-ndjson)\b)/i.test(contentType)
}
