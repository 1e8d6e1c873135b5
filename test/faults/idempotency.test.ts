/** Faults 112 to 114 over real sockets: one key, one generation, one charge, whatever comes between; and the cache beside it. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import OpenAI from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createScenario, type ScenarioInput } from '../../src/simulator/scenario.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import { startProcess } from '../support/gateway-process.ts'
import {
  asker,
  type MoneyPlan,
  type MoneyStage,
  NAMES,
  openLedger,
  openMoneyStage,
  PRICE,
  reader,
} from '../support/money-stage.ts'
import { ALL_CLIENTS } from '../support/upstreams.ts'

const TEXT =
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'
const slow = {
  pace: { firstTokenMs: 100, perTokenMs: 15 },
  answers: [{ text: TEXT }],
} satisfies ScenarioInput

async function openKeyed(
  plan: MoneyPlan = {},
): Promise<MoneyStage & { readonly key1: string; readonly key2: string }> {
  let key1 = ''
  let key2 = ''
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      ;({ secret: key1 } = await ledger.key({ name: 'one' }))
      ;({ secret: key2 } = await ledger.key({ name: 'two' }))
    },
  })
  return { ...stage, key1, key2 }
}

const posts = ({ simulator }: Pick<MoneyStage, 'simulator'>) =>
  simulator.calls.filter(({ method }) => method === 'POST').length

describe('fault 112: ten requests at the same time under one key', () => {
  const cases = ALL_CLIENTS.flatMap((client) =>
    (['plain', 'stream', 'fold'] as const).map((mode) => ({ client, mode })),
  )

  test.each(cases)('make one call and get one answer, $client $mode', async ({ client, mode }) => {
    const stage = await openKeyed({ scenario: slow })
    const asking = {
      client,
      mode,
      key: stage.key1,
      model: `${NAMES[client]}/m`,
      headers: { 'idempotency-key': 'order-1' },
    }
    const answers = await Promise.all(Array.from({ length: 10 }, () => stage.ask(asking)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ raw }) => raw)).size).toBe(1)
    expect(answers[0]?.text).toBe(TEXT)
    expect(posts(stage)).toBe(1)
    const kinds = answers.map(({ headers }) => headers.get('x-holdfast-recall') ?? 'made')
    expect(kinds.filter((kind) => kind === 'made')).toHaveLength(1)
    const later = await stage.ask(asking)
    expect(later.raw).toBe(answers[0]?.raw)
    expect(later.headers.get('x-holdfast-recall')).toBe('replayed')
    const books = await stage.books(11)
    expect(books.attempts).toHaveLength(1)
    expect(books.requests.filter(({ costNanoUsd }) => costNanoUsd !== 0)).toHaveLength(1)
    expect(posts(stage)).toBe(1)
  })

  test('SEC-41: under another client key the same one is another', async () => {
    const stage = await openKeyed()
    const asking = { client: 'openai-chat', headers: { 'idempotency-key': 'order-1' } } as const
    for (const key of [stage.key1, stage.key2]) {
      const answer = await stage.ask({ ...asking, key })
      expect(answer.headers.get('x-holdfast-recall')).toBeNull()
    }
    expect(posts(stage)).toBe(2)
  })

  test('a client that leaves the shared stream takes nothing from the others, and the answer is kept', async () => {
    const stage = await openKeyed({ scenario: slow })
    const asking = {
      client: 'openai-chat',
      mode: 'stream',
      key: stage.key1,
      headers: { 'idempotency-key': 'a' },
    } as const
    const leaving = new AbortController()
    const first = await stage.send(asking, leaving.signal)
    await first.body?.getReader().read()
    const second = stage.ask(asking)
    leaving.abort()
    expect((await second).text).toBe(TEXT)
    expect((await stage.ask(asking)).text).toBe(TEXT)
    expect(posts(stage)).toBe(1)
  })
})

describe('fault 113: the same key with another body', () => {
  test.each(ALL_CLIENTS)('is refused with 422 in the words of %s, and asks nobody', async (client) => {
    const stage = await openKeyed()
    const asking = {
      client,
      key: stage.key1,
      model: `${NAMES[client]}/m`,
      headers: { 'idempotency-key': 'order-1' },
    }
    await stage.ask(asking)
    const other = await stage.ask({ ...asking, prompt: 'something else' })
    expect([other.status, other.error?.code]).toEqual([422, 'idempotency_mismatch'])
    expect(other.headers.get('x-should-retry')).toBe('false')
    expect(posts(stage)).toBe(1)
  })

  test('is refused while the first one is under way too', async () => {
    const stage = await openKeyed({ scenario: slow })
    const asking = {
      client: 'openai-chat',
      mode: 'stream',
      key: stage.key1,
      headers: { 'idempotency-key': 'a' },
    } as const
    const running = stage.ask(asking)
    await stage.simulator.nextCall()
    expect((await stage.ask({ ...asking, prompt: 'other' })).status).toBe(422)
    expect((await running).text).toBe(TEXT)
  })
})

describe('fault 114: the same key after the gateway was killed', () => {
  async function openProcesses(scenario: ScenarioInput) {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-crash-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const ledger = await openLedger(path.join(folder, 'holdfast.db'))
    const { secret } = await ledger.key({ name: 'laptop' })
    const simulator = await startSimulator({ scenario: createScenario(scenario) })
    onTestFinished(() => simulator.close())
    const config = {
      discover: false,
      store: { kind: 'sqlite', path: ledger.path },
      providers: {
        chat: {
          dialect: 'openai-chat',
          baseUrl: `${simulator.origin}/v1`,
          credential: 'provider-key-0123456789',
          models: ['m'],
          prices: { m: PRICE },
        },
      },
    }
    const start = async () => {
      const process = await startProcess({ config })
      onTestFinished(() => process[Symbol.asyncDispose]())
      return { process, ...asker(process) }
    }
    return { simulator, start, key: secret, ledger, ...reader(ledger.store) }
  }

  test('replays byte for byte what had been answered', async () => {
    const { simulator, start, key, books } = await openProcesses({})
    const asking = {
      client: 'openai-chat',
      mode: 'stream',
      key,
      headers: { 'idempotency-key': 'order-1' },
    } as const
    const first = await start()
    const answer = await first.ask(asking)
    expect(answer.status).toBe(200)
    await books(1)
    first.process.kill('SIGKILL')
    await first.process.exited
    const second = await start()
    const again = await second.ask(asking)
    expect(again.headers.get('x-holdfast-recall')).toBe('replayed')
    expect(again.raw).toBe(answer.raw)
    expect(posts({ simulator })).toBe(1)
    expect((await books(2)).attempts).toHaveLength(1)
  })

  test('says 409 in doubt of what was under way, names the request, and asks nobody a second time', async () => {
    const { simulator, start, key, record } = await openProcesses({
      pace: { firstTokenMs: 50, perTokenMs: 200 },
    })
    const asking = {
      client: 'openai-chat',
      mode: 'stream',
      key,
      headers: { 'idempotency-key': 'order-1' },
    } as const
    const first = await start()
    const response = await first.send(asking)
    const id = response.headers.get('x-request-id') ?? ''
    await response.body?.getReader().read()
    first.process.kill('SIGKILL')
    await first.process.exited
    const second = await start()
    const again = await second.ask(asking)
    expect([again.status, again.error?.code]).toEqual([409, 'idempotency_in_doubt'])
    expect(again.error?.message).toContain(id)
    expect(again.headers.get('x-should-retry')).toBe('false')
    expect(posts({ simulator })).toBe(1)
    // Its books were brought in: it is orphaned, at no less than nothing.
    const { request, attempts } = await record(id)
    expect(request.state).toBe('orphaned')
    expect(attempts.map(({ outcome, basis }) => ({ outcome, basis }))).toEqual([
      { outcome: 'orphaned', basis: 'estimated' },
    ])
    expect(attempts[0]?.costNanoUsd).toBeGreaterThan(0)
  })
})

describe('a durable stream', () => {
  test('goes on after the last event that its client has, while it is made and afterwards', async () => {
    const stage = await openKeyed({ scenario: slow })
    for (const client of ['openai-chat', 'anthropic-messages', 'openai-responses'] as const) {
      const asking = {
        client,
        mode: 'stream',
        key: stage.key1,
        model: `${NAMES[client]}/m`,
        headers: { 'idempotency-key': `stream-${client}`, 'x-holdfast-durable': '1' },
      } as const
      const before = posts(stage)
      const leaving = new AbortController()
      const response = await stage.send(asking, leaving.signal)
      const chunks = response.body?.getReader()
      let had = ''
      while (!had.includes('id: 3\n')) had += Buffer.from((await chunks?.read())?.value ?? []).toString()
      leaving.abort()
      const whole = await stage.ask(asking)
      const events = whole.raw.split(/(?=^id: \d+\n)/m)
      expect(events.map((event) => Number(/^id: (\d+)\n/.exec(event)?.[1]))).toEqual(
        events.map((_, at) => at + 1),
      )
      for (const header of ['last-event-id', 'x-holdfast-after']) {
        const rest = await stage.ask({ ...asking, headers: { ...asking.headers, [header]: '3' } })
        expect(rest.raw).toBe(events.slice(3).join(''))
      }
      expect(whole.raw.startsWith(had.slice(0, had.lastIndexOf('id: ')))).toBe(true)
      expect(posts(stage)).toBe(before + 1)
    }
  })
})

describe('the cache', () => {
  const config = { routes: { smart: { targets: ['chat/m'], cache: true } } }

  test('tells MISS and HIT, gives a stream for what was asked whole and the reverse, and twenty at once make one call', async () => {
    const stage = await openKeyed({ scenario: slow, config })
    const asking = { client: 'openai-chat', model: 'smart', key: stage.key1 } as const
    const together = await Promise.all(
      Array.from({ length: 20 }, () => stage.ask({ ...asking, mode: 'stream', prompt: 'together' })),
    )
    expect(together.map(({ text }) => text)).toEqual(together.map(() => TEXT))
    expect(posts(stage)).toBe(1)
    expect(together.filter(({ headers }) => headers.get('x-holdfast-cache') === 'MISS')).toHaveLength(1)
    const whole = await stage.ask({ ...asking, mode: 'fold', prompt: 'together' })
    expect([whole.text, whole.headers.get('x-holdfast-cache')]).toEqual([TEXT, 'HIT'])
    const books = await stage.books(21)
    expect(books.attempts).toHaveLength(1)
    expect(books.requests.map(({ recall = 'made' }) => recall).sort()).toEqual(
      ['hit', 'made', ...Array.from({ length: 19 }, () => 'coalesced')].sort(),
    )
    const other = await stage.ask({ ...asking, mode: 'stream', prompt: 'together', key: stage.key2 })
    expect(other.headers.get('x-holdfast-cache')).toBe('MISS')
    expect(posts(stage)).toBe(2)
  })

  test('SEC-43: never keeps an error, a cut answer, a blocked one or one that met its ceiling; nor foreign headers', async () => {
    const stage = await openKeyed({
      config: { routes: { smart: { targets: ['chat/m'], cache: true, retries: 0, rescue: 'off' } } },
      scenario: {
        answers: [
          { contains: 'blocked', text: 'no', finish: 'content-filter' },
          { contains: 'long', text: 'word '.repeat(50), finish: 'length' },
          { text: TEXT },
        ],
        faults: [
          { fault: 'cut-stream', calls: [1, 2] },
          { fault: 'status-500', calls: [1, 2] },
        ],
      },
    })
    const asking = { client: 'openai-chat', model: 'smart', key: stage.key1, mode: 'stream' } as const
    for (const prompt of ['cut', 'error', 'blocked', 'long']) {
      const before = posts(stage)
      for (const asked of [1, 2]) {
        const answer = await stage.ask({ ...asking, prompt })
        expect([prompt, asked, answer.headers.get('x-holdfast-cache')]).not.toEqual([prompt, asked, 'HIT'])
      }
      expect([prompt, posts(stage) - before]).toEqual([prompt, 2])
    }
    const made = await stage.ask({ ...asking, prompt: 'fine' })
    const hit = await stage.ask({ ...asking, prompt: 'fine' })
    expect(hit.headers.get('x-holdfast-cache')).toBe('HIT')
    const names = [...hit.headers.keys()].filter((name) => !made.headers.has(name))
    expect(
      names.filter((name) => !name.startsWith('x-holdfast-') && name !== 'age' && name !== 'content-length'),
    ).toEqual([])
    expect(hit.headers.get('x-request-id')).not.toBe(made.headers.get('x-request-id'))
  })

  test('the official client sends its idempotency key, and is given the same answer', async () => {
    const stage = await openKeyed()
    const client = new OpenAI({ apiKey: stage.key1, baseURL: `${stage.url}/v1` })
    const ask = () =>
      client.chat.completions.create(
        { model: 'chat/m', messages: [{ role: 'user', content: 'hi' }] },
        { idempotencyKey: 'mine', headers: { 'Idempotency-Key': 'mine' } },
      )
    const [first, second] = [await ask(), await ask()]
    expect(second.id).toBe(first.id)
    expect(posts(stage)).toBe(1)
  })
})
