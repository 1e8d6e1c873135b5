/** What the operating system asks of a gateway: to finish, to stop at once, to read its configuration again. */

import type { RunningGateway } from './lifecycle.ts'

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
}

/** How a gateway came to rest: `drained` when everything running was finished, `cut` when a second signal came first. */
export type Ending = 'drained' | 'cut'

/**
 * Starts a gateway and obeys: SIGTERM and SIGINT drain, and cut when they come again; SIGHUP reloads. A signal that
 * comes before the gateway runs is obeyed as soon as it does. Resolves when the gateway has stopped; rejects where it
 * could not start.
 */
export async function runObeying(
  source: SignalSource,
  start: () => Promise<RunningGateway>,
  onRunning: (running: RunningGateway) => void,
): Promise<Ending> {
  let stops = 0
  let running: RunningGateway | undefined
  const onStop = () => {
    stops += 1
    void running?.stop()
  }
  // Before it runs there is nothing to reload: the file is about to be read.
  const onReload = () => void running?.reload()
  source.on('SIGTERM', onStop)
  source.on('SIGINT', onStop)
  source.on('SIGHUP', onReload)
  try {
    running = await start()
    for (let early = 0; early < stops; early += 1) void running.stop()
    onRunning(running)
    await running.stopped
  } finally {
    source.off('SIGTERM', onStop)
    source.off('SIGINT', onStop)
    source.off('SIGHUP', onReload)
  }
  return stops > 1 ? 'cut' : 'drained'
}
