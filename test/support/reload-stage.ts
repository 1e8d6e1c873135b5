/** A whole gateway over a transport that the test plays, whose configurations can be told apart by what reaches a provider. */

import { expect } from 'vitest'
import type { ConfigFault } from '../../src/app/config/fault.ts'
import type { HoldfastConfig } from '../../src/app/config/config.ts'
import { type PlayedCall, PlayedTransport } from '../../src/upstream/wall.ts'
import { startTestGateway } from './gateway.ts'
import { streamEvents } from './stream-events.ts'
import { statusOf } from './status-of.ts'

export interface StagedRequest {
  readonly number: number
  readonly isStream: boolean
  /** The configurations that its calls were made under, in order. */
  readonly configs: readonly number[]
  /** What was answered, by which configuration's provider; `undefined` for an error or nobody. */
  readonly answeredBy: number | undefined
  readonly isOver: boolean
}

export interface ReloadStage extends AsyncDisposable {
  /** Writes the configuration of this number, or one that cannot be in force, and reloads. */
  reload(which: number | 'bad'): Promise<readonly ConfigFault[]>
  /** Resolves once a provider has been called. */
  begin(isStream: boolean): Promise<StagedRequest>
  request(number: number): StagedRequest
  /** The call under way fails; resolves once there is another, or an answer. */
  failOver(request: StagedRequest): Promise<void>
  /** A stream has its first words. */
  progress(request: StagedRequest): Promise<void>
  finish(request: StagedRequest): Promise<void>
  leave(request: StagedRequest): Promise<void>
  /** Finishes what is open, and one more request under the configuration in force. */
  finishAll(): Promise<void>
  /** Configurations that came into force, are no longer, and are still in memory; that of the start is not counted. */
  keptConfigs(): number
  requestsInFlight(): Promise<number>
}

const events = streamEvents['openai-chat']

class Staged implements StagedRequest {
  readonly number: number
  readonly isStream: boolean
  readonly configs: number[] = []
  call: PlayedCall | undefined
  hasBegun = false
  answeredBy: number | undefined
  isOver = false
  readonly abort = new AbortController()
  answer: Promise<void> = Promise.resolve()

  constructor(number: number, isStream: boolean) {
    this.number = number
    this.isStream = isStream
  }
}

export async function createReloadStage(): Promise<ReloadStage> {
  const transport = new PlayedTransport()
  const gateway = await startTestGateway({ config: configOf(1), transport })
  const { running } = gateway
  const requests = new Map<number, Staged>()
  const replaced: WeakRef<HoldfastConfig>[] = []
  let seenCalls = 0

  /** Gives each new call to the request whose number is in its body. */
  const sort = () => {
    for (const call of transport.calls.slice(seenCalls)) {
      seenCalls += 1
      const request = requests.get(numberIn(call))
      if (request === undefined) throw new Error('a call for no request')
      call.handler.onSend()
      request.call = call
      request.hasBegun = false
      request.configs.push(configBehind(call))
    }
  }
  const turn = async (isDone: () => boolean) => {
    for (sort(); !isDone(); sort()) await new Promise((resolve) => setImmediate(resolve))
  }
  const staged = (number: number): Staged => {
    const request = requests.get(number)
    if (request === undefined) throw new Error(`there is no request ${number}`)
    return request
  }
  const begin = async (isStream: boolean): Promise<StagedRequest> => {
    const request = new Staged(requests.size + 1, isStream)
    requests.set(request.number, request)
    request.answer = ask(gateway.url, request)
    await turn(() => request.call !== undefined)
    return request
  }
  const failOver = async ({ number }: StagedRequest): Promise<void> => {
    const request = staged(number)
    if (request.hasBegun) return finish(request)
    const calls = request.configs.length
    request.call?.handler.onHeaders(500, { 'content-type': 'application/json' })
    request.call?.handler.onData(Buffer.from('{"error":{"message":"no"}}'))
    request.call?.handler.onEnd()
    await turn(() => request.isOver || request.configs.length > calls)
  }
  const progress = async ({ number }: StagedRequest): Promise<void> => {
    const request = staged(number)
    if (!request.isStream || request.hasBegun) return
    request.hasBegun = true
    request.call?.handler.onHeaders(200, { 'content-type': 'text/event-stream' })
    request.call?.handler.onData(Buffer.from(events.opening + events.content(said(request))))
    await turn(() => true)
  }
  const finish = async (one: StagedRequest): Promise<void> => {
    const request = staged(one.number)
    await progress(request)
    const { call } = request
    if (request.isStream) call?.handler.onData(Buffer.from(events.finish + events.last))
    else {
      call?.handler.onHeaders(200, { 'content-type': 'application/json' })
      call?.handler.onData(Buffer.from(plainAnswer(said(request))))
    }
    call?.handler.onEnd()
    await request.answer
  }

  return {
    begin,
    request: staged,
    failOver,
    progress,
    finish,
    async reload(which) {
      gateway.writeConfig(which === 'bad' ? 'rotues: {}' : configOf(which))
      const before = running.config
      const faults = await running.reload()
      if (running.config !== before) replaced.push(new WeakRef(before))
      return faults
    },
    async leave({ number }) {
      const request = staged(number)
      request.abort.abort()
      await request.answer
      await turn(() => request.call?.isAborted === true)
    },
    async finishAll() {
      for (const request of requests.values()) if (!request.isOver) await finish(request)
      await finish(await begin(false))
      // Only what the gateway holds shall count.
      requests.clear()
      transport.calls.length = 0
      seenCalls = 0
    },
    // That of the start is what later ones are compared with: it is kept for good.
    keptConfigs: () => replaced.slice(1).filter((one) => one.deref() !== undefined).length,
    requestsInFlight: async () => (await statusOf(running.adminUrl)).process.requestsInFlight,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

/** Two providers whose addresses and keys say which configuration they are of. */
function configOf(config: number) {
  const provider = (place: string) => ({
    dialect: 'openai-chat',
    baseUrl: `http://${place}-${config}.test/v1`,
    credential: `provider-key-${place}-${config}-0123456789`,
    models: ['m'],
  })
  return {
    discover: false,
    providers: { first: provider('first'), second: provider('second') },
    routes: { smart: { targets: ['first/m', 'second/m'], retries: 0 } },
  }
}

/** By the address; the key must agree. */
function configBehind({ request }: PlayedCall): number {
  const [, place, config] = /^http:\/\/(first|second)-(\d+)\.test$/.exec(request.origin) ?? []
  expect(request.headers['authorization']).toBe(`Bearer provider-key-${place}-${config}-0123456789`)
  return Number(config)
}

function numberIn({ request: { body } }: PlayedCall): number {
  if (!(body instanceof Uint8Array)) throw new Error('a request with no body')
  return Number(/request (\d+)/.exec(Buffer.from(body).toString())?.[1])
}

const said = (request: Staged): string => `from ${request.configs.at(-1)}`

function plainAnswer(content: string): string {
  return JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })
}

/** Asks, and notes what came of it. */
async function ask(url: string, request: Staged): Promise<void> {
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'smart',
        stream: request.isStream,
        // Short enough to be asked for in one piece.
        max_tokens: 16,
        messages: [{ role: 'user', content: `request ${request.number}` }],
      }),
      signal: request.abort.signal,
    })
    const text = await response.text()
    if (response.status === 200) request.answeredBy = Number(/from (\d+)/.exec(text)?.[1])
  } catch (error) {
    if (!request.abort.signal.aborted) throw error
  } finally {
    request.isOver = true
  }
}
