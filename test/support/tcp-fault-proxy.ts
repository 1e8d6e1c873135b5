/**
 * Stands between a client and a server on loopback and spoils what passes, as networks do. Faults are switched while
 * connections are open and take effect on them at once.
 */

import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'

/** `up` is from the client to the server, `down` what comes back. */
export type Direction = 'up' | 'down'

export type Toxic =
  /** New connections are refused, open ones reset. */
  | { readonly type: 'down' }
  /** Connections are taken and no byte passes; what was held passes once this is over. */
  | { readonly type: 'hang' }
  /** Each piece of data arrives so much later. */
  | { readonly type: 'latency'; readonly upMs?: number; readonly downMs?: number }
  | { readonly type: 'bandwidth'; readonly bytesPerSecond: number }
  /** Each connection ends, or is reset, once so many more bytes went in that direction; none of the rest passes. */
  | {
      readonly type: 'cut'
      readonly direction: Direction
      readonly afterBytes: number
      readonly how?: 'end' | 'reset'
    }
  /** One side is closed, the other is not told, and what it sends disappears. */
  | { readonly type: 'half-open'; readonly closed: 'client' | 'server' }

export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Connections that are open now. */
  readonly connections: number
  /** Bytes that passed so far, of all connections. */
  readonly passed: Readonly<Record<Direction, number>>
  /** In place of all toxics before; none at all lets everything pass. */
  set(...toxics: readonly Toxic[]): Promise<void>
  /** Resets every open connection, once. */
  resetAll(): void
}

/** Data that waits in one direction, bytes; beyond it the sender is made to wait. */
const WAITING_BYTES_MAX = 1_048_576
const SLICE_BYTES = 4_096

/** On a port of its own; the server need not be there yet. */
export async function startFaultProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<FaultProxy> {
  const proxy = new TcpFaultProxy(target)
  await proxy.listen()
  return proxy
}

