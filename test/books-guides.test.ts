/** Keeps the pages about money and memory true: their bounds, statuses and examples are those of the code. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../src/app/config/load-config.ts'
import { errorCodes } from '../src/errors/codes.ts'
import { adminAccess } from '../src/http/admin/access.ts'
import { readSourceFiles, repositoryRoot } from '../tools/checks/source-files.ts'
import { fencesOf } from './support/fences.ts'
import { simulated, startProcess, startSimulated } from './support/gateway-process.ts'
import { GUIDE_TIMEOUT_MS, openGuideShell } from './support/guide-shell.ts'

const files = readSourceFiles()
const names = [
  'docs/keys-and-budgets.md',
  'docs/ledger.md',
  'docs/stores.md',
  'docs/idempotency-and-cache.md',
] as const
const page = (name: (typeof names)[number]) => files.get(name) ?? ''
const pages = names.map((name) => [name, page(name)] as const)

describe('bounds', () => {
  const rows = pages.flatMap(([, text]) => [
    ...text.matchAll(/^\| `(\w+)` \(`(src\/[\w./-]+)`\) \| ([\d.,]+)(?: (ms|MiB|%))? \|/gm),
  ])

  test.each(rows.map(([, name = '', file = '', value = '', unit = '']) => [name, file, value, unit]))(
    '%s of %s is %s %s',
    (name, file, value, unit) => {
      const source = readFileSync(join(repositoryRoot, file), 'utf8')
      const [, written = ''] = new RegExp(`^(?:export )?const ${name} = (.+)$`, 'm').exec(source) ?? []
      expect(productOf(written), written).toBe(
        Number(value.replaceAll(',', '')) * (units[unit || 'one'] ?? Number.NaN),
      )
    },
  )

  test('stand in every table of them', () => {
    for (const [name, text] of pages.slice(1))
      expect([name, (text.split('## Bounds')[1]?.match(/^\| `/gm) ?? []).length]).toEqual([
        name,
        rows.filter(([row]) => text.includes(row)).length,
      ])
  })
})

describe.each(pages)('%s', (_name, text) => {
  test('gives each error the status it has', () => {
    const said = [...text.matchAll(/\b([45]\d\d) `(\w+)`/g)].map(([, status, code = '']) => [
      code,
      Number(status),
    ])
    for (const [code, status] of said) {
      const row = Object.entries(errorCodes).find(([name]) => name === code)?.[1]
      expect([code, row?.status]).toEqual([code, status])
    }
  })

  test('names scripts that there are', () => {
    // package.json is ours, and npm refuses scripts that are not strings.
    const scripts = JSON.parse(files.get('package.json') ?? '') as { scripts: Record<string, string> }
    const named = [...text.matchAll(/npm run (?:--\w+ )?([\w:]+)/g)].map(([, name = '']) => name)
    expect(named.filter((name) => !(name in scripts.scripts))).toEqual([])
  })

  test('has examples of configuration that are sound', () => {
    const env = { DATABASE_URL: 'postgres://u:p@127.0.0.1/h', OPENAI_API_KEY: 'sk-openai-1' }
    for (const { language, text: example } of fencesOf(text)) {
      if (language !== 'yaml') continue
      const loaded = loadConfig({ text: example, env })
      expect(loaded.ok ? loaded.config.warnings : loaded.faults).toEqual([])
    }
  })
})

test('docs/idempotency-and-cache.md: the same request under the same key is the same answer, byte by byte', async () => {
  const gateway = await startSimulated()
  const [asked = ''] = fencesOf(page('docs/idempotency-and-cache.md'))
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text.replaceAll('127.0.0.1:4141', `127.0.0.1:${gateway.port}`).replace(' -i ', ' -s '))
  const shell = useShell()
  const first = await shell.run(asked, gateway.folder)
  const again = await shell.run(asked, gateway.folder)
  expect(first.output).toContain('"finish_reason":"stop"')
  expect(again.output).toBe(first.output)
})

describe('docs/stores.md', () => {
  const blocks = fencesOf(page('docs/stores.md'))
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text)
  const [backup = '', restore = ''] = blocks.filter((text) => text.includes('holdfast-backup.db'))

  test('after a backup is restored, keys, budgets, spending and the audit log are as they were', {
    timeout: GUIDE_TIMEOUT_MS,
  }, async () => {
    const shell = useShell()
    await using gateway = await startProcess({ config: simulated })
    const run = async (script: string) => {
      const { code, stdout, output } = await shell.run(script, gateway.folder)
      expect(code, output).toBe(0)
      return stdout
    }
    const key = await run('holdfast key create laptop --budget 5/day --quiet')
    for (let count = 0; count < 3; count += 1) await ask(gateway.url, key.trim())
    // The spending that was told is in the store.
    await expect.poll(() => run(LOOK), { timeout: 60_000 }).toContain('"attempts": 3')
    const before = withoutLeases(await run(LOOK))
    await run(backup)
    gateway.kill('SIGTERM')
    await gateway.exited
    await run('rm -f holdfast.db*.before* && printf damaged > holdfast.db && rm -rf holdfast.db.books')
    expect(await run(restore)).toContain('laptop')
    expect(withoutLeases(await run(LOOK))).toBe(before)
  })

  test('names the commands that there are', async () => {
    expect([backup, restore].every((text) => text.includes('holdfast audit verify'))).toBe(true)
    expect(blocks.join('\n')).toContain('holdfast migrate sqlite postgres')
    const { stdout } = await useShell().run('holdfast migrate --help', repositoryRoot)
    expect(stdout).toContain('migrate sqlite postgres')
  })
})

test('docs/admin-api.md names every resource of the API, and its roles', () => {
  const guide = files.get('docs/admin-api.md') ?? ''
  const resources = Object.keys(adminAccess).flatMap((route) => /\/api\/v1\/(\w+)/.exec(route)?.[1] ?? [])
  expect(resources.length).toBeGreaterThan(20)
  for (const name of new Set(resources)) expect(guide).toMatch(new RegExp(`/${name}\\b`))
  for (const role of ['owner', 'admin', 'member', 'viewer']) expect(guide).toContain(`| ${role} |`)
})

/** Everything that a backup must bring back. */
const LOOK = `
holdfast key list --json
holdfast budget list --json
holdfast usage --by key,model --from 2020-01-01 --until 2100-01-01 --json
holdfast audit list --json`

function withoutLeases(text: string): string {
  return text.replaceAll(/"leased_nano_usd": \d+/g, '')
}

function useShell() {
  const shell = openGuideShell()
  onTestFinished(() => shell[Symbol.dispose]())
  return shell
}

async function ask(url: string, key: string): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: '{"model":"simulator/mock","messages":[{"role":"user","content":"Say hello"}]}',
  })
  expect(answer.status).toBe(200)
  await answer.text()
}

const units: Readonly<Record<string, number>> = { one: 1, ms: 1, MiB: 1024 ** 2, '%': 0.01 }

/** Of numbers and powers with `*` between them, as bounds are written. */
function productOf(written: string): number {
  return written
    .replaceAll('_', '')
    .split(' * ')
    .map((factor) => factor.split(' ** ').map(Number))
    .reduce((product, [base = Number.NaN, power = 1]) => product * base ** power, 1)
}
