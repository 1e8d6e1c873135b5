/** What the operating system asks of a gateway: to finish, to stop at once, to read its configuration again. */

import type { Clock } from '../std/clock.ts'
import type { RunningGateway } from './lifecycle.ts'

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
}

/** How a gateway came to rest: `drained` when everything running was finished, `cut` when a second signal came first. */
export type Ending = 'drained' | 'cut'

/**
 * The same signal again within this time is the same wish, ms: one Ctrl-C under `npm start` reaches us from the
 * terminal and from npm, which passes it on.
 */
export const SAME_WISH_MS = 250

export interface ObeyOptions {
  readonly source: SignalSource
  readonly clock: Clock
  readonly start: () => Promise<RunningGateway>
  /** Called once it runs, and before it can have stopped. */
  readonly onRunning: (running: RunningGateway) => void
}

/**
 * Starts a gateway and obeys: SIGTERM and SIGINT drain, and cut when they come again; SIGHUP reloads. A signal that
 * comes before the gateway runs is obeyed as soon as it does. Resolves when the gateway has stopped; rejects where it
 * could not start.
 */
export async function runObeying({ source, clock, start, onRunning }: ObeyOptions): Promise<Ending> {
  let running: RunningGateway | undefined
  let first: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined
  let isCut = false
  const onStop = (signal: NodeJS.Signals) => {
    const nowMs = clock.nowMs()
    if (first === undefined) first = { signal, atMs: nowMs }
    else if (signal === first.signal && nowMs - first.atMs < SAME_WISH_MS) return
    else isCut = true
    void running?.stop()
  }
  const listeners: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGTERM', () => onStop('SIGTERM')],
    ['SIGINT', () => onStop('SIGINT')],
    // Before it runs there is nothing to reload: the file is about to be read.
    ['SIGHUP', () => void running?.reload()],
  ]
  for (const [signal, listener] of listeners) source.on(signal, listener)
  try {
    running = await start()
    if (first !== undefined) void running.stop()
    if (isCut) void running.stop()
    onRunning(running)
    await running.stopped
  } finally {
    for (const [signal, listener] of listeners) source.off(signal, listener)
  }
  return isCut ? 'cut' : 'drained'
}
