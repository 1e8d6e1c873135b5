/** Bodies that are kept, end to end: a gateway with a file of SQLite, the commands, and the admin API beside it. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isJsonObject, parseJson } from '../../src/std/json.ts'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'
import { GUIDE_TIMEOUT_MS, openGuideShell } from '../support/guide-shell.ts'

const FILE_KEY = 'Kq7vb-n29xmw81pz-of-the-file'
const config = {
  discover: false,
  keys: [{ name: 'of-file', key: FILE_KEY }],
  requests: { keepBodies: true, bodyBytes: '16KiB' },
}
const shell = openGuideShell()
let gateway: GatewayProcess
let adminKeys: Readonly<Record<string, string>> = {}

beforeAll(async () => {
  gateway = await startProcess({ config })
  const roles = ['owner', 'admin', 'member', 'viewer']
  const made = await run(
    roles.map((role) => `holdfast key create ${role}s --admin --role ${role} --quiet`).join('\n'),
  )
  const lines = made.stdout.trim().split('\n')
  adminKeys = Object.fromEntries(roles.map((role, place) => [role, lines[place] ?? '']))
}, GUIDE_TIMEOUT_MS)

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  shell[Symbol.dispose]()
})

const run = (script: string) => shell.run(script, gateway.folder)
const replay = (words: string) =>
  run(`HOLDFAST_KEY=${FILE_KEY} holdfast replay ${words} --url ${gateway.url}`)

interface Asking {
  readonly path?: string
  readonly key?: string
  readonly body: object | FormData
}

/** The id of the request, once its answer is taken. */
async function ask({ path = '/v1/chat/completions', key = FILE_KEY, body }: Asking) {
  const isForm = body instanceof FormData
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...(!isForm && { 'content-type': 'application/json' }) },
    body: isForm ? body : JSON.stringify(body),
  })
  const text = await answer.text()
  return { id: answer.headers.get('x-request-id') ?? '', status: answer.status, text }
}

const chat = (content: string, more: object = {}) => ({
  model: 'simulator/mock',
  messages: [{ role: 'user', content }],
  ...more,
})

/** Waits until the bodies, which are written after the answer, are there. */
async function bodiesOf(id: string, role = 'admin') {
  const look = () =>
    fetch(`${gateway.adminUrl}/api/v1/requests/${id}/bodies`, {
      headers: { authorization: `Bearer ${adminKeys[role] ?? ''}` },
    })
  await expect.poll(async () => (await look()).status).not.toBe(404)
  const answer = await look()
  return { status: answer.status, told: parseJson(await answer.text()) }
}

function storeBytes(): string {
  const all = readdirSync(gateway.folder, { recursive: true, withFileTypes: true })
  const files = all.filter((one) => one.isFile() && one.name !== 'holdfast.yaml')
  return files.map((one) => readFileSync(join(one.parentPath, one.name)).toString('latin1')).join('')
}

