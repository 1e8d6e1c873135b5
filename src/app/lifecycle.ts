/** From nothing to a gateway that answers, and back: start, reload, drain, stop. */

import { isatty } from 'node:tty'
import type { Admission } from '../admission/admission.ts'
import { dialects } from '../dialects/index.ts'
import { describeDefect } from '../errors/describe-defect.ts'
import type { HttpLimits } from '../http/http-limits.ts'
import { createGatewayServer, type GatewayServer } from '../http/server.ts'
import { createSimulatorTransport } from '../simulator/transport.ts'
import { sleep, systemClock } from '../std/clock.ts'
import { systemIds, systemRandom } from '../std/ids.ts'
import type { Transport } from '../std/transport.ts'
import { createLogWriter, type LogWriter } from '../telemetry/log-writer.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { Telemetry } from '../telemetry/records.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { FetchDeps } from '../upstream/fetch-json.ts'
import { probe } from '../upstream/models.ts'
import { CertificateWatch } from './certificate-watch.ts'
import { completeConfig } from './complete-config.ts'
import { composeHouse, composeProber, createGround, type Ground, type House } from './compose.ts'
import { ConfigSource } from './config-source.ts'
import type { HoldfastConfig, StoreChoice } from './config/config.ts'
import { type ConfigFault, formatFault } from './config/fault.ts'
import { type EarlyNotices, holdNotices } from './early-notices.ts'
import { type Keeping, type KeepingParts, openInMemory, openKeeping } from './keeping.ts'
import { openStore } from './open-store.ts'
import { ModelDiscovery } from './discover-models.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { type FaultSource, outliveFaults } from './process-faults.ts'
import { OperatorPost } from './operator-post.ts'
import { certificateRejected, configRejected, configReloaded, secretFilesGone } from './reload-notices.ts'
import { whyNotInForce, withPair } from './reload-rules.ts'
import { routeTransport } from './routed-transport.ts'
import { SIMULATOR_ORIGIN } from './simulated-provider.ts'
import { createSocketTransport } from './socket-transport.ts'
import { addressError, listenFault, StartError } from './start-error.ts'

/** How long, after the last byte to a client, the records of what was cut may take to be written, ms. */
const SETTLE_MS = 1_000
/** How long connections to providers may take to close, ms. */
const TRANSPORT_CLOSE_MS = 2_000
/** How long the books may take to reach the store; what does not is in their log. */
const KEEPING_CLOSE_MS = 5_000
/** How long the last log lines may take to leave, ms. */
const LOG_FLUSH_MS = 1_000

export interface StartOptions {
  readonly configPath?: string
  /** `host:port`; wins over the file. */
  readonly listen?: string
  /** `host:port` of the admin listener, or `off`; wins over the file. */
  readonly admin?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where log lines go; 1 is standard output. */
  readonly logFd?: number
  readonly logLevel?: HoldfastConfig['log']['level']
  /** Look for model servers on this machine's usual ports. Default: what the configuration says. */
  readonly findsLocalServers?: boolean
  /** Whose uncaught faults are logged and outlived; without it they end the process, as Node has it. */
  readonly faults?: FaultSource
  /** Whether a thread watches that the main one is not stuck. Default false: who starts several gateways needs one at most. */
  readonly hasWatchdog?: boolean
  /** Where things are kept where the configuration does not say it. Default: in memory. */
  readonly store?: StoreChoice
  /** Instead of sockets: for tests. */
  readonly transport?: Transport
  /** Channels made by whoever wants to listen from the start: for tests. */
  readonly telemetry?: Telemetry
}

export interface RunningGateway {
  readonly url: string
  readonly port: number
  /** Where operators look; absent where there is no admin listener. */
  readonly adminUrl: string | undefined
  /** Where the first person signs in, once and soon; absent where somebody can already who could let others in. */
  readonly signInUrl: string | undefined
  /** The configuration in force. */
  readonly config: HoldfastConfig
  readonly isSimulated: boolean
  /**
   * Reads the file again; the faults that kept it, or nothing but its certificate, from coming into force, none when all
   * did. Never rejects.
   */
  reload(): Promise<readonly ConfigFault[]>
  /**
   * Comes to rest as the configuration's `shutdown` says; with `drainMs`, without the wait before the drain. Calling it
   * again stops at once.
   */
  stop(drainMs?: number): Promise<void>
  /** Resolves when the gateway has stopped. */
  readonly stopped: Promise<void>
}

