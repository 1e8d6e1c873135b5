import { describe, expect, test } from 'vitest'
import type { DialectId } from '../canonical/envelope.ts'
import { dialects } from '../dialects/index.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import type { Provider, Target, TargetId } from '../providers/provider.ts'
import type { Plan } from '../routing/plan.ts'
import { systemClock } from '../std/clock.ts'
import type { AttemptRecord } from '../telemetry/records.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { UpstreamRequest, UpstreamResponse } from '../upstream/attempt.ts'
import { freshDeps } from './deps.test-support.ts'
import type { Exchange } from './exchange.ts'
import type { Reply } from './reply.ts'
import { createExecution } from './run-plan.ts'

/** What a scripted target does on one call. */
type Step =
  | { readonly fails: ErrorCode; readonly facts?: ErrorFacts }
  | { readonly sse: readonly string[]; readonly thenFails?: ErrorCode; readonly hangs?: boolean }
  | { readonly json: unknown }

const openaiText = (text: string) =>
  `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}},"finish_reason":null}]}\n\n`
const openaiRole =
  'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
const openaiFinish =
  'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
const openaiUsage =
  'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
const done = 'data: [DONE]\n\n'
const openaiAnswer = [openaiRole, openaiText('hel'), openaiText('lo'), openaiFinish, openaiUsage, done]

const named = (name: string, value: unknown) => `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`
const anthropicAnswer = [
  named('message_start', {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: 1 },
    },
  }),
  named('content_block_start', {
    type: 'content_block_start',
    index: 0,
    content_block: { type: 'text', text: '' },
  }),
  named('content_block_delta', {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'hello' },
  }),
  named('content_block_stop', { type: 'content_block_stop', index: 0 }),
  named('message_delta', {
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 2 },
  }),
  named('message_stop', { type: 'message_stop' }),
]

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
  // Made as targets make their ids.
  return {
    id: `${name}/m` as TargetId,
    provider,
    modelId: 'm',
    timers: { connectMs: 1, firstTokenMs: 1, idleMs: 1 },
  }
}

interface World {
  readonly calls: UpstreamRequest[]
  readonly attempts: AttemptRecord[]
  readonly cancelled: string[]
  readonly controller: AbortController
  run(change?: Partial<Plan>): Promise<Reply>
}

interface WorldOptions {
  readonly client?: DialectId
  readonly stream?: boolean
  readonly targets: readonly {
    readonly name: string
    readonly dialect?: DialectId
    readonly steps: readonly Step[]
  }[]
  readonly fields?: Record<string, unknown>
}

function createWorld(options: WorldOptions): World {
  const client = dialects.get(options.client ?? 'openai-chat')
  if (!client) throw new Error('the dialect is served')
  const telemetry = createTelemetry()
  const calls: UpstreamRequest[] = []
  const attempts: AttemptRecord[] = []
  const cancelled: string[] = []
  telemetry.attempts.subscribe((record) => attempts.push(record))
  const scripts = new Map(options.targets.map((one) => [one.name, [...one.steps]]))
  const targets = options.targets.map((one) => makeTarget(one.name, one.dialect ?? 'openai-chat'))
  const controller = new AbortController()

  const execution = createExecution({
    ...freshDeps(systemClock),
    telemetry,
    dialects,
    redact: (error) => error,
    send(request) {
      calls.push(request)
      const steps = scripts.get(request.target.provider.id) ?? []
      const step = steps.length > 1 ? steps.shift() : steps[0]
      if (!step) throw new Error('every target has a script')
      return answer(step, request, cancelled)
    },
  })

  const body = Buffer.from(
    JSON.stringify({
      model: 'route',
      messages: [{ role: 'user', content: 'hi' }],
      ...(options.client === 'anthropic-messages' ? { max_tokens: 4_096 } : {}),
      ...(options.stream === true ? { stream: true } : {}),
      ...options.fields,
    }),
  )
  const exchange: Exchange = {
    id: 'req_1',
    dialect: client,
    operation: 'chat',
    envelope: client.peek(body, 'chat'),
    body,
    headers: {},
    arrivedAtMs: systemClock.nowMs(),
    signal: controller.signal,
  }
  return {
    calls,
    attempts,
    cancelled,
    controller,
    run: (change) =>
      execution.run(
        {
          root: {
            type: 'first',
            children: targets.map((target) => ({ type: 'target', target, verdict: { type: 'available' } })),
          },
          deadlineMs: 60_000,
          attemptsMax: 4,
          retries: 2,
          isStrict: false,
          rescue: 'safe',
          fallsBackOnPolicy: false,
          isExplained: false,
          ...change,
        },
        exchange,
      ),
  }
}

