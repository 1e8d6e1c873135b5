import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findBodies } from '../archive/find-bodies.ts'
import { hashKey, kindOfKey } from '../keys/virtual-key.ts'
import type { Clock } from '../std/clock.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createSealer } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { StoreConflict, StoreUnavailable } from '../std/store-error.ts'
import { cached, charge, entry, nano, row } from '../stores/contract/samples.test-support.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import type { Store } from '../stores/store.ts'
import type { Copyable, OpenBooks } from './books.ts'
import { exitCodes } from './exit-codes.ts'
import { runIn, Terminal } from './terminal.test-support.ts'
import { runCommandLine } from './program.ts'

const pepper: Uint8Array = new Uint8Array(32).fill(7)
const NOW_MS = new ManualClock().wallMs()
let directory = ''
let store: Store
let clock: Clock

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-keeping-'))
  store = createMemoryStore()
  clock = new ManualClock()
  writeFileSync(
    path.join(directory, 'holdfast.yaml'),
    'discover: false\nkeys: [{ name: of-file, key: Kq7vb-n29xmw81pz }]\nproviders: { ollama: {}, openai: { credential: Kq7vb-n29xmw81pz } }\nroutes: { smart: { targets: [ollama/llama3] } }\n',
  )
})
afterEach(() => rmSync(directory, { recursive: true }))

const sealer = createSealer([new Secret('the master secret of these tests')])
const bodiesIn = (kept: Store) => (id: string) => findBodies(id, { store: kept, sealer, clock })
const over =
  (kept: Store): OpenBooks =>
  async ({ config }) => ({
    store: kept,
    peppers: [pepper],
    sealer,
    config,
    findBodies: bodiesIn(kept),
    close: async () => {},
  })
const config = () => ['--config', path.join(directory, 'holdfast.yaml')]
const run = (words: readonly string[], options: { readonly env?: Readonly<Record<string, string>> } = {}) =>
  runIn([...words, ...config()], { directory, clock, openBooks: over(store), ...options })
const json = async (words: readonly string[]) => JSON.parse((await run([...words, '--json'])).output)

const ALL_LIMITS = {
  requestsPerMinute: 60,
  tokensPerMinute: 10_000,
  inputTokensPerMinute: 8_000,
  outputTokensPerMinute: 4_000,
  concurrentRequests: 3,
}

