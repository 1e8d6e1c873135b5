/**
 * What the tests of this room stand on: a provider made of raw sockets, so that every byte and every pause is the
 * test's own; a clock that only moves when told; a transport that is played by hand.
 */

import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Provider, Target } from '../providers/provider.ts'
import { createTarget } from '../providers/target.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { Secret } from '../std/secret.ts'
import type { Transport, TransportHandler, TransportRequest } from '../std/transport.ts'

export interface ReceivedRequest {
  readonly socket: Socket
  /** Request line and headers. */
  readonly head: string
  readonly body: Buffer
  /** 1 for the first request of the wall. */
  readonly number: number
}

export interface Wall extends AsyncDisposable {
  readonly origin: string
  readonly requests: readonly ReceivedRequest[]
  readonly sockets: readonly Socket[]
}

/** Reads whole requests and hands them over. */
export function openWall(answer: (request: ReceivedRequest) => void): Promise<Wall> {
  const requests: ReceivedRequest[] = []
  return openRawWall((socket) => {
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      for (;;) {
        const request = takeRequest(received)
        if (!request) return
        received = request.rest
        const whole = { socket, head: request.head, body: request.body, number: requests.length + 1 }
        requests.push(whole)
        answer(whole)
      }
    })
  }, requests)
}

/** Hands over every connection as it comes. */
export async function openRawWall(
  onConnection: (socket: Socket) => void,
  requests: readonly ReceivedRequest[] = [],
): Promise<Wall> {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  // Sound: a listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    sockets,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function takeRequest(
  received: Buffer,
): { head: string; body: Buffer; rest: Buffer<ArrayBuffer> } | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const head = received.subarray(0, headEnd).toString('latin1')
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
  const end = headEnd + 4 + length
  if (received.length < end) return undefined
  return { head, body: received.subarray(headEnd + 4, end), rest: Buffer.from(received.subarray(end)) }
}

/** A whole HTTP/1.1 answer with a length. */
export function httpAnswer(
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Buffer<ArrayBuffer> {
  const all = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Words\r\n${lines.join('')}\r\n`), Buffer.from(body)])
}

/** The head of an answer whose body comes in chunks. */
export function chunkedHead(contentType: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\ntransfer-encoding: chunked\r\n\r\n`
}

export function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

export const CREDENTIAL = 'sk-live-0123456789abcdef'

export function wallProvider(origin: string, over: Partial<Provider> = {}): Provider {
  return {
    id: 'wall',
    name: 'Wall',
    dialect: 'openai-chat',
    baseUrl: `${origin}/v1`,
    auth: { kind: 'header', header: 'authorization', prefix: 'Bearer ' },
    environmentKeys: [],
    isLocal: false,
    quirks: [],
    ...over,
  }
}

export function wallTarget(origin: string, over: Partial<Provider> = {}): Target {
  return createTarget(wallProvider(origin, over), 'brick', new Secret(CREDENTIAL))
}

/** Time that stands still until it is advanced. */
export class ManualClock implements Clock {
  #nowMs = 1_000
  #timers: { readonly atMs: number; readonly callback: () => void }[] = []

  get pendingTimers(): number {
    return this.#timers.length
  }

  wallMs(): number {
    return this.#nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** Moves time, calling what falls due on the way at its own moment. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const [next] = this.#timers
        .filter(({ atMs }) => atMs <= endMs)
        .toSorted((left, right) => left.atMs - right.atMs)
      if (!next) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.callback()
    }
    this.#nowMs = endMs
  }
}

export interface PlayedCall {
  readonly request: TransportRequest
  readonly handler: TransportHandler
  isAborted: boolean
  isPaused: boolean
}

/** A transport whose provider is the test itself. */
export class PlayedTransport implements Transport {
  readonly calls: PlayedCall[] = []

  get last(): PlayedCall {
    const call = this.calls.at(-1)
    if (!call) throw new Error('nothing was sent')
    return call
  }

  send(request: TransportRequest, handler: TransportHandler) {
    const call: PlayedCall = { request, handler, isAborted: false, isPaused: false }
    this.calls.push(call)
    return {
      pause: () => {
        call.isPaused = true
      },
      resume: () => {
        call.isPaused = false
      },
      abort: () => {
        call.isAborted = true
      },
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Resolves once `condition` holds; the test's own time limit is the bound. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
