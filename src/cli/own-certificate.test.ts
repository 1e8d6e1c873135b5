/** What commands make of the gateway's own certificate, of which only those that serve or examine need the key. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadForDrill } from '../drill/load-for-drill.ts'
import { createSealer } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import { GOOD, KEY } from '../upstream/certificates.test-support.ts'
import type { OpenBooks } from './books.ts'
import { exitCodes } from './exit-codes.ts'
import { runIn } from './terminal.test-support.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-certificate-'))
  put('holdfast.yaml', TEXT)
})
afterEach(() => rmSync(directory, { recursive: true }))

const TEXT = `listen: 127.0.0.1:5151
discover: false
providers: { ollama: { models: [llama3] } }
tls: { cert: chain.pem, key: key.pem }
`
const put = (name: string, text: string) => writeFileSync(path.join(directory, name), text)
const openBooks: OpenBooks = async ({ config }) => ({
  store: createMemoryStore(),
  peppers: [new Uint8Array(32).fill(7)],
  sealer: createSealer([new Secret('the master secret of these tests')]),
  config,
  findBodies: async () => ({ type: 'none' }),
  close: async () => {},
})
const run = (...words: readonly string[]) =>
  runIn([...words, '--config', path.join(directory, 'holdfast.yaml')], { directory, openBooks })

/** Each makes the folder one of a certificate that no gateway could serve. */
const spoiled: readonly (readonly [string, () => void])[] = [
  ['whose key may not be read', () => put('chain.pem', GOOD)],
  ['that is not there', () => put('key.pem', KEY)],
  [
    'that is none',
    () => {
      put('chain.pem', 'MIIB')
      put('key.pem', KEY)
    },
  ],
  ['that is not named', () => put('holdfast.yaml', TEXT.replace('cert: chain.pem, ', ''))],
]

describe.each(spoiled)('fault 143: with a certificate %s', (_name, spoil) => {
  test.each([
    ['key list', ['key', 'list']],
    ['key create', ['key', 'create', 'laptop']],
    ['env', ['env', 'openai']],
  ])('%s goes on, and knows the gateway for one over TLS', async (_command, words) => {
    spoil()
    const { exitCode, output, complaints } = await run(...words)
    expect([exitCode, complaints]).toEqual([exitCodes.ok, expect.not.stringContaining('tls')])
    expect(output + complaints).not.toContain('http://')
  })

  test.each(['check', 'doctor', 'start'])('%s refuses it', async (command) => {
    spoil()
    const { exitCode, complaints } = await run(command)
    expect([exitCode, complaints]).toEqual([exitCodes.configuration, expect.stringMatching(/4:\d+: tls\b/)])
  })

  test('a drill is not kept from its work', () => {
    spoil()
    const loaded = loadForDrill({ path: path.join(directory, 'holdfast.yaml'), env: {} })
    expect(loaded).toMatchObject({ ok: true, placeholders: [] })
  })
})

test('a fault of the rest is still one, beside those of the certificate', async () => {
  put('holdfast.yaml', `${TEXT}routes: { smart: { targets: [nobody/m] } }\n`)
  const { exitCode, complaints } = await run('key', 'list')
  expect(exitCode).toBe(exitCodes.configuration)
  expect(complaints).toContain('nobody')
  expect(complaints).not.toContain('tls')
})

test('the address is of the certificate where that alone can be read', async () => {
  put('chain.pem', GOOD)
  expect((await run('env', 'openai')).output).toContain('https://localhost:5151')
})
