/** Keys, money and what is kept, under attack: what is at rest, what numbers can do, what a stranger costs. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StartError } from '../../src/app/start-error.ts'
import { findBrokenLink } from '../../src/std/audit.ts'
import { startProcess } from '../support/gateway-process.ts'
import { startTestGateway } from '../support/gateway.ts'
import {
  DOLLAR,
  eventually,
  type MoneyPlan,
  type MoneyStage,
  NAMES,
  openLedger,
  openMoneyStage,
} from '../support/money-stage.ts'
import { ALL_CLIENTS, MODES } from '../support/upstreams.ts'

interface Paid extends MoneyStage {
  readonly key1: string
  standing1(): Promise<{ readonly spent: number; readonly leased: number }>
}

async function openPaid(plan: MoneyPlan = {}): Promise<Paid> {
  let key1 = ''
  let standing1: Paid['standing1'] | undefined
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      key1 = made.secret
      const budget = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd: 100 * DOLLAR })
      standing1 = () => ledger.standing(budget)
    },
  })
  if (standing1 === undefined) throw new Error('nothing was prepared')
  return { ...stage, key1, standing1 }
}

/** Everything in the folder of a store, joined. */
function everythingBeside(file: string): Buffer {
  const folder = path.dirname(file)
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  return Buffer.concat(names.map((one) => readFileSync(path.join(one.parentPath, one.name))))
}

describe('SEC-26: at rest', () => {
  const routes = { smart: { targets: ['chat/m'], cache: true } }

  test('stands no key, no credential, no prompt and no answer, while the gateway runs and after it ended', async () => {
    const stage = await openPaid({
      config: { routes },
      scenario: { answers: [{ text: 'the canary sings in the answer' }] },
    })
    const prompt = 'the canary sings in the prompt'
    const cached = { client: 'openai-chat', key: stage.key1, model: 'smart', prompt } as const
    const keyed = { ...cached, model: 'chat/m', headers: { 'idempotency-key': 'canary-in-the-key' } }
    await stage.ask(cached)
    await stage.ask(keyed)
    await stage.ask({ ...cached, model: 'nobody/x' })
    await stage.books(3)
    const look = () => {
      const everything = everythingBeside(stage.path)
      for (const canary of [stage.key1, 'canary', 'provider-key-0123456789'])
        expect([canary, everything.includes(canary)]).toEqual([canary, false])
    }
    look()
    expect((await stage.ask(cached)).headers.get('x-holdfast-cache')).toBe('HIT')
    expect((await stage.ask(keyed)).headers.get('x-holdfast-recall')).toBe('replayed')
    await stage.gateway.running.stop(0)
    look()
  })

  test('another master secret is refused in one clear line, and the file is left as it was', async () => {
    const stage = await openPaid()
    await stage.ask({ client: 'openai-chat', key: stage.key1, headers: { 'idempotency-key': 'a' } })
    await stage.books(1)
    const config = { discover: false, store: { kind: 'sqlite', path: stage.path } }
    const env = { HOLDFAST_MASTER_KEY: 'Zq8vN2xR5tY7uI9oP3aS6dF1gH4jK0lM' }
    await stage.gateway.running.stop(0)
    const started = startTestGateway({ config, env })
    onTestFinished(async () => {
      await started.then((gateway) => gateway[Symbol.asyncDispose]()).catch(() => undefined)
    })
    await expect(started).rejects.toThrow(StartError)
    await expect(started).rejects.toThrow(/not the one that this store was used with/)
    // Nor where the file went without those beside it, as a backup does.
    rmSync(`${stage.path}.marks`)
    const again = startTestGateway({ config, env })
    onTestFinished(async () => {
      await again.then((gateway) => gateway[Symbol.asyncDispose]()).catch(() => undefined)
    })
    await expect(again).rejects.toThrow(/not the one .*the store knows that one/)
    expect(existsSync(`${stage.path}.marks`)).toBe(false)
    // Beside the one before, for a rotation, it is welcome, and the key is still good.
    const before = readFileSync(`${stage.path}.key`, 'utf8').trim()
    await using rotated = await startTestGateway({
      config,
      env: { HOLDFAST_MASTER_KEY: `${env.HOLDFAST_MASTER_KEY},${before}` },
    })
    const models = await fetch(`${rotated.url}/v1/models`, { headers: { 'x-api-key': stage.key1 } })
    expect(models.status).toBe(200)
  })
})

