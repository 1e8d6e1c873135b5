/** Faults of a plain answer's body: cut, endless, packed, or JSON that parses into something strange. */

import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import type { SimulatedCall } from '../call.ts'
import { answerOf, commonHeaders, piecesOf, plainSteps, streamSteps } from '../call.ts'
import { choice, defineFault, number } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { wholeAnswer } from '../refusal.ts'
import type { Cut, Framing, Step } from '../step.ts'
import { CUTS, cut, FLUSH, wait, write } from '../step.ts'
import { gzipBomb } from './status-faults.ts'

const lengthFaults = [
  defineFault({
    name: 'cut-body',
    description:
      'The JSON ends after some bytes: with a length that fits what came, or by breaking the connection.',
    befalls: 'plain',
    parameters: {
      byte: number(20, 'bytes sent'),
      by: choice(['end', ...CUTS], 'how it ends; `end` is in good order'),
    },
    conduct: (call, { byte, by }) => ({ steps: cutBody(call, byte, by) }),
  }),
  defineFault({
    name: 'length-too-large',
    description: 'The stated length is larger than the body, and the connection closes after it.',
    befalls: 'plain',
    parameters: { extra: number(10, 'bytes promised and never sent', 1) },
    conduct: (call, { extra }) => ({ steps: lengthTooLarge(call, extra) }),
  }),
  defineFault({
    name: 'no-last-chunk',
    description: 'The body is whole, but the chunk that ends it never comes and the connection closes.',
    befalls: 'plain',
    conduct: (call) => ({
      steps: [jsonHead(call, { type: 'chunked' }), write(bodyText(call)), FLUSH, cut('fin')],
    }),
  }),
  defineFault({
    name: 'no-length',
    description: 'A whole body whose end is told by the end of the connection alone.',
    befalls: 'plain',
    conduct: (call) => ({ steps: [jsonHead(call, { type: 'close' }), write(bodyText(call))] }),
  }),
  defineFault({
    name: 'blank-lines',
    description: 'Blank lines keep the connection alive before the JSON begins.',
    befalls: 'plain',
    parameters: {
      count: number(5, 'blank lines sent', 0, 1e6),
      everyMs: number(0, 'time before each of them'),
    },
    conduct: (call, values) => ({ steps: blankLines(call, values) }),
  }),
  defineFault({
    name: 'endless-body',
    description: 'The body is a JSON string that never ends.',
    befalls: 'plain',
    parameters: { everyMs: number(0, 'time between two 64 KB blocks') },
    conduct: (call, { everyMs }) => ({ steps: endlessBody(call, everyMs) }),
  }),
  defineFault({
    name: 'slow-body',
    description: 'The body comes a few bytes at a time.',
    befalls: 'plain',
    parameters: {
      bytes: number(1, 'bytes at a time', 1),
      everyMs: number(10_000, 'time between them'),
    },
    conduct: (call, values) => ({ steps: slowBody(call, values) }),
  }),
]

function bodyText(call: SimulatedCall): string {
  return JSON.stringify(answerOf(call))
}

function jsonHead(call: SimulatedCall, framing: Framing): Step {
  const headers = { 'content-type': 'application/json', ...commonHeaders(call) }
  return { type: 'head', status: 200, headers: Object.entries(headers), framing }
}

function* cutBody(call: SimulatedCall, byte: number, by: Cut | 'end'): Iterable<Step> {
  const whole = Buffer.from(bodyText(call))
  const part = whole.subarray(0, byte)
  const isChunked = by === 'chunk-abort'
  const bytes = by === 'end' ? part.length : whole.length
  yield jsonHead(call, isChunked ? { type: 'chunked' } : { type: 'length', bytes })
  if (part.length > 0) yield write(part)
  if (by === 'end' || part.length === whole.length) return
  yield FLUSH
  yield cut(by)
}

function* lengthTooLarge(call: SimulatedCall, extra: number): Iterable<Step> {
  const body = Buffer.from(bodyText(call))
  yield jsonHead(call, { type: 'length', bytes: body.length + extra })
  yield write(body)
  yield FLUSH
  yield cut('fin')
}