describe('key', () => {
  test('create shows the key once, with a line to try it, and keeps only its hash', async () => {
    const { exitCode, output, complaints } = await run(['key', 'create', 'laptop'])
    expect(exitCode).toBe(exitCodes.ok)
    expect(kindOfKey(output)).toBe('data')
    expect(complaints).toContain(
      `curl http://127.0.0.1:4141/v1/chat/completions -H "authorization: Bearer ${output}"`,
    )
    expect(complaints).toContain('"model":"smart"')
    const { keys } = await store.loadDirectory()
    expect(keys).toMatchObject([{ name: 'laptop', hash: hashKey(output, pepper), hint: output.slice(-4) }])
    expect(JSON.stringify([keys, await store.auditLines({ limit: 10 })])).not.toContain(output)
  })

  test('create --quiet says the key and nothing else, for a variable', async () => {
    const { output, complaints } = await run(['key', 'create', 'laptop', '--quiet'])
    expect(kindOfKey(output)).toBe('data')
    expect(complaints).toBe('')
  })

  test.each<readonly [string, readonly string[], string | undefined]>([
    ['a pattern of models', ['--models', 'openai/*'], 'openai/gpt-5-mini'],
    ['a pattern of routes', ['--routes', 'sma*'], 'smart'],
    ['a pattern that the simulator alone fits', ['--models', 'sim*'], 'simulator/mock'],
    ['a name beside a pattern', ['--models', 'x/*,y/z'], 'y/z'],
    ['a pattern that fits nothing known', ['--models', 'x/*'], undefined],
    ['operations without chats', ['--operations', 'embeddings'], undefined],
  ])('create names a model that can be asked for with %s, or none', async (_, words, model) => {
    const { complaints } = await run(['key', 'create', 'laptop', ...words])
    expect(/"model":"([^"]*)"/.exec(complaints)?.[1]).toBe(model)
  })

  test.each(['models', 'routes', 'operations'])(
    'create and set refuse a list of %s that names none',
    async (flag) => {
      await run(['key', 'create', 'laptop'])
      for (const words of [
        ['create', 'other'],
        ['set', 'laptop'],
      ]) {
        const { exitCode, complaints } = await run(['key', ...words, `--${flag}`, ' ,'])
        expect(exitCode).toBe(exitCodes.configuration)
        expect(complaints).toContain(`--${flag} names none`)
      }
      expect((await store.loadDirectory()).keys).toMatchObject([{ name: 'laptop', scopes: {} }])
    },
  )

  test('create takes scopes, limits, an expiry and a budget, all of it exact', async () => {
    await run(['project', 'create', 'search'])
    await run(['user', 'create', 'ada'])
    const words =
      'key|create|trial|--project|search|--user|ada|--budget|0.01 total|--models|smart,ollama/*|--operations|chat|--expires|30d|--rpm|60|--tpm|10000|--input-tpm|8000|--output-tpm|4000|--concurrency|3'
    const made = await json(words.split('|'))
    expect(made).toMatchObject({ name: 'trial', budget: { limit_usd: '0.01', period: 'total' } })
    const { keys, projects, users } = await store.loadDirectory()
    expect(keys).toMatchObject([
      {
        projectId: projects[0]?.id,
        userId: users[0]?.id,
        scopes: { models: ['smart', 'ollama/*'], operations: ['chat'] },
        limits: ALL_LIMITS,
        expiresAtMs: NOW_MS + 30 * 86_400_000,
      },
    ])
    expect(await store.loadBudgets()).toMatchObject([
      { scope: { kind: 'key', id: keys[0]?.id }, limitNanoUsd: 10_000_000, period: 'total' },
    ])
  })

  test('create leaves no budget and no key behind where somebody else was faster', async () => {
    const made = createMemoryStore()
    store = {
      ...made,
      changeDirectory: async () => {
        throw new StoreConflict('not at that revision')
      },
    }
    const { exitCode, complaints } = await run(['key', 'create', 'laptop', '--budget', '5/day'])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain('nothing was made')
    expect((await made.loadBudgets()).filter(({ removedAtMs }) => removedAtMs === undefined)).toEqual([])
    expect((await made.loadDirectory()).keys).toEqual([])
  })

  test('create makes admin keys, which may only look unless more is said', async () => {
    const { output } = await run(['key', 'create', 'ops', '--admin'])
    expect(kindOfKey(output)).toBe('admin')
    expect((await store.loadDirectory()).keys[0]?.role).toBe('viewer')
    expect((await run(['key', 'create', 'x', '--role', 'admin'])).complaints).toContain('add --admin')
  })

  test.each([
    ['a name of the file', ['of-file'], 'called "of-file" already'],
    [
      'the key itself as a name',
      ['sk-hf-0123456789abcdefghijABCDEFGHIJ01abcdef'],
      'never given as an argument',
    ],
    ['a project that is not there', ['x', '--project', 'gone'], 'There is no project called "gone"'],
    ['an operation that is none', ['x', '--operations', 'chatting'], 'is no operation'],
    ['a budget that is none', ['x', '--budget', 'five'], 'is no amount of dollars'],
    ['an expiry that is none', ['x', '--expires', 'soon'], 'is no length of time'],
  ])('create refuses %s', async (_, words, complaint) => {
    const { exitCode, output, complaints } = await run(['key', 'create', ...words])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
    expect(output + complaints).not.toContain('0123456789abcdefghij')
    expect((await store.loadDirectory()).keys).toEqual([])
  })

  test('list --csv says what the admin API says, and never the key', async () => {
    await run(['project', 'create', 'search'])
    const { output: secret } = await run(
      'key|create|laptop|--project|search|--models|smart|--rpm|60|--quiet'.split('|'),
    )
    const { output, complaints } = await run(['key', 'list', '--csv'])
    const [header, line, ...rest] = output.split('\r\n')
    expect(header).toMatch(/^id,kind,name,hint,state,project_id,project_name,user_id,user_name,role,routes,/)
    expect(line).toMatch(
      /^key_\w+,data,laptop,\w{4},active,prj_\w+,search,,,,,"\[""smart""\]",,60,,,,,,2026-01-01T/,
    )
    expect(rest).toEqual([])
    expect(output).not.toContain(secret)
    expect(complaints).toContain('of-file')
    expect((await run(['key', 'list', '--csv', '--json'])).output).toMatch(/^\{/)
  })

  test('list shows those in force, by name and never the key', async () => {
    const { output: secret } = await run(['key', 'create', 'laptop', '--quiet'])
    await run(['key', 'create', 'old'])
    await run(['key', 'revoke', 'old'])
    const { output, complaints } = await run(['key', 'list'])
    expect(output).toContain(`laptop  sk-hf-…${secret.slice(-4)}`)
    expect(output).not.toContain('old')
    expect(output).not.toContain(secret)
    expect(complaints).toContain('of-file')
    expect((await run(['key', 'list', '--all'])).output).toContain('revoked')
    expect((await json(['key', 'list'])).keys).toHaveLength(1)
  })

  test('revoke and rotate go by the name, and say what becomes of the old one', async () => {
    const { output: first } = await run(['key', 'create', 'laptop', '--quiet'])
    const rotated = await run(['key', 'rotate', 'laptop', '--overlap', '2h'])
    expect(rotated.output).not.toBe(first)
    expect(rotated.complaints).toContain('The old one is good until 2026-01-01 02:00:00 UTC')
    expect(await json(['key', 'revoke', 'laptop'])).toMatchObject({
      ok: true,
      revoked: [expect.any(String), expect.any(String)],
    })
    expect((await run(['key', 'rotate', 'laptop'])).exitCode).toBe(exitCodes.configuration)
    expect((await run(['key', 'revoke', 'laptap'])).exitCode).toBe(exitCodes.configuration)
  })
})

