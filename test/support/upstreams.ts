/**
 * A whole gateway in front of providers that fail as told: simulators with faults by name, or walls whose every byte is
 * the test's own. Asks it as a client of any dialect and tells what everybody saw.
 */

import { expect } from 'vitest'
import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { createScenario } from '../../src/simulator/scenario.ts'
import type { RecordedCall } from '../../src/simulator/recorded-call.ts'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import type { Transport } from '../../src/std/transport.ts'
import type { AttemptRecord, ExchangeRecord } from '../../src/telemetry/records.ts'
import { type ClientAnswer, type ClientDialect, type FirstDialect, readAnswer } from './client-answer.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'

/** `stream`; `plain`: an answer so short that it is asked for as one piece; `fold`: one that goes upstream as a stream. */
export type Mode = 'stream' | 'plain' | 'fold'

/** What most tests are told in; a test that is about dialects takes `ALL_CLIENTS` and `ALL_TARGETS`. */
export const DIALECTS: readonly FirstDialect[] = ['openai-chat', 'anthropic-messages']
const LATER_CLIENTS: readonly ClientDialect[] = ['openai-responses', 'gemini']
export const ALL_CLIENTS: readonly ClientDialect[] = [...DIALECTS, ...LATER_CLIENTS]
/** Every dialect of a target that can hold a whole conversation. */
export const ALL_TARGETS = [
  'openai-chat',
  'anthropic-messages',
  'openai-responses',
  'gemini',
  'bedrock-converse',
  'cohere-chat',
  'ollama-chat',
] as const satisfies readonly TargetDialectId[]
export const MODES: readonly Mode[] = ['stream', 'plain', 'fold']

export interface Combination<Target extends TargetDialectId = FirstDialect> {
  readonly client: ClientDialect
  readonly mode: Mode
  readonly target: Target
}

/** Both first dialects as client and as target in every way of asking, and the other two clients once in each way. */
export const COMBINATIONS: readonly Combination[] = combinations()

export interface CombinationChoice {
  readonly clients?: readonly ClientDialect[]
  readonly modes?: readonly Mode[]
  readonly targets?: readonly FirstDialect[]
}

/**
 * Clients before targets in every way of asking. Where no clients are chosen, those of the first two dialects meet every
 * target, and the other two each meet one: what is made of a fault does not depend on who writes it down again.
 */
export function combinations(only: CombinationChoice = {}): readonly Combination[] {
  const { clients, modes = MODES, targets = DIALECTS } = only
  const cross = (some: readonly ClientDialect[], place: (index: number) => readonly FirstDialect[]) =>
    some.flatMap((client, index) =>
      modes.flatMap((mode) => place(index).map((target) => ({ client, mode, target }))),
    )
  if (clients !== undefined) return cross(clients, () => targets)
  const oneEach = (index: number) => targets.slice(index % targets.length).slice(0, 1)
  return [...cross(DIALECTS, () => targets), ...cross(LATER_CLIENTS, oneEach)]
}

export function otherDialect(dialect: TargetDialectId): FirstDialect {
  return dialect === 'openai-chat' ? 'anthropic-messages' : 'openai-chat'
}

export interface UpstreamPlan {
  readonly dialect: TargetDialectId
  /** Faults for every call, or rules in full. */
  readonly faults?: readonly (string | NonNullable<ScenarioInput['faults']>[number])[]
  /** What it says; without it and without calls the simulated model speaks. */
  readonly text?: string
  /** The tools it calls. */
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: unknown }[]
  readonly pace?: ScenarioInput['pace']
  /** Instead of a simulator: where a wall stands. */
  readonly origin?: string
  readonly timeouts?: {
    readonly connect?: string
    readonly firstToken?: string
    readonly idle?: string
  }
  readonly credential?: string
  /** The provider this is a further instance of, where its facts matter. */
  readonly provider?: string
  /** `false`: it is called however often it failed, for tests that let it fail many times. */
  readonly breaker?: boolean
  /** Requests it serves at one time. */
  readonly slots?: number
}

export interface BenchPlan {
  /** By provider name. */
  readonly upstreams: Readonly<Record<string, UpstreamPlan>>
  /** The targets of the route `smart`. Default: model `m` of every upstream, in order. */
  readonly targets?: readonly string[]
  readonly retries?: number
  readonly deadline?: string
  readonly limits?: Readonly<Record<string, unknown>>
  /** More of the route's settings. */
  readonly route?: Readonly<Record<string, unknown>>
  /** Instead of the gateway's own sockets. */
  readonly transport?: Transport
}

