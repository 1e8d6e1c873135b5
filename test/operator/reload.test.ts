import { appendFileSync, rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createScenario } from '../../src/simulator/scenario.ts'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import { readAnswer } from '../support/client-answer.ts'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'

const TEXT = 'word '.repeat(60).trim()

let simulator: SimulatorServer
let gateway: GatewayProcess

const provider = (path = 'v1') => ({
  dialect: 'openai-chat',
  baseUrl: `${simulator.origin}/${path}`,
  credential: '${PROVIDER_KEY}',
  models: ['m', 'slow'],
})
const configOf = (ids: readonly string[], more: object = {}) => ({
  discover: false,
  providers: Object.fromEntries(ids.map((id) => [id, provider()])),
  routes: { smart: { targets: [`${ids[0]}/m`] } },
  ...more,
})

beforeAll(async () => {
  simulator = await startSimulator({
    scenario: createScenario({
      answers: [
        { model: 'slow', text: TEXT },
        { model: 'm', text: 'fine' },
      ],
      pace: { firstTokenMs: 1, perTokenMs: 15 },
    }),
  })
  gateway = await startProcess({
    config: configOf(['first']),
    env: { PROVIDER_KEY: 'provider-key-0123456789' },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await simulator.close()
})

function ask(model: string, stream = false): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, max_tokens: 400, messages: [{ role: 'user', content: 'Hi' }] }),
  })
}

const noticesOf = (name: string) => gateway.linesLike({ notice: name })

/** The notice that comes next, of those with this name, after `act`. */
async function noticeAfter(name: string, act: () => void): Promise<string> {
  const before = noticesOf(name).length
  act()
  await expect.poll(() => noticesOf(name).length, { timeout: 5_000, interval: 10 }).toBeGreaterThan(before)
  return String(noticesOf(name).at(-1)?.['msg'])
}

async function servedBy(model = 'smart'): Promise<string | null> {
  const answer = await ask(model)
  await answer.text()
  return answer.headers.get('x-holdfast-target')
}

const sound = (id: string) => configOf([id])