describe('key set', () => {
  const set = (...words: readonly string[]) => run(['key', 'set', 'laptop', ...words])
  const laptop = async () => (await store.loadDirectory()).keys.find(({ name }) => name === 'laptop')

  test('changes what is named, keeps the rest, and is noted as the admin API notes it', async () => {
    await run('key create laptop --rpm 5 --tpm 100 --models smart --routes a --expires 1d'.split(' '))
    const { output } = await set('--rpm', '60', '--models', 'x,y*', '--expires', '30d', '--no-keep-bodies')
    expect(output).toBe(
      'laptop: rpm 60, tpm 100; models x, y*; routes a; until 2026-01-31 00:00:00 UTC; a running gateway goes by it within a second',
    )
    expect(await laptop()).toMatchObject({
      limits: { requestsPerMinute: 60, tokensPerMinute: 100 },
      scopes: { models: ['x', 'y*'], routes: ['a'] },
      keepBodies: false,
      expiresAtMs: NOW_MS + 30 * 86_400_000,
    })
    const { rows } = await store.auditLines({ limit: 1 })
    expect(rows).toMatchObject([
      {
        action: 'change-key',
        actor: 'cli',
        subject: (await laptop())?.id,
        before: { limits: { requestsPerMinute: 5 } },
        after: { limits: { requestsPerMinute: 60 } },
      },
    ])
  })

  test('takes away what --unset names, and nothing else', async () => {
    await run(
      'key create laptop --rpm 5 --tpm 100 --models smart --operations chat --expires 1d --keep-bodies'.split(
        ' ',
      ),
    )
    const half = JSON.parse((await set('--unset', 'rpm,models', '--json')).output)
    expect(half).toMatchObject({
      ok: true,
      limits: { tokensPerMinute: 100 },
      scopes: { operations: ['chat'] },
    })
    expect(half.limits).not.toHaveProperty('requestsPerMinute')
    expect(half.scopes).not.toHaveProperty('models')
    const rest = await set('--unset', 'tpm,operations,expires,keep-bodies')
    expect(rest.output).toContain('laptop: no limits; no end; ')
    const key = await laptop()
    expect(key?.scopes).toEqual({})
    for (const field of ['limits', 'expiresAtMs', 'keepBodies']) expect(key).not.toHaveProperty(field)
  })

  test.each<readonly [readonly string[], string]>([
    [[], 'say what to set: --rpm, --input-tpm,'],
    [['--unset', 'name'], '"name" is nothing that can be taken away: use rpm, input-tpm,'],
    [['--input-tpm', '5', '--unset', 'input-tpm'], '--input-tpm and --unset input-tpm exclude each other'],
    [['--rpm', '0'], 'is no whole number'],
    [['--operations', 'chatting'], 'is no operation'],
    [['--expires', '0'], 'revoke the key to end it at once'],
  ])('refuses %j, and changes nothing', async (words, complaint) => {
    await run(['key', 'create', 'laptop', '--rpm', '5'])
    const before = await laptop()
    const { exitCode, complaints } = await set(...words)
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
    expect(await laptop()).toEqual(before)
  })

  test('refuses a key that is not there, one of the file, and the key itself', async () => {
    const { output: secret } = await run(['key', 'create', 'laptop', '--quiet'])
    for (const name of ['laptap', 'of-file', secret]) {
      const { exitCode, complaints } = await run(['key', 'set', name, '--rpm', '5'])
      expect([name, exitCode]).toEqual([name, exitCodes.configuration])
      expect(complaints).not.toContain(secret)
    }
  })
})

test('project set changes what is named, takes away what --unset names, and keeps the rest', async () => {
  await run(['team', 'create', 'red'])
  await run('project create search --rpm 5 --tpm 100'.split(' '))
  const changed = await json('project set search --rpm 60 --concurrency 2 --team red --name find'.split(' '))
  const { teams } = await store.loadDirectory()
  expect(changed.project).toMatchObject({
    name: 'find',
    teamId: teams[0]?.id,
    limits: { requestsPerMinute: 60, tokensPerMinute: 100, concurrentRequests: 2 },
  })
  expect((await run('project set find --unset rpm,team'.split(' '))).output).toContain(
    'find: tpm 100, concurrency 2; ',
  )
  expect((await store.loadDirectory()).projects[0]).not.toHaveProperty('teamId')
  const { rows } = await store.auditLines({ limit: 2 })
  expect(rows.map(({ action, actor }) => [action, actor])).toEqual([
    ['change-project', 'cli'],
    ['change-project', 'cli'],
  ])
  for (const [words, complaint] of [
    ['find', 'say what to set'],
    ['find --unset name', '"name" is nothing that can be taken away'],
    ['find --team gone', 'There is no team called "gone"'],
    ['search --rpm 5', 'There is no project called "search"'],
  ] as const)
    expect((await run(['project', 'set', ...words.split(' ')])).complaints).toContain(complaint)
})

describe('key rotate', () => {
  const rotate = (...words: readonly string[]) => run(['key', 'rotate', 'laptop', ...words])
  const endOfNewest = async () => (await store.loadDirectory()).keys.at(-1)?.expiresAtMs

  test('warns where the new key ends soon because the old one would have, also with --quiet', async () => {
    await run(['key', 'create', 'laptop', '--expires', '6d'])
    const { complaints } = await rotate()
    expect(complaints).toContain('the new key ends soon, at 2026-01-07 00:00:00 UTC')
    expect(complaints).toContain('It is good until 2026-01-07 00:00:00 UTC')
    const { output, complaints: quiet } = await rotate('--quiet')
    expect(kindOfKey(output)).toBe('data')
    expect(quiet).toMatch(/^warning: .* holdfast key set "laptop" --expires 30d [^\n]*$/)
    expect(await endOfNewest()).toBe(NOW_MS + 6 * 86_400_000)
  })

  test('gives the new key the end that is asked for, and warns of none that was', async () => {
    await run(['key', 'create', 'laptop', '--expires', '6d'])
    const { complaints } = await rotate('--expires', '12h')
    expect(complaints).toContain('It is good until 2026-01-01 12:00:00 UTC')
    expect(complaints).not.toContain('warning')
    const json = JSON.parse((await rotate('--expires', '30d', '--json')).output)
    expect(json.expires_at).toBe('2026-01-31T00:00:00.000Z')
    expect((await rotate()).complaints).not.toContain('warning')
  })

  test('says of a rotation without an overlap that the old key is refused from now on', async () => {
    await run(['key', 'create', 'laptop'])
    const { complaints } = await rotate('--overlap', '0s')
    expect(complaints).toContain('The old one is refused from now on')
    expect(complaints).not.toContain('The old one is good until')
  })

  test('says of a key without an end that it has none, and refuses an end or an overlap that is none', async () => {
    await run(['key', 'create', 'laptop'])
    for (const [words, complaint] of [
      [['--expires', '0'], 'expired before it was made'],
      [['--expires', 'never'], 'is no length of time'],
      [['--overlap', '91d'], 'between nothing and 90 days'],
    ] as const)
      expect((await rotate(...words)).complaints).toContain(complaint)
    expect((await store.loadDirectory()).keys).toHaveLength(1)
    expect((await rotate()).complaints).toContain('It has no end.')
  })
})

