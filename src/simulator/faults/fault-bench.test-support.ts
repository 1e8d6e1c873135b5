/** What the tests of faults share: a server of their own, and ways to ask it for a fault. */

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { type AskingOptions, askedIn } from '../dialect-asking.test-support.ts'
import type { RawAnswer } from '../raw-client.test-support.ts'
import { ask, chat, eventsOf, requestText } from '../raw-client.test-support.ts'
import type { RecordedCall } from '../recorded-call.ts'
import type { SimulatedDialect } from '../request.ts'
import type { SimulatorServer } from '../server.ts'
import { startSimulator } from '../server.ts'

export const WHOLE = 'This is a simulated answer: no model was asked. You said: hello'
export const OPENAI = '/v1/chat/completions'
export const ANTHROPIC = '/v1/messages'
export const DIALECTS = [OPENAI, ANTHROPIC]

export interface Asking {
  readonly path?: string
  readonly stream?: boolean
  readonly fields?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly until?: (bytes: Buffer) => boolean
}

export interface FaultBench {
  readonly server: SimulatorServer
  /** Asks for a fault by name. */
  struck(fault: string, asking?: Asking): Promise<RawAnswer>
  /** Asks for a fault of a stream. */
  streamed(fault: string, asking?: Asking): Promise<RawAnswer>
  /** Asks for a fault in any dialect. */
  struckIn(dialect: SimulatedDialect, fault: string, options?: AskingOptions): Promise<RawAnswer>
  /** Asks and keeps the connection open; ready once the fault has been done, as far as it is done at once. */
  held(fault: string, asking?: Asking): Promise<{ readonly call: RecordedCall; readonly socket: Socket }>
}

/** A bench whose server lives as long as the tests of the file. */
export function createFaultBench(): FaultBench {
  let server: SimulatorServer
  beforeAll(async () => {
    server = await startSimulator()
  })
  afterAll(() => server.close())

  const struck = (fault: string, asking: Asking = {}) => {
    const { path = OPENAI, stream = false, fields = {}, headers = {}, until } = asking
    return ask(server.port, {
      path,
      headers: { 'x-simulate': fault, ...headers },
      body: chat({ stream, stream_options: { include_usage: true }, ...fields }),
      ...(until ? { until } : {}),
    })
  }
  return {
    get server() {
      return server
    },
    struck,
    streamed: (fault, asking = {}) => struck(fault, { stream: true, ...asking }),
    struckIn: (dialect, fault, options = {}) =>
      ask(server.port, { ...askedIn(dialect, options), headers: { 'x-simulate': fault } }),
    async held(fault, { path = OPENAI, stream = false } = {}) {
      const started = server.nextCall()
      const socket = connect(server.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(requestText({ path, headers: { 'x-simulate': fault }, body: chat({ stream }) }))
      const call = await started
      await vi.waitFor(() => expect(call.fault).toBeDefined())
      return { call, socket }
    },
  }
}

export function json(answer: RawAnswer) {
  return JSON.parse(answer.body.toString())
}

/** Parsed events; what is no JSON stays text. */
export function events(answer: RawAnswer) {
  return eventsOf(answer.body).map((data) => {
    try {
      return JSON.parse(data)
    } catch {
      return data
    }
  })
}

/** Enough has been seen once this text has come. */
export function after(text: string): (bytes: Buffer) => boolean {
  return (bytes) => bytes.includes(text)
}