class TcpFaultProxy implements FaultProxy {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #links = new Set<Link>()
  readonly passed = { up: 0, down: 0 }
  #server: Server | undefined
  #toxics: readonly Toxic[] = []
  #port = 0

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#links.size
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    // Sound: a TCP server that listens has an address of this form.
    this.#port = (server.address() as AddressInfo).port
  }

  async set(...toxics: readonly Toxic[]): Promise<void> {
    this.#toxics = toxics
    const isDown = toxics.some(({ type }) => type === 'down')
    if (isDown) {
      this.resetAll()
      await this.#unlisten()
    } else if (this.#server === undefined) await this.listen()
    for (const link of this.#links) link.set(toxics)
  }

  resetAll(): void {
    for (const link of this.#links) link.destroy('reset')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resetAll()
    await this.#unlisten()
  }

  #accept(client: Socket): void {
    const { host, port } = this.#target
    const link = new Link(client, createConnection({ host, port, allowHalfOpen: true }), {
      closed: () => this.#links.delete(link),
      passed: (direction, bytes) => {
        this.passed[direction] += bytes
      },
    })
    this.#links.add(link)
    link.set(this.#toxics)
  }

  async #unlisten(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

interface LinkEvents {
  closed(): void
  passed(direction: Direction, bytes: number): void
}

/** One connection on both sides of the proxy. */
class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #pipes: Readonly<Record<Direction, Pipe>>
  readonly #events: LinkEvents
  #isOver = false

  constructor(client: Socket, server: Socket, events: LinkEvents) {
    this.#client = client
    this.#server = server
    this.#events = events
    const of = (direction: Direction): PipeEvents => ({
      cut: (how) => this.destroy(how),
      passed: (bytes) => events.passed(direction, bytes),
    })
    this.#pipes = {
      up: new Pipe('up', client, server, of('up')),
      down: new Pipe('down', server, client, of('down')),
    }
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.#sideGone(socket))
      socket.on('close', () => this.#sideGone(socket))
    }
  }

  set(toxics: readonly Toxic[]): void {
    const halfOpen = toxics.find((toxic) => toxic.type === 'half-open')
    this.#pipes.up.set(toxics)
    this.#pipes.down.set(toxics)
    if (halfOpen === undefined) return
    const side = halfOpen.closed === 'client' ? this.#client : this.#server
    side.resetAndDestroy()
  }

  destroy(how: 'end' | 'reset'): void {
    this.#isOver = true
    for (const socket of [this.#client, this.#server]) {
      if (how === 'end') socket.destroy()
      else socket.resetAndDestroy()
    }
    this.#pipes.up.stop()
    this.#pipes.down.stop()
    this.#events.closed()
  }

  /** The other side is told, unless it is the point of the fault that it is not. */
  #sideGone(socket: Socket): void {
    if (this.#isOver) return
    const isSecret = this.#pipes.up.isHalfOpen || this.#pipes.up.isHung
    const other = socket === this.#client ? this.#server : this.#client
    if (other.destroyed || !isSecret) this.destroy('reset')
  }
}

interface Piece {
  readonly bytes: Buffer
  readonly dueMs: number
}

interface PipeEvents {
  cut(how: 'end' | 'reset'): void
  passed(bytes: number): void
}

/** One direction of one connection: data in order, each piece when it is due. */
class Pipe {
  readonly #direction: Direction
  readonly #source: Socket
  readonly #sink: Socket
  readonly #events: PipeEvents
  #toxics: readonly Toxic[] = []
  #pieces: Piece[] = []
  #waitingBytes = 0
  #cutIn: { readonly how: 'end' | 'reset'; bytes: number } | undefined
  #hasEnded = false
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(direction: Direction, source: Socket, sink: Socket, events: PipeEvents) {
    this.#direction = direction
    this.#source = source
    this.#sink = sink
    this.#events = events
    source.on('data', (bytes: Buffer) => this.#take(bytes))
    source.on('end', () => {
      this.#hasEnded = true
      this.#pump()
    })
    sink.on('drain', () => this.#pump())
  }

  get isHung(): boolean {
    return this.#toxics.some(({ type }) => type === 'hang')
  }

  get isHalfOpen(): boolean {
    return this.#toxics.some(({ type }) => type === 'half-open')
  }

  set(toxics: readonly Toxic[]): void {
    this.#toxics = toxics
    const cut = toxics.find((toxic) => toxic.type === 'cut' && toxic.direction === this.#direction)
    this.#cutIn = cut?.type === 'cut' ? { how: cut.how ?? 'end', bytes: cut.afterBytes } : undefined
    this.#pump()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#pieces = []
  }

  #take(bytes: Buffer): void {
    if (this.isHalfOpen) return
    this.#pieces.push({ bytes, dueMs: performance.now() + this.#latencyMs() })
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= WAITING_BYTES_MAX) this.#source.pause()
    this.#pump()
  }

  #latencyMs(): number {
    const toxic = this.#toxics.find(({ type }) => type === 'latency')
    if (toxic?.type !== 'latency') return 0
    return (this.#direction === 'up' ? toxic.upMs : toxic.downMs) ?? 0
  }

  #pump(): void {
    if (this.#isStopped || this.#timer !== undefined || this.isHung) return
    while (this.#pieces.length > 0 && !this.#sink.writableNeedDrain) {
      const [piece] = this.#pieces
      if (piece === undefined) return
      const waitMs = piece.dueMs - performance.now()
      if (waitMs > 0) return this.#later(waitMs)
      const pauseMs = this.#pass(piece)
      if (this.#isStopped) return
      if (pauseMs > 0) return this.#later(pauseMs)
    }
    if (this.#hasEnded && this.#pieces.length === 0 && !this.isHalfOpen) this.#sink.end()
  }

  /** Hands on one piece, or a slice of it; how long to wait before the next, ms. */
  #pass(piece: Piece): number {
    const toxic = this.#toxics.find(({ type }) => type === 'bandwidth')
    const bytesPerSecond = toxic?.type === 'bandwidth' ? toxic.bytesPerSecond : Number.POSITIVE_INFINITY
    const most = Math.min(
      this.#cutIn?.bytes ?? Number.POSITIVE_INFINITY,
      toxic === undefined ? Number.POSITIVE_INFINITY : SLICE_BYTES,
    )
    const slice = piece.bytes.subarray(0, most)
    const rest = piece.bytes.subarray(slice.length)
    if (rest.length > 0) this.#pieces[0] = { bytes: rest, dueMs: piece.dueMs }
    else this.#pieces.shift()
    this.#waitingBytes -= slice.length
    if (this.#waitingBytes < WAITING_BYTES_MAX && this.#source.isPaused()) this.#source.resume()
    if (slice.length > 0) this.#sink.write(slice)
    this.#events.passed(slice.length)
    this.#countCut(slice.length)
    return (slice.length / bytesPerSecond) * 1_000
  }

  #countCut(bytes: number): void {
    if (this.#cutIn === undefined) return
    this.#cutIn.bytes -= bytes
    if (this.#cutIn.bytes > 0) return
    const { how } = this.#cutIn
    this.#pieces = []
    this.#isStopped = true
    // What was written before is on its way; an end lets it arrive.
    if (how === 'reset') return this.#events.cut('reset')
    this.#sink.end(() => this.#events.cut('end'))
  }

  #later(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#pump()
    }, delayMs)
  }
}
