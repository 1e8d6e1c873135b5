/** Gathers what clients, upstreams and the gateway's own channels tell, and looks out for a planted secret. */

import type {
  AttemptRecord,
  ExchangeRecord,
  NoticeRecord,
  Telemetry,
  TransitionRecord,
} from '../../telemetry/records.ts'
import type { ClientStory, History, UpstreamCall, WorldTurn } from './history.ts'
import type { WorldOptions } from './world-options.ts'

/** Sightings told of a secret; one is one too many. */
const SIGHTINGS_MAX = 10
/** Characters around a secret that are told of a sighting. */
const SIGHTING_CONTEXT = 120

export class HistoryRecorder {
  readonly #seed: number
  readonly #secret: string | undefined
  readonly #secretBytes: Buffer
  readonly #requests: ClientStory[] = []
  readonly #calls: UpstreamCall[] = []
  readonly #attempts: AttemptRecord[] = []
  readonly #exchanges: ExchangeRecord[] = []
  readonly #transitions: TransitionRecord[] = []
  readonly #notices: NoticeRecord[] = []
  readonly #turns: WorldTurn[] = []
  readonly #sightings: string[] = []

  constructor({ seed, plantedSecret }: WorldOptions, telemetry: Telemetry) {
    this.#seed = seed
    this.#secret = plantedSecret
    this.#secretBytes = Buffer.from(plantedSecret ?? '')
    telemetry.attempts.subscribe((record) => this.#keep(this.#attempts, record))
    telemetry.exchanges.subscribe((record) => this.#keep(this.#exchanges, record))
    telemetry.transitions.subscribe((record) => this.#keep(this.#transitions, record))
    telemetry.notices.subscribe((record) => this.#keep(this.#notices, record))
  }

  addStory(story: ClientStory): void {
    this.#requests.push(story)
  }

  addCall(call: UpstreamCall): void {
    this.#calls.push(call)
  }

  addTurn(turn: WorldTurn): void {
    this.#turns.push(turn)
  }

  /** What reached a client. */
  noteOutput(text: string | Uint8Array): void {
    if (this.#secret === undefined) return
    if (typeof text === 'string') this.#search(text)
    else if (Buffer.from(text.buffer, text.byteOffset, text.byteLength).includes(this.#secretBytes))
      this.#search(Buffer.from(text).toString())
  }

  finish({ endMs, held }: Pick<History, 'endMs' | 'held'>): History {
    return {
      seed: this.#seed,
      requests: this.#requests.sort((one, other) => one.number - other.number),
      calls: this.#calls.sort((one, other) => one.number - other.number),
      attempts: this.#attempts,
      exchanges: this.#exchanges,
      transitions: this.#transitions,
      notices: this.#notices,
      turns: this.#turns,
      endMs,
      held,
      sightings: this.#sightings,
    }
  }

  #keep<Kept extends object>(list: Kept[], record: Kept): void {
    list.push(record)
    if (this.#secret !== undefined) this.#search(JSON.stringify(record))
  }

  #search(text: string): void {
    const at = this.#secret === undefined ? -1 : text.indexOf(this.#secret)
    if (at < 0 || this.#sightings.length >= SIGHTINGS_MAX) return
    this.#sightings.push(text.slice(Math.max(0, at - SIGHTING_CONTEXT), at + SIGHTING_CONTEXT))
  }
}
