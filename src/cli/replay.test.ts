import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findBodies } from '../archive/find-bodies.ts'
import type { Clock } from '../std/clock.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createSealer } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { nano, row } from '../stores/contract/samples.test-support.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import type { Store } from '../stores/store.ts'
import type { OpenBooks } from './books.ts'
import { exitCodes } from './exit-codes.ts'
import { runIn } from './terminal.test-support.ts'

let directory = ''
let store: Store
let clock: Clock

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-replay-'))
  store = createMemoryStore()
  clock = new ManualClock()
  writeFileSync(path.join(directory, 'holdfast.yaml'), 'discover: false\nproviders: { ollama: {} }\n')
  await store.postBooks({ nodeId: 'n', entries: [], requests: [row('req_1', { costNanoUsd: nano(400) })] })
})
afterEach(() => rmSync(directory, { recursive: true }))

const sealer = createSealer([new Secret('the master secret of these tests')])
const openBooks: OpenBooks = async ({ config }) => ({
  store,
  peppers: [new Uint8Array(32).fill(7)],
  sealer,
  config,
  findBodies: (id) => findBodies(id, { store, sealer, clock }),
  close: async () => {},
})
const run = (words: readonly string[], options: { readonly env?: Readonly<Record<string, string>> } = {}) =>
  runIn([...words, '--config', path.join(directory, 'holdfast.yaml')], {
    directory,
    clock,
    openBooks,
    ...options,
  })

test('says that bodies are not kept, and how to give one', async () => {
  const { exitCode, complaints } = await run(['replay', 'req_1'])
  expect(exitCode).toBe(exitCodes.configuration)
  expect(complaints).toMatch(/keepBodies: true.*Give the body in a file: --body request.json/)
})

test('asks the gateway again, of another model, and lays both beside each other', async () => {
  const asked: { url?: string | undefined; auth?: string | undefined; body: string }[] = []
  const server = createServer((request, response) => void answer(request, response))
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    asked.push({ url: request.url, auth: request.headers.authorization, body })
    await store.postBooks({
      nodeId: 'n',
      entries: [],
      requests: [row('req_2', { modelId: 'other', target: 'x/other', costNanoUsd: nano(50) })],
    })
    response
      .writeHead(200, { 'x-request-id': 'req_2', 'content-type': 'application/json' })
      .end('{"answer":1}')
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  writeFileSync(
    path.join(directory, 'request.json'),
    JSON.stringify({ model: 'small', messages: [], stream: true, stream_options: {} }),
  )
  const words = [
    'replay',
    'req_1',
    '--body',
    'request.json',
    '--model',
    'other',
    '--url',
    `http://127.0.0.1:${port}`,
  ]
  const { exitCode, output, complaints } = await run(words, { env: { HOLDFAST_KEY: 'the-key' } })
  expect(asked).toEqual([
    { url: '/v1/chat/completions', auth: 'Bearer the-key', body: '{"model":"other","messages":[]}' },
  ])
  expect(exitCode).toBe(exitCodes.ok)
  expect(output).toBe('{"answer":1}')
  expect(complaints).toMatch(/request +req_1 +req_2/)
  expect(complaints).toMatch(/dollars +0\.0000004 +0\.00000005/)
  server.close()
  expect((await run(words)).exitCode).toBe(exitCodes.unreachable)
})

const refusing = async (status: number, message: string) => {
  const server = createServer((request, response) => {
    request.resume()
    response
      .writeHead(status, { 'x-request-id': 'req_2', 'content-type': 'application/json' })
      .end(JSON.stringify({ error: { message } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, url: `http://127.0.0.1:${port}` }
}

test.each([
  ['an unknown key', { HOLDFAST_KEY: 'of-another-gateway' }, 'The key in HOLDFAST_KEY is wrong'],
  ['no key', {}, 'HOLDFAST_KEY is not set'],
])('says what the gateway answers to %s, and waits for no row', async (_, env, complaint) => {
  writeFileSync(path.join(directory, 'request.json'), '{"model":"small","messages":[]}')
  const { url, server } = await refusing(401, 'The client key is none of this gateway.')
  const words = ['replay', 'req_1', '--body', 'request.json', '--url', url]
  // The clock stands: a wait for the row would not end.
  const { exitCode, complaints } = await run(words, { env })
  expect(exitCode).toBe(exitCodes.failed)
  expect(complaints).toContain(
    `${url}/v1/chat/completions answered 401: The client key is none of this gateway. ${complaint}`,
  )
  expect(complaints).not.toContain('of-another-gateway')
  expect(JSON.parse((await run([...words, '--json'], { env })).output)).toEqual({
    ok: false,
    status: 401,
    message: expect.stringContaining(complaint),
  })
  server.close()
})

test('does not take a refusal that is in no books for that of another store', async () => {
  writeFileSync(path.join(directory, 'request.json'), '{"model":"small","messages":[]}')
  const { url, server } = await refusing(404, 'No such model.')
  const whole = store
  const manual = new ManualClock()
  clock = manual
  store = {
    ...whole,
    request: async (id) => {
      if (id === 'req_2') manual.advance(3_000)
      return await whole.request(id)
    },
  }
  const { exitCode, complaints } = await run(['replay', 'req_1', '--body', 'request.json', '--url', url])
  expect(exitCode).toBe(exitCodes.failed)
  expect(complaints).toMatch(/status +200 +404/)
  expect(complaints).toContain('it was refused before it began, or this is not the store of that gateway')
  server.close()
})