describe('budget', () => {
  test('create, list, set and remove; what was spent stays', async () => {
    await run(['key', 'create', 'laptop'])
    const made = await json([
      'budget',
      'create',
      '--for',
      'key:laptop',
      '--limit',
      '0.01',
      '--per',
      'day',
      '--owner',
      'ops',
    ])
    expect(made.budget).toMatchObject({
      name: 'key:laptop',
      limit_nano_usd: 10_000_000,
      period: 'day',
      owner: 'ops',
    })
    await store.postBooks({
      nodeId: 'n',
      requests: [],
      entries: [entry('req_1', { costNanoUsd: nano(4_000_000), charges: [charge(made.budget.id, NOW_MS)] })],
    })
    const listed = await run(['budget', 'list'])
    expect(listed.output).toMatch(/key:laptop +key:laptop +0\.01 +day +0\.004 +0\.006 +2026-01-02 00:00:00/)
    expect((await run(['budget', 'list', '--csv'])).output.split('\r\n')[1]).toMatch(
      /^bud_\w+,key:laptop,key,key_\w+,laptop,day,0\.010000000,10000000,ops,2026-01-01T[^,]+,2026-01-02T[^,]+,0\.004000000,4000000,0\.000000000,0,0\.006000000,6000000,/,
    )
    await run(['budget', 'set', 'key:laptop', '--owner', '=1+1'])
    expect((await run(['budget', 'list', '--csv'])).output).toContain(`,"'=1+1",`)
    expect((await run(['budget', 'set', 'key:laptop', '--limit', '0.02'])).output).toContain(
      '0.02 dollars a day',
    )
    expect((await json(['budget', 'list'])).budgets[0]).toMatchObject({
      limit_usd: '0.02',
      spent_usd: '0.004',
    })
    expect((await run(['budget', 'remove', made.budget.id])).exitCode).toBe(exitCodes.ok)
    expect((await json(['budget', 'list'])).budgets).toEqual([])
    expect((await json(['budget', 'list', '--all'])).budgets).toHaveLength(1)
    const { rows } = await store.auditLines({ limit: 3 })
    expect(rows.map(({ action }) => action)).toEqual(['remove-budget', 'put-budget', 'put-budget'])
  })

  test('create warns of another in force for the same scope and period, and makes it all the same', async () => {
    const create = (...words: readonly string[]) =>
      run(['budget', 'create', '--limit', '1', '--quiet', ...words])
    const { output: id, complaints } = await create('--for', 'all', '--per', 'day')
    expect(complaints).toBe('')
    expect((await create('--for', 'all', '--per', 'month')).complaints).toBe('')
    expect((await create('--for', 'model:all', '--per', 'day')).complaints).toBe('')
    const again = await create('--for', 'all', '--per', 'day')
    expect(again.exitCode).toBe(exitCodes.ok)
    expect(again.complaints).toContain(`warning: ${id} bounds the same already, at 1 dollars a day`)
    await run(['budget', 'remove', id])
    await run(['budget', 'remove', again.output])
    expect((await create('--for', 'all', '--per', 'day')).complaints).toBe('')
  })

  test.each([
    ['all', { kind: 'all', id: '' }],
    ['key:of-file', { kind: 'key', id: 'of-file' }],
    ['tag:team:red', { kind: 'tag', id: 'team:red' }],
    ['model:ollama/llama3', { kind: 'model', id: 'ollama/llama3' }],
    ['end-user:ada@example.com', { kind: 'end-user', id: 'ada@example.com' }],
    ['end-user:müller', { kind: 'end-user', id: 'm%C3%BCller' }],
    ['tag: bücher', { kind: 'tag', id: 'b%C3%BCcher' }],
  ])('may be for %s', async (scope, expected) => {
    await run(['budget', 'create', '--for', scope, '--limit', '1', '--per', 'total'])
    expect((await store.loadBudgets())[0]?.scope).toEqual(expected)
  })

  test.each([
    [['--for', 'key:gone', '--limit', '1', '--per', 'day'], 'There is no key called "gone"'],
    [['--for', 'laptop', '--limit', '1', '--per', 'day'], 'write key:laptop'],
    [['--for', 'room:1', '--limit', '1', '--per', 'day'], 'a budget is for a key'],
    [
      ['--for', `tag:${'x'.repeat(70)}`, '--limit', '1', '--per', 'day'],
      'of a tag 64 characters are kept, and this has 70',
    ],
    [
      ['--for', `end-user:${'ü'.repeat(22)}`, '--limit', '1', '--per', 'day'],
      'of an end user 128 characters are kept, and this has 132',
    ],
    [['--for', 'tag: ', '--limit', '1', '--per', 'day'], 'this names no tag'],
    [['--for', 'all', '--limit', '0', '--per', 'day'], 'is no amount'],
    [['--for', 'all', '--limit', '1', '--per', 'year'], 'is no period'],
    [['--for', 'all', '--limit', '1'], "required option '--per"],
  ])('create refuses %j', async (words, complaint) => {
    const { exitCode, complaints } = await run(['budget', 'create', ...words])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
  })
})

