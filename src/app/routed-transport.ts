/** Sends what is meant for one origin through a transport of its own, and everything else through the other. */

import type { Transport } from '../std/transport.ts'

export function routeTransport(origin: string, own: Transport, other: Transport): Transport {
  return {
    send: (request, handler) => (request.origin === origin ? own : other).send(request, handler),
    async close() {
      await Promise.all([own.close(), other.close()])
    },
  }
}
