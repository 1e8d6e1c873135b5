/** A cache that is emptied while the gateway runs, whose memory holds what the store no longer has. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runIn } from '../../src/cli/terminal.test-support.ts'
import { verifyAudit } from '../../src/reports/verify-audit.ts'
import { startAdmin } from '../support/admin-stage.ts'
import { eventually, type MoneyStage, openMoneyStage } from '../support/money-stage.ts'

async function openCachedStage() {
  const secrets = { data: '', admin: '' }
  const stage = await openMoneyStage({
    config: { cache: { default: true }, routes: { smart: { targets: ['chat/m'] } } },
    async prepare(ledger) {
      secrets.data = (await ledger.key({ name: 'laptop' })).secret
      secrets.admin = (await ledger.key({ name: 'ops', kind: 'admin', role: 'admin' })).secret
    },
  })
  /** What the cache says of a question. */
  const ask = async (prompt = 'again') => {
    const asking = { client: 'openai-chat', key: secrets.data, model: 'smart', prompt } as const
    return (await stage.ask(asking)).headers.get('x-holdfast-cache')
  }
  await ask()
  expect(await ask()).toBe('HIT')
  return { stage, ask, secrets }
}

/** The command line beside the gateway, on the same file. */
async function runBeside(stage: MoneyStage, words: readonly string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-clear-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'holdfast.yaml')
  writeFileSync(file, JSON.stringify({ discover: false, store: { kind: 'sqlite', path: stage.path } }))
  return await runIn([...words, '--config', file], { directory: folder })
}

async function lastLineOf({ store }: MoneyStage) {
  expect(await verifyAudit(store)).toMatchObject({ isWhole: true })
  return (await store.auditLines({ limit: 1 })).rows[0]
}

describe('holdfast cache clear', () => {
  test('is heard by a gateway that runs within two seconds, and told in the audit log', async () => {
    const { stage, ask } = await openCachedStage()
    const { output } = await runBeside(stage, ['cache', 'clear'])
    const clearedAtMs = performance.now()
    expect(output).toContain('1 answer removed')
    await eventually('it is made anew', async () => ((await ask()) === 'MISS' ? true : undefined), 50)
    // What it promises is two seconds; a machine that is busy with other tests is given more.
    expect(performance.now() - clearedAtMs).toBeLessThan(5_000)
    expect(await ask()).toBe('HIT')
    expect(await lastLineOf(stage)).toMatchObject({ actor: 'cli', action: 'clear-cache', subject: 'cache' })
  })
})

describe('DELETE /api/v1/cache', () => {
  test('empties the cache of its gateway at once', async () => {
    const { stage, ask, secrets } = await openCachedStage()
    const answer = await fetch(`${stage.gateway.running.adminUrl}/api/v1/cache`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${secrets.admin}` },
    })
    expect([answer.status, await answer.json()]).toEqual([200, { removed: 1 }])
    expect(await ask()).toBe('MISS')
    expect(await lastLineOf(stage)).toMatchObject({
      actor: expect.stringMatching(/^token:/),
      action: 'clear-cache',
      after: { all: true },
    })
  })

  test('removes only what it is told to: of a project, of a key of the file, of a key without a project', async () => {
    const dropped: (string | undefined)[] = []
    const stage = await startAdmin({
      rooms: {
        cache: {
          async drop(_notes, tenant) {
            dropped.push(tenant)
            return 3
          },
        },
      },
    })
    const { ask, keys, project, dataKeys, makeKey } = stage
    const alone = await makeKey({ name: 'alone' })
    const clear = (query: string) =>
      ask(`/api/v1/cache${query}`, { method: 'DELETE', key: keys.admin.secret })
    const queries = ['', `?project=${project.id}`, '?key=of%20the%20file', `?key=${alone.id}`]
    for (const query of queries) expect((await clear(query)).json).toEqual({ removed: 3 })
    expect(dropped).toEqual([undefined, project.id, 'of the file', alone.id])
    const refused = [
      '?project=gone',
      '?key=gone',
      `?key=${dataKeys.member.id}`,
      `?project=${project.id}&key=${alone.id}`,
      '?route=smart',
    ]
    for (const query of refused) {
      const { status, json } = await clear(query)
      expect([query, status, json]).toMatchObject([query, 400, { error: { code: 'invalid_request' } }])
    }
    expect((await clear(`?key=${dataKeys.member.id}`)).text).toContain(project.id)
    expect(dropped).toHaveLength(queries.length)
  })
})
