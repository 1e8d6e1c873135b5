/** A whole gateway before providers of any dialect whose every byte is the test's own, asked by a client of any dialect. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { isJsonObject, type JsonObject, parseJson } from '../../src/std/json.ts'
import { type ClientAnswer, type ClientDialect, readAnswer } from './client-answer.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'
import {
  type Refused,
  type SaidAnswer,
  type SaidRefusal,
  type TargetVoice,
  targetVoices,
  type VoicedDialect,
} from './target-voices.ts'
import {
  ALL_CLIENTS,
  ALL_TARGETS,
  type Asking,
  type Recorded,
  requestBody,
  requestPath,
} from './upstreams.ts'

export interface Pair {
  readonly client: ClientDialect
  readonly target: VoicedDialect
}

/** Every client before every target. */
export const ALL_PAIRS: readonly Pair[] = ALL_CLIENTS.flatMap((client) =>
  ALL_TARGETS.map((target) => ({ client, target })),
)

/**
 * Every client and every target at least once, and each target before one client of its own dialect where there is one
 * and one of another: what one interpreter makes of a fault does not depend on who writes it down again.
 */
export const SOME_PAIRS: readonly Pair[] = ALL_TARGETS.flatMap((target, index) => {
  const own = ALL_CLIENTS.filter((client) => client === target)
  const others = ALL_CLIENTS.filter((client) => client !== target)
  return [...own, ...others.slice(index % others.length).slice(0, 1)].map((client) => ({ client, target }))
})

export interface ProviderCall {
  /** 1 for the first call of this provider. */
  readonly number: number
  readonly voice: TargetVoice
  /** A stream was asked for. */
  readonly isStream: boolean
  readonly path: string
  readonly body: JsonObject
  readonly response: ServerResponse
}

/** What a provider does with a call. */
export type Play = (call: ProviderCall) => void | Promise<void>

export interface PlayedProvider {
  readonly dialect: VoicedDialect
  readonly play: Play
  readonly timeouts?: Readonly<Record<string, string>>
  /** Where it is instead, when it is no player. */
  readonly origin?: string
  /** The provider this is a further instance of, where its facts matter. */
  readonly provider?: string
}

export interface DialectBenchPlan {
  /** By name; the targets of the route `smart`, in order. */
  readonly providers: Readonly<Record<string, PlayedProvider>>
  /** Default 1. */
  readonly retries?: number
  readonly targets?: readonly string[]
  readonly limits?: Readonly<Record<string, unknown>>
  readonly route?: Readonly<Record<string, unknown>>
}

export interface DialectBench extends AsyncDisposable {
  readonly gateway: TestGateway
  ask(asking: Asking): Promise<ClientAnswer>
  send(asking: Asking): Promise<Response>
  calls(name: string): readonly ProviderCall[]
  recordOf(answer: { readonly headers: Headers }): Promise<Recorded>
}

export async function openDialectBench(plan: DialectBenchPlan): Promise<DialectBench> {
  const players = new Map<string, Player>()
  for (const [name, provider] of Object.entries(plan.providers))
    players.set(name, await startPlayer(provider))
  const gateway = await startTestGateway({ config: configOf(plan, players) })
  const send = (asking: Asking) =>
    fetch(gateway.url + requestPath(asking), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...asking.headers },
      body: JSON.stringify(requestBody(asking)),
    })
  return {
    gateway,
    send,
    ask: async (asking) => readAnswer(await send(asking), asking.client),
    calls: (name) => players.get(name)?.calls ?? [],
    async recordOf({ headers }) {
      const id = headers.get('x-request-id')
      const exchange = await gateway.exchange((record) => record.exchangeId === id)
      expect(gateway.exchanges.filter((record) => record.exchangeId === id)).toHaveLength(1)
      return { exchange, attempts: gateway.attempts.filter((record) => record.exchangeId === id) }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      for (const player of players.values()) await player.close()
    },
  }
}

