/**
 * The simulator in process, as a transport: what Holdfast asks when it starts with no provider at all, and what tests
 * under virtual time ask. Faults below HTTP become the failures that a real transport reports of them.
 */

import type { Clock } from '../std/clock.ts'
import { systemClock } from '../std/clock.ts'
import type {
  ResponseHeaders,
  Transport,
  TransportCall,
  TransportHandler,
  TransportPhase,
  TransportRequest,
} from '../std/transport.ts'
import type { Pace } from './pace.ts'
import { NO_PACE } from './pace.ts'
import type { Outlet } from './player.ts'
import { Player } from './player.ts'
import type { RecordedCall } from './recorded-call.ts'
import { CallLog, CallRecord } from './recorded-call.ts'
import type { Scenario } from './scenario.ts'
import { createScenario } from './scenario.ts'
import type { Response } from './simulator.ts'
import { Simulator } from './simulator.ts'
import type { Conduct, Cut, Framing, Step } from './step.ts'

export interface SimulatorTransportOptions {
  /** Default: a provider in good health. */
  readonly scenario?: Scenario
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** Instead of the scenario's pace, as far as it is given. */
  readonly pace?: Partial<Pace>
  /** Calls remembered. Default 1000. */
  readonly callsMax?: number
}

export interface SimulatorTransport extends Transport {
  readonly calls: readonly RecordedCall[]
  /** The next call to begin. */
  nextCall(): Promise<RecordedCall>
}

export function createSimulatorTransport(options: SimulatorTransportOptions = {}): SimulatorTransport {
  const { scenario = createScenario(), clock = systemClock, pace = {}, callsMax } = options
  const paced = { ...scenario, pace: { ...NO_PACE, ...scenario.pace, ...pace } }
  const simulator = new Simulator({ scenario: paced, clock })
  const log = new CallLog(callsMax)
  const running = new Set<CallRecord>()
  return {
    calls: log.calls,
    nextCall: () => log.next(),
    send(request, handler) {
      const call = new InProcessCall({ request, handler, simulator, clock, log })
      running.add(call.record)
      void call.record.settled.then(() => running.delete(call.record))
      void bytesOf(request.body).then(
        (body) => call.begin(body),
        () => call.fail('request', 'UND_ERR_SOCKET'),
      )
      return call
    },
    async close() {
      await Promise.all([...running].map((record) => record.settled))
    },
  }
}

interface Sending {
  readonly request: TransportRequest
  readonly handler: TransportHandler
  readonly simulator: Simulator
  readonly clock: Clock
  readonly log: CallLog
}

const NO_BODY = new Uint8Array(0)

class InProcessCall implements TransportCall, Outlet {
  readonly record: CallRecord
  readonly #sending: Sending
  #player: Player | undefined
  #framing: Framing | undefined
  #isPaused = false
  #isOver = false

  constructor(sending: Sending) {
    const { request, log, clock } = sending
    const { method, path, headers } = request
    this.#sending = sending
    this.record = new CallRecord({ connection: 0, head: { method, path, headers }, clock, log })
    log.add(this.record)
  }

  begin(body: Uint8Array): void {
    if (this.#isOver) return
    const { simulator, clock, request, handler } = this.#sending
    const { method, path, headers } = request
    const head = { method, path, headers: { host: new URL(request.origin).host, ...headers } }
    const arrival = { head, body, number: this.record.number, earlierOnConnection: 0 }
    const early = simulator.mayStrikeEarly(head) ? simulator.respondEarly(arrival) : undefined
    const response = early ?? simulator.respond(arrival)
    if (!failsToConnect(response.conduct)) handler.onSend()
    if (this.#isOver) return
    this.record.received(body)
    this.#note(response)
    this.#player = new Player(response.conduct.inProcess ?? response.conduct.steps, {
      outlet: this,
      clock,
      events: {
        onTokens: (tokens) => {
          this.record.tokensGenerated += tokens
        },
        onAnswered: () => this.record.end('answered'),
      },
    })
    if (!this.#isPaused) this.#player.resume()
  }

  pause(): void {
    this.#isPaused = true
    this.#player?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#player?.resume()
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#player?.stop()
    this.record.end('peer-left')
  }

  head(step: Extract<Step, { type: 'head' }>): void {
    this.#framing = step.framing
    this.#sending.handler.onHeaders(step.status, headersOf(step))
  }

  write(bytes: Uint8Array): boolean {
    this.record.bytesWritten += bytes.length
    this.#sending.handler.onData(bytes)
    return true
  }

  raw(): boolean {
    return true
  }

  flush(): boolean {
    return true
  }

  end(): void {
    if (this.#finish()) this.#sending.handler.onEnd()
  }

  /** An orderly close is an end only where nothing else tells the end. */
  cut(by: Cut): void {
    if (by === 'fin' && this.#framing?.type === 'close') return this.end()
    const phase = this.#framing === undefined ? 'request' : 'response'
    this.fail(phase, by === 'rst' ? 'ECONNRESET' : 'UND_ERR_SOCKET')
  }

  fail(phase: TransportPhase, code: string): void {
    if (this.#finish()) this.#sending.handler.onFailure({ phase, code })
  }

  /** True the first time: nothing may reach the handler after its end. */
  #finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.record.end('answered')
    return true
  }

  #note({ request, fault }: Response): void {
    this.record.model = request.model
    this.record.isStream = request.stream
    if (fault !== undefined) this.record.fault = fault
  }
}

async function bytesOf(body: TransportRequest['body']): Promise<Uint8Array> {
  if (body === undefined) return NO_BODY
  if (body instanceof Uint8Array) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function failsToConnect({ inProcess }: Conduct): boolean {
  if (!Array.isArray(inProcess)) return false
  const [first]: readonly Step[] = inProcess
  return first?.type === 'fail' && first.phase === 'connect'
}

/** Lower-case names; a repeated header keeps its first value. */
function headersOf(step: Extract<Step, { type: 'head' }>): ResponseHeaders {
  const headers: Record<string, string> = Object.fromEntries(
    step.headers.toReversed().map(([name, value]) => [name.toLowerCase(), value]),
  )
  if (step.framing.type === 'length') headers['content-length'] = String(step.framing.bytes)
  if (step.framing.type === 'chunked') headers['transfer-encoding'] = 'chunked'
  return headers
}