export interface Asking {
  readonly client: ClientDialect
  readonly mode: Mode
  readonly prompt?: string
  readonly model?: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface Bench extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly simulators: ReadonlyMap<string, SimulatorServer>
  ask(asking: Asking): Promise<ClientAnswer>
  /** The response as it begins, for those who read it themselves. */
  send(asking: Asking): Promise<Response>
  /** The chat calls an upstream saw. */
  calls(name: string): readonly RecordedCall[]
  /** The one record of an exchange and the records of its attempts, once it is settled. */
  recordOf(answer: { readonly headers: Headers }): Promise<Recorded>
}

export interface Recorded {
  readonly exchange: ExchangeRecord
  readonly attempts: readonly AttemptRecord[]
}

/** An attempt that never answers is given up after this. Connecting has its usual time: on a busy machine it may need it. */
export const IMPATIENT = { firstToken: '400ms', idle: '400ms' } as const

/** Short limits where a limit is what ends the attempt; elsewhere a busy machine must not be taken for a stalled provider. */
export function patience(code: string): Pick<UpstreamPlan, 'timeouts'> {
  return code === 'upstream_timeout' ? { timeouts: IMPATIENT } : {}
}

export async function openBench(plan: BenchPlan): Promise<Bench> {
  const simulators = new Map<string, SimulatorServer>()
  const origins = new Map<string, string>()
  for (const [name, upstream] of Object.entries(plan.upstreams)) {
    if (upstream.origin !== undefined) {
      origins.set(name, upstream.origin)
      continue
    }
    const simulator = await startSimulator({ scenario: createScenario(scenarioOf(upstream)) })
    simulators.set(name, simulator)
    origins.set(name, simulator.origin)
  }
  const gateway = await startTestGateway({
    config: configOf(plan, origins),
    ...(plan.transport === undefined ? {} : { transport: plan.transport }),
  })

  const send = (asking: Asking) =>
    fetch(gateway.url + requestPath(asking), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...asking.headers },
      body: JSON.stringify(requestBody(asking)),
    })

  return {
    gateway,
    simulators,
    send,
    ask: async (asking) => readAnswer(await send(asking), asking.client),
    calls: (name) => (simulators.get(name)?.calls ?? []).filter((call) => call.method === 'POST'),
    async recordOf({ headers }) {
      const id = headers.get('x-request-id')
      const exchange = await gateway.exchange((record) => record.exchangeId === id)
      expect(gateway.exchanges.filter((record) => record.exchangeId === id)).toHaveLength(1)
      return { exchange, attempts: gateway.attempts.filter((record) => record.exchangeId === id) }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await Promise.all([...simulators.values()].map((simulator) => simulator.close()))
    },
  }
}

function scenarioOf({ faults = [], text, toolCalls, pace }: UpstreamPlan): ScenarioInput {
  const said = {
    ...(text === undefined ? {} : { text }),
    ...(toolCalls === undefined ? {} : { toolCalls: [...toolCalls] }),
  }
  return {
    faults: faults.map((fault) => (typeof fault === 'string' ? { fault } : fault)),
    ...(Object.keys(said).length === 0 ? {} : { answers: [said] }),
    ...(pace === undefined ? {} : { pace }),
  }
}

function configOf(plan: BenchPlan, origins: ReadonlyMap<string, string>): object {
  const names = Object.keys(plan.upstreams)
  return {
    discover: false,
    providers: Object.fromEntries(
      Object.entries(plan.upstreams).map(([name, upstream]) => [
        name,
        {
          ...(upstream.provider === undefined ? {} : { provider: upstream.provider }),
          dialect: upstream.dialect,
          baseUrl: `${origins.get(name)}${BASE_PATHS[upstream.dialect]}`,
          credential: upstream.credential ?? `credential-of-${name}-0123456789`,
          models: ['m'],
          ...(upstream.slots === undefined ? {} : { slots: upstream.slots }),
          ...(upstream.breaker === undefined ? {} : { breaker: upstream.breaker }),
          ...(upstream.timeouts === undefined ? {} : { timeouts: upstream.timeouts }),
        },
      ]),
    ),
    routes: {
      smart: {
        targets: plan.targets ?? names.map((name) => `${name}/m`),
        retries: plan.retries ?? 1,
        ...(plan.deadline === undefined ? {} : { deadline: plan.deadline }),
        // Most tests are about how one stream ends; those about who goes on with it say so.
        rescue: 'off',
        ...plan.route,
      },
    },
    ...(plan.limits === undefined ? {} : { limits: plan.limits }),
  }
}

