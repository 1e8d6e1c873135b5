/** From an answer and what befalls it to the acts of a provider: a pure decision, carried out by `upstream-call.ts`. */

import type { Random } from '../../std/ids.ts'
import type { TransportPhase } from '../../std/transport.ts'
import { createFramer } from '../../simulator/piece.ts'
import { voices } from '../../simulator/voices.ts'
import type { AnswerTemplate } from './answer-template.ts'
import { wholeBetween } from './chance.ts'
import { plainRefusal } from '../../simulator/refusal.ts'
import type { RefusalAct } from './refusals.ts'
import type { UpstreamFault } from './weather.ts'

export type Act =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'head'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  /** `end`: bytes of the answer itself given with it; absent where it is none of them. */
  | { readonly type: 'data'; readonly bytes: Uint8Array; readonly end?: number }
  | { readonly type: 'end' }
  | { readonly type: 'fail'; readonly phase: TransportPhase; readonly code: string }
  /** Nothing more, until the other side leaves. */
  | { readonly type: 'hang' }

export interface Answering {
  readonly template: AnswerTemplate
  /** The whole body. */
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
  readonly firstTokenMs: number
  /** Between two words, ms. */
  readonly perWordMs: number
  readonly random: Random
}

/** A refusal: known at once. */
export function refuse({ status, headers, body }: RefusalAct): readonly Act[] {
  return [
    { type: 'wait', ms: REFUSAL_MS },
    { type: 'head', status, headers },
    ...(body.length === 0 ? [] : [{ type: 'data', bytes: body } as const]),
    { type: 'end' },
  ]
}

/** How long a provider takes to say no, ms. */
const REFUSAL_MS = 40
/** How long a connection stands before it breaks without an answer, ms. */
const RESET_MS = 25
/** Between two signs of life, ms. */
const PING_MS = 5_000
/** Signs of life of one call at most. */
const PINGS_MAX = 240

/** The acts of a call that is not refused. */
export function answer(answering: Answering, fault: UpstreamFault | undefined): readonly Act[] {
  switch (fault?.type) {
    case 'connect-refused':
      return [
        { type: 'wait', ms: 1 },
        { type: 'fail', phase: 'connect', code: 'ECONNREFUSED' },
      ]
    case 'reset-before-head':
      return [
        { type: 'wait', ms: RESET_MS },
        { type: 'fail', phase: 'request', code: 'ECONNRESET' },
      ]
    case 'hang':
    case 'black-hole':
      return [{ type: 'hang' }]
    case 'pings-only':
      return pings(answering, fault.forMs)
    case 'wrong-content-type':
      return page(answering)
    case 'slow-first-token':
      return spoken({ ...answering, firstTokenMs: fault.firstTokenMs }, ENDS_WELL)
    case 'slices':
      return spoken(answering, ENDS_WELL).flatMap((act) => sliced(act, fault.bytesMax, answering.random))
    default:
      return spoken(answering, endingOf(answering, fault))
  }
}

/** How an answer that has begun goes on. */
interface Ending {
  /** Bytes of the answer that are given before anything happens. */
  readonly until: number
  readonly next: readonly Act[]
  /** The rest of the answer comes after that. */
  readonly goesOn: boolean
}

const ENDS_WELL: Ending = { until: Number.POSITIVE_INFINITY, next: [], goesOn: true }

