/** The leases of a gateway that runs, as the command line sees and takes them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runIn } from '../../src/cli/terminal.test-support.ts'
import { verifyAudit } from '../../src/reports/verify-audit.ts'
import { DOLLAR, eventually, type MoneyStage, openMoneyStage } from '../support/money-stage.ts'

/** The command line beside the gateway, on the same file. */
async function runBeside(stage: MoneyStage, words: readonly string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-lease-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'holdfast.yaml')
  writeFileSync(file, JSON.stringify({ discover: false, store: { kind: 'sqlite', path: stage.path } }))
  return await runIn(['lease', ...words, '--config', file], { directory: folder })
}

test('a gateway that runs keeps its leases; where they are taken from it all the same, it leases anew and nothing is lost', async () => {
  let key = ''
  const stage = await openMoneyStage({
    async prepare(ledger) {
      key = (await ledger.key({ name: 'laptop' })).secret
    },
  })
  const budget = await stage.budget({ scope: { kind: 'all', id: '' }, nanoUsd: 100 * DOLLAR })
  const ask = async () =>
    (await stage.ask({ client: 'openai-chat', key, model: 'chat/m', prompt: 'hi' })).status
  await eventually('the budget is in force', async () => {
    expect(await ask()).toBe(200)
    return (await stage.standing(budget)).leased > 0 ? true : undefined
  })
  const { leases } = JSON.parse((await runBeside(stage, ['list', '--json'])).output)
  expect(leases).toMatchObject([{ state: 'running', budget: budget.id, period_start: null }])
  const [{ node }] = leases
  const refused = await runBeside(stage, ['release', node])
  expect([refused.exitCode, refused.complaints]).toEqual([2, expect.stringMatching(/^node_\w+ runs: /)])
  expect((await stage.standing(budget)).leased).toBeGreaterThan(0)

  const forced = await runBeside(stage, ['release', node, '--force'])
  expect([forced.exitCode, forced.output]).toEqual([
    0,
    expect.stringMatching(/^\d+(\.\d+)? USD of 1 budget given back$/),
  ])
  expect(await stage.store.leasesOf(node)).toEqual([])
  expect(await verifyAudit(stage.store)).toMatchObject({ isWhole: true })
  // It hears of it within a second, and asks for a lease where it would have spent of the old one.
  await eventually('it leases anew', async () => {
    expect([200, 503]).toContain(await ask())
    return (await stage.store.leasesOf(node)).length > 0 ? true : undefined
  })
  expect(await ask()).toBe(200)
  await eventually('all is posted, and adds up to the limit', async () => {
    const { spent, leased } = await stage.standing(budget)
    return spent + leased === 100 * DOLLAR ? true : undefined
  })
})
