import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKey } from '../keys/key-changes.ts'
import type { Peppers } from '../keys/key-hashes.ts'
import { systemIds } from '../std/ids.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createSealer, type MasterSecrets } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import { exitCodes } from './exit-codes.ts'
import { runIn } from './terminal.test-support.ts'

const OLD = new Secret('the old master secret of these tests')
const NEW = new Secret('the new master secret of these tests')
const clock = new ManualClock()
const nowMs = clock.wallMs()
let directory = ''
let store = createMemoryStore()

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-secret-'))
  store = createMemoryStore()
  writeFileSync(path.join(directory, 'holdfast.yaml'), 'discover: false\n')
})
afterEach(() => rmSync(directory, { recursive: true }))

const peppersOf = (...secrets: MasterSecrets): Peppers => createSealer(secrets).deriveKeys('pepper')

async function addKey(name: string, secrets: MasterSecrets, expiresAtMs?: number): Promise<string> {
  const asked = { name, ...(expiresAtMs !== undefined && { expiresAtMs }) }
  const context = { nowMs, actor: 'cli', ids: systemIds, peppers: peppersOf(...secrets) }
  const { changes, notes, secret } = createKey(await store.loadDirectory(), asked, context)
  await store.changeDirectory(changes, notes)
  return secret.reveal()
}

function addBodies(exchangeId: string, secret: Secret, expiresAtMs: number): Promise<void> {
  const sealed = createSealer([secret]).seal(Buffer.from('what was asked'), exchangeId)
  return store.putBodies([{ exchangeId, createdAtMs: nowMs, expiresAtMs, sealed }])
}

/** `secret status` with these secrets given. */
async function say(secrets: MasterSecrets, ...words: readonly string[]) {
  const said = await runIn(
    ['secret', 'status', ...words, '--config', path.join(directory, 'holdfast.yaml')],
    {
      directory,
      clock,
      openBooks: async ({ config }) => ({
        store,
        peppers: peppersOf(...secrets),
        sealer: createSealer(secrets),
        config,
        findBodies: async () => ({ type: 'none' }),
        close: async () => {},
      }),
    },
  )
  expect([said.exitCode, said.complaints]).toEqual([exitCodes.ok, ''])
  for (const secret of [OLD, NEW]) expect(said.output).not.toContain(secret.reveal())
  return said.output
}

test('one secret that was never changed is told in a few words', async () => {
  await addKey('laptop', [OLD])
  await addBodies('req_1', OLD, nowMs + 1)
  expect(await say([OLD])).toBe('1 master secret given\n1 key in force\nno older secret is given')
  expect(await say([OLD], '--quiet')).toBe('no older secret is given')
})

test('during a rotation it names the keys that need the older secret, and what is sealed under it', async () => {
  const key = await addKey('laptop', [OLD])
  await addKey('both', [NEW, OLD])
  await addBodies('req_1', OLD, nowMs + 3_600_000)
  const { keys } = await store.loadDirectory()
  const until = new Date(nowMs + 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
  expect((await say([NEW, OLD])).split('\n')).toEqual([
    '2 master secrets given: the first is used, the others are older',
    '2 keys in force, 1 under an older secret alone:',
    expect.stringMatching(/^ {2}NAME +KEY +UNTIL +ID$/),
    expect.stringMatching(new RegExp(`^ {2}laptop +sk-hf-…${key.slice(-4)} +- +${keys[0]?.id}$`)),
    `bodies of requests under an older secret: 1, until ${until} UTC`,
    'the older secrets are needed for 1 key: one that is used moves by itself, the others with holdfast key rotate or revoke',
  ])
  expect(JSON.parse(await say([NEW, OLD], '--json'))).toMatchObject({
    ok: true,
    secrets: 2,
    older_secrets: 'needed-by-keys',
    older_secrets_needed_until: null,
    keys_under_older: { count: 1, keys: [{ name: 'laptop' }] },
    sealed: [
      { kind: 'answers' },
      { kind: 'cache' },
      { kind: 'bodies', under_older: 1, under_older_until: new Date(nowMs + 3_600_000).toISOString() },
    ],
  })
})

test('it says from when on the older secret may go, and that it may', async () => {
  await addBodies('req_1', OLD, nowMs + 1_000)
  expect(await say([NEW, OLD], '--quiet')).toMatch(/^the older secrets may be taken out after 2\d{3}-/)
  await addKey('ending', [OLD], nowMs + 86_400_000)
  expect(JSON.parse(await say([NEW, OLD], '--json'))).toMatchObject({
    older_secrets: 'needed-until',
    older_secrets_needed_until: new Date(nowMs + 86_400_000).toISOString(),
  })
  store = createMemoryStore()
  await addKey('moved', [NEW, OLD])
  expect(await say([NEW, OLD], '--quiet')).toMatch(/^nothing needs an older secret any more: take it out/)
})

test('without a secret that is needed it names the keys that are not known, and counts what stays closed', async () => {
  await addKey('laptop', [OLD])
  await addBodies('req_1', OLD, nowMs + 1_000)
  const output = await say([NEW])
  expect(output).toContain('not known, their secret is not given: 1 key:')
  expect(output).toContain('laptop')
  expect(output).toContain('bodies of requests that no secret given opens: 1')
})
