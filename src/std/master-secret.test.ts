import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MasterSecretError, readMasterSecret } from './master-secret.ts'
import { Secret } from './secret.ts'

const GOOD = 'kJ4vXw0qT8nZr2Yb6Hc1Lm9Pd3Fg5Sa7'
const OTHER = 'a91f03c7d5e2b8460f7c3a9e1d5b2f84'
let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hf-master-'))
  file = path.join(folder, 'master.key')
})
afterEach(() => rmSync(folder, { recursive: true }))

const describeWeakness = (text: string) => (text.includes('changeme') ? 'is a placeholder' : undefined)
const read = (env?: string, configured?: string) =>
  readMasterSecret({
    env,
    path: file,
    describeWeakness,
    ...(configured !== undefined && { configured: new Secret(configured) }),
  })
const revealed = ({ secrets }: ReturnType<typeof read>) => secrets.map((secret) => secret.reveal())

describe('the master secret', () => {
  test('comes from the environment first, then from the configuration, and no file is made', () => {
    expect(read(GOOD, OTHER)).toMatchObject({ source: 'environment' })
    expect(revealed(read(GOOD, OTHER))).toEqual([GOOD])
    expect(read(' ', OTHER)).toMatchObject({ source: 'configuration' })
    expect(readdirSync(folder)).toEqual([])
  })

  test('may be several, the newest first', () => {
    expect(revealed(read(`${GOOD}, ${OTHER},`))).toEqual([GOOD, OTHER])
    expect(revealed(read(`${GOOD},${GOOD}`))).toEqual([GOOD])
  })

  test('is made at the first start, for this user alone, and is the same ever after', () => {
    const made = read()
    expect(made.source).toBe('made')
    expect(made.isExposed).toBeUndefined()
    expect(revealed(made)[0]).toMatch(/^[\w-]{43}$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['master.key'])
    expect(read()).toMatchObject({ source: 'file' })
    expect(revealed(read())).toEqual(revealed(made))
  })

  test('is drawn again where it would be refused when it is read', () => {
    const refused: string[] = []
    const made = readMasterSecret({
      env: undefined,
      path: file,
      describeWeakness: (text) => (refused.length < 3 && refused.push(text) > 0 ? 'is dull' : undefined),
    })
    expect(new Set([...refused, ...revealed(made)]).size).toBe(4)
  })

  test('is one when eight processes start at once', async () => {
    const script = `
      import { readMasterSecret } from ${JSON.stringify(new URL('master-secret.ts', import.meta.url).href)}
      const { secrets } = readMasterSecret({ env: undefined, path: process.argv[1], describeWeakness: () => undefined })
      console.log(secrets[0].reveal())`
    const start = () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, file], { timeout: 30_000 })
    const said = await Promise.all(Array.from({ length: 8 }, start))
    expect(new Set(said.map(({ stdout }) => stdout.trim()))).toEqual(
      new Set([readFileSync(file, 'utf8').trim()]),
    )
    expect(readdirSync(folder)).toEqual(['master.key'])
  }, 60_000)

  test('is noticed where others may read it', () => {
    read()
    chmodSync(file, 0o640)
    expect(read().isExposed).toBe(true)
  })

  test.each([
    ['short', 'only-16-letters!', /HOLDFAST_MASTER_KEY: the master secret is only 16 characters long/],
    ['well known', 'changeme-changeme-changeme-changeme', /is a placeholder/],
    ['short as the second', `${GOOD},short`, /the master secret number 2 is only 5/],
    ['nothing but commas', ',,', /no master secret is in it/],
    ['too many', Array.from({ length: 9 }, (_, at) => `${GOOD}${at}`).join(','), /at most 8/],
  ])('SEC-17: is refused: %s', (_what, env, message) => {
    expect(() => read(env)).toThrow(MasterSecretError)
    expect(() => read(env)).toThrow(message)
  })

  test('SEC-17: an empty file is refused, not filled', () => {
    writeFileSync(file, '\n')
    expect(() => read()).toThrow(/no master secret is in it/)
    expect(readFileSync(file, 'utf8')).toBe('\n')
  })

  test('a folder that is not there is named', () => {
    expect(() =>
      readMasterSecret({ env: undefined, path: path.join(folder, 'none', 'master.key'), describeWeakness }),
    ).toThrow(/none.master\.key: the master secret cannot be written there \(ENOENT\)/)
  })

  test('SEC-21: no refusal repeats the secret', () => {
    try {
      read('sh0rt-s3cr3t')
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toContain('s3cr3t')
    }
  })
})