describe('cache clear', () => {
  const kept = async (id: string, tenant: string) => {
    await store.putCached(cached(id, { tenant, expiresAtMs: NOW_MS + 1 }))
    return async () => (await store.findCached(id, NOW_MS)) !== undefined
  }

  test('removes all, says how many, and writes it into the audit log', async () => {
    const isThere = await kept('a', 'x')
    await kept('b', 'y')
    expect((await run(['cache', 'clear'])).output).toBe(
      '2 answers removed; a running gateway gives none of them within two seconds',
    )
    expect(await isThere()).toBe(false)
    expect((await store.auditLines({ limit: 1 })).rows).toMatchObject([
      { atMs: NOW_MS, actor: 'cli', action: 'clear-cache', subject: 'cache', after: { all: true } },
    ])
  })

  test('removes only those of a project, of a key without one, or of a key of the file', async () => {
    await run(['project', 'create', 'search'])
    await run(['key', 'create', 'laptop'])
    await run(['key', 'create', 'worker', '--project', 'search'])
    await run(['key', 'rotate', 'laptop'])
    const { projects, keys } = await store.loadDirectory()
    const ofProject = await kept('a', `${projects[0]?.id}`)
    const ofKey = await kept('b', `${keys.find(({ name }) => name === 'laptop')?.id}`)
    const ofFile = await kept('c', 'of-file')
    expect(await json(['cache', 'clear', '--project', 'search'])).toEqual({ ok: true, removed: 1 })
    expect([await ofProject(), await ofKey(), await ofFile()]).toEqual([false, true, true])
    expect(await json(['cache', 'clear', '--key', 'laptop'])).toEqual({ ok: true, removed: 1 })
    expect([await ofKey(), await ofFile()]).toEqual([false, true])
    expect(await json(['cache', 'clear', '--key', 'of-file'])).toEqual({ ok: true, removed: 1 })
    const { exitCode, complaints } = await run(['cache', 'clear', '--key', 'worker'])
    expect([exitCode, complaints]).toEqual([
      exitCodes.configuration,
      expect.stringContaining(`clear those of the project ${projects[0]?.id}`),
    ])
    expect((await run(['cache', 'clear', '--key', 'gone'])).complaints).toContain('there is no key "gone"')
  })
})

test('project list --csv names the team, and has its head where there are none', async () => {
  const head = 'id,name,team_id,team_name,requests_per_minute,'
  expect((await run(['project', 'list', '--csv'])).output).toMatch(new RegExp(`^${head}[a-z_,]+$`))
  await run(['team', 'create', 'red'])
  await run(['project', 'create', 'search', '--team', 'red', '--rpm', '600'])
  expect((await run(['project', 'list', '--csv'])).output.split('\r\n')[1]).toMatch(
    /^prj_\w+,search,team_\w+,red,600,,,,,2026-01-01T/,
  )
  expect((await run(['team', 'list', '--csv'])).exitCode).toBe(exitCodes.configuration)
})

test.each(['project', 'team', 'user'])('%s: makes and lists', async (kind) => {
  expect((await run([kind, 'create', 'search'])).output).toContain(`the ${kind} search is made`)
  expect((await run([kind, 'create', 'search'])).complaints).toContain('already')
  expect((await run([kind, 'list'])).output).toContain('search')
  expect((await json([kind, 'list']))[`${kind}s`]).toMatchObject([{ name: 'search' }])
})

test('project create takes every limit that a key may have, and refuses what is none', async () => {
  const words =
    'project create search --rpm 60 --tpm 10000 --input-tpm 8000 --output-tpm 4000 --concurrency 3'
  expect((await json(words.split(' '))).project.limits).toEqual(ALL_LIMITS)
  for (const flag of ['--rpm', '--tpm', '--input-tpm', '--output-tpm', '--concurrency']) {
    const { exitCode, complaints } = await run(['project', 'create', 'shop', flag, '0'])
    expect([flag, exitCode]).toEqual([flag, exitCodes.configuration])
    expect(complaints).toContain(`${flag}: "0" is no whole number`)
  }
  expect((await store.loadDirectory()).projects).toHaveLength(1)
})

/** One request of two attempts, the first of them for nothing. */
async function postOne() {
  const attribution = { tags: ['team:red'], keyId: 'key_1', keyName: 'laptop' }
  const at = { attribution, atMs: NOW_MS - 1_000 }
  await store.postBooks({
    nodeId: 'n',
    entries: [
      entry('req_1', {
        ...at,
        outcome: 'failed',
        upstreamStatus: 500,
        code: 'upstream_error',
        isWaste: true,
        costNanoUsd: nano(100),
        message: 'it broke\u001b[2J',
      }),
      entry('req_1', {
        ...at,
        atMs: NOW_MS - 500,
        attempt: 2,
        target: 'other/small',
        provider: 'other',
        costNanoUsd: nano(300),
      }),
    ],
    requests: [
      row('req_1', {
        ...at,
        atMs: NOW_MS - 2_000,
        modelId: 'small',
        target: 'other/small',
        attempts: 2,
        costNanoUsd: nano(400),
        durationMs: 1_500,
      }),
    ],
  })
}