function* blankLines(
  call: SimulatedCall,
  { count, everyMs }: { readonly count: number; readonly everyMs: number },
): Iterable<Step> {
  yield jsonHead(call, { type: 'chunked' })
  for (let index = 0; index < count; index += 1) {
    if (everyMs > 0) yield wait(everyMs)
    yield write('\n')
  }
  yield write(bodyText(call), call.script.usage.outputTokens)
}

const BLOCK_BYTES = 65_536

function* endlessBody(call: SimulatedCall, everyMs: number): Iterable<Step> {
  yield jsonHead(call, { type: 'chunked' })
  yield write('{"id":"simulated","filler":"')
  const block = Buffer.alloc(BLOCK_BYTES, 'x')
  for (;;) {
    yield write(block)
    if (everyMs > 0) yield wait(everyMs)
  }
}

function* slowBody(
  call: SimulatedCall,
  { bytes, everyMs }: { readonly bytes: number; readonly everyMs: number },
): Iterable<Step> {
  const body = Buffer.from(bodyText(call))
  yield jsonHead(call, { type: 'length', bytes: body.length })
  for (let sent = 0; sent < body.length; sent += bytes) {
    yield write(body.subarray(sent, sent + bytes))
    yield FLUSH
    yield wait(everyMs)
  }
}

const encodingFaults = [
  defineFault({
    name: 'body-bomb',
    description: 'A small compressed body that unpacks to very much.',
    befalls: 'plain',
    parameters: {
      encoding: choice(['gzip', 'br', 'deflate'], 'how it is packed'),
      megabytes: number(64, 'unpacked size', 1, 64),
    },
    conduct: (call, { encoding, megabytes }) => ({
      steps: encodedAnswer(call, encoding, bombOf(encoding, megabytes)),
    }),
  }),
  defineFault({
    name: 'wrong-encoding',
    description: 'The body is plain JSON under a content-encoding it does not have.',
    befalls: 'plain',
    parameters: { encoding: choice(['gzip', 'br', 'zstd', 'bogus'], 'the encoding claimed') },
    conduct: (call, { encoding }) => ({ steps: encodedAnswer(call, encoding, Buffer.from(bodyText(call))) }),
  }),
  defineFault({
    name: 'encoding-chain',
    description: 'The body is gzipped many times over.',
    befalls: 'plain',
    parameters: { count: number(10, 'times', 1, 100) },
    conduct: (call, { count }) => ({ steps: encodingChain(call, count) }),
  }),
]

function encodedAnswer(call: SimulatedCall, encoding: string, body: Uint8Array): readonly Step[] {
  const headers = { ...commonHeaders(call), 'content-encoding': encoding }
  return wholeAnswer({ status: 200, contentType: 'application/json', headers, body })
}

function bombOf(encoding: 'gzip' | 'br' | 'deflate', megabytes: number): Uint8Array {
  if (encoding === 'gzip') return gzipBomb(megabytes)
  const unpacked = Buffer.alloc(megabytes * 1_048_576, ' ')
  // Anyone who may ask for a fault may ask for this one, so it is packed quickly rather than well.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4 }
  return encoding === 'br' ? brotliCompressSync(unpacked, { params }) : deflateSync(unpacked, { level: 1 })
}

function encodingChain(call: SimulatedCall, count: number): readonly Step[] {
  let body: Uint8Array = Buffer.from(bodyText(call))
  for (let round = 0; round < count; round += 1) body = gzipSync(body)
  return encodedAnswer(call, Array.from({ length: count }, () => 'gzip').join(', '), body)
}

const framingFaults = [
  defineFault({
    name: 'sse-for-plain',
    description: 'A plain request is answered with a stream of events.',
    befalls: 'plain',
    conduct: (call) => ({ steps: streamSteps(call, piecesOf(call)) }),
  }),
  defineFault({
    name: 'json-for-stream',
    description: 'A request for a stream is answered with one plain JSON body.',
    befalls: 'stream',
    conduct: (call) => ({ steps: plainSteps(call, answerOf(call)) }),
  }),
]

export const bodyFaults: readonly Fault[] = [...lengthFaults, ...encodingFaults, ...framingFaults]
