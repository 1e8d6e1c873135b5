/** One gateway takes over from another behind a load balancer, both on one PostgreSQL, and a budget pays for everything. */

import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Budget, BudgetId } from '../../src/ledger/budget.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import type { Store } from '../../src/stores/store.ts'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { openStore, postgresStage } from './postgres.test-support.ts'

/** Clients that ask one request after the other. */
const CLIENTS = 6
/** What is asked on each side of the change, at least. */
const REQUESTS_EACH = 60
/** Between two looks of the balancer at /readyz, ms. */
const LOOK_MS = 50
const PACE_MS = 10
/** Of both gateways: a store is used with one. */
const MASTER_KEY = 'Zq8vN2xR5tY7uI9oP3aS6dF1gH4jK0lM'
const LIMIT = 1_000_000_000_000

describe.skipIf(skipsPostgres())('an upgrade under load', () => {
  const stage = postgresStage()

  test('fault 150: no request is lost, each is in the books once, and nothing is left leased', {
    timeout: 120_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const store = await openStore(url)
    onTestFinished(() => store.close())
    await store.putBudget(everything, [])
    const config = {
      discover: false,
      masterKey: MASTER_KEY,
      store: { kind: 'postgres', url },
      shutdown: { wait: '3s', drain: '30s' },
    }
    const first = await start(config)
    const balancer = new Balancer([first])
    const load = new Load(balancer)

    await load.served(REQUESTS_EACH)
    const second = await start(config)
    balancer.add(second)
    first.kill('SIGTERM')
    expect(await first.exited).toMatchObject({ code: 0 })
    await load.served(load.count + REQUESTS_EACH)
    await load.stop()
    balancer.stop()
    second.kill('SIGTERM')
    expect(await second.exited).toMatchObject({ code: 0 })

    expect(load.failures).toEqual([])
    const { completed, ...others } = await rowsOf(store)
    expect(completed).toBe(load.count)
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBe(load.repeats)
    const [standing] = await store.standings([{ budgetId: everything.id, periodStartMs: 0 }])
    const [spend] = await store.spend({ fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER, by: [], rowsMax: 1 })
    expect(spend?.entries).toBe(load.count)
    expect(standing).toMatchObject({ leasedNanoUsd: 0, spentNanoUsd: spend?.costNanoUsd })
  })
})

const everything: Budget = {
  // Sound: an id and an amount made for this test.
  id: 'bud_0123456789abcdef0123456789abcdef' as BudgetId,
  limitNanoUsd: LIMIT as NanoUsd,
  name: 'everything',
  scope: { kind: 'all', id: '' },
  period: 'total',
  createdAtMs: 0,
}

async function start(config: object): Promise<GatewayProcess> {
  const gateway = await startProcess({ config })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

/** Sends requests where /readyz last said 200. */
class Balancer {
  readonly #gateways: GatewayProcess[]
  readonly #ready = new Set<GatewayProcess>()
  #isStopped = false

  constructor(gateways: readonly GatewayProcess[]) {
    this.#gateways = [...gateways]
    for (const gateway of gateways) this.#ready.add(gateway)
    void this.#look()
  }

  add(gateway: GatewayProcess): void {
    this.#gateways.push(gateway)
    this.#ready.add(gateway)
  }

  stop(): void {
    this.#isStopped = true
  }

  get url(): string {
    const [gateway] = this.#ready
    if (gateway === undefined) throw new Error('no gateway is ready')
    return gateway.url
  }

  async #look(): Promise<void> {
    while (!this.#isStopped) {
      for (const gateway of this.#gateways) {
        const isReady = await fetch(`${gateway.url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        )
        if (isReady) this.#ready.add(gateway)
        else this.#ready.delete(gateway)
      }
      await pause(LOOK_MS)
    }
  }
}

/**
 * Whole answers and streams by turns, from several clients at once. They come again where they are told to, as every SDK
 * does: a busy machine may need longer for a lease than a request waits for one.
 */
class Load {
  readonly failures: string[] = []
  readonly #balancer: Balancer
  readonly #clients: readonly Promise<void>[]
  #isStopped = false
  count = 0
  repeats = 0

  constructor(balancer: Balancer) {
    this.#balancer = balancer
    this.#clients = Array.from({ length: CLIENTS }, () => this.#ask())
  }

  async served(count: number): Promise<void> {
    while (this.count < count && this.failures.length === 0) await pause(PACE_MS)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#clients)
  }

  async #ask(): Promise<void> {
    for (let turn = 0; !this.#isStopped; turn += 1) {
      const stream = turn % 2 === 0
      try {
        const answer = await fetch(`${this.#balancer.url}/v1/chat/completions`, {
          method: 'POST',
          body: JSON.stringify({
            model: 'simulator/mock',
            stream,
            messages: [{ role: 'user', content: 'hi' }],
          }),
        })
        const text = await answer.text()
        if (answer.status === 503 && answer.headers.get('x-should-retry') === 'true') {
          this.repeats += 1
          await pause(Number(answer.headers.get('retry-after-ms')))
          continue
        }
        this.count += 1
        const isWhole = stream ? text.endsWith('data: [DONE]\n\n') : text.includes('"finish_reason":"stop"')
        if (answer.status !== 200 || !isWhole) this.failures.push(`${answer.status}: ${text.slice(0, 300)}`)
      } catch (error) {
        this.failures.push(String(error))
      }
      await pause(PACE_MS)
    }
  }
}

/** How many rows there are of each state. */
async function rowsOf(store: Store): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const { rows, next } = await store.requests({ limit: 500, ...(cursor === '' ? {} : { cursor }) })
    for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1
    cursor = next
  }
  return counts
}