describe('usage', () => {
  test('adds up by what is asked for, in columns, JSON and CSV', async () => {
    await postOne()
    const words = ['usage', '--from', '2h']
    expect((await run([...words, '--by', 'target'])).output).toMatch(/other\/small +1 +0\.0000003 +0 /)
    expect(await json([...words, '--by', 'key'])).toMatchObject({
      rows: [{ group: { key: 'key_1' }, attempts: 2, cost_nano_usd: 400, waste_nano_usd: 100 }],
    })
    expect((await run([...words, '--by', 'target', '--csv'])).output.split('\r\n')[0]).toMatch(
      /^target,target_name,attempts,cost_usd/,
    )
    expect((await run([...words, '--by', 'user', '--csv'])).output.split('\r\n')[1]).toMatch(/^,,2,/)
    expect((await json([...words, '--target', 'other/small'])).rows).toMatchObject([{ cost_nano_usd: 300 }])
  })

  test('takes the name of a key of the file, which has no id', async () => {
    const attribution = { tags: [], keyName: 'of-file' }
    await store.postBooks({
      nodeId: 'n',
      entries: [entry('req_1', { atMs: NOW_MS, attribution, costNanoUsd: nano(7) })],
      requests: [row('req_1', { atMs: NOW_MS, attribution })],
    })
    expect((await json(['usage', '--from', '2h', '--key', 'of-file'])).rows).toMatchObject([
      { cost_nano_usd: 7 },
    ])
    expect((await run(['logs', '--key', 'of-file'])).output).toContain('req_1')
  })

  test.each([
    ['--end-user', 'müller'],
    ['--end-user', 'm%C3%BCller'],
    ['--tag', `bücher:${'x'.repeat(70)}`],
    ['--session', 'à la carte'],
  ])('and logs find by %s %s what requests keep as that', async (option, name) => {
    const attribution = {
      tags: [`b%C3%BCcher:${'x'.repeat(52)}`],
      endUser: 'm%C3%BCller',
      sessionId: '%C3%A0 la carte',
    }
    await store.postBooks({
      nodeId: 'n',
      entries: [
        entry('req_1', { atMs: NOW_MS, attribution, costNanoUsd: nano(7) }),
        entry('req_2', { atMs: NOW_MS, costNanoUsd: nano(8) }),
      ],
      requests: [row('req_1', { atMs: NOW_MS, attribution }), row('req_2', { atMs: NOW_MS })],
    })
    expect((await json(['usage', '--from', '2h', option, name])).rows).toMatchObject([{ cost_nano_usd: 7 }])
    const { output } = await run(['logs', option, name])
    expect([output.includes('req_1'), output.includes('req_2')]).toEqual([true, false])
  })

  test('by the name of a key is that of its whole line of rotations, by an id of that one alone', async () => {
    // A key of the same name that was none of the line.
    await run(['key', 'create', 'laptop'])
    await run(['key', 'revoke', 'laptop'])
    await run(['key', 'create', 'laptop'])
    await run(['key', 'rotate', 'laptop'])
    const ids = (await store.loadDirectory()).keys.map(({ id }) => id)
    const [other = '', before = '', after = ''] = ids
    const at = (keyId: string) => ({ atMs: NOW_MS, attribution: { tags: [], keyId, keyName: 'laptop' } })
    await store.postBooks({
      nodeId: 'n',
      entries: ids.map((id, place) => entry(`req_${place}`, { ...at(id), costNanoUsd: nano(10 ** place) })),
      requests: ids.map((id, place) => row(`req_${place}`, at(id))),
    })
    const spent = async (key: string) =>
      (await json(['usage', '--from', '2h', '--key', key])).rows[0].cost_nano_usd
    expect([await spent('laptop'), await spent(before), await spent(other)]).toEqual([110, 10, 1])
    const logged = async (key: string) => (await run(['logs', '--key', key])).output.match(/req_\d/g)
    expect([await logged('laptop'), await logged(after)]).toEqual([['req_1', 'req_2'], ['req_2']])
    for (const command of ['usage', 'logs']) {
      const { complaints } = await run([command, '--key', 'laptop'])
      expect(complaints).toContain(`this is of all its keys; by id it is of one: ${before}, ${after}`)
      expect(complaints).toContain(
        `other keys were called "laptop" and are left out; ask by id for them: ${other}`,
      )
      expect((await run([command, '--key', before])).complaints).not.toContain('note')
      expect((await run([command, '--key', 'laptop', '--quiet'])).complaints).not.toContain('note')
    }
  })

  test.each([
    [['--by', 'colour'], 'tells no spending apart'],
    [['--by', 'key,model,day,tag'], 'at most 3'],
    [['--from', '2026-12-01', '--until', '2026-11-01'], 'is not before'],
    [['--key', 'gone'], 'there is no key "gone"'],
    [['--key', 'sk-hf-secret-secret'], 'never the key itself'],
  ])('refuses %j', async (words, complaint) => {
    const { exitCode, complaints } = await run(['usage', ...words])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
    expect(complaints).not.toContain('secret')
  })
})

