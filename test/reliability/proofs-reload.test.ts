/** A configuration is replaced as a whole: a thousand times under load, no request fails, and none sees two of them. */

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openWall, until, type Wall } from '../../src/upstream/wall.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startProcess } from '../support/gateway-process.ts'
import { PROOF_MS, provider, sayWhole } from './proofs.test-support.ts'
import { statusOf } from '../support/status-of.ts'

const CLIENTS = 12
const NAMES = ['even', 'odd'] as const

let walls: ReadonlyMap<string, Wall>
beforeAll(async () => {
  const open = async (name: string) => [name, await openWall((request) => answer(request, name))] as const
  walls = new Map(await Promise.all(NAMES.map(open)))
})
afterAll(async () => {
  for (const wall of walls.values()) await wall[Symbol.asyncDispose]()
})

/** Each provider says its own name, in one piece or as a stream. */
function answer(request: Parameters<Parameters<typeof openWall>[0]>[0], name: string): void {
  if (JSON.parse(request.body.toString()).stream === true)
    return sayWhole(request, 'openai-chat', `from ${name}`)
  const body = JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: `from ${name}` }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })
  request.socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
}

/** Only one of the providers, and a route of the same name to it. */
const configOf = (name: (typeof NAMES)[number]) => ({
  discover: false,
  providers: { [name]: provider(walls.get(name)?.origin ?? '') },
  routes: { smart: { targets: [`${name}/m`] } },
})
const BROKEN = 'rotues: {}'

/** Clients that ask without a pause until told to stop; what each got, counted. */
function startLoad(url: string) {
  const tally = new Map<string, number>()
  let answers = 0
  const over = new AbortController()
  const client = async (at: number) => {
    for (let turn = at; !over.signal.aborted; turn += 1) {
      const key = await askOnce(url, turn).catch((error: unknown) => `failed: ${String(error)}`)
      tally.set(key, (tally.get(key) ?? 0) + 1)
      answers += 1
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, at) => client(at))
  return {
    tally,
    /** Resolves once so many more answers have come: the load must have its say between two reloads. */
    async more(count: number) {
      const enough = answers + count
      await until(() => answers >= enough)
    },
    async stop() {
      over.abort()
      await Promise.all(clients)
    },
  }
}

/** `even` or `odd` where the answer is whole and all of it comes from there; else what was wrong with it. */
async function askOnce(url: string, turn: number): Promise<string> {
  const stream = turn % 2 === 0
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'smart',
      stream,
      max_tokens: turn % 3 === 0 ? 16 : 30_000,
      messages: [{ role: 'user', content: 'Hi' }],
    }),
  })
  const text = await response.text()
  const name = response.headers.get('x-holdfast-target')?.split('/')[0] ?? 'nobody'
  const isWhole = response.status === 200 && (stream ? text.includes('[DONE]') : text.endsWith('}'))
  return isWhole && text.includes(`from ${name}`) ? name : `${response.status} ${name} ${text.slice(0, 200)}`
}

function expectOnlyWhole(tally: ReadonlyMap<string, number>): void {
  expect([...tally.keys()].toSorted()).toEqual([...NAMES])
  for (const name of NAMES) expect(tally.get(name)).toBeGreaterThan(50)
}

test('fault 133: a thousand reloads under load, every tenth of them bad: no request fails', {
  timeout: PROOF_MS,
}, async () => {
  const RELOADS = 1_000
  await using gateway = await startTestGateway({ config: configOf('even') })
  const load = startLoad(gateway.url)
  const beganAtMs = performance.now()
  for (let turn = 1; turn <= RELOADS; turn += 1) {
    const isBad = turn % 10 === 0
    gateway.writeConfig(isBad ? BROKEN : configOf(turn % 2 === 0 ? 'even' : 'odd'))
    expect((await gateway.running.reload()).length > 0).toBe(isBad)
    await load.more(3)
  }
  const tookMs = performance.now() - beganAtMs
  await load.stop()
  const requests = [...load.tally.values()].reduce((sum, count) => sum + count, 0)
  console.log(`${RELOADS} reloads in ${Math.round(tookMs)} ms under ${requests} requests, 0 failed`)
  expectOnlyWhole(load.tally)
  const notices = (name: string) => gateway.notices.filter((notice) => notice.name === name).length
  expect(notices('config_reloaded')).toBeGreaterThanOrEqual(RELOADS * 0.9)
  expect(notices('config_rejected')).toBeGreaterThanOrEqual(RELOADS * 0.1)
  const { config } = await statusOf(gateway.running.adminUrl)
  expect(config.generation).toBeGreaterThan(RELOADS * 0.9)
})

test('faults 125, 133: a hundred SIGHUPs under load: no request fails, and the process lives', {
  timeout: PROOF_MS,
}, async () => {
  const SIGNALS = 100
  const gateway = await startProcess({ config: configOf('even') })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const load = startLoad(gateway.url)
  for (let turn = 1; turn <= SIGNALS; turn += 1) {
    const isBad = turn % 10 === 0
    const before = gateway.lines.length
    gateway.replace(isBad ? BROKEN : configOf(turn % 2 === 0 ? 'even' : 'odd'))
    gateway.kill('SIGHUP')
    const notice = isBad ? 'config_rejected' : 'config_reloaded'
    await expect
      .poll(() => gateway.lines.slice(before).some((line) => line['notice'] === notice), {
        interval: 2,
        timeout: 5_000,
      })
      .toBe(true)
  }
  await load.stop()
  expectOnlyWhole(load.tally)
  gateway.kill('SIGTERM')
  expect((await gateway.exited).code).toBe(0)
})
