/** Two gateways, processes of their own, on one PostgreSQL: one key with a limit is hammered through both, and one is killed. */

import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore as openKeptStore } from '../../src/app/open-store.ts'
import { createKey } from '../../src/keys/key-changes.ts'
import type { RateLimits } from '../../src/keys/records.ts'
import { systemClock } from '../../src/std/clock.ts'
import { systemIds } from '../../src/std/ids.ts'
import { Secret } from '../../src/std/secret.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { postgresStage } from './postgres.test-support.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MASTER_SECRET = 'Uv2mXW8rQ0pZ5yK7sT3nB6dF9hJ1cLgA4eRoViYt'
/** A minute. */
const REQUESTS = 240
/** Clients at each gateway, one request after the other. */
const CLIENTS = 4
const PACE_MS = 5
/** After the clock of a minute is left: what a request may take on a busy machine. */
const LATE_MS = 1_500

describe.skipIf(skipsPostgres())('gateways that share a store in PostgreSQL', () => {
  const stage = postgresStage()

  test('fault 146: a key has its limit once, through both of them and when one is killed', {
    timeout: 120_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const key = await makeKey(url, { requestsPerMinute: REQUESTS })
    const first = await start(url)
    const second = await start(url)
    // Both know of one another before the first request.
    await pause(1_200)

    const load = new Load(key)
    load.at(first)
    load.at(second)
    await pause(6_000)
    // Its bucket and what comes back, and, before the store heard of the key, a part of it and a request each.
    expect(load.granted()).toBeLessThanOrEqual(allowed(load.sinceMs) + REQUESTS / 2 + 2)
    expect(load.granted()).toBeGreaterThanOrEqual(REQUESTS)
    expect(load.limitTold).toBe(`${REQUESTS}`)

    // From here the bucket is empty: there is only what comes back, whatever is asked of whom.
    const steady = load.mark()
    await pause(6_000)
    expect(steady.granted()).toBeLessThanOrEqual((REQUESTS * (steady.sinceMs() + LATE_MS)) / 60_000 + 2)
    expect(steady.granted()).toBeGreaterThan((0.5 * REQUESTS * 6_000) / 60_000)

    first.kill('SIGKILL')
    await first.exited
    const killed = load.mark()
    await pause(14_000)
    const whole = (REQUESTS * (killed.sinceMs() + LATE_MS)) / 60_000
    expect(killed.granted()).toBeLessThanOrEqual(whole + 2)
    // Its half came back when it ran out: five seconds of the fourteen were lost, of a half.
    expect(killed.granted()).toBeGreaterThan((0.6 * REQUESTS * 14_000) / 60_000)

    await load.stop()
    expect(load.surprises).toEqual([])
  })

  test('fault 146: a gateway that is asked alone gives out the whole limit', {
    timeout: 60_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const key = await makeKey(url, { requestsPerMinute: REQUESTS })
    const first = await start(url)
    await start(url)
    await pause(1_200)
    const load = new Load(key)
    load.at(first)
    await pause(6_000)
    await load.stop()
    expect(load.granted()).toBeGreaterThanOrEqual(REQUESTS)
    expect(load.granted()).toBeLessThanOrEqual(allowed(load.sinceMs) + 2)
    expect(load.surprises).toEqual([])
  })
})

/** What one bucket lets through since then. */
function allowed(sinceMs: number): number {
  return REQUESTS * (1 + (performance.now() - sinceMs + LATE_MS) / 60_000)
}

async function start(url: string): Promise<GatewayProcess> {
  const gateway = await startProcess({
    config: { discover: false, store: { kind: 'postgres', url } },
    env: { HOLDFAST_MASTER_KEY: MASTER_SECRET },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

/** As the command line makes it. */
async function makeKey(url: string, limits: RateLimits): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-limits-'))
  const { store, peppers } = await openKeptStore(
    { kind: 'postgres', url: new Secret(url), folder },
    {
      clock: systemClock,
      telemetry: createTelemetry(),
      masterKey: undefined,
      env: { HOLDFAST_MASTER_KEY: MASTER_SECRET },
    },
  )
  try {
    const directory = await store.loadDirectory()
    const context = { nowMs: Date.now(), actor: 'cli', ids: systemIds, peppers }
    const made = createKey(directory, { name: 'limited', limits }, context)
    await store.changeDirectory(made.changes, made.notes, directory.revision)
    return made.secret.reveal()
  } finally {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Asks as often as it may, and counts what is let through. */
class Load {
  readonly #key: string
  readonly #clients: Promise<void>[] = []
  #isStopped = false
  #granted = 0
  readonly sinceMs = performance.now()
  /** What is neither let through nor refused for the limit, unless the gateway is gone. */
  readonly surprises: string[] = []
  limitTold: string | null = null

  constructor(key: string) {
    this.#key = key
  }

  at(gateway: GatewayProcess): void {
    for (let client = 0; client < CLIENTS; client += 1) this.#clients.push(this.#ask(gateway))
  }

  granted(): number {
    return this.#granted
  }

  /** Counts anew from here. */
  mark() {
    const { granted, atMs } = { granted: this.#granted, atMs: performance.now() }
    return { granted: () => this.#granted - granted, sinceMs: () => performance.now() - atMs }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#clients)
  }

  async #ask({ url, child }: GatewayProcess): Promise<void> {
    while (!this.#isStopped) {
      try {
        const answer = await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${this.#key}` },
          body: JSON.stringify({ model: 'simulator/mock', messages: [{ role: 'user', content: 'hi' }] }),
        })
        const text = await answer.text()
        if (answer.status === 200) {
          this.#granted += 1
          this.limitTold = answer.headers.get('x-ratelimit-limit-requests')
        } else if (answer.status !== 429 || !text.includes('rate_limit_exceeded'))
          this.surprises.push(`${answer.status}: ${text.slice(0, 300)}`)
      } catch (error) {
        if (child.signalCode !== null || child.killed) return
        this.surprises.push(String(error))
      }
      await pause(PACE_MS)
    }
  }
}
