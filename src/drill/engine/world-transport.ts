/** The providers of a world as a transport: every call is understood, meets its weather, and is answered in its dialect. */

import type { Provider } from '../../providers/provider.ts'
import { routeOf } from '../../simulator/route.ts'
import type { Route } from '../../simulator/route.ts'
import type { Clock } from '../../std/clock.ts'
import type { Random } from '../../std/ids.ts'
import { randomFor } from '../../simulator/seed.ts'
import type { Transport, TransportCall, TransportHandler, TransportRequest } from '../../std/transport.ts'
import type { Addressee, AddressBook } from './address-book.ts'
import { type AnswerTemplate, AnswerTemplates } from './answer-template.ts'
import { type Ask, findTag } from './ask.ts'
import { drawFrom } from './chance.ts'
import type { Climate } from './climate.ts'
import { type Act, answer, refuse } from './conduct.ts'
import type { UpstreamCall } from './history.ts'
import { refusalOf } from './refusals.ts'
import { type CallEnd, PlayedCall } from './upstream-call.ts'
import type { UpstreamFault } from './weather.ts'
import { SAME_VOICE, TOKENS_PER_WORD, voiceOf } from './words.ts'

export interface PlayedUpstreams {
  readonly clock: Clock
  readonly seed: number
  readonly climate: Climate
  readonly addresses: AddressBook
  /** What clients and providers agreed on, by tag. */
  readonly asks: ReadonlyMap<string, Ask>
  /** Told of each call once it is over. */
  onCall(call: UpstreamCall): void
}

export interface WorldTransport extends Transport {
  /** Calls that nobody has ended. */
  readonly openCalls: number
  /** Tells of the calls that are still open, as they stand. */
  finish(): void
}

export function createWorldTransport(upstreams: PlayedUpstreams): WorldTransport {
  return new Upstreams(upstreams)
}

const NOWHERE = { phase: 'connect', code: 'ENOTFOUND' } as const

class Upstreams implements WorldTransport {
  readonly #parts: PlayedUpstreams
  readonly #templates = new AnswerTemplates()
  readonly #routes = new RouteMemory()
  readonly #open = new Set<CallStory>()
  readonly #callsOf = new Map<string, number>()
  #calls = 0

  constructor(parts: PlayedUpstreams) {
    this.#parts = parts
  }

  get openCalls(): number {
    return this.#open.size
  }

