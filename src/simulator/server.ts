/**
 * The simulator as a server of its own, over raw sockets: every byte and every pause is its own to choose, which no
 * HTTP library would allow. Used by tests, by the benchmark and by `holdfast simulate`.
 */

import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { Clock } from '../std/clock.ts'
import { systemClock } from '../std/clock.ts'
import { Connection } from './connection.ts'
import type { ConnectionRooms } from './connection.ts'
import type { FixedOptions } from './fixed-answers.ts'
import { createFixedAnswers } from './fixed-answers.ts'
import type { Pace } from './pace.ts'
import type { RecordedCall } from './recorded-call.ts'
import { CallLog } from './recorded-call.ts'
import { RefusalWindows } from './refusal-windows.ts'
import type { Scenario } from './scenario.ts'
import { createScenario } from './scenario.ts'
import { Simulator } from './simulator.ts'

export interface SimulatorServerOptions {
  /** Default 0: any free port. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default: a provider in good health. */
  readonly scenario?: Scenario
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** Instead of the scenario's pace, as far as it is given. */
  readonly pace?: Partial<Pace>
  /** The only key accepted. Default: any, and none. */
  readonly credential?: string
  /** Requests may ask for faults, by `x-simulate` or after `!` in the model's name. Default true. */
  readonly allowsRequestFaults?: boolean
  /** Answers made once, for benchmarks: no scenario, no faults, no models. */
  readonly fixed?: FixedOptions
  /** Calls remembered. Default 1000. */
  readonly callsMax?: number
}

export interface SimulatorServer {
  /** `http://127.0.0.1:41234`; base URLs are this with `/v1`. */
  readonly origin: string
  readonly port: number
  /** The latest calls, oldest first; the list grows while calls come. */
  readonly calls: readonly RecordedCall[]
  /** Connections open now. */
  readonly connections: number
  /** The next call to begin. */
  nextCall(): Promise<RecordedCall>
  /** Closes the port: new connections are refused, open ones go on. */
  refuseConnections(): Promise<void>
  /** Opens the port again. */
  acceptConnections(): Promise<void>
  /** Closes the port and every connection. */
  close(): Promise<void>
}

export async function startSimulator(options: SimulatorServerOptions = {}): Promise<SimulatorServer> {
  const { scenario: given = createScenario(), clock = systemClock, host = '127.0.0.1' } = options
  const scenario = { ...given, pace: { ...given.pace, ...options.pace } }
  const log = new CallLog(options.callsMax)
  const rooms: ConnectionRooms = {
    simulator: new Simulator({
      scenario,
      clock,
      ...(options.credential === undefined ? {} : { credential: options.credential }),
      allowsRequestFaults: options.allowsRequestFaults ?? true,
    }),
    clock,
    log,
    fixed: options.fixed && createFixedAnswers(options.fixed),
  }
  const door = await openDoor({ host, port: options.port ?? 0, rooms })
  const windows = new RefusalWindows(scenario, clock, door)
  await windows.watch()
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${door.port}`,
    port: door.port,
    calls: log.calls,
    get connections() {
      return door.connections.size
    },
    nextCall: () => log.next(),
    refuseConnections: () => door.shut(),
    acceptConnections: () => door.open(),
    async close() {
      windows.stop()
      await door.close()
    },
  }
}

/** A port that can be shut and opened again. */
class Door {
  readonly port: number
  readonly connections: ReadonlySet<Connection>
  readonly #server: Server
  readonly #host: string

  constructor(server: Server, host: string, connections: ReadonlySet<Connection>) {
    this.#server = server
    this.#host = host
    this.connections = connections
    // Sound: a server that listens on TCP has an address with a port.
    this.port = (server.address() as AddressInfo).port
  }

  async open(): Promise<void> {
    if (this.#server.listening) return
    this.#server.listen(this.port, this.#host)
    await once(this.#server, 'listening')
  }

  /** The socket stops listening at once; open connections are not waited for. */
  async shut(): Promise<void> {
    if (this.#server.listening) this.#server.close()
  }

  /** Ends when the last connection is gone. */
  async close(): Promise<void> {
    await this.shut()
    const gone = [...this.connections].map((connection) => connection.destroy())
    await Promise.all(gone)
  }
}

async function openDoor(options: {
  readonly host: string
  readonly port: number
  readonly rooms: ConnectionRooms
}): Promise<Door> {
  const connections = new Set<Connection>()
  let count = 0
  const server = createServer((socket: Socket) => {
    count += 1
    const connection = new Connection(socket, count, options.rooms)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  return new Door(server, options.host, connections)
}
