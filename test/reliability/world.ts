/** An execution over scripted targets under held time: what is tried, when, and what is remembered. */

import type { DialectId } from '../../src/canonical/envelope.ts'
import { dialects } from '../../src/dialects/index.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import { freshDeps } from '../../src/execution/deps.test-support.ts'
import type { Exchange } from '../../src/execution/exchange.ts'
import type { Reply } from '../../src/execution/reply.ts'
import { createExecution } from '../../src/execution/run-plan.ts'
import type { Provider, Target, TargetId } from '../../src/providers/provider.ts'
import type { TargetHealth } from '../../src/resilience/target-health.ts'
import { createPlanner } from '../../src/routing/planner.ts'
import { DIRECT_POLICY, firstOf } from '../../src/routing/route.ts'
import type { AttemptRecord, NoticeRecord } from '../../src/telemetry/records.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../src/upstream/attempt.ts'
import { ManualClock } from '../../src/upstream/wall.ts'

export interface Call {
  readonly target: string
  readonly atMs: number
  readonly request: UpstreamRequest
}

export type Answering = (call: Call, number: number) => Promise<UpstreamResponse> | UpstreamResponse

export interface World {
  readonly clock: ManualClock
  readonly health: TargetHealth
  readonly calls: readonly Call[]
  readonly attempts: readonly AttemptRecord[]
  readonly notices: readonly NoticeRecord[]
  target(id: string): Target
  run(options?: RunOptions): Promise<Reply>
}

export interface RunOptions {
  readonly stream?: boolean
  readonly fields?: Readonly<Record<string, unknown>>
  readonly client?: Dialect
}

export function createWorld(
  names: Readonly<Record<string, DialectId>>,
  answer: Answering,
  over: { readonly dialects?: ReadonlyMap<DialectId, Dialect>; readonly retries?: number } = {},
): World {
  const clock = new ManualClock()
  const deps = freshDeps(clock)
  const { health, telemetry } = deps
  const attempts: AttemptRecord[] = []
  const notices: NoticeRecord[] = []
  telemetry.attempts.subscribe((record) => attempts.push(record))
  telemetry.notices.subscribe((record) => notices.push(record))
  const targets = new Map(
    Object.entries(names).map(([name, dialect]) => [name, makeTarget(name, dialect)] as const),
  )
  const target = (id: string) => {
    const found = targets.get(id)
    if (!found) throw new Error('no such target')
    return found
  }
  const calls: Call[] = []
  const execution = createExecution({
    ...deps,
    dialects: over.dialects ?? dialects,
    redact: (error) => error,
    async send(request) {
      const call = { target: request.target.provider.id, atMs: clock.nowMs(), request }
      calls.push(call)
      return answer(call, calls.length)
    },
  })
  const planner = createPlanner({
    ...deps,
    directory: { providerFor: () => undefined, providerIds: () => [], list: () => [] },
    targets: () => [],
    routes: new Map([
      [
        'route',
        {
          ...DIRECT_POLICY,
          name: 'route',
          root: firstOf([...targets.values()]),
          deadlineMs: 60_000,
          retries: over.retries ?? 2,
        },
      ],
    ]),
  })
  let count = 0
  return {
    clock,
    health,
    calls,
    attempts,
    notices,
    target,
    run({ stream = false, fields = {}, client = dialects.get('openai-chat') } = {}) {
      if (!client) throw new Error('no such dialect')
      count += 1
      const body = Buffer.from(
        JSON.stringify({
          model: 'route',
          messages: [{ role: 'user', content: 'hi' }],
          ...(stream ? { stream: true } : { max_tokens: 16 }),
          ...fields,
        }),
      )
      const exchange: Exchange = {
        id: `req_${count}`,
        dialect: client,
        operation: 'chat',
        envelope: client.peek(body, 'chat'),
        body,
        headers: {},
        arrivedAtMs: clock.nowMs(),
        signal: new AbortController().signal,
      }
      return execution.run(planner.plan(exchange.envelope, clock.nowMs()), exchange)
    },
  }
}

function makeTarget(name: string, dialect: DialectId): Target {
  const provider: Provider = {
    id: name,
    name,
    dialect,
    baseUrl: 'http://127.0.0.1:1/v1',
    auth: { kind: 'none' },
    environmentKeys: [],
    isLocal: false,
    quirks: [],
  }
  return {
    // Made as targets make their ids.
    id: `${name}/m` as TargetId,
    provider,
    modelId: 'm',
    timers: { connectMs: 1, firstTokenMs: 1, idleMs: 1 },
  }
}

/** Moves time on until `promise` is settled, and says how it ended. */
export async function drive<Value>(
  clock: ManualClock,
  promise: Promise<Value>,
): Promise<{ readonly value?: Value; readonly error?: unknown }> {
  const outcomes: { readonly value?: Value; readonly error?: unknown }[] = []
  promise.then(
    (value) => outcomes.push({ value }),
    (error) => outcomes.push({ error }),
  )
  for (let step = 0; step < 10_000; step += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    const [outcome] = outcomes
    if (outcome !== undefined) return outcome
    clock.advance(10)
  }
  throw new Error('never settled')
}

export const plainAnswer = {
  id: 'c',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
}

export function json(value: unknown): UpstreamResponse {
  return {
    status: 200,
    headers: {},
    framing: 'json',
    body: (async function* () {
      yield Buffer.from(JSON.stringify(value))
    })(),
    markContent: () => {},
    cancel: () => {},
  }
}

export function sse(body: AsyncIterable<Uint8Array>): UpstreamResponse {
  return { status: 200, headers: {}, framing: 'stream', body, markContent: () => {}, cancel: () => {} }
}