  send(request: TransportRequest, handler: TransportHandler): TransportCall {
    const { clock, addresses } = this.#parts
    const addressee = addresses.find(request)
    this.#calls += 1
    const number = this.#calls
    if (addressee === undefined) return this.#sendNowhere(handler)
    const asked = this.#understand(request, addressee)
    const random = this.#randomOf(asked.ask.tag)
    const story = new CallStory({ number, asked, addressee, random, startMs: clock.nowMs() })
    this.#open.add(story)
    const call = new PlayedCall({
      handler,
      clock,
      connectMs: request.connectMs,
      watch: {
        onHead: (status) => story.answer(status),
        onGiven: (bytes) => story.give(bytes, clock.nowMs()),
        onEnd: (end) => this.#end(story, end),
      },
    })
    const fault = this.#meet(story)
    if (fault?.type === 'black-hole') call.connectNowhere()
    else call.connect(() => this.#decide(story, fault))
    return call
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  finish(): void {
    for (const story of this.#open) this.#end(story, 'open')
  }

  #sendNowhere(handler: TransportHandler): TransportCall {
    const timer = this.#parts.clock.after(1, () => handler.onFailure(NOWHERE))
    return { pause: () => {}, resume: () => {}, abort: () => timer.cancel() }
  }

  /** Chance of its own for each call of a request, so that other requests may be left out of a run. */
  #randomOf(tag: string): Random {
    const calls = (this.#callsOf.get(tag) ?? 0) + 1
    this.#callsOf.set(tag, calls)
    return randomFor(this.#parts.seed, 'call', tag, calls)
  }

  #end(story: CallStory, end: CallEnd): void {
    if (!this.#open.delete(story)) return
    this.#parts.onCall(story.tell(end, this.#parts.clock.nowMs()))
  }

  #understand(request: TransportRequest, { provider }: Addressee): Asked {
    const { method, path, headers, body } = request
    const route = this.#routes.of({ method, path, headers })
    const text = body instanceof Uint8Array ? latin1(body) : ''
    const tag = findTag(text) ?? ''
    const ask = this.#parts.asks.get(tag) ?? UNKNOWN_ASK
    const model = route.pathModel ?? MODEL.exec(text)?.[1] ?? ''
    const isStream = route.pathStream === true || /"stream":\s*true/.test(text)
    return { provider, route, model, isStream, path, text, ask: { ...ask, tag } }
  }

  /** What befalls the call is drawn when it begins, so that a connection may fail. */
  #meet(story: CallStory): UpstreamFault | undefined {
    const { climate, clock } = this.#parts
    const over = climate.over(story.asked.provider.id, story.target)
    const fault = over.strike(clock.nowMs(), story.random)
    if (fault !== undefined) story.fault = fault.type
    return fault
  }

  #decide(story: CallStory, fault: UpstreamFault | undefined): readonly Act[] {
    const { climate, clock } = this.#parts
    const { asked, addressee, random } = story
    const { dialect } = asked.route
    if (fault?.type === 'refuse') return refuse(refusalOf(fault, dialect, addressee.credential))
    const { allowance, pace } = climate.over(asked.provider.id, story.target)
    if (allowance?.take(clock.nowMs()) === false) {
      story.fault ??= 'allowance'
      const headers = allowance.headers(clock.nowMs())
      return refuse(refusalOf({ type: 'refuse', status: 429, headers }, dialect, addressee.credential))
    }
    const template = this.#templateOf(story, fault)
    const body = template.fill(`${asked.ask.tag}_${story.voice}`)
    story.begin(template)
    const headers = { 'content-type': template.contentType, ...allowance?.headers(clock.nowMs()) }
    const firstTokenMs = drawFrom(pace.firstTokenMs, random)
    const perWordMs = drawFrom(pace.perTokenMs, random) * TOKENS_PER_WORD
    return answer({ template, body, headers, firstTokenMs, perWordMs, random }, fault)
  }

  #templateOf(story: CallStory, fault: UpstreamFault | undefined): AnswerTemplate {
    const { asked, number } = story
    const { ask, route, model, isStream, text } = asked
    const before = beforeIn(asked)
    story.voice = before?.voice ?? (ask.isSame ? SAME_VOICE : voiceOf(number))
    const from = before?.from ?? 0
    const isEmpty = fault?.type === 'empty-answer'
    const until = isEmpty ? from : Math.max(from, ask.words)
    const hasTool = ask.toolFrom !== undefined && !isEmpty && text.includes('"note"') && ask.toolFrom >= from
    return this.#templates.of({
      dialect: route.dialect,
      model,
      isStream,
      ...(isArray(asked) ? { streamForm: 'json-array' as const } : {}),
      includesUsage: tellsUsageUnasked(route) || text.includes('"include_usage":true'),
      inputTokens: ask.inputTokens,
      from,
      until,
      ...(hasTool && ask.toolFrom !== undefined ? { toolFrom: ask.toolFrom } : {}),
    })
  }
}

const MODEL = /"model":\s*"([^"]*)"/
const UNKNOWN_ASK: Ask = { tag: '', words: 4, inputTokens: 16, isSame: true }

/** What a call asks for, as its provider reads it. */
interface Asked {
  readonly provider: Provider
  readonly route: Route
  readonly model: string
  readonly isStream: boolean
  readonly path: string
  /** The body, one character a byte. */
  readonly text: string
  readonly ask: Ask
}

function latin1(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
}

function tellsUsageUnasked({ dialect }: Route): boolean {
  return dialect !== 'openai-chat' && dialect !== 'openai-completions'
}

function isArray({ route, isStream, path }: Asked): boolean {
  return route.dialect === 'gemini' && isStream && !path.includes('alt=sse')
}

