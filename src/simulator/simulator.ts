/** The scripted provider itself: a request in, a conduct out. The server and the in-process transport both ask it. */

import type { Clock } from '../std/clock.ts'
import { type JsonObject, parseJson } from '../std/json.ts'
import type { SimulatedCall } from './call.ts'
import { refuse } from './call.ts'
import type { ChosenFault } from './fault-chooser.ts'
import { FaultChooser, misfitOf } from './fault-chooser.ts'
import { formatFault, parseFaultExpression } from './fault-expression.ts'
import type { FaultExpression } from './fault-expression.ts'
import type { Fault } from './fault.ts'
import { makeScript } from './make-script.ts'
import { PromptCache } from './prompt-cache.ts'
import { plainRefusal } from './refusal.ts'
import type { RequestHead, SimulatedRequest } from './request.ts'
import { readHead, readRequest } from './read-request.ts'
import type { Scenario } from './scenario.ts'
import { findFault } from './scenario.ts'
import { answerFor } from './scripted-answer.ts'
import { isDeeperThan } from './schema-value.ts'
import type { Script } from './script.ts'
import { Shelf } from './shelf.ts'
import { idsFor, randomFor } from './seed.ts'
import type { Conduct } from './step.ts'
import { wellBehaved } from './well-behaved.ts'

/** The header that asks for a fault. */
export const SIMULATE_HEADER = 'x-simulate'

/** Requests inside requests nested deeper than this are not answered. */
const INSIDE_DEPTH_MAX = 100

export interface Response {
  readonly conduct: Conduct
  readonly request: SimulatedRequest
  /** The fault that befell the call, as it is written. */
  readonly fault?: string
}

export interface Arrival {
  readonly head: RequestHead
  /** The whole body, or its beginning while the rest is still on its way. */
  readonly body: Uint8Array
  readonly number: number
  readonly earlierOnConnection: number
}

export interface SimulatorOptions {
  readonly scenario: Scenario
  readonly clock: Clock
  /** The only key accepted, as a bearer token or `x-api-key`. Default: any, and none. */
  readonly credential?: string
  /** Requests may ask for faults, by header or after `!` in the model's name. Default true. */
  readonly allowsRequestFaults?: boolean
}

export class Simulator {
  readonly #credential: string | undefined
  readonly #allowsRequestFaults: boolean
  readonly #scenario: Scenario
  readonly #clock: Clock
  readonly #startMs: number
  readonly #chooser: FaultChooser
  readonly #cache = new PromptCache()
  readonly #shelf = new Shelf()
  /** Requests answered inside other requests. */
  #askedInside = 0

  constructor({ scenario, clock, credential, allowsRequestFaults = true }: SimulatorOptions) {
    this.#scenario = scenario
    this.#clock = clock
    this.#credential = credential
    this.#allowsRequestFaults = allowsRequestFaults
    this.#startMs = clock.nowMs()
    this.#chooser = new FaultChooser(scenario)
  }

  /** True where this request might be struck before it has been read whole. */
  mayStrikeEarly(head: RequestHead): boolean {
    return this.#chooser.strikesEarly || head.headers[SIMULATE_HEADER] !== undefined
  }

  /** What is done while the request still arrives: usually nothing, and reading goes on. */
  respondEarly(arrival: Arrival): Response | undefined {
    const ofHead = readHead(arrival.head)
    const request = { ...ofHead, model: ofHead.model || peekModel(arrival.body) }
    const chosen =
      this.#askedFor(arrival.head, undefined, 'reading') ??
      this.#chooser.choose(request, 'reading', this.#sinceStartMs())
    return chosen && 'fault' in chosen ? this.#strike(this.#call(arrival, request), chosen) : undefined
  }

