/** What commands make of the gateway's own certificate, of which only those that serve or examine need the key. */

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { loadForDrill } from '../drill/load-for-drill.ts'
import { createSealer } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { row } from '../stores/contract/samples.test-support.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import type { Store } from '../stores/store.ts'
import {
  ANY_HOST,
  EXPIRED,
  GOOD,
  KEY,
  OTHER_HOST,
  SEVERAL_HOSTS,
} from '../upstream/certificates.test-support.ts'
import type { OpenBooks } from './books.ts'
import { exitCodes } from './exit-codes.ts'
import { runIn } from './terminal.test-support.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-certificate-'))
  put('holdfast.yaml', TEXT)
  store = createMemoryStore()
})
afterEach(() => rmSync(directory, { recursive: true }))

const TEXT = `listen: 127.0.0.1:5151
discover: false
providers: { ollama: { models: [llama3] } }
tls: { cert: chain.pem, key: key.pem }
`
const put = (name: string, text: string) => writeFileSync(path.join(directory, name), text)
let store: Store = createMemoryStore()
const openBooks: OpenBooks = async ({ config }) => ({
  store,
  peppers: [new Uint8Array(32).fill(7)],
  sealer: createSealer([new Secret('the master secret of these tests')]),
  config,
  findBodies: async () => ({ type: 'none' }),
  close: async () => {},
})
const run = (...words: readonly string[]) =>
  runIn([...words, '--config', path.join(directory, 'holdfast.yaml')], {
    directory,
    openBooks,
    env: { HOLDFAST_KEY: 'the-key' },
  })

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

describe('the address that is printed', () => {
  const said = async (chain: string, ...words: readonly string[]) => {
    put('chain.pem', chain)
    const { output, complaints } = await run(...words)
    return { output, complaints }
  }

  test('is of the first name, and the others are said', async () => {
    const printed = await said(SEVERAL_HOSTS, 'env', 'openai')
    expect(printed.output).toContain('https://one.test:5151')
    expect(printed.complaints).toContain('is for one.test, two.test, *.two.test, and clients refuse')
    const made = await said(SEVERAL_HOSTS, 'key', 'create', 'laptop')
    expect(made.complaints).toContain('is for one.test, two.test')
    const { notes } = JSON.parse((await said(SEVERAL_HOSTS, 'env', 'openai', '--json')).output)
    expect(notes).toContainEqual(expect.stringContaining('is for one.test, two.test'))
  })

  test('is said to be none that clients take where the certificate is for others only', async () => {
    const printed = await said(ANY_HOST, 'env', 'openai')
    expect(printed.complaints).toContain('is for *.three.test, and clients refuse')
    expect((await said('MIIB', 'env', 'openai')).complaints).toContain('could not be read here')
  })

  test('stands without remarks where there is one name, or where it was given', async () => {
    expect((await said(GOOD, 'env', 'openai')).complaints).not.toContain('certificate')
    const given = await said(SEVERAL_HOSTS, 'env', 'openai', '--url', 'https://two.test')
    expect(given.complaints).not.toContain('certificate')
  })
})

describe('SEC-8: a replay asks the gateway where it listens', () => {
  /** What a server that shows one certificate is asked, with another, or the same, in the file. */
  const replayed = async ({ shows, file = shows }: { readonly shows: string; readonly file?: string }) => {
    const asked: (string | undefined)[] = []
    const server = createServer({ cert: shows, key: KEY }, (request, response) => {
      asked.push(request.headers.authorization)
      request.resume()
      response.writeHead(401, { 'content-type': 'application/json' }).end('{}')
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    // Sound: it listens on a port.
    const { port } = server.address() as AddressInfo
    put('holdfast.yaml', TEXT.replace('127.0.0.1:5151', `127.0.0.1:${port}`))
    put('chain.pem', file)
    put('request.json', '{"model":"m","messages":[]}')
    await store.postBooks({ nodeId: 'n', entries: [], requests: [row('req_1', {})] })
    const { complaints } = await run('replay', 'req_1', '--body', 'request.json')
    return { asked, complaints }
  }

  test.each([
    ['one that leads elsewhere, or nowhere', OTHER_HOST],
    ['several', SEVERAL_HOSTS],
    ['those below one', ANY_HOST],
    ['its own', GOOD],
  ])('whatever names its certificate has: %s', async (_name, shows) => {
    expect((await replayed({ shows })).asked).toEqual(['Bearer the-key'])
  })

  test.each([
    ['another name', { shows: GOOD, file: `${OTHER_HOST}\n${GOOD}` }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['nothing any more', { shows: EXPIRED }, 'CERT_HAS_EXPIRED'],
    ['nothing that is known', { shows: GOOD, file: 'MIIB' }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('and sends no key to one that proves %s', async (_name, certificates, reason) => {
    const { asked, complaints } = await replayed(certificates)
    expect(asked).toEqual([])
    expect(complaints).toContain(reason)
  })
})