describe('SEC-48: money stays a whole number, and never comes back', () => {
  const usages = ['negative', 'string', 'overflow', 'missing', 'zero', 'huge'] as const

  test.each(usages)('whatever a provider says of its usage: %s', async (kind) => {
    const stage = await openPaid({ scenario: { faults: [{ fault: faultOf(kind) }] } })
    let sent = 0
    for (const client of ALL_CLIENTS) {
      for (const mode of MODES) {
        const answer = await stage.ask({ client, mode, key: stage.key1, model: `${NAMES[client]}/m` })
        sent += 1
        const { request, attempts } = await stage.record(answer)
        // Numbers that nobody can believe are not only left out: the operator is told.
        const told = stage.gateway.attempts.filter(({ exchangeId }) => exchangeId === request.exchangeId)
        if (kind !== 'huge')
          expect([client, mode, told.map(({ flags }) => flags)]).toEqual([
            client,
            mode,
            told.map(() => expect.arrayContaining(['usage_anomaly'])),
          ])
        expect(told.length).toBeGreaterThan(0)
        for (const { costNanoUsd = -1, basis } of attempts) {
          expect([client, mode, Number.isSafeInteger(costNanoUsd), costNanoUsd >= 0]).toEqual([
            client,
            mode,
            true,
            true,
          ])
          if (basis !== 'none') expect(costNanoUsd).toBeGreaterThan(0)
        }
        if (attempts.length > 0) expect(Number.isSafeInteger(request.costNanoUsd)).toBe(true)
      }
    }
    const { costNanoUsd } = await stage.books(sent)
    const { spent } = await stage.standing1()
    expect(spent).toBe(costNanoUsd)
  })

  function faultOf(kind: (typeof usages)[number]): string {
    return `usage(kind=${kind})`
  }
})

test('SEC-49, SEC-50: any number at once spend no more than there is, and hold nothing afterwards', async () => {
  const limit = DOLLAR / 10
  let key = ''
  let spentOf: Paid['standing1'] | undefined
  const stage = await openMoneyStage({
    scenario: {
      faults: [
        { fault: 'cut-stream', share: 0.2 },
        { fault: 'status-500', share: 0.2 },
      ],
    },
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      key = made.secret
      const budget = await ledger.budget({ scope: { kind: 'all', id: '' }, nanoUsd: limit })
      spentOf = () => ledger.standing(budget)
    },
  })
  const asks = Array.from({ length: 200 }, (_, place) => {
    // Sound: there are as many as the remainder says.
    const client = ALL_CLIENTS[place % 4] as (typeof ALL_CLIENTS)[number]
    return stage.ask({ client, mode: place % 2 === 0 ? 'stream' : 'plain', key, model: `${NAMES[client]}/m` })
  })
  const answers = await Promise.all(asks)
  const { costNanoUsd } = await stage.books(answers.length)
  // A provider keeps to its ceiling here, so that the bound by which a budget can be passed is nothing.
  expect(costNanoUsd).toBeLessThanOrEqual(limit)
  await stage.gateway.running.stop(0)
  expect(await spentOf?.()).toEqual({ spent: costNanoUsd, leased: 0 })
})

test('SEC-45: neither keys nor what clients call themselves make new series', async () => {
  const keys: string[] = []
  const stage = await openMoneyStage({
    async prepare(ledger) {
      for (let number = 0; number < 40; number += 1)
        keys.push((await ledger.key({ name: `holder-${number}` })).secret)
    },
  })
  const [first = ''] = keys
  const series = async () => {
    const response = await fetch(`${stage.url}/metrics`, { headers: { authorization: `Bearer ${first}` } })
    expect(response.status).toBe(200)
    return (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  }
  await stage.ask({ client: 'openai-chat', key: first })
  await stage.ask({ client: 'openai-chat', key: first, model: 'nobody/0' })
  const before = await series()
  for (const [place, key] of keys.entries()) {
    const headers = {
      'x-holdfast-user': `canary-u${place}`,
      'x-holdfast-session': `canary-s${place}`,
      'x-holdfast-tags': `canary-t${place}`,
    }
    await stage.ask({ client: 'openai-chat', key, headers })
    await stage.ask({ client: 'openai-chat', key, headers, model: `canary-m${place}/x` })
  }
  const after = await series()
  expect(after.join('\n')).not.toMatch(/canary|holder-/)
  expect(after.length).toBeLessThan(before.length + 10)
})

test('SEC-55: every change of who may ask and what may be spent stands in a chain that shows where it was changed', async () => {
  const stage = await openMoneyStage()
  await stage.key({ name: 'laptop' })
  await stage.rotate('laptop')
  await stage.revoke('laptop')
  await stage.project('shop')
  const { rows } = await stage.store.auditLines({ limit: 100 })
  const lines = rows.toReversed()
  expect(lines.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['create-key', 'rotate-key', 'revoke-key', 'create-project']),
  )
  expect(findBrokenLink(lines)).toBeUndefined()
  const tampered = lines.map((line, place) => (place === 1 ? { ...line, actor: 'nobody' } : line))
  expect(findBrokenLink(tampered)).toBeDefined()
  const [kept] = (await stage.store.loadDirectory()).keys
  // The hash is no secret, but nobody needs it there; the key itself is nowhere.
  expect(JSON.stringify(lines)).not.toMatch(/sk-hf-[A-Za-z0-9]{38}/)
  expect(kept).toBeDefined()
})

