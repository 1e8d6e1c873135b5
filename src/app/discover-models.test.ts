import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { UpstreamRequest, UpstreamResponse } from '../upstream/attempt.ts'
import type { ConfiguredProvider } from './config/config.ts'
import { loadConfig } from './config/load-config.ts'
import { ASK_AGAIN_MS, listKey, ModelDiscovery } from './discover-models.ts'

function providers(text: string): readonly ConfiguredProvider[] {
  const loaded = loadConfig({ text: `discover: false\nproviders: ${text}`, env: {} })
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('\n'))
  return loaded.config.providers
}

const two =
  '{ a: { dialect: openai-chat, baseUrl: "http://127.0.0.1:1/v1" }, b: { dialect: openai-chat, baseUrl: "http://127.0.0.1:2/v1" } }'

function discovery(answer: (request: UpstreamRequest) => Promise<readonly string[]>) {
  const clock = new ManualClock()
  const asked: UpstreamRequest[] = []
  let learned = 0
  const sender = {
    async send(request: UpstreamRequest) {
      asked.push(request)
      const data = (await answer(request)).map((id) => ({ id }))
      async function* body() {
        yield Buffer.from(JSON.stringify({ data }))
      }
      // Of a response, the reading of a list takes the body alone.
      return { body: body() } as unknown as UpstreamResponse
    },
  }
  const found = new ModelDiscovery({ sender, clock }, () => void (learned += 1))
  const lists = () =>
    Object.fromEntries([...found.lists].map(([key, list]) => [key.split(' ')[0], list] as const))
  return { found, clock, asked, lists, learned: () => learned }
}

const turns = () => new Promise((resolve) => setImmediate(resolve))
const unreachable = () => new GatewayError('upstream_unreachable', 'Nothing listens there.')

test('the list of one provider does not wait for another, and one that is away is asked again', async () => {
  let isAway = true
  const { found, clock, asked, lists, learned } = discovery(async ({ target }) => {
    if (target.provider.id === 'a') return ['m1']
    if (isAway) throw unreachable()
    return ['m2']
  })
  found.follow(providers(two))
  await turns()
  expect(lists()).toEqual({ a: ['m1'] })
  expect(learned()).toBe(1)
  isAway = false
  clock.advance(ASK_AGAIN_MS - 1)
  await turns()
  expect(asked).toHaveLength(2)
  clock.advance(1)
  await turns()
  expect(lists()).toEqual({ a: ['m1'], b: ['m2'] })
})

test('one that has no list, or refuses the key, is not asked again', async () => {
  const { found, clock, asked } = discovery(async () => {
    throw new GatewayError('upstream_auth', 'The key was refused.')
  })
  found.follow(providers(two))
  await turns()
  clock.advance(ASK_AGAIN_MS * 10)
  await turns()
  expect(asked).toHaveLength(2)
  expect(clock.pendingTimers).toBe(0)
})

test('a reload keeps the lists of providers that stayed, until there are newer ones', async () => {
  let isAway = false
  const { found, lists } = discovery(async ({ target }) => {
    if (isAway) throw unreachable()
    return [`model-of-${target.provider.id}`]
  })
  found.follow(providers(two))
  await turns()
  isAway = true
  const [a] = providers(two)
  found.follow(providers(two.replace('127.0.0.1:2', '127.0.0.1:3')))
  await turns()
  expect(lists()).toEqual({ a: ['model-of-a'] })
  expect([...found.lists.keys()]).toEqual(a && [listKey(a.provider)])
})

test('after the stop nothing is learned, nothing waits, and running questions are broken off', async () => {
  const answer = Promise.withResolvers<readonly string[]>()
  const { found, clock, asked, learned } = discovery(({ signal, target }) =>
    target.provider.id === 'b' ? Promise.reject(unreachable()) : (signal?.throwIfAborted(), answer.promise),
  )
  found.follow(providers(two))
  await turns()
  found.stop()
  await turns()
  expect(asked[0]?.signal.aborted).toBe(true)
  answer.resolve(['late'])
  await turns()
  expect(learned()).toBe(0)
  expect(clock.pendingTimers).toBe(0)
})
