/** Plays a world: opens the house, lets stories begin at their moments, does what the operator does, and tells it all. */

import { composeHouse, createGround, type Ground, type House } from '../../app/compose.ts'
import type { HoldfastConfig } from '../../app/config/config.ts'
import { randomFor } from '../../simulator/seed.ts'
import { createSeededIds } from '../../std/ids.ts'
import { createTelemetry } from '../../telemetry/telemetry.ts'
import { AddressBook, withPlainKeys } from './address-book.ts'
import { drawArrivals } from './arrivals.ts'
import type { Ask } from './ask.ts'
import { playStory, type StoryParts } from './client-story.ts'
import type { FrontDoor, OpenTry } from './client-try.ts'
import { LingeringStops } from './counted-stop.ts'
import { Climate } from './climate.ts'
import type { History } from './history.ts'
import { HistoryRecorder } from './history-recorder.ts'
import { VirtualClock } from './virtual-clock.ts'
import { createWorldTransport, type WorldTransport } from './world-transport.ts'
import type { OperatorAct, WorldOptions } from './world-options.ts'

/** After the last story, time passes by as much before anything that is still held counts as forgotten, ms. */
const SETTLE_MS = 60_000
/** A run is cut when its last story has begun so long ago, ms: whatever still goes on has no end. */
const ENDLESS_MS = 4 * 3_600_000
/** Between two looks at whether the last requests have ended, ms. */
const DRAIN_LOOK_MS = 50
/** Stories between two reports of progress. */
const PROGRESS_STORIES = 1_000

export class RunningWorld {
  readonly #options: WorldOptions
  readonly #clock = new VirtualClock()
  readonly #addresses = new AddressBook()
  readonly #asks = new Map<string, Ask>()
  readonly #open = new Set<OpenTry>()
  readonly #lingering = new LingeringStops()
  readonly #admissions = new Set<House['admission']>()
  readonly #recorder: HistoryRecorder
  readonly #transport: WorldTransport
  readonly #ground: Ground
  readonly #arrivals: Float64Array
  readonly #door: FrontDoor
  #config: HoldfastConfig
  #house: House
  #isAccepting = true
  #ended = 0
  #wanted = 0
  #turnsLeft = 0