describe(
  'bodies that are kept',
  () => {
    test('SEC-25, SEC-26: are shown and asked again, of another model too, and are nowhere to be read at rest', async () => {
      const { id, text } = await ask({ body: chat('a zebra under the sycamore', { stream: true }) })
      await bodiesOf(id)
      const shown = await run(`holdfast logs show ${id} --bodies`)
      expect(shown.output).toContain('asked at /v1/chat/completions')
      expect(shown.output).toContain('a zebra under the sycamore')
      expect(shown.output).toContain(text.trim())
      const again = await replay(id)
      expect(again.code, again.output).toBe(0)
      expect(again.output).toMatch(/finish +stop +stop/)
      expect(again.output).toMatch(/state +completed +completed/)
      expect(again.output).toMatch(/tokens +(\d+\+\d+) +\1/)
      const other = await replay(`${id} --model simulator/gpt-4o --json`)
      expect(other.code, other.output).toBe(0)
      expect(parseJson(other.stdout)).toMatchObject({
        original: { modelId: 'simulator/mock' },
        replayed: { modelId: 'simulator/gpt-4o', stream: false },
        finish: { before: 'stop', after: 'stop' },
      })
      expect(storeBytes()).toContain(id)
      expect(storeBytes()).not.toContain('sycamore')
      const audit = await run('holdfast audit list')
      expect(audit.output).toMatch(new RegExp(`cli read-bodies ${id}`))
      expect(audit.output).toMatch(new RegExp(`(?:user|token):\\S+ read-bodies ${id}`))
    })

    test.each([
      ['/v1/messages', { ...chat('to Anthropic'), max_tokens: 50 }],
      ['/v1/responses', { model: 'simulator/mock', input: 'to Responses' }],
      [
        '/v1beta/models/simulator%2Fmock:streamGenerateContent?alt=sse&key=',
        { contents: [{ role: 'user', parts: [{ text: 'to Gemini' }] }] },
      ],
      ['/v1/embeddings', { model: 'simulator/mock', input: 'to embed' }],
    ])('what was asked at %s is asked again of another model', async (path, body) => {
      const { id, status, text } = await ask({ path: path.replace(/key=$/, `key=${FILE_KEY}`), body })
      expect(status, text).toBe(200)
      const { told } = await bodiesOf(id)
      expect(JSON.stringify(told)).not.toContain(FILE_KEY)
      const again = await replay(`${id} --model simulator/gpt-4o --json`)
      expect(again.code, again.output).toBe(0)
      expect(parseJson(again.stdout)).toMatchObject({
        original: { modelId: 'simulator/mock' },
        replayed: { modelId: 'simulator/gpt-4o', status: 200 },
      })
    })

    test('SEC-25: hold no secret that is known', async () => {
      const { id } = await ask({ body: chat(`my key is ${FILE_KEY}, and sk-hf-${'a'.repeat(30)}`) })
      const { told } = await bodiesOf(id)
      expect(told).toMatchObject({ request: { is_redacted: true } })
      expect(JSON.stringify(told)).not.toMatch(/Kq7vb|aaaaaa/)
      const again = await replay(id)
      expect(again.output).toContain('secrets in it are replaced')
    })

    test('are not kept beyond their cap, nor of forms, and that is said', async () => {
      const { id } = await ask({ body: chat('x'.repeat(20_000)) })
      expect((await bodiesOf(id)).told).toMatchObject({ request: { text: null, left_out: 'too-large' } })
      const again = await replay(id)
      expect(again.code).not.toBe(0)
      expect(again.output).toContain('beyond what is kept (requests.bodyBytes). Give the body in a file')
      const form = new FormData()
      form.set('model', 'simulator/mock')
      form.set('file', new Blob(['sound']), 'a.wav')
      const spoken = await ask({ path: '/v1/audio/transcriptions', body: form })
      expect((await bodiesOf(spoken.id)).told).toMatchObject({ request: { text: null, left_out: 'form' } })
    })

    test('are kept for no key that does not want them, and an id without any says how they would be', async () => {
      const made = await run('holdfast key create quiet --no-keep-bodies --quiet')
      const { id, status } = await ask({ key: made.stdout.trim(), body: chat('unheard') })
      expect(status).toBe(200)
      const heard = await ask({ body: chat('heard') })
      await bodiesOf(heard.id)
      const again = await replay(id)
      expect(again.code).not.toBe(0)
      expect(again.output).toContain('requests: { keepBodies: true }')
      expect((await run(`holdfast logs show ${id} --bodies`)).output).toContain('--keep-bodies')
    })

    test.each([
      ['owner', 200],
      ['admin', 200],
      ['member', 403],
      ['viewer', 403],
    ])('SEC-13: whoever asks for them as %s gets %i', async (role, status) => {
      const { id } = await ask({ body: chat('whose is this') })
      await bodiesOf(id)
      const { status: got, told } = await bodiesOf(id, role)
      expect(got).toBe(status)
      expect(isJsonObject(told) && 'request' in told).toBe(status === 200)
      expect(JSON.stringify(told).includes('whose is this')).toBe(status === 200)
    })
  },
  GUIDE_TIMEOUT_MS,
)

test('SEC-25: without a word of the file or the key nothing is kept', async () => {
  await using other = await startProcess({ config: { discover: false } })
  const answer = await fetch(`${other.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(chat('unasked')),
  })
  await answer.text()
  const id = answer.headers.get('x-request-id') ?? ''
  const shown = () => shell.run(`holdfast logs show ${id}`, other.folder)
  await expect.poll(async () => (await shown()).code, { timeout: 20_000 }).toBe(0)
  expect((await shell.run(`holdfast logs show ${id} --bodies`, other.folder)).output).toContain('is not kept')
}, 60_000)