test('SEC-61: refusals over keys, money, limits and replays carry the security headers, and no trace of the inside', async () => {
  const stage = await openPaid({ config: { routes: { smart: { targets: ['chat/m'], cache: true } } } })
  const poor = await stage.key({ name: 'poor', limits: { requestsPerMinute: 1 } })
  const narrow = await stage.key({
    name: 'narrow',
    scopes: { routes: ['smart'], operations: ['embeddings'] },
  })
  const chat = { client: 'openai-chat' } as const
  const known = async () => {
    const { status } = await fetch(`${stage.url}/v1/models`, { headers: { 'x-api-key': narrow.secret } })
    return status === 401 ? undefined : status
  }
  // It reads all keys at once.
  await eventually('the gateway knows the last of the keys', known, 100)
  await stage.ask({ ...chat, key: poor.secret })
  await stage.ask({ ...chat, key: stage.key1, headers: { 'idempotency-key': 'a' } })
  const refusals = [
    await stage.ask({ ...chat }),
    await stage.ask({ ...chat, key: 'sk-hf-wrong' }),
    await stage.ask({ ...chat, key: poor.secret }),
    await stage.ask({ ...chat, key: narrow.secret }),
    await stage.ask({ ...chat, key: stage.key1, prompt: 'other', headers: { 'idempotency-key': 'a' } }),
    await stage.ask({ ...chat, key: stage.key1, headers: { 'idempotency-key': 'x'.repeat(5_000) } }),
    await stage.ask({ ...chat, key: stage.key1, model: 'smart', headers: { 'x-holdfast-cache': 'maybe' } }),
    await stage.ask({
      ...chat,
      key: stage.key1,
      model: 'smart',
      prompt: 'new',
      headers: { 'x-holdfast-cache': 'only' },
    }),
    await stage.ask({
      ...chat,
      mode: 'stream',
      key: stage.key1,
      headers: { 'idempotency-key': 'b', 'last-event-id': '7' },
    }),
    await stage.ask({
      ...chat,
      mode: 'stream',
      key: stage.key1,
      headers: { 'idempotency-key': 'c', 'last-event-id': 'x' },
    }),
  ]
  for (const { status, headers, raw, error } of refusals) {
    expect([status, error?.code]).not.toEqual([200, undefined])
    expect(status).toBeLessThan(600)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toMatch(/no-store/)
    expect(raw).not.toMatch(/at .*\.[jt]s:|node_modules|sqlite|SELECT|\/src\//i)
  }
  expect(new Set(refusals.map(({ error }) => error?.code)).size).toBeGreaterThan(5)
})

test('SEC-62: a request without a good key costs less than 1 ms of processor and 64 KB of memory', {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-stranger-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = await openLedger(path.join(folder, 'holdfast.db'))
  await ledger.key({ name: 'laptop' })
  await using gateway = await startProcess({
    config: { discover: false, store: { kind: 'sqlite', path: ledger.path } },
  })
  const { pid } = gateway.child
  const cpuMs = () => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // proc(5): after the name in brackets the 12th and 13th are the times, in hundredths of a second.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  }
  const residentKb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  const body = JSON.stringify({ model: 'x', messages: [{ role: 'user', content: 'y'.repeat(500) }] })
  const requestOf = (number: number) =>
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-hf-guess${number}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const ask = async (count: number) => {
    const lanes = 20
    await Promise.all(
      Array.from({ length: lanes }, (_, lane) =>
        inTurn(
          gateway.port,
          Array.from({ length: count / lanes }, (_each, place) => requestOf(lane * count + place)),
        ),
      ),
    )
  }
  await ask(4_000)
  const [cpuBefore, residentBefore] = [cpuMs(), residentKb()]
  const count = 8_000
  await ask(count)
  const eachMs = (cpuMs() - cpuBefore) / count
  const eachKb = (residentKb() - residentBefore) / count
  console.log(
    `a stranger costs ${(eachMs * 1_000).toFixed(0)} µs of processor, ${eachKb.toFixed(2)} KB that stay`,
  )
  expect(eachMs).toBeLessThan(1)
  expect(eachKb).toBeLessThan(64)
})

/** Each as soon as the one before was answered; a connection that was closed is opened anew. */
async function inTurn(port: number, requests: readonly string[]): Promise<void> {
  const waiting = [...requests]
  while (waiting.length > 0) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      const next = () => {
        const request = waiting.shift()
        if (request === undefined) socket.end()
        else socket.write(request)
      }
      socket.on('connect', next)
      socket.on('data', (chunk) => {
        if (chunk.includes('HTTP/1.1 ')) next()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })
  }
}
