/**
 * A rotation of the master secret from its beginning to its end, with whole gateways: what is known and opened at each step,
 * what the status says of it, and what is gone once the old secret is.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runIn } from '../../src/cli/terminal.test-support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { startProcess } from '../support/gateway-process.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { postgresStage } from './postgres.test-support.ts'

const OLD = 'Zq8vN2xR5tY7uI9oP3aS6dF1gH4jK0lM'
const NEW = 'b7WmX4cT9kLz2pQe5sVu8nRy1aDj3fGh'
const BOTH = `${NEW},${OLD}`
const DAY_MS = 86_400_000

interface Status {
  readonly secrets: number
  readonly older_secrets: string
  readonly older_secrets_needed_until: string | null
  readonly keys_under_older: { readonly count: number; readonly keys: readonly { readonly name: string }[] }
  readonly keys_under_missing: { readonly count: number; readonly keys: readonly { readonly name: string }[] }
  readonly sealed: readonly {
    readonly kind: string
    readonly under_older: number
    readonly under_older_until: string | null
    readonly under_missing: number
  }[]
}

const namesOf = ({ keys }: Status['keys_under_older']) => keys.map(({ name }) => name).toSorted()
const underOlder = ({ sealed }: Status) =>
  Object.fromEntries(sealed.map((part) => [part.kind, part.under_older]))

function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-rotation-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** One node: its configuration, the gateway that is started with it again and again, and the command line beside it. */
function openNode(store: object) {
  const folder = folderOfTest()
  const config = { discover: false, requests: { keepBodies: true }, store }
  const file = join(folder, 'holdfast.yaml')
  writeFileSync(file, JSON.stringify(config))
  let gateway: TestGateway | undefined
  const stop = async () => {
    await gateway?.[Symbol.asyncDispose]()
    gateway = undefined
  }
  onTestFinished(stop)
  const run = (secret: string, ...words: readonly string[]) =>
    runIn([...words, '--config', file], { directory: folder, env: { HOLDFAST_MASTER_KEY: secret } })
  return {
    config,
    stop,
    async start(secret: string): Promise<TestGateway> {
      await stop()
      gateway = await startTestGateway({ config, env: { HOLDFAST_MASTER_KEY: secret } })
      return gateway
    },
    run,
    async made(secret: string, ...words: readonly string[]): Promise<string> {
      const { output, complaints } = await run(secret, 'key', ...words, '--quiet')
      expect(complaints).toBe('')
      return output
    },
    async status(secret: string): Promise<Status> {
      return JSON.parse((await run(secret, 'secret', 'status', '--json')).output)
    },
    /** Again where the store did not answer in time: the machine of the tests is slow, and that is no word on the key. */
    async ask(key: string, headers: Readonly<Record<string, string>> = {}) {
      for (let tries = 1; ; tries += 1) {
        const answer = await ask(`${gateway?.url}`, key, headers)
        if (answer.status !== 503 || tries === TRIES_MAX) return answer
        await new Promise((resolve) => void setTimeout(resolve, 250))
      }
    },
  }
}

const TRIES_MAX = 40
/** Not so often that the limit of failed attempts is reached. */
const SOON = { timeout: 15_000, interval: 1_000 }

async function ask(url: string, key: string, headers: Readonly<Record<string, string>>) {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'simulator/mock', messages: [{ role: 'user', content: 'Say hello' }] }),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

type Node = ReturnType<typeof openNode>

const CACHED = { 'x-holdfast-cache': 'on' }
const KEYED = { 'idempotency-key': 'order-1' }

async function untilStatus(
  node: Node,
  secret: string,
  isWanted: (status: Status) => boolean,
): Promise<Status> {
  let status: Status | undefined
  await expect
    .poll(
      async () => {
        status = await node.status(secret)
        return isWanted(status)
      },
      { timeout: 20_000, interval: 200 },
    )
    .toBe(true)
  if (status === undefined) throw new Error('There is no status.')
  return status
}