describe('logs', () => {
  test('shows requests, the newest last, and those that filters leave', async () => {
    await postOne()
    await store.postBooks({
      nodeId: 'n',
      entries: [],
      requests: [row('req_2', { atMs: NOW_MS, status: 429, state: 'refused', code: 'budget_spent' })],
    })
    const { output } = await run(['logs'])
    expect(output.split('\n')).toEqual([
      '2025-12-31 23:59:58 200 small -> other/small laptop, ?+? tokens, 2 attempts, 1500 ms, 0.0000004 dollars req_1',
      '2026-01-01 00:00:00 429 - ?+? tokens, 13 ms, unknown dollars, budget_spent req_2',
    ])
    expect((await run(['logs', '--code', 'budget_spent'])).output).not.toContain('req_1')
    expect(JSON.parse((await run(['logs', '--limit', '1', '--json'])).output).exchangeId).toBe('req_2')
  })

  test('finds those of a team, and those that asked a provider, though another answered', async () => {
    await postOne()
    await run(['team', 'create', 'red'])
    const [team] = (await store.loadDirectory()).teams
    const attribution = { tags: [], ...(team && { teamId: team.id }) }
    await store.postBooks({
      nodeId: 'n',
      entries: [],
      requests: [row('req_2', { atMs: NOW_MS, attribution })],
    })
    const found = async (...words: readonly string[]) =>
      (await run(['logs', ...words])).output.match(/req_\d/g)
    expect(await found('--team', 'red')).toEqual(['req_2'])
    expect(await found('--provider', 'acme')).toEqual(['req_1'])
    expect(await found('--provider', 'other')).toEqual(['req_1'])
    expect(await found('--provider', 'nobody')).toBeNull()
    expect((await run(['logs', '--team', 'blue'])).complaints).toContain('blue')
    expect((await json(['usage', '--from', '2h', '--provider', 'other'])).rows).toMatchObject([
      { attempts: 1 },
    ])
  })

  test('takes the states that a request may end in, and refuses others with their list', async () => {
    await postOne()
    const lost = row('req_2', { atMs: NOW_MS, state: 'orphaned' })
    await store.postBooks({ nodeId: 'n', entries: [], requests: [lost] })
    expect((await run(['logs', '--state', 'orphaned', '--json'])).output).toContain('req_2')
    expect((await run(['logs', '--state', 'completed'])).output).not.toContain('req_2')
    // An attempt may end so, but no request does.
    const { exitCode, complaints } = await run(['logs', '--state', 'cancelled'])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(
      'completed, rescued, truncated, failed, client_gone, shed, rejected, orphaned',
    )
    expect((await run(['logs', '--help'])).output).toMatch(/--state <state>[^-]+"client_gone"/)
  })

  test('--follow has no end, so that --until is refused beside it', async () => {
    const { exitCode, complaints } = await run(['logs', '--follow', '--until', '1h'])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain('leave out --until')
  })

  test('--follow goes on with each request once, while the store comes and goes, until it is interrupted', async () => {
    await store.postBooks({ nodeId: 'n', entries: [], requests: [row('req_0', { atMs: NOW_MS - 9_000 })] })
    await postOne()
    const manual = new ManualClock()
    let isAway = false
    const flaky: Store = {
      ...store,
      requests: async (query) => {
        if (isAway) throw new StoreUnavailable('away')
        return store.requests(query)
      },
    }
    const terminal = new Terminal({ directory, clock: manual, openBooks: over(flaky) })
    const ended = runCommandLine(['logs', '--follow', '--limit', '1', ...config()], terminal)
    await expect.poll(() => manual.pendingTimers).toBe(1)
    const step = async () => {
      manual.advance(1_000)
      await expect.poll(() => manual.pendingTimers).toBe(1)
    }
    isAway = true
    await step()
    isAway = false
    await store.postBooks({ nodeId: 'n', entries: [], requests: [row('req_2', { atMs: NOW_MS })] })
    await step()
    await step()
    expect(terminal.lines.map((line) => line.slice(-5))).toEqual(['req_1', 'req_2'])
    terminal.emit('SIGINT')
    expect(await ended).toBe(exitCodes.ok)
    expect(terminal.listenerCount('SIGINT')).toBe(0)
  })

  test('show tells the attempts in order, when they began, what they cost and what was for nothing', async () => {
    await postOne()
    const { output } = await run(['logs', 'show', 'req_1'])
    expect(output).toContain('+988 ms   1. acme/small failed 500, upstream_error')
    expect(output).toContain('it broke?[2J')
    expect(output).toContain('+1488 ms  2. other/small completed')
    expect(output).toContain('0.0000004 dollars, 0.0000001 of them for nothing')
    expect(await json(['logs', 'show', 'req_1'])).toMatchObject({
      request: { exchangeId: 'req_1' },
      cost_nano_usd: 400,
      waste_nano_usd: 100,
    })
    expect((await run(['logs', 'show', 'req_9'])).exitCode).toBe(exitCodes.configuration)
  })
})