/** Where the answer goes on, where the request holds the beginning of it; and in whose voice. */
function beforeIn({ ask, text, provider, model }: Asked): { from: number; voice?: string } | undefined {
  if (ask.tag === '' || !text.includes(`${ask.tag}_`)) return undefined
  const said = [...text.matchAll(new RegExp(`${ask.tag}_([0-9a-z]{4})_([0-9a-z]{3})`, 'g'))].at(-1)
  if (said === undefined) return undefined
  const [, voice = '', index = ''] = said
  const from = Number.parseInt(index, 36) + 1
  const { continuation } = provider
  const how = typeof continuation === 'function' ? continuation(model) : continuation
  if (how === 'echoed-prefix' && text.includes('"prefix":true')) return { from: 0, voice }
  return { from, ...(ask.isSame ? { voice } : {}) }
}

/** Paths are few; to read one takes many patterns. */
class RouteMemory {
  readonly #routes = new Map<string, Route>()

  of(head: { method: string; path: string; headers: Readonly<Record<string, string>> }): Route {
    const key = `${head.method} ${head.path}`
    let route = this.#routes.get(key)
    if (route === undefined) {
      if (this.#routes.size >= ROUTES_MAX) this.#routes.clear()
      route = routeOf(head)
      this.#routes.set(key, route)
    }
    return route
  }
}

const ROUTES_MAX = 1_000

/** One call while it lasts, and its story in the end. */
class CallStory {
  readonly number: number
  readonly asked: Asked
  readonly addressee: Addressee
  readonly random: Random
  readonly target: string
  voice = SAME_VOICE
  fault: UpstreamCall['fault']
  readonly #startMs: number
  #template: AnswerTemplate | undefined
  #status: number | undefined
  #given = 0
  #terminalAtMs: number | undefined

  constructor(init: { number: number; asked: Asked; addressee: Addressee; random: Random; startMs: number }) {
    this.number = init.number
    this.asked = init.asked
    this.addressee = init.addressee
    this.random = init.random
    this.target = `${init.asked.provider.id}/${init.asked.model}`
    this.#startMs = init.startMs
  }

  begin(template: AnswerTemplate): void {
    this.#template = template
  }

  answer(status: number): void {
    this.#status = status
  }

  give(bytes: number, nowMs: number): void {
    this.#given = bytes
    if (this.#terminalAtMs === undefined && this.#hasGiven('finish')) this.#terminalAtMs = nowMs
  }

  tell(end: CallEnd, nowMs: number): UpstreamCall {
    const { ask, provider } = this.asked
    const shape = this.#template?.shape
    const from = shape?.from ?? 0
    const usage = this.#usage()
    return {
      number: this.number,
      tag: ask.tag,
      provider: provider.id,
      target: this.target,
      fingerprint: this.addressee.fingerprint,
      startMs: this.#startMs,
      endMs: nowMs,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(this.fault === undefined ? {} : { fault: this.fault }),
      end,
      voice: this.voice,
      words: {
        from,
        until: from + this.#words(),
        planned: shape?.until ?? from,
        ...(shape?.toolFrom === undefined ? {} : { toolFrom: shape.toolFrom }),
      },
      hasTerminal: this.#terminalAtMs !== undefined,
      ...(this.#terminalAtMs === undefined ? {} : { terminalAtMs: this.#terminalAtMs }),
      ...(usage === undefined ? {} : { usage }),
    }
  }

  #words(): number {
    const template = this.#template
    if (template === undefined) return 0
    const reached = this.#given + template.closingBytes
    return template.events.findLast(({ end }) => end <= reached)?.words ?? 0
  }

  #hasGiven(kind: 'finish' | 'usage'): boolean {
    const template = this.#template
    const event = template?.events.find((one) => one.kind === kind)
    return event !== undefined && template !== undefined && this.#given + template.closingBytes >= event.end
  }

  #usage(): UpstreamCall['usage'] {
    const shape = this.#template?.shape
    if (shape === undefined) return undefined
    const hasEvent = this.#template?.events.some(({ kind }) => kind === 'usage') === true
    const isTold = hasEvent ? this.#hasGiven('usage') : this.#hasGiven('finish')
    if (!isTold || (shape.isStream && !shape.includesUsage)) return undefined
    return { inputTokens: shape.inputTokens, outputTokens: (shape.until - shape.from) * TOKENS_PER_WORD }
  }
}
