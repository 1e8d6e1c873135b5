/** Faults of the connection itself: what happens below HTTP, before an answer has begun. */

import type { SimulatedCall } from '../call.ts'
import { commonHeaders, refuse, withHeaders } from '../call.ts'
import { choice, defineFault, number } from '../fault.ts'
import { plainRefusal } from '../refusal.ts'
import type { Step } from '../step.ts'
import { cut, END, failure, FLUSH, HANG, raw, wait } from '../step.ts'
import { wellBehaved } from '../well-behaved.ts'

/** A well-behaved answer, then what happens to its connection. */
function* answerThen(call: SimulatedCall, steps: readonly Step[]): Iterable<Step> {
  yield* wellBehaved(call)
  yield END
  yield* steps
}

const readingFaults = [
  defineFault({
    name: 'refuse-connection',
    description:
      'The port is closed: for the whole of a rule with no condition but a time window, otherwise the connection is reset as soon as a request begins.',
    stage: 'reading',
    conduct: () => ({ steps: [cut('rst')], inProcess: failure('connect', 'ECONNREFUSED') }),
  }),
  defineFault({
    name: 'black-hole',
    description:
      'The connection is accepted, and nothing is ever written to it; by default it is not read any more either.',
    stage: 'reading',
    parameters: { reading: choice(['stop', 'go-on'], 'whether the rest of the request is read') },
    conduct: (_call, { reading }) => ({ steps: [HANG], stopsReading: reading === 'stop' }),
  }),
  defineFault({
    name: 'reset-while-reading',
    description: 'The connection is reset once the first bytes of the request body have been read.',
    stage: 'reading',
    parameters: { after: number(10_240, 'body bytes read before the reset') },
    conduct: (_call, { after }) => ({
      steps: [cut('rst')],
      inProcess: failure('request', 'ECONNRESET'),
      afterBodyBytes: after,
    }),
  }),
  defineFault({
    name: 'refuse-early',
    description:
      'An error status is sent while the body is still being uploaded, and the connection is closed.',
    stage: 'reading',
    parameters: { status: number(413, 'the status', 400, 599) },
    conduct: (call, { status }) => ({
      steps: [...withHeaders(refuse(call, plainRefusal(status)), { connection: 'close' }), END, cut('fin')],
      inProcess: refuse(call, plainRefusal(status)),
    }),
  }),
] as const

const silenceFaults = [
  defineFault({
    name: 'silent',
    description: 'The request is read whole and never answered with a single byte.',
    conduct: () => ({ steps: [HANG] }),
  }),
  defineFault({
    name: 'reset-before-head',
    description: 'The connection is reset after the request was read, before any byte of an answer.',
    conduct: () => ({ steps: [cut('rst')], inProcess: failure('request', 'ECONNRESET') }),
  }),
  defineFault({
    name: 'close-before-head',
    description:
      'The connection is closed in order after the request was read, before any byte of an answer.',
    conduct: () => ({ steps: [cut('fin')], inProcess: failure('request', 'UND_ERR_SOCKET') }),
  }),
  defineFault({
    name: 'close-idle',
    description:
      'The answer is whole and promises keep-alive, but the idle connection is closed soon after it.',
    parameters: { ms: number(0, 'how long the connection stays idle') },
    conduct: (call, { ms }) => ({
      steps: answerThen(call, [wait(ms), cut('fin')]),
      inProcess: wellBehaved(call),
    }),
  }),
  defineFault({
    name: 'reset-reused',
    description: 'The first request of a connection is answered; the next one on it is met by a reset.',
    conduct: (call) =>
      call.earlierOnConnection === 0
        ? { steps: wellBehaved(call) }
        : { steps: [cut('rst')], inProcess: failure('request', 'ECONNRESET') },
  }),
]

const BODY = '{"simulated":true}'