describe('audit', () => {
  test('verify is 0 for a whole log and 1 for one that was changed', async () => {
    await run(['key', 'create', 'a'])
    await run(['key', 'revoke', 'a'])
    expect((await run(['audit', 'verify'])).output).toContain('is whole: 2 lines')
    expect((await run(['audit', 'list'])).output).toMatch(
      /1 .* cli create-key key_.*\n2 .* cli revoke-key key_/,
    )
    const beyond = await run(['audit', 'list', '--limit', '501'])
    expect([beyond.exitCode, beyond.output]).toEqual([exitCodes.configuration, ''])
    expect(beyond.complaints).toContain('500')
    const whole = store
    store = {
      ...whole,
      auditLines: async (query) => {
        const page = await whole.auditLines(query)
        return {
          ...page,
          rows: page.rows.map((line) => (line.sequence === 1 ? { ...line, actor: 'nobody' } : line)),
        }
      },
    }
    const broken = await run(['audit', 'verify'])
    expect(broken.exitCode).toBe(exitCodes.failed)
    expect(broken.complaints).toContain('broken at line 1')
  })
})

describe('stores', () => {
  test('backup copies a file, never over another, and says what to do where there is none', async () => {
    expect((await run(['backup', 'x.db'])).complaints).toContain('pg_dump')
    store = { ...store, backup: async (file) => writeFileSync(file, 'copy') }
    expect((await run(['backup', 'x.db'])).exitCode).toBe(exitCodes.ok)
    expect(readFileSync(path.join(directory, 'x.db'), 'utf8')).toBe('copy')
    expect((await run(['backup', 'x.db'])).complaints).toContain('is there already')
  })

  // Sound: a store in memory takes what another one gives.
  const copied = (kept: Store) => kept as Store & Copyable
  const migrating =
    (target: Store, targetPepper = pepper): OpenBooks =>
    async ({ config: of, choice, isCopyTarget }) => ({
      store: choice?.kind === 'postgres' && isCopyTarget ? target : store,
      transfer: copied(choice?.kind === 'postgres' && isCopyTarget ? target : store),
      sealer,
      peppers: [choice?.kind === 'postgres' ? targetPepper : pepper],
      config: of,
      findBodies: bodiesIn(target),
      close: async () => {},
    })
  const migrateTo = (target: Store, targetPepper?: Uint8Array) => {
    writeFileSync(path.join(directory, 'holdfast.db'), '')
    return runIn(['migrate', 'sqlite', 'postgres', ...config()], {
      directory,
      env: { DATABASE_URL: 'postgres://u:secret-of-mine@h/d' },
      openBooks: migrating(target, targetPepper),
    })
  }

  test('migrate copies everything, carries the master secret along, and says the totals', async () => {
    await run(['key', 'create', 'laptop', '--budget', '5/day'])
    await postOne()
    writeFileSync(path.join(directory, 'holdfast.db.key'), 'the master secret', { mode: 0o600 })
    const target = createMemoryStore()
    const { exitCode, output, complaints } = await migrateTo(target)
    expect(exitCode).toBe(exitCodes.ok)
    expect(output).toContain('keys: 1')
    expect(output + complaints).not.toContain('secret-of-mine')
    expect(await target.loadDirectory()).toEqual(await store.loadDirectory())
    expect((await target.request('req_1'))?.attempts).toHaveLength(2)
    const carried = path.join(directory, 'holdfast-data', 'holdfast.key')
    expect(readFileSync(carried, 'utf8')).toBe('the master secret')
    expect(statSync(carried).mode & 0o777).toBe(0o600)
  })

  test('migrate refuses stores of different secrets, books that nobody posted, and what is no database', async () => {
    const target = createMemoryStore()
    expect((await migrateTo(target, new Uint8Array(32))).complaints).toContain('different master secrets')
    mkdirSync(path.join(directory, 'holdfast.db.books', 'node_1'), { recursive: true })
    expect((await migrateTo(target)).complaints).toContain('books of a gateway that runs, or that died')
    expect((await run(['migrate', 'sqlite', 'postgres'])).complaints).toContain('DATABASE_URL')
    expect((await run(['migrate', 'sqlite', 'sqlite'])).complaints).toContain('of one kind')
    expect((await target.loadDirectory()).keys).toEqual([])
  })

  test('migrate refuses a file that is not there, and makes none', async () => {
    const words = ['migrate', 'sqlite', 'postgres', '--sqlite', 'misspelt.db', ...config()]
    const env = { DATABASE_URL: 'postgres://u@h/d' }
    const { exitCode, complaints } = await runIn(words, {
      directory,
      env,
      openBooks: migrating(createMemoryStore()),
    })
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(`there is no ${path.join(directory, 'misspelt.db')}`)
    expect(existsSync(path.join(directory, 'misspelt.db'))).toBe(false)
  })
})

test('a store that does not answer is 1, with a sentence, and in JSON too', async () => {
  store = { ...store, loadDirectory: async () => Promise.reject(new StoreUnavailable('nobody listens')) }
  const { exitCode, complaints } = await run(['key', 'list'])
  expect(exitCode).toBe(exitCodes.failed)
  expect(complaints).toBe('the store does not answer: nobody listens')
  expect(await json(['key', 'list'])).toEqual({ ok: false, message: complaints })
})

test('a store in memory is refused: what is made there would be gone', async () => {
  writeFileSync(path.join(directory, 'holdfast.yaml'), 'store: { kind: memory }\n')
  const { exitCode, complaints } = await runIn(['key', 'list', ...config()], { directory })
  expect(exitCode).toBe(exitCodes.configuration)
  expect(complaints).toContain('keeps nothing beyond one process')
  expect(existsSync(path.join(directory, 'holdfast.db'))).toBe(false)
})