function endingOf({ template, body }: Answering, fault: UpstreamFault | undefined): Ending {
  const isStream = template.shape.isStream
  switch (fault?.type) {
    case 'reset-in-body':
      return broken(Math.floor(fault.at * body.length), 'ECONNRESET')
    case 'end-early':
      if (!isStream) return broken(Math.floor(fault.at * body.length), 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
      return { until: placeBeforeEnd(template, fault.at), next: [{ type: 'end' }], goesOn: false }
    case 'stall': {
      const until = isStream ? placeBeforeEnd(template, fault.at) : Math.floor(fault.at * body.length)
      return { until, next: [{ type: 'wait', ms: fault.forMs }], goesOn: true }
    }
    case 'error-event':
      if (!isStream) return broken(0, 'ECONNRESET')
      return { until: placeBeforeEnd(template, fault.at), next: errorEvent(template, fault), goesOn: false }
    case 'malformed-event':
      return {
        until: placeBeforeEnd(template, fault.at),
        next: junk(template, '{"choices":[{"delta":{"cont'),
        goesOn: true,
      }
    case 'giant-event':
      return {
        until: placeBeforeEnd(template, fault.at),
        next: junk(template, `"${'x'.repeat(fault.bytes)}"`),
        goesOn: true,
      }
    case 'held-open': {
      const finish = template.events.find(({ kind }) => kind === 'finish')
      return { until: finish?.end ?? body.length, next: [{ type: 'hang' }], goesOn: false }
    }
    case 'terminal-twice': {
      const last = isStream ? (template.events.at(-2)?.end ?? 0) : body.length
      const again = { type: 'data', bytes: body.subarray(last) } as const
      return { until: body.length, next: last < body.length ? [again] : [], goesOn: true }
    }
    default:
      return ENDS_WELL
  }
}

function broken(until: number, code: string): Ending {
  return { until, next: [{ type: 'fail', phase: 'response', code }], goesOn: false }
}

/** The end of an event, that share of the way to the one that finishes the answer, which is never among them. */
function placeBeforeEnd({ events }: AnswerTemplate, share: number): number {
  const finish = Math.max(
    0,
    events.findIndex(({ kind }) => kind === 'finish'),
  )
  const place = Math.min(finish, Math.floor(share * (finish + 1)))
  return place === 0 ? 0 : (events[place - 1]?.end ?? 0)
}

function errorEvent(
  { shape, frame, framing, events }: AnswerTemplate,
  { status, at }: Extract<UpstreamFault, { type: 'error-event' }>,
): readonly Act[] {
  const sequence = Math.floor(at * events.length)
  const piece = voices[shape.dialect].errorPiece(plainRefusal(status), frame, sequence)
  return [{ type: 'data', bytes: bytesOf(createFramer(framing)(piece)) }, { type: 'end' }]
}

/** An event that means nothing, where the framing has room for one. */
function junk({ framing }: AnswerTemplate, data: string): readonly Act[] {
  if (framing === 'eventstream' || framing === 'json-array') return []
  return [{ type: 'data', bytes: bytesOf(createFramer(framing)({ kind: 'other', data, tokens: 0 })) }]
}

function bytesOf(framed: string | Uint8Array): Uint8Array {
  return typeof framed === 'string' ? Buffer.from(framed) : framed
}

const PAGE = Buffer.from('<!doctype html><html><title>Sign in</title><body>Please sign in.</body></html>')

function page({ firstTokenMs }: Answering): readonly Act[] {
  return [
    { type: 'wait', ms: firstTokenMs },
    { type: 'head', status: 200, headers: { 'content-type': 'text/html' } },
    { type: 'data', bytes: PAGE },
    { type: 'end' },
  ]
}

function pings({ template, headers }: Answering, forMs: number): readonly Act[] {
  const { shape, frame, framing } = template
  const head = { type: 'head', status: 200, headers } as const
  if (!shape.isStream) return [{ type: 'wait', ms: REFUSAL_MS }, head, { type: 'hang' }]
  const quiet = bytesOf(createFramer(framing)(voices[shape.dialect].quietPiece(frame)))
  const acts: Act[] = [{ type: 'wait', ms: REFUSAL_MS }, head]
  for (let ping = 0; ping < Math.min(PINGS_MAX, forMs / PING_MS); ping += 1)
    acts.push({ type: 'data', bytes: quiet }, { type: 'wait', ms: PING_MS })
  return [...acts, { type: 'hang' }]
}

/** Pieces in which an answer comes at most: more would cost time and show nothing new. */
const PIECES_MAX = 6

/** Silence until the first token, then the answer in a few pieces at its pace, up to what happens to it. */
function spoken(answering: Answering, ending: Ending): readonly Act[] {
  const { template, body, headers, firstTokenMs } = answering
  const acts: Act[] = [
    { type: 'wait', ms: firstTokenMs },
    { type: 'head', status: 200, headers },
  ]
  let isStruck = false
  let from = 0
  const strike = (to: number) => {
    if (isStruck || ending.until > to) return
    isStruck = true
    give(acts, body, from, ending.until)
    from = Math.max(from, ending.until)
    acts.push(...ending.next)
  }
  for (const { end, waitMs } of template.shape.isStream ? piecesOf(answering) : wholeOf(answering)) {
    if (waitMs > 0) acts.push({ type: 'wait', ms: waitMs })
    strike(end)
    if (isStruck && !ending.goesOn) return acts
    give(acts, body, from, end)
    from = end
  }
  acts.push({ type: 'end' })
  return acts
}

function give(acts: Act[], body: Buffer, from: number, end: number): void {
  if (end > from) acts.push({ type: 'data', bytes: body.subarray(from, end), end })
}

interface Piece {
  readonly end: number
  /** Silence before it, ms. */
  readonly waitMs: number
}

function wholeOf({ body, template, perWordMs }: Answering): readonly Piece[] {
  return [{ end: body.length, waitMs: perWordMs * (template.events[0]?.words ?? 0) }]
}

function piecesOf({ template, perWordMs, random }: Answering): readonly Piece[] {
  const { events } = template
  const count = wholeBetween(random, 1, Math.min(PIECES_MAX, events.length))
  const pieces: Piece[] = []
  let words = 0
  for (let piece = 1; piece <= count; piece += 1) {
    const event = events[Math.ceil((piece * events.length) / count) - 1]
    if (event === undefined) continue
    pieces.push({ end: event.end, waitMs: piece === 1 ? 0 : perWordMs * (event.words - words) })
    words = event.words
  }
  return pieces
}

/** The same bytes in slices of chance lengths. */
function sliced(act: Act, bytesMax: number, random: Random): readonly Act[] {
  if (act.type !== 'data') return [act]
  const { bytes, end } = act
  const slices: Act[] = []
  for (let at = 0; at < bytes.length; ) {
    const next = Math.min(bytes.length, at + wholeBetween(random, 1, bytesMax))
    const left = bytes.length - next
    slices.push({
      type: 'data',
      bytes: bytes.subarray(at, next),
      ...(end === undefined ? {} : { end: end - left }),
    })
    at = next
  }
  return slices
}