  constructor(options: WorldOptions) {
    const { seed, traffic, weather, around } = options
    const telemetry = createTelemetry()
    this.#options = options
    this.#recorder = new HistoryRecorder(options, telemetry)
    this.#config = this.#take(options.config)
    this.#arrivals = drawArrivals(traffic, randomFor(seed, 'arrivals'))
    this.#transport = createWorldTransport({
      seed,
      clock: this.#clock,
      climate: new Climate(weather),
      addresses: this.#addresses,
      asks: this.#asks,
      onCall: (call) => this.#recorder.addCall(call),
    })
    const ground = createGround({
      clock: this.#clock,
      random: randomFor(seed, 'gateway'),
      ids: createSeededIds(randomFor(seed, 'ids')),
      telemetry,
      transport: around?.transport?.(this.#transport) ?? this.#transport,
    })
    this.#ground = around?.ground?.(ground) ?? ground
    this.#house = this.#compose()
    this.#door = this.#openDoor()
  }

  async run(): Promise<History> {
    const timersBefore = this.#clock.pendingTimers
    this.#schedule()
    const last = this.#arrivals.at(-1) ?? 0
    await this.#clock.run(
      () =>
        (this.#ended === this.#wanted && this.#turnsLeft === 0) || this.#clock.nowMs() > last + ENDLESS_MS,
    )
    const endMs = this.#clock.nowMs()
    for (const one of this.#open) one.hang()
    await this.#settle()
    const held = this.#held(timersBefore)
    this.#transport.finish()
    return this.#recorder.finish({ endMs, held })
  }

  #held(timersBefore: number): History['held'] {
    const { gates, deliveredMemory } = this.#ground
    const admissions = [...this.#admissions]
    const gateStates = gates.snapshot(this.#clock.nowMs())
    return {
      timers: this.#clock.pendingTimers - timersBefore,
      requestsInFlight: sumOf(admissions, (one) => one.requestsInFlight),
      bufferedBytes: sumOf(admissions, (one) => one.bufferedBytes),
      upstreamCalls: this.#transport.openCalls,
      listeners: this.#lingering.listeners,
      slots: sumOf(gateStates, (one) => one.inFlight),
      queued: sumOf(gateStates, (one) => one.queued),
      deliveredBytes: deliveredMemory.bytes,
    }
  }

  /** One arrival waits at a time, so that a long day costs no memory. */
  #schedule(): void {
    const { traffic, without, acts = [] } = this.#options
    const numbers = Array.from({ length: traffic.requests }, (_, index) => index).filter(
      (number) => without?.has(number) !== true,
    )
    this.#wanted = numbers.length
    this.#arrive(numbers, 0)
    this.#turnsLeft = acts.length
    for (const act of acts) this.#clock.after(act.atMs, () => void this.#act(act))
  }

  #arrive(numbers: readonly number[], index: number): void {
    const number = numbers[index]
    if (number === undefined) return
    const delayMs = (this.#arrivals[number] ?? 0) - this.#clock.nowMs()
    this.#clock.after(delayMs, () => {
      void this.#play(number)
      this.#arrive(numbers, index + 1)
    })
  }

  async #play(number: number): Promise<void> {
    this.#recorder.addStory(await playStory(number, this.#storyParts()))
    this.#ended += 1
    if (this.#ended % PROGRESS_STORIES === 0) this.#options.onProgress?.(this.#ended)
  }

  #storyParts(): StoryParts {
    const { seed, traffic, weather } = this.#options
    return {
      seed,
      traffic,
      config: this.#config,
      configNow: () => this.#config,
      sameAnswerShare: weather.sameAnswerShare ?? 1,
      door: this.#door,
      asks: this.#asks,
    }
  }

  #openDoor(): FrontDoor {
    const houseNow = () => (this.#isAccepting ? this.#house : undefined)
    return {
      clock: this.#clock,
      get house() {
        return houseNow()
      },
      onOutput: (text) => this.#recorder.noteOutput(text),
      open: this.#open,
      lingering: this.#lingering,
      keepsText: this.#options.recordHistory,
    }
  }

  async #act(act: OperatorAct): Promise<void> {
    if (act.type === 'reload') this.#reload(act.config)
    else await this.#restart()
    this.#turnsLeft -= 1
  }

  #reload(config: HoldfastConfig): void {
    const nowMs = this.#clock.nowMs()
    this.#recorder.addTurn({ type: 'reload', atMs: nowMs })
    this.#ground.health.forgive(nowMs)
    this.#config = this.#take(config)
    this.#house = this.#compose(this.#house)
  }

  /** Stops accepting, lets run what runs, tells the rest that it must stop, and opens anew. */
  async #restart(): Promise<void> {
    const { drainMs } = this.#config.shutdown
    const startMs = this.#clock.nowMs()
    this.#recorder.addTurn({ type: 'drain', atMs: startMs })
    this.#isAccepting = false
    await this.#until(() => this.#inHouse() === 0 || this.#clock.nowMs() - startMs >= drainMs)
    for (const one of this.#open) one.stop('shutting-down')
    await this.#until(() => this.#inHouse() === 0)
    this.#recorder.addTurn({ type: 'drained', atMs: this.#clock.nowMs() })
    this.#isAccepting = true
    this.#house = this.#compose()
  }

  #inHouse(): number {
    return this.#house.admission.requestsInFlight
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (isSo()) resolve()
        else this.#clock.after(DRAIN_LOOK_MS, look)
      }
      look()
    })
  }

  async #settle(): Promise<void> {
    let isSettled = false
    this.#clock.after(SETTLE_MS, () => {
      isSettled = true
    })
    await this.#clock.run(() => isSettled)
  }

  #take(config: HoldfastConfig): HoldfastConfig {
    const playable = withPlainKeys(config)
    this.#addresses.add(playable)
    return playable
  }

  #compose(before?: House): House {
    const house = composeHouse(this.#ground, {
      config: this.#config,
      modelLists: new Map(),
      ...(before === undefined ? {} : { before }),
      isAccepting: () => this.#isAccepting,
    })
    const used = this.#options.around?.house?.(house) ?? house
    this.#admissions.add(used.admission)
    return used
  }
}

function sumOf<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0)
}