/** Throws StartError where the configuration or the address does not allow a start; nothing is left open then. */
export async function startGateway(options: StartOptions): Promise<RunningGateway> {
  const source = new ConfigSource(options)
  const config = firstConfig(source)
  const telemetry = options.telemetry ?? createTelemetry()
  const parts = { clock: systemClock, ids: systemIds, telemetry }
  let running: Running | undefined
  const providers = () => (running ?? { config }).config.providers
  const transport = options.transport ?? createSocketTransport({ ...parts, config, providers })
  const early = holdNotices(telemetry.notices)
  const ground = createGround({
    ...parts,
    keeping: await startKeeping(config, options, parts),
    random: systemRandom,
    transport: routeTransport(SIMULATOR_ORIGIN, createSimulatorTransport(), transport),
  })
  running = new Running(options, { source, ground, config, early })
  await running.start()
  return running
}

function firstConfig(source: ConfigSource): HoldfastConfig {
  const loaded = source.load()
  if (loaded.ok) return loaded.config
  throw new StartError('configuration', loaded.faults.map(formatFault).join('\n'), loaded.faults)
}

/** In memory, or in a store that is there when this resolves; throws StartError where it cannot be opened. */
function startKeeping(config: HoldfastConfig, options: StartOptions, parts: KeepingParts): Promise<Keeping> {
  const { unknownPrice, atLimit, masterKey, journal, cache } = config
  const rules = { ...(unknownPrice && { unknownPrice }), atLimit, journal, cache }
  const choice = config.store ?? options.store
  if (choice === undefined || choice.kind === 'memory') return openInMemory(parts, rules)
  return openStore(choice, { ...parts, masterKey, env: options.env, putsBack: true }).then((opened) =>
    openKeeping(parts, rules, opened),
  )
}

interface RunningParts {
  readonly early: EarlyNotices
  readonly source: ConfigSource
  readonly ground: Ground
  /** As the file has it. */
  readonly config: HoldfastConfig
}

