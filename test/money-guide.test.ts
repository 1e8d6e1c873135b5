/** Runs every command of docs/keys-and-budgets.md, in order, against the real process, and holds what they print to what the page says. */

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadConfig } from '../src/app/config/load-config.ts'
import { isJsonObject, type JsonObject, parseJson } from '../src/std/json.ts'
import { readSourceFiles } from '../tools/checks/source-files.ts'
import { fencesOf } from './support/fences.ts'
import { type GatewayProcess, simulated, startProcess } from './support/gateway-process.ts'
import { GUIDE_TIMEOUT_MS, openGuideShell } from './support/guide-shell.ts'

const guide = readSourceFiles().get('docs/keys-and-budgets.md') ?? ''
const fences = fencesOf(guide)
const blocks = fences.filter(({ language }) => language === 'sh').map(({ text }) => text)

const shell = openGuideShell()
let gateway: GatewayProcess
/** What each block printed. */
let printed: readonly string[] = []
let key = ''

beforeAll(async () => {
  gateway = await startProcess({ config: simulated })
  printed = await runBlocks()
  key = printed.at(-1)?.trim() ?? ''
}, GUIDE_TIMEOUT_MS)

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  shell[Symbol.dispose]()
})

describe('docs/keys-and-budgets.md', () => {
  test('a newcomer spends a key of one cent: ten answers, then the refusal that the page shows', () => {
    const answers = jsonLines(blockWith('for n in'))
    expect(answers).toHaveLength(12)
    expect(answers.slice(0, 10).every((answer) => 'choices' in answer)).toBe(true)
    for (const refusal of answers.slice(10)) expect(withoutId(refusal)).toEqual(shownRefusal())
  })

  test('says what the same key is told in the words of Anthropic', () => {
    const [refusal] = jsonLines(blockWith('/v1/messages'))
    expect(refusal).toMatchObject({ type: 'error', error: { type: 'billing_error' } })
  })

  test('leads to what was spent, exactly', () => {
    const told = blockWith('holdfast usage --by key,model')
    expect(told).toMatch(/^trial +key:trial +0\.01 +total +0\.0091 +0\.0009 /m)
    expect(told).toMatch(/^trial +simulator\/mock +10 +0\.0091 /m)
    expect(told.match(/budget_exceeded/g)?.length).toBeGreaterThan(0)
  })

  test('a budget that was raised has room again, and a request without a key is refused', async () => {
    const ask = (headers: Readonly<Record<string, string>>) =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: '{"model":"simulator/mock","messages":[{"role":"user","content":"Say hello"}]}',
      })
    await vi.waitFor(async () => expect((await ask({ authorization: `Bearer ${key}` })).status).toBe(200), {
      timeout: 10_000,
      interval: 100,
    })
    expect((await ask({})).status).toBe(401)
  })

  test('shows a rotated key and its successor, and a revoked one', () => {
    const told = blockWith('holdfast key rotate')
    for (const state of ['shop-web .+ rotated ', 'shop-web .+ active ', 'nightly-job .+ revoked '])
      expect(told).toMatch(new RegExp(`^${state}`, 'm'))
  })

  test('has examples of configuration that are sound', () => {
    const examples = fences.filter(({ language }) => language === 'yaml')
    expect(examples.length).toBeGreaterThan(0)
    for (const { text } of examples) {
      const loaded = loadConfig({ text, env: {} })
      expect(loaded.ok ? loaded.config.warnings : loaded.faults).toEqual([])
    }
  })

  test('says the numbers that the code has', async () => {
    const [{ OUTPUT_TOKENS_UNASKED }, { TAGS_MAX }, names, { ATTRIBUTION_BYTES_MAX }] = await Promise.all([
      import('../src/ledger/request-books.ts'),
      import('../src/exchange/attribution.ts'),
      import('../src/ledger/said-names.ts'),
      import('../src/dialects/body-attribution.ts'),
    ])
    const words = guide.replaceAll(/\s+/g, ' ')
    expect(words).toContain(
      `${OUTPUT_TOKENS_UNASKED.toLocaleString('en')} tokens (\`OUTPUT_TOKENS_UNASKED\`)`,
    )
    expect(words).toContain(`${ATTRIBUTION_BYTES_MAX.toLocaleString('en')} bytes (\`ATTRIBUTION_BYTES_MAX\`)`)
    expect(words).toContain(`${TAGS_MAX} tags (\`TAGS_MAX\`)`)
    expect(words).toContain(`${names.TAG_LENGTH_MAX} characters (\`TAG_LENGTH_MAX\`)`)
    expect(words).toContain(`${names.END_USER_LENGTH_MAX} characters of a name (\`END_USER_LENGTH_MAX\`)`)
  })
})

const MARK = '@@@@'

/** All blocks in one shell, as somebody reads the page from top to bottom; a command that fails ends it. */
async function runBlocks(): Promise<readonly string[]> {
  const script = blocks
    .map((text) => text.replace(/^alias .*$/m, ''))
    .map((text) => `echo '${MARK}'\n${text.replaceAll('127.0.0.1:4141', `127.0.0.1:${gateway.port}`)}`)
    .join('\n')
    .concat(`\necho '${MARK}'\necho "$HOLDFAST_KEY"`)
  const { code, stdout, output } = await shell.run(script, gateway.folder)
  expect(code, output).toBe(0)
  return stdout.split(`${MARK}\n`).slice(1)
}

/** What the block printed that holds these words. */
function blockWith(words: string): string {
  const at = blocks.findIndex((text) => text.includes(words))
  expect(at, `no block of the page has ${words}`).toBeGreaterThanOrEqual(0)
  return printed[at] ?? ''
}

function jsonLines(text: string): readonly JsonObject[] {
  return text.split('\n').map(parseJson).filter(isJsonObject)
}

function shownRefusal(): unknown {
  return JSON.parse(fences.find(({ language }) => language === 'json')?.text ?? '')
}

/** As the page writes an id. */
function withoutId(answer: JsonObject): unknown {
  return JSON.parse(JSON.stringify(answer).replaceAll(/req_[0-9a-f]{36}/g, 'req_...'))
}
