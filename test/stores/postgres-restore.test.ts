/**
 * A database that went back: an older backup was put in its place, a standby took over that lacks the last while, or its
 * tables were dropped. Whole gateways find out by themselves, and what they knew holds: no key, revocation or budget is
 * undone, nothing that was spent can be spent again, and lines of the last while are in the reports.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import {
  PRICES_USD,
  type PricedUpstream,
  startPricedUpstream,
  writeWish,
} from '../../sim/crash/priced-upstream.ts'
import { runIn } from '../../src/cli/terminal.test-support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { eventually, postgresStage } from './postgres.test-support.ts'

const MASTER_SECRET = 'Kd8sW2nQ5vX7yB9mE1rT4uP6aZ3cF0hJ'
const env = { HOLDFAST_MASTER_KEY: MASTER_SECRET }
/** Of a request the provider takes two thirds of a thousandth. */
const LIMIT_USD = 0.02
/** A gateway looks every second, and a database takes a moment to be back. */
const SOON = { timeout: 20_000, interval: 100 }

let upstream: PricedUpstream
beforeEach(async () => {
  upstream = await startPricedUpstream()
})
afterEach(() => upstream[Symbol.asyncDispose]())

/** One node: its files, the gateway that is started with them again and again, and the command line beside it. */
function openNode(url: string) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-restore-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const config = {
    discover: false,
    store: { kind: 'postgres', url, folder: join(folder, 'data') },
    providers: {
      priced: {
        dialect: 'openai-chat',
        baseUrl: upstream.baseUrl,
        credential: 'key-0123456789',
        models: ['m'],
        prices: { m: PRICES_USD },
      },
    },
  }
  writeFileSync(join(folder, 'holdfast.yaml'), JSON.stringify(config))
  let gateway: TestGateway | undefined
  let asked = 0
  const stop = async () => {
    await gateway?.[Symbol.asyncDispose]()
    gateway = undefined
  }
  onTestFinished(stop)
  const run = async (...words: readonly string[]) => {
    const ran = await runIn([...words, '--config', join(folder, 'holdfast.yaml')], { directory: folder, env })
    expect(ran.complaints).toBe('')
    return ran.output
  }
  const known = () =>
    JSON.parse(readFileSync(join(folder, 'data', 'holdfast.budgets.json'), 'utf8')) as {
      readonly standings: readonly { readonly spentNanoUsd: number }[]
    }
  return {
    stop,
    run,
    moveTo(address: string) {
      config.store.url = address
      writeFileSync(join(folder, 'holdfast.yaml'), JSON.stringify(config))
    },
    async start() {
      gateway = await startTestGateway({ config, env })
      return gateway
    },
    get notices() {
      return gateway?.notices.map(({ name }) => name) ?? []
    },
    makeKey: (name: string, ...words: readonly string[]) =>
      run('key', 'create', name, '--quiet', ...words).then((printed) => printed.trim()),
    async ask(key: string) {
      asked += 1
      const content = writeWish({ mark: `m${asked}`, misfortune: 'none', paceMs: 0 })
      const answer = await fetch(`${gateway?.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', max_tokens: 20, messages: [{ role: 'user', content }] }),
      })
      await answer.text()
      return answer.status
    },
    /** Nano-USD: of its one budget, and in the reports. */
    async spent() {
      const { budgets } = JSON.parse(await run('budget', 'list', '--json')) as {
        readonly budgets: readonly { readonly spent_nano_usd: number }[]
      }
      const { rows } = JSON.parse(await run('usage', '--by', 'key', '--json')) as {
        readonly rows: readonly { readonly cost_nano_usd: number }[]
      }
      return {
        budget: budgets[0]?.spent_nano_usd,
        reports: rows.reduce((sum, { cost_nano_usd: cost }) => sum + cost, 0),
      }
    },
    /** The file beside the store says what was spent so far. */
    untilKnown: () =>
      eventually(20_000, () =>
        known().standings.some(({ spentNanoUsd }) => spentNanoUsd === upstream.chargedNanoUsd),
      ),
  }
}

async function askTimes(node: ReturnType<typeof openNode>, key: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) expect(await node.ask(key)).toBe(200)
}

describe.skipIf(skipsPostgres())('a database that went back', () => {
  const stage = postgresStage({ fsync: true })

  test('while a gateway runs: keys, revocations, budgets and what was spent are as they were', {
    timeout: 120_000,
  }, async () => {
    const node = openNode(await stage.server.createDatabase())
    await node.start()
    const revoked = await node.makeKey('revoked', '--budget', '1/day')
    await expect.poll(() => node.ask(revoked), SOON).toBe(200)
    await stage.server.stop()
    stage.server.save()
    await stage.server.start()

    const later = await node.makeKey('later', '--budget', '1/day')
    await expect.poll(() => node.ask(later), SOON).toBe(200)
    await node.run('budget', 'create', '--for', 'all', '--limit', '100', '--per', 'month')
    await node.run('key', 'revoke', 'revoked')
    await expect.poll(() => node.ask(revoked), SOON).toBe(401)
    await askTimes(node, later, 5)

    await stage.server.stop()
    stage.server.putBack()
    await stage.server.start()
    await expect.poll(() => node.notices, SOON).toContain('store_behind')
    expect(await node.ask(revoked)).toBe(401)
    await askTimes(node, later, 5)
    const keys = await node.run('key', 'list')
    expect([keys.includes('later'), keys.includes('revoked')]).toEqual([true, false])
    expect(await node.run('budget', 'list')).toContain('all')
    await node.run('audit', 'verify')
  })

  test('while a gateway runs: what was spent counts once, in budgets and reports, and nothing stays leased', {
    timeout: 120_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const node = openNode(url)
    await node.start()
    const key = await node.makeKey('worker')
    await node.run('budget', 'create', '--for', 'all', '--limit', '10', '--per', 'month')
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await askTimes(node, key, 10)
    await stage.server.stop()
    stage.server.save()
    await stage.server.start()
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await askTimes(node, key, 20)
    await node.untilKnown()
    // These the file does not know yet.
    await askTimes(node, key, 7)
    await expect.poll(async () => (await node.spent()).budget, SOON).toBe(upstream.chargedNanoUsd)

    await stage.server.stop()
    stage.server.putBack()
    await stage.server.start()
    await expect.poll(() => node.notices, SOON).toContain('store_behind')
    await askTimes(node, key, 3)
    await expect
      .poll(() => node.spent(), SOON)
      .toEqual({ budget: upstream.chargedNanoUsd, reports: upstream.chargedNanoUsd })
    await node.stop()
    expect(await node.spent()).toEqual({ budget: upstream.chargedNanoUsd, reports: upstream.chargedNanoUsd })
    expect(await leasedOf(node)).toBe(0)
  })

  test('while a gateway runs: no more is spent than the limit, though a part of what was spent is in the log alone', {
    timeout: 120_000,
  }, async () => {
    const node = openNode(await stage.server.createDatabase())
    await node.start()
    const key = await node.makeKey('worker')
    await node.run('budget', 'create', '--for', 'all', '--limit', String(LIMIT_USD), '--per', 'month')
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await askTimes(node, key, 5)
    await stage.server.stop()
    stage.server.save()
    await stage.server.start()
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await askTimes(node, key, 10)
    await node.untilKnown()
    await askTimes(node, key, 5)
    await expect.poll(async () => (await node.spent()).budget, SOON).toBe(upstream.chargedNanoUsd)
    await stage.server.stop()
    stage.server.putBack()
    await stage.server.start()
    // 503: it is being brought up to what was spent.
    const asked = await askUntilRefused(node, key)
    expect(asked).toBeGreaterThan(0)
    expect(upstream.chargedNanoUsd).toBeLessThanOrEqual(LIMIT_USD * 1e9)
    expect(node.notices).toContain('store_behind')
    await expect.poll(async () => (await node.spent()).budget, SOON).toBe(upstream.chargedNanoUsd)
  })

  test('what was revoked there meanwhile, by who knew nothing of it, stays revoked', {
    timeout: 120_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const node = openNode(url)
    await node.start()
    const early = await node.makeKey('early')
    await expect.poll(() => node.ask(early), SOON).toBe(200)
    await stage.server.stop()
    stage.server.save()
    await stage.server.start()
    const later = await node.makeKey('later')
    await expect.poll(() => node.ask(later), SOON).toBe(200)
    await node.stop()
    await stage.server.stop()
    stage.server.putBack()
    await stage.server.start()
    await openNode(url).run('key', 'revoke', 'early')
    await node.start()
    expect(await node.ask(later)).toBe(200)
    expect(await node.ask(early)).toBe(401)
  })

  test('another database at the address of the first is left as it is', { timeout: 60_000 }, async () => {
    const [one, other] = [await stage.server.createDatabase(), await stage.server.createDatabase()]
    const node = openNode(one)
    await node.start()
    const key = await node.makeKey('of-one')
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await node.stop()
    await openNode(other).makeKey('of-other')
    node.moveTo(other)
    await node.start()
    expect(node.notices).not.toContain('store_behind')
    const keys = await node.run('key', 'list')
    expect([keys.includes('of-other'), keys.includes('of-one')]).toEqual([true, false])
  })

  test('while no gateway runs: the next start puts back what was known', { timeout: 120_000 }, async () => {
    const node = openNode(await stage.server.createDatabase())
    await stage.server.stop()
    stage.server.save()
    await stage.server.start()
    await node.start()
    const key = await node.makeKey('worker')
    await node.run('budget', 'create', '--for', 'all', '--limit', '10', '--per', 'month')
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await askTimes(node, key, 10)
    await node.stop()

    await stage.server.stop()
    stage.server.putBack()
    await stage.server.start()
    await node.start()
    expect(node.notices).toContain('store_behind')
    await askTimes(node, key, 2)
    await expect.poll(async () => (await node.spent()).budget, SOON).toBe(upstream.chargedNanoUsd)
  })

  test('whose tables were dropped while a gateway runs is filled again, and no key is refused meanwhile', {
    timeout: 120_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const node = openNode(url)
    await node.start()
    const key = await node.makeKey('worker')
    await node.run('budget', 'create', '--for', 'all', '--limit', '10', '--per', 'month')
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    await askTimes(node, key, 10)
    await stage.server.run('DROP SCHEMA holdfast CASCADE', url)
    await expect.poll(() => node.notices, SOON).toContain('store_behind')
    await askTimes(node, key, 5)
    await expect
      .poll(() => node.spent(), SOON)
      .toEqual({ budget: upstream.chargedNanoUsd, reports: upstream.chargedNanoUsd })
  })

  test('that was started anew and lost nothing is told of to nobody, and no money is lost on the way', {
    timeout: 120_000,
  }, async () => {
    const node = openNode(await stage.server.createDatabase())
    await node.start()
    const key = await node.makeKey('worker')
    await node.run('budget', 'create', '--for', 'all', '--limit', '10', '--per', 'month')
    await expect.poll(() => node.ask(key), SOON).toBe(200)
    for (let round = 0; round < 3; round += 1) {
      const asking = askTimes(node, key, 20)
      await stage.server.kill()
      await stage.server.start()
      await asking
    }
    await expect
      .poll(() => node.spent(), SOON)
      .toEqual({ budget: upstream.chargedNanoUsd, reports: upstream.chargedNanoUsd })
    expect(node.notices).not.toContain('store_behind')
    await node.stop()
    expect(await leasedOf(node)).toBe(0)
  })
})

/** How often it was answered. */
async function askUntilRefused(node: ReturnType<typeof openNode>, key: string): Promise<number> {
  for (let answered = 0; ; ) {
    const status = await node.ask(key)
    if (status === 200) answered += 1
    else if (status !== 503) return answered
  }
}

async function leasedOf(node: ReturnType<typeof openNode>): Promise<number> {
  const printed = JSON.parse(await node.run('budget', 'list', '--json')) as {
    readonly budgets: readonly { readonly leased_nano_usd: number }[]
  }
  return printed.budgets.reduce((sum, { leased_nano_usd: leased }) => sum + leased, 0)
}
