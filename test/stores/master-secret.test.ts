/** Nodes that come to one PostgreSQL with master secrets of their own: each but the one in use is refused, and rotation goes on working. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { StartError } from '../../src/app/start-error.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { postgresStage } from './postgres.test-support.ts'

const FIRST = 'Zq8vN2xR5tY7uI9oP3aS6dF1gH4jK0lM'
const SECOND = 'b7WmX4cT9kLz2pQe5sVu8nRy1aDj3fGh'

describe.skipIf(skipsPostgres())('SEC-26: a node on PostgreSQL', () => {
  const stage = postgresStage()

  /** A node of its own folder: nothing beside the database tells it of a secret. */
  async function startNode(url: string, secret: string): Promise<TestGateway> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-node-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const gateway = await startTestGateway({
      config: { discover: false, store: { kind: 'postgres', url, folder } },
      env: { HOLDFAST_MASTER_KEY: secret },
    })
    onTestFinished(() => gateway[Symbol.asyncDispose]())
    return gateway
  }

  test('with another master secret than the nodes before it is refused in one clear line', async () => {
    const url = await stage.server.createDatabase()
    await startNode(url, FIRST)
    const refused = startNode(url, SECOND)
    await expect(refused).rejects.toThrow(StartError)
    await expect(refused).rejects.toThrow(/not the one that this store was used with.*HOLDFAST_MASTER_KEY/)
    await expect(refused).rejects.not.toThrow(new RegExp(`${FIRST}|${SECOND}`))
  })

  test('brings a new secret by naming both, and is refused with the old one alone from then on', async () => {
    const url = await stage.server.createDatabase()
    await startNode(url, FIRST)
    await startNode(url, `${SECOND},${FIRST}`)
    await startNode(url, SECOND)
    await startNode(url, `${FIRST},${SECOND}`)
    await startNode(url, `${SECOND},${FIRST}`)
    await expect(startNode(url, FIRST)).rejects.toThrow(StartError)
  })

  test('that started while the database was away uses nothing of it under another secret, and says why', async () => {
    const url = await stage.server.createDatabase()
    await startNode(url, FIRST).then((first) => first.running.stop(0))
    await stage.server.stop()
    const late = await startNode(url, SECOND)
    await stage.server.start()
    await vi.waitFor(
      () => expect(late.notices.map(({ message }) => message).join()).toMatch(/not the one that this store/),
      { timeout: 20_000 },
    )
    expect(
      (await fetch(`${late.url}/v1/models`, { headers: { 'x-api-key': 'sk-hf-any' } })).status,
    ).toBeGreaterThan(400)
    await late.running.stop(0)
    await startNode(url, FIRST)
  })
})
