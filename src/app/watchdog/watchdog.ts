/**
 * The main thread's end of the watchdog: a thread of its own sees that the heartbeats stop, looks where the main thread
 * is stuck, and says so at once, also where that is for ever (fault 137).
 */

import { Worker } from 'node:worker_threads'

/** How long the main thread must have given no sign of life, ms. */
const STUCK_MS = 2_000
/** How often the watchdog looks for one, ms: seldom enough to cost nothing, and in ticks of its own, so that a process that was stopped as a whole is not taken for one that is stuck. */
const TICK_MS = 500
/** After it has said so, it says nothing for so long, ms. */
const REST_MS = 30_000

export interface Stuck {
  /** When it was told, ms; it may have lasted longer. */
  readonly stuckMs: number
  /** Functions and where they stand, the innermost first, with nothing of what they were given; absent where it could not be had. */
  readonly stack?: string
}

export interface WatchdogOptions {
  /** Called when the main thread is free again. */
  readonly onStuck: (stuck: Stuck) => void
  /** The watchdog ended by itself: nobody watches any more. */
  readonly onEnd: (error: unknown) => void
}

export interface Watchdog {
  /** A sign of life of the main thread; from the first on, others are expected several times a second. */
  beat(): void
  /** How often the main thread was found stuck: at once, also before `onStuck` can be called. */
  readonly count: number
  stop(): Promise<void>
}

/** What the thread is started with. */
export interface WatchSetup {
  /** The signs of life, counted, and how often there were none. */
  readonly beats: Int32Array
  readonly stuckMs: number
  readonly tickMs: number
  readonly restMs: number
}

export function startWatchdog({ onStuck, onEnd }: WatchdogOptions): Watchdog {
  const beats = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const setup: WatchSetup = { beats, stuckMs: STUCK_MS, tickMs: TICK_MS, restMs: REST_MS }
  const worker = new Worker(new URL('./watch-thread.mjs', import.meta.url), {
    name: 'watchdog',
    workerData: setup,
    // What the process was started with is not meant for a thread of ours, and there may be keys in the environment.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
  })
  worker.on('message', onStuck)
  worker.on('error', onEnd)
  // After those who listen, which would keep the process alive.
  worker.unref()
  return {
    beat: () => void Atomics.add(beats, 0, 1),
    get count() {
      return Atomics.load(beats, 1)
    },
    async stop() {
      await worker.terminate()
    },
  }
}
