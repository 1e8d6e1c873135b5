import { beforeEach, describe, expect, test, vi } from 'vitest'
import { DEFAULT_POLICY } from '../cache/config-schema.ts'
import { dialects } from '../dialects/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { freshDeps } from '../execution/deps.test-support.ts'
import type { Exchange } from '../execution/exchange.ts'
import { createExecution } from '../execution/run-plan.ts'
import type { Target, TargetId } from '../providers/provider.ts'
import type { Plan } from '../routing/plan.ts'
import { systemClock } from '../std/clock.ts'
import type { AttemptRecord } from '../telemetry/records.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { UpstreamRequest } from '../upstream/attempt.ts'
import { client, receive, recallOn, Story } from './recall.test-support.ts'

/** With the real execution in place of a fake one: what its streams do when readers leave is theirs to say. */

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const usage =
  'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
const head = [chunk({ role: 'assistant', content: '' }), chunk({ content: 'hel' })]
const rest = [chunk({ content: 'lo' }), chunk({}, 'stop'), usage, 'data: [DONE]\n\n']

const target: Target = {
  // Made as targets make their ids.
  id: 'far/m' as TargetId,
  provider: {
    id: 'far',
    name: 'far',
    dialect: 'openai-chat',
    baseUrl: 'http://127.0.0.1:1/v1',
    auth: { kind: 'none' },
    environmentKeys: [],
    isLocal: false,
    quirks: [],
  },
  modelId: 'm',
  timers: { connectMs: 1, firstTokenMs: 1, idleMs: 1 },
}

const plan: Plan = {
  root: { type: 'target', target, verdict: { type: 'available' } },
  deadlineMs: 60_000,
  attemptsMax: 4,
  retries: 2,
  isStrict: false,
  rescue: 'safe',
  fallsBackOnPolicy: false,
  isExplained: false,
}

const facts = { owner: { tenant: 'acme', keyId: 'key_1' }, cache: DEFAULT_POLICY }
const streamed = { body: { stream: true } }
const keyed = { ...streamed, headers: { 'idempotency-key': 'k' } }

let attempts: AttemptRecord[]
let story: Story
let goOn: PromiseWithResolvers<void>
let ending: 'whole' | 'breaks'
let cancelled: number

beforeEach(() => {
  attempts = []
  cancelled = 0
  ending = 'whole'
  goOn = Promise.withResolvers()
  const telemetry = createTelemetry()
  telemetry.attempts.subscribe((record) => attempts.push(record))
  const execution = createExecution({
    ...freshDeps(systemClock),
    telemetry,
    dialects,
    redact: (error) => error,
    send: async (request) => ({
      status: 200,
      headers: {},
      framing: 'stream',
      body: upstream(request),
      markContent() {},
      cancel: () => (cancelled += 1),
    }),
  })
  story = new Story(recallOn({ clock: systemClock }), (exchange: Exchange) => execution.run(plan, exchange))
})

async function* upstream({ signal }: UpstreamRequest) {
  for (const text of head) yield Buffer.from(text)
  const stopped = new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason)),
  )
  await Promise.race([goOn.promise, stopped])
  if (ending === 'breaks') throw new GatewayError('upstream_truncated', 'cut')
  for (const text of rest) yield Buffer.from(text)
}

const serve = async (fields: Parameters<typeof client>[0]) => {
  const asked = client(fields)
  return { asked, ...receive(await story.serve(asked.exchange, facts)) }
}

describe('a shared stream of the real execution', () => {
  test('fault 112: is one attempt and the same bytes for all, and then again', async () => {
    const served = [await serve(keyed), await serve(keyed), await serve(keyed)]
    goOn.resolve()
    const texts = await Promise.all(served.map(({ text }) => text))
    const again = await serve(keyed)
    expect(new Set([...texts, await again.text]).size).toBe(1)
    expect(texts[0]).toMatch(/data: \[DONE\]\n\n$/)
    expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported' }])
    expect(await served[0]?.reply.settled).toMatchObject({ state: 'completed', usage: { outputTokens: 2 } })
    expect(await served[1]?.reply.settled).not.toHaveProperty('usage')
  })

  test('goes on without the client of its key, and says what it cost', async () => {
    const { asked, reply } = await serve(keyed)
    asked.leave()
    reply.close(false)
    goOn.resolve()
    expect(await reply.settled).toMatchObject({ state: 'client_gone', usage: { inputTokens: 3 } })
    expect(attempts).toMatchObject([{ outcome: 'completed' }])
    expect(await (await serve(keyed)).text).toContain('hel')
    expect(attempts).toHaveLength(1)
  })

  test('I7: closes its upstream when the last reader of a cached route has left', async () => {
    const one = await serve(streamed)
    const two = await serve(streamed)
    one.asked.leave()
    one.reply.close(false)
    await new Promise(setImmediate)
    expect(attempts).toEqual([])
    two.asked.leave()
    two.reply.close(false)
    await vi.waitFor(() => expect(attempts).toMatchObject([{ outcome: 'cancelled' }]))
    expect(cancelled).toBe(1)
    expect(await one.reply.settled).toMatchObject({ state: 'client_gone' })
  })

  test('that breaks off is told to all in the same words, is kept under its key, and not in the cache', async () => {
    ending = 'breaks'
    const served = [await serve(keyed), await serve(keyed)]
    goOn.resolve()
    const texts = await Promise.all(served.map(({ text }) => text))
    expect(texts[0]).toContain('upstream_truncated')
    expect(texts[0]).not.toContain('[DONE]')
    expect(await (await serve(keyed)).text).toBe(texts[0])
    expect(texts[1]).toBe(texts[0])
    expect(story.executions).toBe(1)
    await (await serve(streamed)).text
    await (await serve(streamed)).text
    expect(story.executions).toBe(3)
  })
})