  /** What is done with a request that has been read whole. */
  respond(arrival: Arrival): Response {
    const read = readRequest(arrival.head, arrival.body)
    const { request } = read
    const call = this.#call(arrival, request)
    const asked = this.#askedFor(arrival.head, request.faultOfModel, 'answering')
    if (asked && 'message' in asked) return this.#refuse(call, asked.message)
    const misfit = asked && misfitOf(asked.fault, request)
    if (misfit !== undefined) return this.#refuse(call, misfit)
    const chosen = asked ?? this.#chooser.choose(request, 'answering', this.#sinceStartMs())
    if (chosen) return this.#strike(call, chosen)
    if (!this.#isWelcome(arrival.head)) return this.#refuse(call, 'the key is not known', 401)
    if (read.type === 'problem') {
      const { message, param } = read.problem
      const refusal = { ...plainRefusal(400, message), ...(param === undefined ? {} : { param }) }
      return { conduct: { steps: refuse(call, refusal) }, request }
    }
    return { conduct: { steps: wellBehaved(call) }, request }
  }

  #strike(call: SimulatedCall, { fault, values }: ChosenFault): Response {
    return {
      conduct: fault.conduct(call, values),
      request: call.request,
      fault: formatFault(fault.name, values),
    }
  }

  #refuse(call: SimulatedCall, message: string, status = 400): Response {
    return { conduct: { steps: refuse(call, plainRefusal(status, message)) }, request: call.request }
  }

  #isWelcome({ headers }: RequestHead): boolean {
    const bearer = headers['authorization']?.replace(/^bearer /i, '')
    const key = headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers['api-key'] ?? bearer
    return this.#credential === undefined || key === this.#credential
  }

  /** The fault this very request asks for, in its header or after its model's name. */
  #askedFor(head: RequestHead, ofModel: FaultExpression | undefined, stage: Fault['stage']) {
    const header = head.headers[SIMULATE_HEADER]
    const expression = header === undefined ? ofModel : parseFaultExpression(header)
    if (!expression || !this.#allowsRequestFaults) return undefined
    const found = findFault(expression.fault, expression.parameters)
    if (found.type === 'problem') {
      const where = found.parameter === undefined ? '' : `${found.parameter} `
      return stage === 'reading' ? undefined : { message: `${expression.fault}: ${where}${found.message}` }
    }
    // A fault of reading that is asked for by the model's name comes late, but it comes.
    return stage === 'reading' && found.fault.stage !== 'reading' ? undefined : found
  }

  /** Answers a request inside a request; what is no JSON is no answer. */
  #answerOf(arrival: Arrival, path: string, fields: JsonObject): unknown {
    if (isDeeperThan(fields, INSIDE_DEPTH_MAX)) return undefined
    const body = Buffer.from(JSON.stringify(fields))
    const head = {
      ...arrival.head,
      method: 'POST',
      path,
      headers: { host: arrival.head.headers['host'] ?? '' },
    }
    const { request } = readRequest(head, body)
    const plain = { ...request, stream: false }
    if (plain.operation === 'batches') return undefined
    this.#askedInside += 1
    // Ids come from the number; no call of its own has a fraction in it.
    const number = arrival.number + this.#askedInside / 1e6
    const chunks: Uint8Array[] = []
    for (const step of wellBehaved(this.#call({ ...arrival, head, body, number }, plain))) {
      if (step.type === 'write') chunks.push(step.bytes)
    }
    return parseJson(Buffer.concat(chunks).toString())
  }

  #sinceStartMs(): number {
    return this.#clock.nowMs() - this.#startMs
  }

  #call(arrival: Arrival, request: SimulatedRequest): SimulatedCall {
    const { seed, answers, pace } = this.#scenario
    const ids = idsFor(seed, arrival.number)
    const random = randomFor(seed, 'answer', request.model, request.lastUserText)
    const sources = { request, answer: answerFor(answers, request), random, ids, cache: this.#cache }
    let script: Script | undefined
    return {
      number: arrival.number,
      earlierOnConnection: arrival.earlierOnConnection,
      head: arrival.head,
      request,
      body: arrival.body,
      shelf: this.#shelf,
      get script() {
        script ??= makeScript(sources)
        return script
      },
      pace,
      random,
      ids,
      requestId: ids.next('req_'),
      wallMs: this.#clock.wallMs(),
      ask: (path, fields) => this.#answerOf(arrival, path, fields),
    }
  }
}

/** The model named in the beginning of a body. */
function peekModel(body: Uint8Array): string {
  const beginning = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 65_536)).toString(
    'latin1',
  )
  return /"model"\s*:\s*"((?:simulator\/)?[^"\\]*)"/.exec(beginning)?.[1]?.replace(/^simulator\//, '') ?? ''
}
