/**
 * What the simulator does to a connection, one act at a time. A conduct is a list of steps, made lazily where it has no
 * end; the socket and the in-process transport each carry steps out in their own way.
 */

import type { TransportPhase } from '../std/transport.ts'

export type Step =
  | {
      readonly type: 'head'
      readonly status: number
      readonly headers: readonly (readonly [name: string, value: string])[]
      readonly framing: Framing
    }
  /** Body bytes, framed as the head said. */
  | { readonly type: 'write'; readonly bytes: Uint8Array; readonly tokens: number }
  /** Bytes on the socket as they are, past any framing; nothing in process. */
  | { readonly type: 'raw'; readonly bytes: Uint8Array }
  /** Tokens generated without being shown, as for an answer sent whole. */
  | { readonly type: 'generate'; readonly tokens: number }
  | { readonly type: 'wait'; readonly ms: number }
  /** Makes what was written a packet of its own. */
  | { readonly type: 'flush' }
  /** Nothing more, ever: until the other side leaves. */
  | { readonly type: 'hang' }
  /** The body ends as its framing says; implied after the last step. */
  | { readonly type: 'end' }
  | { readonly type: 'cut'; readonly by: Cut }
  /** In process: what a client's transport would report. On a socket this step is not used. */
  | { readonly type: 'fail'; readonly phase: TransportPhase; readonly code: string }

/** How the end of a body is told: by a stated length, by a last chunk, or by the end of the connection. */
export type Framing =
  | { readonly type: 'length'; readonly bytes: number }
  | { readonly type: 'chunked' }
  | { readonly type: 'close' }
  /** The status has no body (204, 304). */
  | { readonly type: 'none' }

/** How a connection is broken off: reset, orderly close, or orderly close in the middle of an announced chunk. */
export const CUTS = ['rst', 'fin', 'chunk-abort'] as const
export type Cut = (typeof CUTS)[number]

/** What is done about one call. */
export interface Conduct {
  readonly steps: Iterable<Step>
  /** In process, where it differs: what happens below HTTP has no other meaning there than the failure it leads to. */
  readonly inProcess?: Iterable<Step>
  /** Body bytes that must have come before a fault of reading strikes. Default 0. */
  readonly afterBodyBytes?: number
  /** The socket is not read any more. */
  readonly stopsReading?: boolean
}

export function write(content: string | Uint8Array, tokens = 0): Step {
  return { type: 'write', bytes: typeof content === 'string' ? Buffer.from(content) : content, tokens }
}

export function raw(content: string | Uint8Array): Step {
  return { type: 'raw', bytes: typeof content === 'string' ? Buffer.from(content, 'latin1') : content }
}

export function wait(ms: number): Step {
  return { type: 'wait', ms }
}

export function cut(by: Cut): Step {
  return { type: 'cut', by }
}

export const HANG: Step = { type: 'hang' }
export const END: Step = { type: 'end' }
export const FLUSH: Step = { type: 'flush' }

/** A failure below HTTP, as the in-process transport reports it. */
export function failure(phase: TransportPhase, code: string): readonly Step[] {
  return [{ type: 'fail', phase, code }]
}
