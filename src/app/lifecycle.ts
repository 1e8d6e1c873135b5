/** From nothing to a gateway that answers, and back: start, reload, drain, stop. */

import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import { dialects } from '../dialects/index.ts'
import { createGatewayServer, type GatewayServer } from '../http/server.ts'
import { parseAddress } from '../providers/target.ts'
import { createSimulatorTransport } from '../simulator/transport.ts'
import { systemClock } from '../std/clock.ts'
import { systemIds, systemRandom } from '../std/ids.ts'
import type { Transport } from '../std/transport.ts'
import { createLogWriter, type LogWriter } from '../telemetry/log-writer.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { Telemetry } from '../telemetry/records.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { FetchDeps } from '../upstream/fetch-json.ts'
import { probe } from '../upstream/models.ts'
import { createUndiciTransport } from '../upstream/undici-transport.ts'
import {
  composeHouse,
  composeProber,
  createGround,
  type Ground,
  type House,
  type ModelLists,
} from './compose.ts'
import { type ConfigFault, formatFault } from './config/fault.ts'
import type { HoldfastConfig } from './config/config.ts'
import { findConfigPath } from './config/find-config.ts'
import { loadConfig } from './config/load-config.ts'
import { listModelsOf } from './discover-models.ts'
import { findLocalServers } from './find-providers.ts'
import { routeTransport } from './routed-transport.ts'
import { SIMULATOR_ORIGIN, simulatedProvider } from './simulated-provider.ts'
import { watchForChange } from './watch-file.ts'

/** How long running streams may go on after SIGTERM, ms. */
export const DRAIN_MS = 120_000
/** How long the last log lines may take to leave, ms. */
const LOG_FLUSH_MS = 1_000
/** An answer and its own request, and the gateway's own files. */
const CONNECTIONS_MIN = 512

export interface StartOptions {
  readonly configPath?: string
  /** `host:port`; wins over the file. */
  readonly listen?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where log lines go; 1 is standard output. */
  readonly logFd?: number
  readonly logLevel?: HoldfastConfig['log']['level']
  /** Look for model servers on this machine's usual ports. Default: what the configuration says. */
  readonly findsLocalServers?: boolean
  /** Instead of sockets: for tests. */
  readonly transport?: Transport
  /** Channels made by whoever wants to listen from the start: for tests. */
  readonly telemetry?: Telemetry
}

export interface RunningGateway {
  readonly url: string
  readonly port: number
  /** The configuration in force. */
  readonly config: HoldfastConfig
  readonly isSimulated: boolean
  /** Reads the file again now; the faults that kept it from coming into force, none when it did. */
  reload(): Promise<readonly ConfigFault[]>
  /** Finishes what runs, for `drainMs` at most, and stops. Calling it again stops at once. */
  stop(drainMs?: number): Promise<void>
  /** Resolves when the gateway has stopped. */
  readonly stopped: Promise<void>
}

/** Why a gateway did not start. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly reason: 'configuration' | 'address' | 'environment'
  readonly faults: readonly ConfigFault[]

  constructor(reason: StartError['reason'], message: string, faults: readonly ConfigFault[] = []) {
    super(message)
    this.reason = reason
    this.faults = faults
  }
}

/** Throws StartError where the configuration or the address does not allow a start. */
export async function startGateway(options: StartOptions): Promise<RunningGateway> {
  const starting = new Starting(options)
  const config = starting.readConfig()
  const transport = options.transport ?? createSocketTransport(config)
  const ground = createGround({
    clock: systemClock,
    random: systemRandom,
    ids: systemIds,
    telemetry: options.telemetry ?? createTelemetry(),
    transport: routeTransport(SIMULATOR_ORIGIN, createSimulatorTransport(), transport),
  })
  const running = new Running(options, { starting, ground, limits: config.limits })
  await running.start(config)
  return running
}

function createSocketTransport(config: HoldfastConfig): Transport {
  try {
    return createUndiciTransport({
      connectionsMax: Math.max(CONNECTIONS_MIN, config.limits.requestsInFlight),
    })
  } catch (error) {
    throw new StartError('environment', error instanceof Error ? error.message : String(error))
  }
}

/** Where the configuration comes from. */
class Starting {
  readonly #options: StartOptions
  readonly configPath: string | undefined

  constructor(options: StartOptions) {
    this.#options = options
    this.configPath = findConfigPath(options.configPath)
  }

  load() {
    const { env, listen } = this.#options
    return loadConfig({
      env,
      readFile: (path) => readFileSync(path, 'utf8'),
      ...(this.configPath === undefined ? {} : { path: this.configPath }),
      ...(listen === undefined ? {} : { listen }),
    })
  }

  readConfig(): HoldfastConfig {
    const loaded = this.load()
    if (loaded.ok) return loaded.config
    throw new StartError('configuration', loaded.faults.map(formatFault).join('\n'), loaded.faults)
  }
}

class Running implements RunningGateway {
  readonly #options: StartOptions
  readonly #starting: Starting
  readonly #ground: Ground
  readonly #server: GatewayServer
  readonly #prober: FetchDeps
  readonly #closers: (() => unknown)[] = []
  readonly #stopped = Promise.withResolvers<void>()
  #house: House | undefined
  #log: LogWriter | undefined
  #modelLists: ModelLists = new Map()
  #isAccepting = true
  #isStopping = false
  url = ''
  port = 0