const protocolFaults = [
  defineFault({
    name: 'garbage-status-line',
    description: 'The answer begins with a line that is no HTTP status line.',
    conduct: () => ({
      steps: [raw('HTPT/9.9 two hundred fine\r\n\r\n'), HANG],
      inProcess: failure('request', 'HPE_INVALID_CONSTANT'),
    }),
  }),
  defineFault({
    name: 'huge-header',
    description: 'The answer carries one header of a megabyte.',
    parameters: { bytes: number(1_048_576, 'length of the header value', 1, 1e9) },
    conduct: (_call, { bytes }) => ({
      steps: hugeHeader(bytes),
      inProcess: failure('request', 'UND_ERR_HEADERS_OVERFLOW'),
    }),
  }),
  defineFault({
    name: 'duplicate-content-length',
    description: 'The answer states two different lengths.',
    conduct: () => ({
      steps: [
        raw(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\ncontent-length: 3\r\n\r\n${BODY}`),
        HANG,
      ],
      inProcess: failure('request', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'),
    }),
  }),
  defineFault({
    name: 'length-and-chunked',
    description: 'The answer states a length and is chunked as well.',
    conduct: () => ({
      steps: [
        raw(
          `HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\ntransfer-encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
        ),
        HANG,
      ],
      inProcess: failure('request', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'),
    }),
  }),
  defineFault({
    name: 'endless-1xx',
    description: 'Interim answers follow one another for ever and the final one never comes.',
    parameters: {
      status: number(103, 'the interim status', 100, 199),
      everyMs: number(10, 'time between two of them', 1),
    },
    conduct: (_call, { status, everyMs }) => ({
      steps: endlessly(`HTTP/1.1 ${status} Simulated\r\n\r\n`, everyMs),
      inProcess: [HANG],
    }),
  }),
  defineFault({
    name: 'slow-head',
    description: 'The head of the answer comes one byte at a time, slowly.',
    parameters: { everyMs: number(1000, 'time between two bytes', 1) },
    conduct: (call, { everyMs }) => ({
      steps: slowHead(call, everyMs),
      inProcess: slowlyThen(everyMs * headText(call).length, wellBehaved(call)),
    }),
  }),
  defineFault({
    name: 'extra-response',
    description: 'The answer is followed at once by a second one that nobody asked for.',
    parameters: { end: choice(['keep-open', 'close'], 'what happens to the connection') },
    conduct: (call, { end }) => ({
      steps: answerThen(call, [raw(strayResponse()), ...(end === 'close' ? [FLUSH, cut('fin')] : [])]),
      inProcess: wellBehaved(call),
    }),
  }),
]

function* hugeHeader(bytes: number): Iterable<Step> {
  yield raw('HTTP/1.1 200 OK\r\nx-huge: ')
  const block = Buffer.alloc(Math.min(bytes, 65_536), 'h')
  for (let sent = 0; sent < bytes; sent += block.length) {
    yield raw(block.subarray(0, Math.min(block.length, bytes - sent)))
  }
  yield raw(`\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`)
  yield HANG
}

function* endlessly(text: string, everyMs: number): Iterable<Step> {
  for (;;) {
    yield raw(text)
    yield wait(everyMs)
  }
}

function headText(call: SimulatedCall): string {
  const lines = Object.entries(commonHeaders(call)).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 200 OK\r\n${lines.join('')}content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n`
}

function* slowHead(call: SimulatedCall, everyMs: number): Iterable<Step> {
  for (const byte of Buffer.from(headText(call))) {
    yield raw(Buffer.of(byte))
    yield wait(everyMs)
  }
  yield raw(BODY)
}

function* slowlyThen(ms: number, steps: Iterable<Step>): Iterable<Step> {
  yield wait(ms)
  yield* steps
}

/** A whole second answer, of the kind a confused keep-alive connection would hand to the next caller. */
function strayResponse(): string {
  const body = '{"simulated":true,"stray":true}'
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

export const connectionFaults = [...readingFaults, ...silenceFaults, ...protocolFaults]
