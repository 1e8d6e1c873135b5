import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/std/json.ts'
import { httpAnswer, openWall } from '../../src/upstream/wall.ts'
import { startAdmin, textOf } from '../support/admin-stage.ts'
import { startTestGateway } from '../support/gateway.ts'

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A whole gateway with what its admin API answers to the one who used the link of the first start. */
async function startSignedIn(config: string) {
  const gateway = await startTestGateway({ config, env: { GROQ_API_KEY: 'g-key-0123456789' } })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const link = new URL(gateway.running.signInUrl ?? '')
  const signedIn = await fetch(`${link.origin}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ token: link.searchParams.get('token') ?? '' }),
  })
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const ask = async (path: string, init: Sent = {}) => {
    const headers = { cookie, ...init.headers }
    const answer = await fetch(`${link.origin}/api/v1/${path}`, { ...init, headers })
    return (await answer.json()) as JsonObject
  }
  const csrf = textOf((await ask('me'))['csrf_token'])
  const change = (method: string, path: string) =>
    ask(path, {
      method,
      headers: { 'x-csrf-token': csrf, 'content-type': 'application/json' },
      ...(method !== 'DELETE' && { body: '{}' }),
    })
  return { gateway, ask, change }
}

const rowsOf = ({ data }: JsonObject) => data as readonly JsonObject[]

async function openListing(...models: readonly string[]) {
  const body = JSON.stringify({ data: models.map((id) => ({ id, object: 'model' })) })
  const wall = await openWall(({ socket }) => socket.write(httpAnswer(200, body)))
  onTestFinished(() => wall[Symbol.asyncDispose]())
  return `${wall.origin}/v1`
}

describe('the targets', () => {
  test('are what the file names, what routes name and what providers list, each once', async () => {
    const baseUrl = await openListing('listed', 'routed')
    const { ask } = await startSignedIn(`
discover: false
providers:
  up: { dialect: openai-chat, baseUrl: http://127.0.0.1:1/v1, models: [m, n] }
  lists: { dialect: openai-chat, baseUrl: ${baseUrl} }
routes:
  smart: { targets: [up/m, up/routed, lists/routed, groq/some/model] }
  again: { targets: [smart, up/routed] }
`)
    const targets = async () => rowsOf(await ask('targets')).map(({ target }) => target)
    await expect.poll(targets).toContain('lists/listed')
    const expected = ['up/m', 'up/n', 'up/routed', 'lists/routed', 'lists/listed', 'groq/some/model']
    expect(await targets()).toEqual(expected)
  })

  test('have pages', async () => {
    const targets = Array.from({ length: 5 }, (_, at) => ({
      target: `up/${at}`,
      provider: 'up',
      dialect: 'openai-chat',
      isLocal: false,
    }))
    const config = { routes: () => [], targets: () => targets, placeOf: () => ({}) }
    const { ask, keys } = await startAdmin({ rooms: { config } })
    const key = keys.viewer.secret
    const pages: unknown[] = []
    let cursor = ''
    for (let turn = 0; turn < 3; turn += 1) {
      const { json } = await ask(`/api/v1/targets?limit=2${cursor}`, { key })
      pages.push([rowsOf(json).map(({ target }) => target), json['next']])
      cursor = `&cursor=${encodeURIComponent(textOf(json['next']))}`
    }
    expect(pages).toEqual([
      [['up/0', 'up/1'], 'up/1'],
      [['up/2', 'up/3'], 'up/3'],
      [['up/4'], null],
    ])
    expect((await ask('/api/v1/targets?cursor=up/9', { key })).status).toBe(400)
  })
})

describe('the place where something is managed', () => {
  test('is its file, and the line of its name where it stands there', async () => {
    const { gateway, ask, change } = await startSignedIn(`discover: false
providers:
  up:
    dialect: openai-chat
    baseUrl: http://127.0.0.1:1/v1
    models: [m]

routes:
  # Not this one.
  other: { targets: [up/m] }
  smart.er: { targets: [up/m, groq/x] }
`)
    const { path = '' } = gateway.running.config
    const messages = async (...calls: readonly (readonly [string, string])[]) => {
      const answers = await Promise.all(calls.map(([method, what]) => change(method, what)))
      return answers.map(({ error }) => (error as JsonObject)['message'])
    }
    expect(
      await messages(
        ['PUT', 'routes/smart.er'],
        ['DELETE', 'routes/other'],
        ['POST', 'routes'],
        ['POST', 'targets'],
      ),
    ).toEqual([
      `The route "smart.er" is managed by file: ${path}:11.`,
      `The route "other" is managed by file: ${path}:10.`,
      `New routes are managed by file: ${path}:8.`,
      `New targets are managed by file: ${path}:2.`,
    ])
    expect(rowsOf(await ask('targets')).map((row) => [row['target'], row['managed_by']])).toEqual([
      ['up/m', `${path}:3`],
      // Its provider comes from the environment.
      ['groq/x', path],
    ])

    gateway.writeConfig('discover: false\n\nroutes:\n\n  other: { targets: [groq/x] }\n')
    expect(await gateway.running.reload()).toEqual([])
    expect(await messages(['DELETE', 'routes/other'], ['POST', 'targets'])).toEqual([
      `The route "other" is managed by file: ${path}:5.`,
      `New targets are managed by file: ${path}.`,
    ])
  })
})