describe('SEC-26: a rotation of the master secret', () => {
  test('comes to its end: keys that are used move, the status names the others, and without the old secret only what it sealed is gone', async () => {
    const node = openNode({ kind: 'sqlite', path: join(folderOfTest(), 'holdfast.db') })
    await node.start(OLD)
    const used = await node.made(OLD, 'create', 'used')
    const unused = await node.made(OLD, 'create', 'unused')
    const admin = await node.made(OLD, 'create', 'ops', '--admin', '--role', 'owner')
    expect((await node.ask(used, CACHED)).headers.get('x-holdfast-cache')).toBe('MISS')
    const paid = await node.ask(used, KEYED)
    expect(paid.status).toBe(200)
    const seen = await untilStatus(node, OLD, ({ sealed }) => sealed.length === 3)
    expect(seen).toMatchObject({ secrets: 1, older_secrets: 'none', keys_under_older: { count: 0 } })

    // Both secrets: everything from before is known and opened.
    let gateway = await node.start(BOTH)
    expect(namesOf((await node.status(BOTH)).keys_under_older)).toEqual(['ops', 'unused', 'used'])
    expect((await node.ask(used, CACHED)).headers.get('x-holdfast-cache')).toBe('HIT')
    const replayed = await node.ask(used, KEYED)
    expect([replayed.headers.get('x-holdfast-recall'), replayed.text]).toEqual(['replayed', paid.text])
    const told = async (at: TestGateway) => {
      const answer = await fetch(`${at.running.adminUrl}/api/v1/secret`, {
        headers: { authorization: `Bearer ${admin}` },
      })
      return (await answer.json()) as Status
    }
    await told(gateway)
    const moved = await untilStatus(node, BOTH, ({ keys_under_older }) => keys_under_older.count === 1)
    expect(moved).toMatchObject({ secrets: 2, older_secrets: 'needed-by-keys' })
    expect(namesOf(moved.keys_under_older)).toEqual(['unused'])
    expect(underOlder(moved)).toEqual({ answers: 1, cache: 1, bodies: 2 })
    const { output } = await node.run(BOTH, 'secret', 'status')
    expect(output).toContain('1 under an older secret alone:')
    expect(output).toMatch(/unused .*key_/)
    expect(output).not.toContain(OLD.slice(0, 8))
    // The admin API says the same.
    const { ok: _, ...said } = (await node.status(BOTH)) as Status & { readonly ok: boolean }
    expect(await told(gateway)).toEqual(said)

    // Taken out too early, it is told whose key is not known, and nothing is lost.
    gateway = await node.start(NEW)
    expect(gateway.notices.filter(({ name }) => name === 'keys_under_missing_secret')).toMatchObject([
      { level: 'warn', facts: { keys: 1 }, message: expect.stringContaining('1 (unused)') },
    ])
    expect((await node.ask(used)).status).toBe(200)
    expect((await node.ask(unused)).status).toBe(401)
    await using started = await startProcess({ config: node.config, env: { HOLDFAST_MASTER_KEY: NEW } })
    expect(await started.line({ notice: 'keys_under_missing_secret' })).toMatchObject({ level: 'warn' })
    expect(namesOf((await node.status(NEW)).keys_under_missing)).toEqual(['unused'])
    gateway = await node.start(BOTH)
    expect((await node.ask(used, KEYED)).text).toBe(paid.text)
    expect((await node.status(BOTH)).keys_under_missing.count).toBe(0)

    // The key that nobody uses is rotated: only what is sealed needs the old secret, and says until when.
    const fresh = await node.made(BOTH, 'rotate', 'unused', '--overlap', '0')
    const last = await node.status(BOTH)
    expect(last).toMatchObject({ older_secrets: 'needed-until', keys_under_older: { count: 0 } })
    const until = Date.parse(last.older_secrets_needed_until ?? '')
    expect(until).toBeGreaterThan(Date.now())
    expect(until).toBe(
      Math.max(...last.sealed.map(({ under_older_until }) => Date.parse(under_older_until ?? '1970'))),
    )
    expect(until).toBeLessThan(Date.now() + 8 * DAY_MS)

    // The new one alone: the keys are known, and what the old one sealed is gone.
    gateway = await node.start(NEW)
    expect(gateway.notices.filter(({ name }) => name === 'keys_under_missing_secret')).toEqual([])
    for (const key of [used, fresh]) expect((await node.ask(key)).status).toBe(200)
    const missed = await node.ask(used, CACHED)
    expect([missed.status, missed.headers.get('x-holdfast-cache')]).toEqual([200, 'MISS'])
    expect((await node.ask(used, CACHED)).headers.get('x-holdfast-cache')).toBe('HIT')
    // What was paid for is not paid for again without a word.
    const inDoubt = await node.ask(used, KEYED)
    expect([inDoubt.status, inDoubt.text]).toEqual([
      409,
      expect.stringContaining('the master secret changed'),
    ])
    expect((await node.ask(used, { 'idempotency-key': 'order-2' })).status).toBe(200)
    const shown = await node.run(NEW, 'logs', 'show', paid.headers.get('x-request-id') ?? '', '--bodies')
    expect(shown.complaints).toContain('sealed under another master secret')
    expect(await node.status(NEW)).toMatchObject({
      secrets: 1,
      older_secrets: 'none',
      keys_under_older: { count: 0 },
      keys_under_missing: { count: 0 },
    })
  }, 90_000)
})

