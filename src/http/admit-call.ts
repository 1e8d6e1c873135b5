/** Lets a call in by its key; who presents bad keys again and again from one address is told to slow down (SEC-18). */

import { PRIORITY_HEADER, readPriority } from '../admission/priority.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Admission, Gateway } from '../exchange/gateway.ts'
import { clientKeyOf } from '../keys/client-key.ts'
import type { GuessLimiter } from '../keys/guess-limiter.ts'
import type { ClientCall } from './client-call.ts'

export interface AdmittingRooms {
  readonly gateway: Gateway
  readonly guesses: GuessLimiter
}

/** Throws, or rejects with, what `Gateway.admit` does, or `too_many_failures` in place of `unauthenticated`. */
export function admitCall(call: ClientCall, rooms: AdmittingRooms): Admission | Promise<Admission> {
  const { headers, url, socket } = call.request
  const key = clientKeyOf(headers, url)
  // Who presents nothing guesses nothing.
  const judged = (thrown: unknown) =>
    thrown instanceof GatewayError && key !== undefined
      ? rooms.guesses.judge(thrown, socket.remoteAddress)
      : thrown
  try {
    const admission = rooms.gateway.admit(key, readPriority(headers[PRIORITY_HEADER]))
    if (!(admission instanceof Promise)) return admission
    return admission.catch((thrown: unknown) => {
      throw judged(thrown)
    })
  } catch (thrown) {
    throw judged(thrown)
  }
}