function configOf(
  { providers, targets, retries = 1, limits, route }: DialectBenchPlan,
  players: Map<string, Player>,
) {
  return {
    discover: false,
    providers: Object.fromEntries(
      Object.entries(providers).map(([name, { dialect, timeouts, origin, provider }]) => [
        name,
        {
          dialect,
          ...(provider === undefined ? {} : { provider }),
          baseUrl: (origin ?? players.get(name)?.origin ?? '') + targetVoices[dialect].base,
          credential: `credential-of-${name}-0123456789`,
          models: ['m'],
          ...(timeouts === undefined ? {} : { timeouts }),
        },
      ]),
    ),
    routes: {
      smart: {
        targets: targets ?? Object.keys(providers).map((name) => `${name}/m`),
        retries,
        // Most tests are about how one stream ends; those about who goes on with it say so.
        rescue: 'off',
        ...route,
      },
    },
    ...(limits === undefined ? {} : { limits }),
  }
}

interface Player {
  readonly origin: string
  readonly calls: readonly ProviderCall[]
  close(): Promise<void>
}

async function startPlayer({ dialect, play }: PlayedProvider): Promise<Player> {
  const calls: ProviderCall[] = []
  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    void callOf(request, response).then(async (rest) => {
      const call = { ...rest, number: calls.length + 1, voice: targetVoices[spokenAt(rest.path, dialect)] }
      calls.push(call)
      await play(call)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: a listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    calls,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A provider that speaks several dialects is asked in the client's. */
function spokenAt(path: string, dialect: VoicedDialect): VoicedDialect {
  return path.endsWith('/responses') ? 'openai-responses' : dialect
}

async function callOf(request: IncomingMessage, response: ServerResponse) {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  const value = parseJson(Buffer.concat(chunks).toString())
  const body = isJsonObject(value) ? value : {}
  const path = request.url ?? ''
  const isStream = body['stream'] === true || /streamGenerateContent|converse-stream/.test(path)
  return { isStream, path, body, response }
}

// What providers do.

/** Answers in full, as it was asked. */
export function answers(answer: SaidAnswer): Play {
  return (call) => {
    if (call.isStream) sayEvents(call, call.voice.events(answer))
    else sayWhole(call, call.voice.whole(answer))
  }
}

export function refuses(refusal: SaidRefusal): Play {
  return ({ response, voice }) => sayRefused(response, voice.refusal(refusal))
}

/** Plays one call after another; the last one for all that follow. */
export function inTurn(...plays: readonly Play[]): Play {
  return (call) => plays[Math.min(call.number, plays.length) - 1]?.(call)
}

export function sayRefused(response: ServerResponse, { status, headers, body }: Refused): void {
  response.writeHead(status, headers)
  response.end(body)
}

export function sayWhole({ response }: ProviderCall, body: string | Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(body)
}

/** How a stream goes on after its last event. */
export type Then = 'end' | 'reset' | 'silence'

export function sayEvents(call: ProviderCall, events: readonly Buffer[], then: Then = 'end'): void {
  const { response, voice } = call
  response.writeHead(200, { 'content-type': voice.streamType })
  for (const event of events) response.write(event)
  if (then === 'end') response.end()
  if (then === 'reset') response.write('', () => response.socket?.resetAndDestroy())
  if (then === 'silence') response.flushHeaders()
}

/** Writes one event after another, each in a turn and a segment of its own, so that what stands before a fault is on its way when it comes. */
export async function sayPaced(
  call: ProviderCall,
  events: readonly Buffer[],
  then: Then = 'end',
): Promise<void> {
  const { response, voice } = call
  response.writeHead(200, { 'content-type': voice.streamType })
  for (const event of events) {
    response.write(event)
    await new Promise((resolve) => setTimeout(resolve, PACE_MS))
  }
  if (then === 'end') response.end()
  if (then === 'reset') response.socket?.resetAndDestroy()
}

const PACE_MS = 4

/** A whole HTTP error in the client's dialect. */
export function expectToldRefusal(answer: ClientAnswer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.error?.code }).toEqual({ status, code })
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  expect(answer.error?.type).not.toBe('')
  expect(answer.error?.message).not.toBe('')
  expect(answer.headers.get('x-request-id')).toBeTruthy()
}
