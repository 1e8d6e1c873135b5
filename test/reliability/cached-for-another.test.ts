/** What is cached is given for the same request alone: headers, strictness and conditions are a part of it. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EveryDialect, openEveryDialect } from '../support/every-dialect.ts'

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect({
    routes: {
      cached: { targets: ['messages/mock'], cache: true },
      picked: {
        targets: [{ target: 'chat/mock', when: 'request.header("x-team") == "a"' }, 'messages/mock'],
      },
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

async function ask(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  const messages = [{ role: 'user', content: 'hi' }]
  const answer = await fetch(`${world.url}/v1/${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ messages, ...body }),
  })
  await answer.text()
  const said = (name: string) => answer.headers.get(`x-holdfast-${name}`)
  return { status: answer.status, cache: said('cache'), losses: said('losses'), target: said('target') }
}

test('another beta is another request', async () => {
  const betas = async (beta: string) =>
    (await ask('messages', { model: 'cached', max_tokens: 900 }, { 'anthropic-beta': beta })).cache
  expect(await betas('a-1')).toBe('MISS')
  expect(await betas('a-1,b-2')).toBe('MISS')
  expect(await betas('b-2, a-1')).toBe('HIT')
})

test('a kept answer tells what was lost, and whoever would rather be refused is', async () => {
  const lossy = { model: 'cached', logprobs: true }
  const first = await ask('chat/completions', lossy)
  expect(first).toMatchObject({ status: 200, cache: 'MISS', losses: 'logprobs' })
  expect(await ask('chat/completions', lossy)).toEqual({ ...first, cache: 'HIT' })
  const strict = { 'x-holdfast-strict': 'true' }
  expect(await ask('chat/completions', lossy, strict)).toMatchObject({ status: 400 })
})

test('asked for by header, the cache gives nothing that another target made', async () => {
  const on = { 'x-holdfast-cache': 'on' }
  const toTeam = { ...on, 'x-team': 'a' }
  const picked = { model: 'picked' }
  expect(await ask('chat/completions', picked, on)).toMatchObject({ cache: 'MISS', target: 'messages/mock' })
  expect(await ask('chat/completions', picked, toTeam)).toMatchObject({ cache: 'MISS', target: 'chat/mock' })
  expect(await ask('chat/completions', picked, toTeam)).toMatchObject({ cache: 'HIT', target: 'chat/mock' })
})