  constructor(
    options: StartOptions,
    parts: {
      readonly starting: Starting
      readonly ground: Ground
      readonly limits: HoldfastConfig['limits']
    },
  ) {
    const { starting, ground, limits } = parts
    const { telemetry, clock, ids } = ground
    this.#options = options
    this.#starting = starting
    this.#ground = ground
    this.#prober = composeProber(ground)
    const metrics = createMetrics({
      telemetry,
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
      limits: { bodyBytes: limits.bodyBytes },
      metrics: () => metrics.render(),
    })
  }

  get config(): HoldfastConfig {
    return this.#current().config
  }

  get isSimulated(): boolean {
    return this.config.providers.every((one) => one.provider.isSimulated === true)
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  async start(fromFile: HoldfastConfig): Promise<void> {
    const config = await this.#complete(fromFile)
    this.#house = this.#compose(config)
    this.#openLog(config)
    await this.#listen(config)
    this.#watchConfig()
    void this.#learnModels(this.#house)
  }

  async reload(): Promise<readonly ConfigFault[]> {
    const { notices } = this.#ground.telemetry
    const loaded = this.#starting.load()
    if (!loaded.ok) {
      const first = loaded.faults.map(formatFault).join(' | ')
      notices.publish({
        level: 'error',
        name: 'config_rejected',
        message: `The configuration was not changed, the one before stays in force: ${first}`,
        facts: { faults: loaded.faults.length },
      })
      return loaded.faults
    }
    const config = await this.#complete(loaded.config)
    if (this.#isStopping) return []
    const before = this.#current().config.listen
    this.#house = this.#compose(config)
    notices.publish({
      level: 'info',
      name: 'config_reloaded',
      message: `The configuration is in force: ${config.providers.length} providers, ${config.routes.length} routes.`,
    })
    if (before.host !== config.listen.host || before.port !== config.listen.port) {
      notices.publish({
        level: 'warn',
        name: 'config_needs_restart',
        message: 'The listen address has changed; it takes effect at the next start.',
      })
    }
    void this.#learnModels(this.#house)
    return []
  }

  async stop(drainMs: number = DRAIN_MS): Promise<void> {
    if (this.#isStopping) {
      await this.#server.close()
      return this.stopped
    }
    this.#isStopping = true
    this.#isAccepting = false
    await this.#server.drain(drainMs)
    await this.#ground.transport.close()
    for (const close of this.#closers.reverse()) await close()
    this.#stopped.resolve()
  }

  #current(): House {
    if (this.#house) return this.#house
    throw new Error('the gateway is asked for before it was composed')
  }

  #compose(config: HoldfastConfig): House {
    return composeHouse(this.#ground, {
      config,
      modelLists: this.#modelLists,
      isAccepting: () => this.#isAccepting,
      ...(this.#house === undefined ? {} : { before: this.#house }),
    })
  }

  /** Adds what this machine offers; where there is no provider at all, the simulator answers. */
  async #complete(config: HoldfastConfig): Promise<HoldfastConfig> {
    const isWanted = this.#options.findsLocalServers ?? config.discover
    const taken = config.providers.map((one) => one.provider)
    const local = isWanted
      ? await findLocalServers((request) => probe(request, this.#prober), this.#options.env, taken)
      : []
    const providers = [...config.providers, ...local]
    const isSimulatorWanted = providers.length === 0 || config.routes.some(namesSimulator)
    return { ...config, providers: isSimulatorWanted ? [...providers, simulatedProvider] : providers }
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
    })
    this.#log = log
    this.#closers.push(() => log.close(LOG_FLUSH_MS))
  }

  async #listen(config: HoldfastConfig): Promise<void> {
    const { host, port } = config.listen
    try {
      const address = await this.#server.listen(host, port)
      this.url = address.url
      this.port = address.port
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
      throw new StartError('address', whyNoAddress(`${host}:${port}`, code))
    }
  }

  #watchConfig(): void {
    const { configPath } = this.#starting
    if (configPath === undefined) return
    this.#closers.push(watchForChange(configPath, () => void this.reload()))
  }

  /** Providers are asked for their models in the background: nobody waits for it, and an answer is never needed. */
  async #learnModels(house: House): Promise<void> {
    const lists = await listModelsOf(house.config.providers, this.#prober)
    if (this.#isStopping || this.#house !== house) return
    this.#modelLists = lists
    this.#house = this.#compose(house.config)
  }
}

function namesSimulator({ targets }: HoldfastConfig['routes'][number]): boolean {
  return targets.some((target) => parseAddress(target)?.providerId === simulatedProvider.provider.id)
}

function whyNoAddress(address: string, code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${address} is in use. Stop what listens there, or choose another address: holdfast start --listen 127.0.0.1:4242`
    case 'EACCES':
      return `${address} may not be listened on by this user. Choose a port above 1023.`
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine. Use 127.0.0.1, or an address of one of its interfaces.`
    default:
      return `${address} cannot be listened on (${code}).`
  }
}