async function answer(step: Step, request: UpstreamRequest, cancelled: string[]): Promise<UpstreamResponse> {
  if ('fails' in step) throw new GatewayError(step.fails, `scripted ${step.fails}`, step.facts)
  const chunks = 'json' in step ? [JSON.stringify(step.json)] : step.sse
  async function* body() {
    for (const chunk of chunks) {
      request.signal.throwIfAborted()
      yield Buffer.from(chunk)
    }
    if ('thenFails' in step && step.thenFails) throw new GatewayError(step.thenFails, 'scripted')
    if ('hangs' in step && step.hangs) {
      await new Promise((_, reject) => {
        if (request.signal.aborted) reject(request.signal.reason)
        request.signal.addEventListener('abort', () => reject(request.signal.reason))
      })
    }
  }
  return {
    status: 200,
    headers: {},
    framing: 'json' in step ? 'json' : 'stream',
    body: body(),
    markContent: () => undefined,
    cancel: () => cancelled.push(request.target.id),
  }
}

function bodyText(request: UpstreamRequest | undefined): string {
  const body = request?.body
  if (!(body instanceof Uint8Array)) throw new Error('no body was sent as one piece')
  return Buffer.from(body).toString()
}

async function text(reply: Reply): Promise<string> {
  if (reply.body instanceof Uint8Array) return Buffer.from(reply.body).toString()
  const chunks: Uint8Array[] = []
  for await (const chunk of reply.body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const targetsOf = (world: World) => world.calls.map((call) => call.target.provider.id)

describe('a stream of the same dialect', () => {
  test('travels byte for byte, its usage chunk left out where the client did not ask for it', async () => {
    const world = createWorld({ stream: true, targets: [{ name: 'a', steps: [{ sse: openaiAnswer }] }] })
    const reply = await world.run()
    expect(await text(reply)).toBe(
      [openaiRole, openaiText('hel'), openaiText('lo'), openaiFinish, done].join(''),
    )
    expect(await reply.settled).toMatchObject({
      state: 'completed',
      usage: { inputTokens: 3, outputTokens: 2 },
    })
    expect(world.attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported', isWaste: false }])
  })

  test('fault 56: a role chunk and an empty delta commit nothing, so a reset after them is a fallback', async () => {
    const world = createWorld({
      stream: true,
      targets: [
        { name: 'a', steps: [{ sse: [openaiRole], thenFails: 'upstream_truncated' }] },
        { name: 'b', steps: [{ sse: openaiAnswer }] },
      ],
    })
    const reply = await world.run({ retries: 0 })
    expect(await text(reply)).toContain('"hel"')
    expect(targetsOf(world)).toEqual(['a', 'b'])
    expect(world.attempts[0]).toMatchObject({ outcome: 'failed', isWaste: true, usageSource: 'unknown' })
  })

  test('fault 12: an answer that broke before its first event may have been paid for: a model ran', async () => {
    const world = createWorld({
      stream: true,
      targets: [
        { name: 'a', steps: [{ fails: 'upstream_truncated' }] },
        { name: 'b', steps: [{ sse: openaiAnswer }] },
      ],
    })
    await text(await world.run({ retries: 0 }))
    expect(world.attempts[0]).toMatchObject({
      code: 'upstream_truncated',
      usageSource: 'unknown',
      isWaste: true,
    })
  })

  test('stops trying other targets once a byte has reached the client, and says so in the stream without a terminal marker', async () => {
    const world = createWorld({
      stream: true,
      targets: [
        { name: 'a', steps: [{ sse: [openaiRole, openaiText('hel')], thenFails: 'upstream_truncated' }] },
        { name: 'b', steps: [{ sse: openaiAnswer }] },
      ],
    })
    const reply = await world.run({ rescue: 'off' })
    const sent = await text(reply)
    expect(targetsOf(world)).toEqual(['a'])
    expect(sent).toContain('upstream_truncated')
    expect(sent).not.toContain('[DONE]')
    expect(await reply.settled).toMatchObject({ state: 'truncated', error: { code: 'upstream_truncated' } })
  })

  test('fault 59: a clean end without finish and without [DONE] is a truncation', async () => {
    const world = createWorld({
      stream: true,
      targets: [{ name: 'a', steps: [{ sse: [openaiRole, openaiText('hel')] }] }],
    })
    const reply = await world.run()
    expect(await text(reply)).not.toContain('[DONE]')
    expect(await reply.settled).toMatchObject({ state: 'truncated' })
  })

  test('a client that leaves before reading anything settles the exchange all the same', async () => {
    const world = createWorld({
      stream: true,
      targets: [{ name: 'a', steps: [{ sse: [openaiRole, openaiText('hel')], hangs: true }] }],
    })
    const reply = await world.run()
    if (reply.body instanceof Uint8Array) throw new Error('a stream was asked for')
    await reply.body[Symbol.asyncIterator]().return?.()
    expect(await reply.settled).toMatchObject({ state: 'client_gone' })
    expect(world.attempts).toMatchObject([{ outcome: 'cancelled' }])
    expect(world.cancelled).toEqual(['a/m'])
  })

  test('a client that leaves while the next token is awaited ends the stream without an error event', async () => {
    const world = createWorld({
      stream: true,
      targets: [{ name: 'a', steps: [{ sse: [openaiRole, openaiText('hel')], hangs: true }] }],
    })
    const reply = await world.run()
    const reading = text(reply)
    world.controller.abort(new GatewayError('client_gone', 'gone'))
    expect(await reading).not.toContain('error')
    expect(await reply.settled).toMatchObject({ state: 'client_gone' })
  })

  test('the shutdown of the gateway is said in the stream', async () => {
    const world = createWorld({
      stream: true,
      targets: [{ name: 'a', steps: [{ sse: [openaiRole, openaiText('hel')], hangs: true }] }],
    })
    const reply = await world.run()
    const reading = text(reply)
    world.controller.abort(new GatewayError('gateway_shutting_down', 'The gateway is shutting down.'))
    expect(await reading).toContain('gateway_shutting_down')
  })
})

describe('an answer of the other dialect', () => {
  test('an OpenAI client is streamed an Anthropic answer', async () => {
    const world = createWorld({
      stream: true,
      targets: [{ name: 'a', dialect: 'anthropic-messages', steps: [{ sse: anthropicAnswer }] }],
    })
    const reply = await world.run()
    const sent = await text(reply)
    expect(sent).toContain('"content":"hello"')
    expect(sent.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(sent).not.toContain('"usage":{')
  })

  test('an Anthropic client is streamed an OpenAI answer', async () => {
    const world = createWorld({
      client: 'anthropic-messages',
      stream: true,
      targets: [{ name: 'a', steps: [{ sse: openaiAnswer }] }],
    })
    const sent = await text(await world.run())
    expect(sent).toContain('"text":"hel"')
    expect(sent).toContain('event: message_stop')
    expect(sent).not.toContain('[DONE]')
  })

  test('falls over from one dialect to the other before the first token', async () => {
    const world = createWorld({
      stream: true,
      targets: [
        { name: 'a', steps: [{ fails: 'upstream_unavailable' }] },
        { name: 'b', dialect: 'anthropic-messages', steps: [{ sse: anthropicAnswer }] },
      ],
    })
    expect(await text(await world.run())).toContain('hello')
    expect(targetsOf(world)).toEqual(['a', 'a', 'b'])
  })

  test('a broken stream never gets the terminal marker of the client dialect', async () => {
    const world = createWorld({
      stream: true,
      targets: [{ name: 'a', dialect: 'anthropic-messages', steps: [{ sse: anthropicAnswer.slice(0, 3) }] }],
    })
    const sent = await text(await world.run())
    expect(sent).toContain('hello')
    expect(sent).toContain('upstream_truncated')
    expect(sent).not.toContain('[DONE]')
  })
})

describe('a client that waits for the whole', () => {
  test('gets a folded stream, asked for as one, since its answer may be long', async () => {
    const world = createWorld({ targets: [{ name: 'a', steps: [{ sse: openaiAnswer }] }] })
    const reply = await world.run()
    const answered = JSON.parse(await text(reply))
    expect(answered).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3 },
    })
    expect(JSON.parse(bodyText(world.calls[0]))).toMatchObject({ stream: true })
  })

  test('with a small output ceiling is passed on as it is', async () => {
    const whole = {
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      odd: 1,
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
    }
    const world = createWorld({
      fields: { max_tokens: 16 },
      targets: [{ name: 'a', steps: [{ json: whole }] }],
    })
    const reply = await world.run()
    expect(JSON.parse(await text(reply))).toEqual(whole)
    expect(world.calls[0]?.stream).toBe(false)
  })

  test('always gets a whole answer: a stream that broke off after content is a fallback', async () => {
    const world = createWorld({
      targets: [
        { name: 'a', steps: [{ sse: [openaiRole, openaiText('hel')] }] },
        { name: 'b', dialect: 'anthropic-messages', steps: [{ sse: anthropicAnswer }] },
      ],
    })
    expect(JSON.parse(await text(await world.run()))).toMatchObject({
      choices: [{ message: { content: 'hello' } }],
    })
    expect(targetsOf(world)).toEqual(['a', 'a', 'b'])
  })

  test('fault 49: an empty answer is tried once more, then elsewhere', async () => {
    const empty = [openaiRole, openaiFinish, done]
    const world = createWorld({
      targets: [
        { name: 'a', steps: [{ sse: empty }] },
        { name: 'b', steps: [{ sse: openaiAnswer }] },
      ],
    })
    await world.run()
    expect(targetsOf(world)).toEqual(['a', 'a', 'b'])
  })

  test('fault 36: an error inside a 200 counts as the error it is', async () => {
    const world = createWorld({
      fields: { max_tokens: 16 },
      targets: [
        {
          name: 'a',
          steps: [
            { json: { error: { message: 'spent', type: 'insufficient_quota', code: 'insufficient_quota' } } },
          ],
        },
        {
          name: 'b',
          steps: [
            {
              json: {
                choices: [
                  { index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' },
                ],
              },
            },
          ],
        },
      ],
    })
    await world.run()
    expect(targetsOf(world)).toEqual(['a', 'b'])
  })

  test('fault 78: a stream in answer to a plain request is folded, and the other way round', async () => {
    const plain = createWorld({
      fields: { max_tokens: 16 },
      targets: [{ name: 'a', steps: [{ sse: openaiAnswer }] }],
    })
    expect(JSON.parse(await text(await plain.run()))).toMatchObject({
      choices: [{ message: { content: 'hello' } }],
    })
    const whole = {
      id: 'c',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
    }
    const streamed = createWorld({ stream: true, targets: [{ name: 'a', steps: [{ json: whole }] }] })
    const sent = await text(await streamed.run())
    expect(sent).toContain('"content":"hello"')
    expect(sent.endsWith(done)).toBe(true)
  })
})

describe('when nothing answers', () => {
  test('fault 28: a content policy refusal is one call and no fallback', async () => {
    const world = createWorld({
      targets: [
        { name: 'a', steps: [{ fails: 'content_policy' }] },
        { name: 'b', steps: [{ sse: openaiAnswer }] },
      ],
    })
    await expect(world.run()).rejects.toMatchObject({ code: 'content_policy', attempts: [{ target: 'a/m' }] })
    expect(targetsOf(world)).toEqual(['a'])
  })

  test('the client is told of the failure that a retry may heal, with every attempt', async () => {
    const world = createWorld({
      targets: [
        { name: 'a', steps: [{ fails: 'rate_limited', facts: { retryAfterMs: 20_000 } }] },
        { name: 'b', steps: [{ fails: 'upstream_auth' }] },
      ],
    })
    await expect(world.run()).rejects.toMatchObject({
      code: 'rate_limited',
      facts: { retryAfterMs: 20_000 },
      attempts: [
        { target: 'a/m', code: 'rate_limited' },
        { target: 'b/m', code: 'upstream_auth' },
      ],
    })
  })

  test('fault 12: a connection that died idle is retried at once and costs no attempt', async () => {
    const world = createWorld({
      targets: [
        {
          name: 'a',
          steps: [{ fails: 'upstream_reset', facts: { isTransparent: true } }, { sse: openaiAnswer }],
        },
      ],
    })
    await world.run({ retries: 0, attemptsMax: 1 })
    expect(targetsOf(world)).toEqual(['a', 'a'])
  })

  test('never more than four attempts, and every target gets its first', async () => {
    const world = createWorld({
      targets: ['a', 'b', 'c', 'd', 'e'].map((name) => ({
        name,
        steps: [{ fails: 'upstream_error' as const }],
      })),
    })
    await expect(world.run()).rejects.toMatchObject({ code: 'upstream_error' })
    expect(targetsOf(world)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a strict route refuses what its targets cannot express, and names it', async () => {
    const world = createWorld({
      fields: { logprobs: true, top_logprobs: 2 },
      targets: [{ name: 'a', dialect: 'anthropic-messages', steps: [{ sse: anthropicAnswer }] }],
    })
    await expect(world.run({ isStrict: true })).rejects.toMatchObject({ code: 'loss_refused' })
    expect(world.calls).toEqual([])
  })

  test('the same request on a lax route is served, its losses named', async () => {
    const world = createWorld({
      fields: { logprobs: true, top_logprobs: 2 },
      targets: [{ name: 'a', dialect: 'anthropic-messages', steps: [{ sse: anthropicAnswer }] }],
    })
    expect((await world.run()).losses.map((loss) => loss.field)).toContain('logprobs')
  })
})
