/**
 * May this request come in? Bounds on the requests in flight and on the bytes of their bodies held in memory, for the
 * whole process. Decides from memory and at once: what does not fit is refused before it costs anything.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Priority } from './priority.ts'

export interface AdmissionLimits {
  readonly requestsInFlightMax: number
  readonly bufferedBytesMax: number
  /** Whether the process is behind with its work; no more than `OVERLOAD_KEPT` requests are let in then. */
  readonly isOverloaded?: () => boolean
}

export interface Admission {
  /** Takes a place among the requests in flight. Throws `overloaded` when there is none for this priority (default `normal`). */
  enter(priority?: Priority): Permit
  /** Places taken now. */
  readonly requestsInFlight: number
  /** Bytes held now, all permits together. */
  readonly bufferedBytes: number
}

/** One request's place, and the bytes held for it; both are given back by `release`. */
export interface Permit {
  /** Counts body bytes as they are buffered. Throws `overloaded` when they do not fit; they are not counted then. */
  hold(bytes: number): void
  /** Gives place and bytes back. Calling it again does nothing, and so does holding bytes after it. */
  release(): void
}

/** What a client that was turned away is asked to wait. */
export const OVERLOAD_RETRY_AFTER_MS = 1_000
/** Requests in flight that an overloaded process still allows: so few are not what it suffers from. */
export const OVERLOAD_KEPT = 64
/** The share of the places that requests of low priority may fill; the rest stays free for the others. */
export const LOW_PRIORITY_SHARE = 0.8

export function createAdmission(limits: AdmissionLimits): Admission {
  return new ProcessAdmission(limits)
}

class ProcessAdmission implements Admission {
  readonly #limits: AdmissionLimits
  #requestsInFlight = 0
  #bufferedBytes = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  get requestsInFlight(): number {
    return this.#requestsInFlight
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  enter(priority: Priority = 'normal'): Permit {
    const isOverloaded = this.#limits.isOverloaded?.() === true
    if (this.#requestsInFlight >= this.#placesFor(priority, isOverloaded)) {
      throw overloaded(whyNoPlace(priority, isOverloaded))
    }
    this.#requestsInFlight += 1
    let heldBytes = 0
    let isReleased = false
    return {
      hold: (bytes) => {
        if (isReleased) return
        this.#hold(bytes)
        heldBytes += bytes
      },
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#requestsInFlight -= 1
        this.#bufferedBytes -= heldBytes
      },
    }
  }

  #placesFor(priority: Priority, isOverloaded: boolean): number {
    const { requestsInFlightMax } = this.#limits
    const places = isOverloaded ? Math.min(requestsInFlightMax, OVERLOAD_KEPT) : requestsInFlightMax
    return priority === 'low' ? Math.max(1, Math.floor(places * LOW_PRIORITY_SHARE)) : places
  }

  #hold(bytes: number): void {
    if (this.#bufferedBytes + bytes > this.#limits.bufferedBytesMax) {
      throw overloaded('The gateway holds as many bytes of requests as it may; this one does not fit.')
    }
    this.#bufferedBytes += bytes
  }
}

function whyNoPlace(priority: Priority, isOverloaded: boolean): string {
  if (isOverloaded) return 'The gateway is behind with its work, and takes no more until it has caught up.'
  if (priority === 'low') return 'The gateway has no room for requests of low priority.'
  return 'The gateway serves as many requests as it may.'
}

function overloaded(message: string): GatewayError {
  return new GatewayError('overloaded', message, { retryAfterMs: OVERLOAD_RETRY_AFTER_MS })
}