/** Beyond it a plain request goes upstream as a stream; see `PLAIN_OUTPUT_TOKENS_MAX`. */
const PLAIN_TOKENS = 512
const FOLD_TOKENS = 8_192

const PROMPT = 'Say it.'

/** Where the simulator answers in a dialect, below its origin. */
export const BASE_PATHS: Readonly<Record<TargetDialectId, string>> = {
  'openai-chat': '/v1',
  'anthropic-messages': '/v1',
  'openai-responses': '/v1',
  'openai-completions': '/v1',
  gemini: '/v1beta',
  'bedrock-converse': '',
  'cohere-chat': '/v2',
  'ollama-chat': '/api',
}

/** Where a client of the dialect asks the gateway. */
export function requestPath({ client, mode, model = 'smart' }: Asking): string {
  switch (client) {
    case 'openai-chat':
      return '/v1/chat/completions'
    case 'anthropic-messages':
      return '/v1/messages'
    case 'openai-responses':
      return '/v1/responses'
    case 'gemini': {
      const method = mode === 'stream' ? 'streamGenerateContent?alt=sse' : 'generateContent'
      return `/v1beta/models/${encodeURIComponent(model)}:${method}`
    }
  }
}

export function requestBody({ client, mode, prompt = PROMPT, model = 'smart', body }: Asking): object {
  const tokensMax = mode === 'plain' ? PLAIN_TOKENS : FOLD_TOKENS
  const stream = mode === 'stream' ? { stream: true } : {}
  switch (client) {
    case 'openai-chat':
    case 'anthropic-messages': {
      const messages = [{ role: 'user', content: prompt }]
      return { model, messages, max_tokens: tokensMax, ...stream, ...body }
    }
    case 'openai-responses':
      return { model, input: prompt, max_output_tokens: tokensMax, ...stream, ...body }
    case 'gemini':
      return {
        contents: [{ role: 'user', parts: [{ text: prompt }] }],
        generationConfig: { maxOutputTokens: tokensMax },
        ...body,
      }
  }
}

/** The same as bytes, for a client that decides itself when it reads. */
export function rawRequest(asking: Asking): string {
  const body = JSON.stringify(requestBody(asking))
  return `POST ${requestPath(asking)} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** The client got the whole answer: this text, a natural finish, the last word of its dialect, and no error. */
export function expectWhole(answer: ClientAnswer, text: string): void {
  expect(answer.error).toBeUndefined()
  expect(answer.status).toBe(200)
  expect(answer.text).toBe(text)
  expect(['stop', 'end_turn', 'completed', 'STOP']).toContain(answer.finish)
  expect(answer.hasTerminal).toBe(true)
}

/** The client was refused with a whole HTTP error in its dialect, request id and advice included. */
export function expectRefused(
  answer: ClientAnswer,
  wanted: { readonly status: number; readonly code: string; readonly shouldRetry: boolean },
): void {
  expect({ status: answer.status, code: answer.error?.code }).toEqual({
    status: wanted.status,
    code: wanted.code,
  })
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  expect(answer.headers.get('x-should-retry')).toBe(String(wanted.shouldRetry))
  expect(answer.headers.get('x-request-id')).toBe(answer.headers.get('request-id'))
  expect(answer.error?.type).not.toBe('')
  expect(answer.error?.message).not.toBe('')
}

/** The stream broke off after it had begun: the dialect's own error is its last event, and no terminal marker stands. */
export function expectTruncated(answer: ClientAnswer, code: string): void {
  expect(answer.status).toBe(200)
  expect(answer.error?.code).toBe(code)
  expect(answer.error?.isPartial).toBe(true)
  expect(answer.hasTerminal).toBe(false)
  expect(answer.raw).not.toContain('[DONE]')
  expect(answer.raw).not.toContain('"type":"message_stop"')
  expect(answer.raw).not.toContain('"type":"response.completed"')
  const last = answer.values.at(-1) ?? {}
  expect('error' in last || last['type'] === 'error' || last['type'] === 'response.failed').toBe(true)
}