describe('fault 133: a file that cannot be in force', () => {
  const bad: readonly (readonly [string, () => string | object, RegExp])[] = [
    ['broken YAML', () => 'providers: { first: [ }\n', /holdfast\.yaml:1:\d+: not valid YAML/],
    [
      'an unknown field',
      () => 'discover: false\nproviders: { openai: {} }\nrotues: {}\n',
      /holdfast\.yaml:3:1: .*"rotues"; did you mean "routes"\?/,
    ],
    [
      'a variable that is not set',
      () => 'discover: false\nproviders:\n  openai:\n    credential: ${NOT_THERE_KEY}\n',
      /holdfast\.yaml:4:17: .*NOT_THERE_KEY is not set/,
    ],
    [
      'routes in a circle',
      () => 'discover: false\nroutes:\n  a: { targets: [b] }\n  b: { targets: [a] }\n',
      /holdfast\.yaml:\d+:\d+: .*circle \(.*a -> b -> a|b -> a -> b/,
    ],
    ['nothing', () => '', /holdfast\.yaml:1:1: the file is empty/],
    ['binary', () => '\u0000\u0001\uFFFD: [', /holdfast\.yaml:1:\d+: /],
  ]

  test.each(bad)(
    '%s is told with file, line and column, and the one before stays in force',
    async (_, make, told) => {
      const message = await noticeAfter('config_rejected', () => gateway.write(make()))
      expect(message).toMatch(/^The configuration was not changed, the one before stays in force: /)
      expect(message).toMatch(told)
      expect(await servedBy()).toBe('first/m')
    },
  )

  test('a file that is gone is told, and comes into force when it is back', async () => {
    const message = await noticeAfter('config_rejected', () => rmSync(gateway.configPath))
    expect(message).toMatch(/holdfast\.yaml:1:1: there is no such file/)
    expect(await servedBy()).toBe('first/m')
    await noticeAfter('config_reloaded', () => gateway.write(sound('second')))
    expect(await servedBy()).toBe('second/m')
  })

  test('half a file is not in force, and the rest of it makes it whole', async () => {
    const text = JSON.stringify(sound('third'))
    const half = Math.floor(text.length / 2)
    await noticeAfter('config_rejected', () => gateway.write(text.slice(0, half)))
    expect(await servedBy()).toBe('second/m')
    await noticeAfter('config_reloaded', () => appendFileSync(gateway.configPath, text.slice(half)))
    expect(await servedBy()).toBe('third/m')
  })
})

describe('fault 133: a changed file', () => {
  test.each([
    ['saved in place', (config: object) => gateway.write(config)],
    ['renamed over the old one', (config: object) => gateway.replace(config)],
  ] as const)('%s is picked up by itself, within about a second', async (how, save) => {
    const id = how.includes('place') ? 'fourth' : 'fifth'
    const savedAtMs = performance.now()
    await noticeAfter('config_reloaded', () => save(sound(id)))
    expect(performance.now() - savedAtMs).toBeLessThan(1_500)
    expect(await servedBy()).toBe(`${id}/m`)
  })

  test('takes a provider away from new requests, and not from the stream it serves', async () => {
    await noticeAfter('config_reloaded', () => gateway.write(configOf(['kept', 'other', 'leaving'])))
    const stream = await ask('leaving/slow', true)
    await noticeAfter('config_reloaded', () => gateway.write(configOf(['kept', 'other'])))
    const refused = await ask('leaving/slow')
    expect(refused.status).toBe(404)
    const answer = await readAnswer(stream, 'openai-chat')
    expect(answer.text).toBe(TEXT)
    expect(answer.hasTerminal).toBe(true)
  })

  test('fault 125: is read at once on SIGHUP', async () => {
    const message = await noticeAfter('config_reloaded', () => {
      gateway.replace(sound('hup'))
      gateway.kill('SIGHUP')
    })
    expect(message).toContain('1 providers, 1 routes')
    expect(await servedBy()).toBe('hup/m')
  })

  test('that changes what only a start can change says so', async () => {
    const message = await noticeAfter('config_needs_restart', () =>
      gateway.write(configOf(['hup'], { limits: { bodyBytes: '1MiB' }, log: { level: 'warn' } })),
    )
    expect(message).toContain('limits.bodyBytes, log')
  })
})

test('fault 133: under load no request fails over many reloads, good and bad, and each is served by one configuration', async () => {
  await noticeAfter('config_reloaded', () => gateway.replace(sound('hup')))
  const before = noticesOf('config_reloaded').length
  const tally = new Map<string, number>()
  const over = new AbortController()
  const client = async () => {
    while (!over.signal.aborted) {
      const answer = await ask('smart', Math.random() < 0.5)
      const text = await answer.text()
      const isWhole = answer.status === 200 && text.includes('fine') && !text.includes('"error"')
      const key = isWhole
        ? String(answer.headers.get('x-holdfast-target'))
        : `${answer.status} ${text.slice(0, 300)}`
      tally.set(key, (tally.get(key) ?? 0) + 1)
    }
  }
  const clients = Array.from({ length: 12 }, client)
  for (let turn = 0; turn < 30; turn += 1) {
    const next = turn % 5 === 4 ? 'rotues: {}' : sound(turn % 2 === 0 ? 'even' : 'odd')
    await noticeAfter(turn % 5 === 4 ? 'config_rejected' : 'config_reloaded', () => {
      gateway.replace(next)
      gateway.kill('SIGHUP')
    })
  }
  over.abort()
  await Promise.all(clients)
  expect(noticesOf('config_reloaded').length - before).toBeGreaterThanOrEqual(24)
  expect([...tally.keys()].filter((key) => !['hup/m', 'even/m', 'odd/m'].includes(key))).toEqual([])
  expect(tally.get('even/m')).toBeGreaterThan(0)
  expect(tally.get('odd/m')).toBeGreaterThan(0)
})
