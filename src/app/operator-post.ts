/** Where operators look from: the admin listener, what it shows, and the watches over the event loop, as long as the process. */

import type { Admission } from '../admission/admission.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { type AdminServer, createAdminServer } from '../http/admin-server.ts'
import { type EventLoopLag, watchEventLoop } from '../std/event-loop-lag.ts'
import { openAdmin, type AdminOpening } from './admin-listener.ts'
import { type ComposedAdmin, composeAdmin } from './compose-admin.ts'
import type { Ground } from './compose.ts'
import type { HoldfastConfig } from './config/config.ts'
import type { ModelLists } from './discover-models.ts'
import { noticeOfBlock, noticeOfRecovery, noticeOfStuck, noticeOfWatchdogEnd } from './overload-notices.ts'
import { createOperatorView, type Generation } from './status-report.ts'
import { readVersion } from './version.ts'
import { startWatchdog, type Watchdog } from './watchdog/watchdog.ts'

export interface OperatorPostOptions {
  readonly ground: Ground
  /** The configuration in force. */
  config(): HoldfastConfig
  /** What providers list. */
  modelLists(): ModelLists
  /** The gateway in force. */
  gateway(): Gateway
  /** Of every configuration that still serves somebody. */
  admissions(): Iterable<Admission>
  isStopping(): boolean
  /** Of the certificate that clients are shown; absent where there is none. */
  certificateEndsAtMs(): number | undefined
  /** Whether a thread watches that the main one is not stuck. */
  readonly hasWatchdog: boolean
  metrics(): Promise<string>
}

export class OperatorPost {
  readonly #options: OperatorPostOptions
  readonly #startedAtWallMs: number
  readonly #admin: AdminServer
  readonly #composed: ComposedAdmin | undefined
  #lag: EventLoopLag | undefined
  #watchdog: Watchdog | undefined
  #generation: Generation = { number: 0, sinceWallMs: 0 }

  constructor(options: OperatorPostOptions) {
    const { telemetry, clock } = options.ground
    this.#options = options
    this.#startedAtWallMs = clock.wallMs()
    const view = this.#createView()
    const readiness = () => options.gateway().readiness()
    const { ground } = options
    const { directory, budgets } = ground.keeping
    this.#composed =
      directory &&
      budgets &&
      composeAdmin({
        ground,
        directory,
        budgets,
        view,
        config: () => options.config(),
        modelLists: () => options.modelLists(),
        readiness,
      })
    this.#admin = createAdminServer({
      view,
      readiness,
      ...(this.#composed && { api: this.#composed.api }),
      metrics: () => options.metrics(),
      telemetry,
    })
  }

  /** Whether the process is behind with its work. */
  get isOverloaded(): boolean {
    return this.#lag?.isOverloaded === true
  }

  /** Whether it was stuck a moment ago. */
  get isStuck(): boolean {
    return this.#lag?.isStuck === true
  }

  /** Path of a link by which the first person signs in, where nobody can yet who could let others in. */
  firstSignIn(): string | undefined {
    return this.#composed?.firstSignIn()
  }

  /** A configuration came into force that was not before. */
  noteConfig(): void {
    const sinceWallMs = this.#options.ground.clock.wallMs()
    this.#generation = { number: this.#generation.number + 1, sinceWallMs }
  }

  /** Call it once there is a configuration in force. */
  open(): Promise<AdminOpening> {
    const { clock, telemetry } = this.#options.ground
    if (this.#options.hasWatchdog) this.#watchdog = this.#startWatchdog()
    this.#lag = watchEventLoop({
      clock,
      lagMaxMs: () => this.#options.config().limits.eventLoopLagMs,
      onOverload: (episode) => telemetry.notices.publish(noticeOfBlock(episode)),
      onRecovery: (episode) => telemetry.notices.publish(noticeOfRecovery(episode)),
      onSample: () => this.#watchdog?.beat(),
      countStuck: () => this.#watchdog?.count ?? 0,
    })
    return openAdmin(this.#admin, this.#options.config().admin, (notice) => telemetry.notices.publish(notice))
  }

  async close(): Promise<void> {
    this.#lag?.stop()
    await Promise.all([this.#watchdog?.stop(), this.#admin.close()])
  }

  #startWatchdog(): Watchdog {
    const { notices } = this.#options.ground.telemetry
    return startWatchdog({
      onStuck: (stuck) => notices.publish(noticeOfStuck(stuck)),
      onEnd: (error) => notices.publish(noticeOfWatchdogEnd(error)),
    })
  }

  #createView() {
    const { ground } = this.#options
    return createOperatorView({
      version: readVersion(),
      clock: ground.clock,
      startedAtWallMs: this.#startedAtWallMs,
      config: () => this.#options.config(),
      generation: () => this.#generation,
      isDraining: () => this.#options.isStopping(),
      certificateEndsAtMs: () => this.#options.certificateEndsAtMs(),
      lag: () => this.#lag ?? NO_LAG,
      admissions: () => this.#options.admissions(),
      explain: (requestId) => ground.explanations.findAny(requestId),
      cells: (nowMs) => ground.health.cells(nowMs),
      gates: (nowMs) => ground.gates.snapshot(nowMs),
      retryBudgets: (nowMs) =>
        ground.budgets.retries.pools(nowMs).map(({ pool, ...state }) => ({ ...namesOf(pool), ...state })),
    })
  }
}

/** A pool is named by who asks, and for what. */
function namesOf(pool: string): { readonly key: string; readonly route: string } {
  const [key = '', route = ''] = pool.split('\n', 2)
  return { key, route }
}

/** Before anything is measured. */
const NO_LAG = { isOverloaded: false, lagMs: 0 } as const
