/** What the operating system asks of a running gateway: to finish, to stop at once, to read its configuration again. */

import type { RunningGateway } from './lifecycle.ts'

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
}

/** How a gateway came to rest: `drained` when everything running was finished, `cut` when a second signal came first. */
export type Ending = 'drained' | 'cut'

/**
 * SIGTERM and SIGINT drain, and cut when they come again; SIGHUP reloads. Resolves when the gateway has stopped.
 */
export async function obeySignals(running: RunningGateway, source: SignalSource): Promise<Ending> {
  let signals = 0
  const onStop = () => {
    signals += 1
    void running.stop()
  }
  const onReload = () => void running.reload()
  source.on('SIGTERM', onStop)
  source.on('SIGINT', onStop)
  source.on('SIGHUP', onReload)
  try {
    await running.stopped
  } finally {
    source.off('SIGTERM', onStop)
    source.off('SIGINT', onStop)
    source.off('SIGHUP', onReload)
  }
  return signals > 1 ? 'cut' : 'drained'
}