class Running implements RunningGateway {
  readonly #options: StartOptions
  readonly #parts: RunningParts
  readonly #ground: Ground
  readonly #server: GatewayServer
  readonly #post: OperatorPost
  readonly #prober: FetchDeps
  readonly #discovery: ModelDiscovery
  readonly #closers: (() => unknown)[] = []
  readonly #stopped = Promise.withResolvers<void>()
  /** Aborts when stopping is to go at once. */
  readonly #cut = new AbortController()
  /** Of every configuration that still serves somebody. */
  readonly #admissions = new Set<Admission>()
  readonly #certificates: CertificateWatch
  #house: House | undefined
  #log: LogWriter | undefined
  #isAccepting = true
  #isStopping = false
  url = ''
  port = 0
  adminUrl: string | undefined
  signInUrl: string | undefined
  /** One at a time, so that what was read last is what is in force. */
  readonly reload: () => Promise<readonly ConfigFault[]> = oneAtATime(() => this.#reload())

  constructor(options: StartOptions, parts: RunningParts) {
    const { ground, config } = parts
    const { telemetry, clock, ids } = ground
    this.#options = options
    this.#parts = parts
    this.#ground = ground
    this.#prober = composeProber(ground)
    this.#discovery = new ModelDiscovery(this.#prober, () => this.#moveTo(this.config))
    this.#certificates = new CertificateWatch({
      clock,
      onNotice: (notice) => telemetry.notices.publish(notice),
    })
    this.#closers.push(() => this.#certificates.stop())
    const metrics = createMetrics({
      telemetry,
      certificateEndsAtMs: () => this.#certificates.endsAtMs,
      inFlight: () => this.#server.openCalls,
      droppedLogLines: () => this.#log?.droppedLines ?? 0,
    })
    this.#closers.push(() => metrics.close())
    this.#server = createGatewayServer({
      gateway: () => this.#current().gateway,
      dialects,
      clock,
      ids,
      telemetry,
      limits: serverLimits(config),
      ...(config.tls && { pair: config.tls.pair }),
      metrics: () => metrics.render(),
    })
    this.#post = new OperatorPost({
      ground,
      config: () => this.config,
      modelLists: () => this.#discovery.lists,
      gateway: () => this.#current().gateway,
      admissions: () => this.#admissions,
      isStopping: () => this.#isStopping,
      certificateEndsAtMs: () => this.#certificates.endsAtMs,
      hasWatchdog: options.hasWatchdog === true,
      metrics: () => metrics.render(),
    })
  }

  get config(): HoldfastConfig {
    return this.#house?.config ?? this.#parts.config
  }

  get isSimulated(): boolean {
    return this.config.providers.every((one) => one.provider.isSimulated === true)
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  async start(): Promise<void> {
    try {
      const config = await this.#complete(this.#parts.config)
      this.#enforce(config)
      this.#openLog(config)
      if (config.tls) this.#certificates.follow(config.tls)
      await this.#listen(config)
      await this.#listenForOperators()
    } catch (error) {
      await this.#close()
      throw error
    }
    this.#parts.source.watch(() => void this.reload())
    this.#discovery.follow(this.config.providers)
  }

  async stop(drainMs?: number): Promise<void> {
    if (this.#isStopping) {
      this.#cut.abort()
      await Promise.all([this.#server.close(), this.#post.close()])
      return this.stopped
    }
    this.#isStopping = true
    this.#isAccepting = false
    this.#parts.source.stopWatching()
    this.#discovery.stop()
    // Timers of the clock let a process end; it must not before all this is done.
    const hold = setInterval(() => {}, TRANSPORT_CLOSE_MS)
    try {
      await this.#drain(drainMs === undefined ? this.config.shutdown : { waitMs: 0, drainMs })
    } finally {
      await this.#close()
      clearInterval(hold)
      this.#stopped.resolve()
    }
  }

  async #drain({ waitMs, drainMs }: HoldfastConfig['shutdown']): Promise<void> {
    this.#ground.telemetry.notices.publish({
      level: 'info',
      name: 'gateway_stopping',
      message: `The gateway is told to stop: it accepts requests for ${waitMs} ms more, and finishes them within ${drainMs} ms.`,
      facts: { waitMs, drainMs, openCalls: this.#server.openCalls },
    })
    if (waitMs > 0) await this.#pause(waitMs)
    await this.#server.drain(this.#cut.signal.aborted ? 0 : drainMs)
    this.#ground.background.stop()
    await this.#untilSettled()
  }

  #pause(waitMs: number): Promise<void> {
    return sleep(this.#ground.clock, waitMs, this.#cut.signal).catch(() => undefined)
  }

  /** A place is given back in the moment its record is published: who waits for the one has the other. */
  async #untilSettled(): Promise<void> {
    const { clock } = this.#ground
    const endsAtMs = clock.nowMs() + SETTLE_MS
    while (clock.nowMs() < endsAtMs && [...this.#admissions].some((one) => one.requestsInFlight > 0)) {
      await sleep(clock, 1)
    }
  }

  async #close(): Promise<void> {
    const { transport, clock } = this.#ground
    await Promise.all([this.#server.close(), this.#post.close()])
    await Promise.race([transport.close(), sleep(clock, TRANSPORT_CLOSE_MS)])
    await Promise.race([this.#ground.keeping.stop(), sleep(clock, KEEPING_CLOSE_MS)])
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  async #reload(): Promise<readonly ConfigFault[]> {
    if (this.#isStopping) return []
    try {
      const { source, config: started } = this.#parts
      const loaded = source.loadAgain()
      const { notices } = this.#ground.telemetry
      if (source.goneSecretFiles.length > 0) notices.publish(secretFilesGone(source.goneSecretFiles))
      const faults = loaded.ok ? whyNotInForce(loaded.config, started) : loaded.faults
      if (!loaded.ok || faults.length > 0) {
        this.#renew(loaded.ok ? loaded.config.tls : this.#pairInPlace())
        return this.#reject(faults)
      }
      const { tlsFaults = [] } = loaded
      const isPairKept = tlsFaults.length > 0
      const config = await this.#complete(
        isPairKept ? withPair(loaded.config, this.#certificates.certificate) : loaded.config,
        this.config,
      )
      if (this.#isStopping) return []
      this.#ground.health.forgive(this.#ground.clock.nowMs())
      this.#enforce(config)
      this.#renew(config.tls)
      for (const notice of configReloaded(config, started)) notices.publish(notice)
      if (isPairKept) notices.publish(certificateRejected(tlsFaults))
      this.#discovery.follow(config.providers)
      return tlsFaults
    } catch (error) {
      return this.#reject([unexpectedFault(error, this.#parts.source.path)])
    }
  }

  /** Whether there is TLS at all was said at the start. */
  #renew(tls: HoldfastConfig['tls']): void {
    if (tls === undefined || this.#parts.config.tls === undefined) return
    this.#server.renew(tls.pair)
    this.#certificates.follow(tls)
  }

  /** A newer certificate need not wait until somebody has mended the rest. */
  #pairInPlace(): HoldfastConfig['tls'] {
    const { certificate } = this.#certificates
    return certificate && this.#parts.source.rereadPair(certificate)
  }

  #reject(faults: readonly ConfigFault[]): readonly ConfigFault[] {
    this.#ground.telemetry.notices.publish(configRejected(faults))
    return faults
  }

  #current(): House {
    if (this.#house) return this.#house
    throw new Error('the gateway is asked for before it was composed')
  }

  /** Puts a configuration in force that was not before. */
  #enforce(config: HoldfastConfig): void {
    this.#moveTo(config)
    this.#post.noteConfig()
  }

  /** From here on, requests that arrive live in a house of this configuration; those inside stay where they are. */
  #moveTo(config: HoldfastConfig): void {
    this.#house = composeHouse(this.#ground, {
      config,
      modelLists: this.#discovery.lists,
      isAccepting: () => this.#isAccepting,
      isOverloaded: () => this.#post.isOverloaded,
      isStuck: () => this.#post.isStuck,
      ...(this.#house === undefined ? {} : { before: this.#house }),
    })
    for (const one of this.#admissions) if (one.requestsInFlight === 0) this.#admissions.delete(one)
    this.#admissions.add(this.#house.admission)
  }

  #complete(config: HoldfastConfig, before?: HoldfastConfig): Promise<HoldfastConfig> {
    return completeConfig(config, {
      env: this.#options.env,
      probe: (request) => probe(request, this.#prober),
      isSearching: this.#options.findsLocalServers ?? config.discover,
      ...(before === undefined ? {} : { before }),
    })
  }

  #openLog(config: HoldfastConfig): void {
    const { telemetry, clock } = this.#ground
    const fd = this.#options.logFd ?? 1
    const { format } = config.log
    const log = createLogWriter({
      telemetry,
      clock,
      level: this.#options.logLevel ?? config.log.level,
      fd,
      format: format ?? (isatty(fd) ? 'pretty' : 'json'),
      before: this.#parts.early.take(),
    })
    this.#log = log
    this.#closers.push(() => log.close(LOG_FLUSH_MS))
    const { faults } = this.#options
    if (faults) this.#closers.push(outliveFaults(faults, { notices: telemetry.notices, clock }))
  }

  async #listen(config: HoldfastConfig): Promise<void> {
    const { host, port } = config.listen
    try {
      const address = await this.#server.listen(host, port)
      this.url = address.url
      this.port = address.port
    } catch (error) {
      throw addressError(`${host}:${port}`, listenFault(error), '--listen')
    }
  }

  async #listenForOperators(): Promise<void> {
    const opening = await this.#post.open()
    if (opening.type === 'refused') throw addressError(opening.address, opening.code, '--admin')
    if (opening.type !== 'listening') return
    this.adminUrl = opening.url
    const path = this.#post.firstSignIn()
    if (path !== undefined) this.signInUrl = opening.url + path
  }
}

/** Those of the listener, which stay what they were at the start. */
function serverLimits({ limits }: HoldfastConfig): Partial<HttpLimits> {
  const { bodyBytes, formBytes, connectionsPerAddress } = limits
  return { bodyBytes, formBytes, connectionsPerAddress }
}

function unexpectedFault(error: unknown, file = 'holdfast.yaml'): ConfigFault {
  const { kind, at = '' } = describeDefect(error)
  return {
    file,
    line: 1,
    column: 1,
    path: '',
    message: `could not be put in force, a defect of the gateway (${kind} ${at})`,
  }
}