describe.skipIf(skipsPostgres())('SEC-26: a rotation over two gateways on one PostgreSQL', () => {
  const stage = postgresStage()

  test('each knows what the other makes while they are restarted one after the other, and in the end neither needs the old secret', async () => {
    const url = await stage.server.createDatabase()
    const first = openNode({ kind: 'postgres', url, folder: folderOfTest() })
    const second = openNode({ kind: 'postgres', url, folder: folderOfTest() })
    await first.start(OLD)
    const secondGateway = await second.start(OLD)
    const before = await first.made(OLD, 'create', 'before')
    const admin = await first.made(OLD, 'create', 'ops', '--admin', '--role', 'owner')

    // The first is given both; the second goes on with the old one.
    await first.start(BOTH)
    const byFirst = await first.made(BOTH, 'create', 'by first')
    let bySecond = ''
    const makeBySecond = async () => {
      const answer = await fetch(`${secondGateway.running.adminUrl}/api/v1/keys`, {
        method: 'POST',
        headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'by second' }),
      })
      const { secret = '' } = (await answer.json()) as { readonly secret?: string }
      bySecond = secret
      return answer.status
    }
    // A key that was made elsewhere a moment ago is known with the next look at the store, within a second.
    await expect.poll(makeBySecond, SOON).toBe(201)
    const keys = [before, byFirst, bySecond]
    const askAll = async () => {
      for (const node of [first, second])
        for (const key of keys) expect((await node.ask(key)).status).toBe(200)
    }
    for (const node of [first, second])
      for (const key of keys) await expect.poll(async () => (await node.ask(key)).status, SOON).toBe(200)
    await askAll()
    const moved = await untilStatus(first, BOTH, ({ keys_under_older }) => keys_under_older.count === 1)
    expect(namesOf(moved.keys_under_older)).toEqual(['ops'])
    await askAll()
    // A command or a gateway with the old one alone would make what the others cannot open.
    expect((await second.run(OLD, 'key', 'list')).complaints).toContain(
      'not the one that this store was used with',
    )

    await second.start(BOTH)
    await askAll()
    await first.made(BOTH, 'rotate', 'ops', '--overlap', '0')
    expect((await first.status(BOTH)).keys_under_older.count).toBe(0)
    await first.start(NEW)
    await askAll()
    await second.start(NEW)
    await askAll()
    expect(await first.status(NEW)).toMatchObject({ older_secrets: 'none', keys_under_missing: { count: 0 } })
  }, 90_000)

  test('a key that is used while the database is away is let in, and moves once it is back', async () => {
    const url = await stage.server.createDatabase()
    const node = openNode({ kind: 'postgres', url, folder: folderOfTest() })
    await node.start(OLD)
    const key = await node.made(OLD, 'create', 'laptop')
    const gateway = await node.start(BOTH)
    await stage.server.stop()
    for (let use = 0; use < 3; use += 1) expect((await node.ask(key)).status).toBe(200)
    await expect
      .poll(() => gateway.notices.map(({ name }) => name), { timeout: 20_000 })
      .toContain('directory_away')
    expect((await node.ask(key)).status).toBe(200)
    await stage.server.start()
    await untilStatus(node, BOTH, ({ keys_under_older }) => keys_under_older?.count === 0)
    await node.start(NEW)
    expect((await node.ask(key)).status).toBe(200)
  }, 90_000)
})
