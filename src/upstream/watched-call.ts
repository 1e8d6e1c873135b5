/** Calls over the socket transport, watched from the handler's side: for the tests of this room. */

import type { TransportFailure, TransportRequest } from '../std/transport.ts'
import { createUndiciTransport, type UndiciTransportOptions } from './undici-transport.ts'

/** One call, watched: what the handler was told, in order. */
export class Watched {
  readonly events: string[] = []
  status = 0
  headers: Readonly<Record<string, string>> = {}
  text = ''
  failure: TransportFailure | undefined
  ends = 0
  readonly done = Promise.withResolvers<void>()

  readonly handler = {
    onPlace: () => {
      this.events.push('place')
    },
    onSend: () => {
      this.events.push('send')
    },
    onHeaders: (status: number, headers: Readonly<Record<string, string>>) => {
      this.status = status
      this.headers = headers
      this.events.push('headers')
    },
    onData: (chunk: Uint8Array) => {
      this.text += Buffer.from(chunk).toString()
    },
    onEnd: () => {
      this.#end('end')
    },
    onFailure: (failure: TransportFailure) => {
      this.failure = failure
      this.#end('failure')
    },
  }

  #end(event: string): void {
    this.ends += 1
    this.events.push(event)
    this.done.resolve()
  }
}

/** A small request, over which a test lays what it is about. */
export function requestTo(origin: string, over: Partial<TransportRequest> = {}): TransportRequest {
  return {
    origin,
    path: '/v1/x',
    method: 'POST',
    headers: {},
    body: Buffer.from('{}'),
    connectMs: 2_000,
    ...over,
  }
}

/** A transport whose calls are watched. */
export function openTransport(options: UndiciTransportOptions = {}) {
  const transport = createUndiciTransport(options)
  const start = (request: TransportRequest) => {
    const watched = new Watched()
    const call = transport.send(request, watched.handler)
    return { watched, call }
  }
  const run = async (request: TransportRequest) => {
    const { watched } = start(request)
    await watched.done.promise
    return watched
  }
  return { transport, start, run }
}
