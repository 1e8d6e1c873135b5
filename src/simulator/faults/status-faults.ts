/** Faults told by an HTTP status: refusals of every class, pages that are no answers, and bodies that mislead. */

import { gzipSync } from 'node:zlib'
import type { SimulatedCall } from '../call.ts'
import { commonHeaders, jsonSteps, refuse, voiceOf, withHeaders } from '../call.ts'
import { choice, defineFault, number, text } from '../fault.ts'
import type { Fault } from '../fault.ts'
import { plainRefusal, wholeAnswer } from '../refusal.ts'
import type { Refusal } from '../refusal.ts'
import type { Conduct, Step } from '../step.ts'
import { write } from '../step.ts'
import { CONTENT_POLICY, CONTEXT_LENGTH, QUOTA } from './vendor-refusals.ts'
import { wellBehaved } from '../well-behaved.ts'

/** Statuses that have a fault of their own name: `status-503`. */
const NAMED_STATUSES = [
  400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 424, 425, 429, 498, 500, 501, 502, 503, 504, 520, 522,
  524, 529,
] as const

const namedStatusFaults: readonly Fault[] = NAMED_STATUSES.map((status) =>
  defineFault({
    name: `status-${status}`,
    description: `Status ${status} with an error body in the caller's dialect and nothing special about it.`,
    conduct: (call) => ({ steps: refuse(call, plainRefusal(status)) }),
  }),
)

function refusing(call: SimulatedCall, refusal: Refusal): Conduct {
  return { steps: refuse(call, refusal) }
}

const limitFaults = [
  defineFault({
    name: 'status',
    description: 'Any error status, with an error body in the caller’s dialect.',
    parameters: {
      status: number(503, 'the status', 400, 599),
      message: text('simulated error', 'the message'),
    },
    conduct: (call, { status, message }) => refusing(call, plainRefusal(status, message)),
  }),
  defineFault({
    name: 'rate-limit',
    description: 'Status 429 for too many requests, with the retry-after and retry-after-ms headers told.',
    parameters: {
      after: text(
        '2',
        'the retry-after value as it stands; `none` for no header, `past-date` for a date gone by',
      ),
      ms: text('none', 'the retry-after-ms value as it stands; `none` for no header'),
    },
    conduct: (call, values) =>
      refusing(call, {
        status: 429,
        message: 'Rate limit reached: simulated.',
        type: 'requests',
        anthropicType: 'rate_limit_error',
        code: 'rate_limit_exceeded',
        headers: retryHeaders(call, values),
      }),
  }),
  defineFault({
    name: 'slow-down',
    description: 'Status 429 because traffic grew too quickly.',
    conduct: (call) =>
      refusing(call, {
        status: 429,
        message: 'Slow down: requests rose too quickly. Simulated.',
        type: 'requests',
        anthropicType: 'rate_limit_error',
        code: 'slow_down',
      }),
  }),
  defineFault({
    name: 'daily-quota',
    description: 'Status 429 for a quota by the day, with no header that says when it ends.',
    conduct: (call) =>
      refusing(call, {
        status: 429,
        message: 'Quota exceeded for quota metric generate requests per day (RPD). Simulated.',
        type: 'RESOURCE_EXHAUSTED',
        anthropicType: 'rate_limit_error',
        code: 'daily_quota_exceeded',
      }),
  }),
  defineFault({
    name: 'insufficient-quota',
    description:
      'The account has no quota or money left, in the manner of a vendor (429, 402, or 400 Arrearage).',
    parameters: { vendor: choice(vendors(QUOTA), 'whose manner') },
    conduct: (call, { vendor }) => refusing(call, QUOTA[vendor]),
  }),
  defineFault({
    name: 'bad-limit-headers',
    description: 'A good answer whose rate-limit headers are garbage, huge or negative.',
    parameters: { kind: choice(['negative', 'garbage', 'huge'], 'what the headers hold') },
    conduct: (call, { kind }) => ({ steps: withHeaders(wellBehaved(call), limitHeaders(kind)) }),
  }),
]

function vendors<Vendor extends string>(table: Readonly<Record<Vendor, Refusal>>): [Vendor, ...Vendor[]] {
  // Sound: Object.keys widens the keys to strings, and every table has at least one vendor.
  return Object.keys(table) as [Vendor, ...Vendor[]]
}

function retryHeaders(call: SimulatedCall, values: { readonly after: string; readonly ms: string }) {
  const past = new Date(call.wallMs - 3_600_000).toUTCString()
  return {
    ...(values.after === 'none' ? {} : { 'retry-after': values.after === 'past-date' ? past : values.after }),
    ...(values.ms === 'none' ? {} : { 'retry-after-ms': values.ms }),
  }
}

function limitHeaders(kind: 'negative' | 'garbage' | 'huge'): Readonly<Record<string, string>> {
  const value = { negative: '-1', garbage: 'plenty; maybe', huge: '9'.repeat(400) }[kind]
  return {
    'x-ratelimit-limit-requests': value,
    'x-ratelimit-remaining-requests': value,
    'x-ratelimit-reset-requests': value,
    'x-ratelimit-remaining-tokens': value,
    'x-ratelimit-reset-tokens': value,
  }
}

const requestFaults = [
  defineFault({
    name: 'unauthorized',
    description: 'Status 401: the key is wrong.',
    conduct: (call) =>
      refusing(call, { ...plainRefusal(401, 'Incorrect API key provided.'), code: 'invalid_api_key' }),
  }),
  defineFault({
    name: 'forbidden',
    description: 'Status 403: the key may not use this model.',
    conduct: (call) => refusing(call, plainRefusal(403, 'The key has no access to this model.')),
  }),
  defineFault({
    name: 'model-not-found',
    description: 'Status 404: there is no such model.',
    conduct: (call) =>
      refusing(call, {
        ...plainRefusal(404, `The model \`${call.request.model}\` does not exist.`),
        code: 'model_not_found',
        param: 'model',
      }),
  }),
  defineFault({
    name: 'context-length',
    description: 'The prompt is too long for the model, in the words of a vendor.',
    parameters: { vendor: choice(vendors(CONTEXT_LENGTH), 'whose words') },
    conduct: (call, { vendor }) => refusing(call, CONTEXT_LENGTH[vendor]),
  }),
  defineFault({
    name: 'content-policy',
    description: 'Status 400 because of what the prompt says, in the words of a vendor.',
    parameters: { vendor: choice(vendors(CONTENT_POLICY), 'whose words') },
    conduct: (call, { vendor }) => refusing(call, CONTENT_POLICY[vendor]),
  }),
  defineFault({
    name: 'unsupported-parameter',
    description: 'Status 400 because the model does not take a parameter.',
    parameters: { parameter: text('temperature', 'the parameter refused') },
    conduct: (call, { parameter }) =>
      refusing(call, {
        status: 400,
        message: `Unsupported parameter: '${parameter}' is not supported with this model.`,
        type: 'invalid_request_error',
        code: 'unsupported_parameter',
        param: parameter,
      }),
  }),
  defineFault({
    name: 'overloaded',
    description: 'Status 529: everyone is asking at once.',
    conduct: (call) =>
      refusing(call, { ...plainRefusal(529, 'Overloaded'), type: 'overloaded_error', code: 'overloaded' }),
  }),
  defineFault({
    name: 'error-in-success',
    description: 'Status 200 whose body is an error of another status.',
    parameters: { status: number(503, 'the status told inside', 400, 599) },
    conduct: (call, { status }) => ({ steps: jsonSteps(call, errorInSuccess(call, status)) }),
  }),
]

function errorInSuccess(call: SimulatedCall, status: number): object {
  return voiceOf(call).refuse({ ...plainRefusal(status), code: status }, call.requestId).body
}

const pageFaults = [
  defineFault({
    name: 'html',
    description: 'An HTML error page, as a proxy in front of a provider sends it.',
    parameters: { status: number(502, 'the status; 200 for a login page', 200, 599) },
    conduct: (call, { status }) => ({ steps: htmlPage(call, status) }),
  }),
  defineFault({
    name: 'no-content',
    description: 'A status that has no body: 204, 205 or 304.',
    parameters: { status: choice(['204', '205', '304'], 'the status') },
    conduct: (call, { status }) => ({
      steps: [
        {
          type: 'head',
          status: Number(status),
          headers: Object.entries(commonHeaders(call)),
          framing: { type: 'none' },
        },
      ],
    }),
  }),
  defineFault({
    name: 'partial-content',
    description: 'Status 206 with the first half of an answer.',
    conduct: (call) => ({
      steps: wholeAnswer({
        status: 206,
        contentType: 'application/json',
        headers: { ...commonHeaders(call), 'content-range': 'bytes 0-19/200' },
        body: '{"id":"simulated","o',
      }),
    }),
  }),
  defineFault({
    name: 'redirect',
    description: 'A redirect to another host.',
    parameters: {
      status: number(307, 'the status', 300, 399),
      to: text('http://169.254.169.254/latest/meta-data/', 'where to'),
    },
    conduct: (call, { status, to }) => ({
      steps: wholeAnswer({
        status,
        contentType: 'text/plain',
        headers: { ...commonHeaders(call), location: to },
        body: '',
      }),
    }),
  }),
]

function htmlPage(call: SimulatedCall, status: number): readonly Step[] {
  const title = status < 300 ? 'Sign in' : `${status}: simulated proxy error`
  const body = `<!DOCTYPE html>\n<html><head><title>${title}</title></head>\n<body><h1>${title}</h1><p>Ray ID: simulated</p><script>alert(1)</script></body></html>\n`
  const headers = { ...commonHeaders(call), server: 'simulated-proxy' }
  return wholeAnswer({ status, contentType: 'text/html; charset=UTF-8', headers, body })
}

const errorBodyFaults = [
  defineFault({
    name: 'error-not-json',
    description: 'An error whose body is plain text under a JSON content type.',
    parameters: { status: number(500, 'the status', 400, 599) },
    conduct: (call, { status }) => ({
      steps: errorWith(call, status, 'upstream connect error or disconnect/reset before headers'),
    }),
  }),
  defineFault({
    name: 'error-empty',
    description: 'An error with no body at all.',
    parameters: { status: number(500, 'the status', 400, 599) },
    conduct: (call, { status }) => ({ steps: errorWith(call, status, '') }),
  }),
  defineFault({
    name: 'error-huge',
    description: 'An error whose body is very long.',
    parameters: {
      status: number(500, 'the status', 400, 599),
      bytes: number(50 * 1024 * 1024, 'length of the body', 64),
    },
    conduct: (call, { status, bytes }) => ({ steps: hugeError(call, { status, bytes }) }),
  }),
  defineFault({
    name: 'error-gzip-bomb',
    description: 'An error whose small gzip body unpacks to very much.',
    parameters: {
      status: number(500, 'the status', 400, 599),
      megabytes: number(1024, 'unpacked size', 1, 4096),
    },
    conduct: (call, { status, megabytes }) => ({
      steps: errorWith(call, status, gzipBomb(megabytes), { 'content-encoding': 'gzip' }),
    }),
  }),
  defineFault({
    name: 'error-echo',
    description: 'An error whose message repeats the credentials and the host it was sent.',
    parameters: { status: number(401, 'the status', 400, 599) },
    conduct: (call, { status }) => refusing(call, plainRefusal(status, echoedHeaders(call))),
  }),
]

function errorWith(
  call: SimulatedCall,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): readonly Step[] {
  return wholeAnswer({
    status,
    contentType: 'application/json',
    headers: { ...commonHeaders(call), ...headers },
    body,
  })
}

const BLOCK_BYTES = 65_536

function* hugeError(
  call: SimulatedCall,
  { status, bytes }: { status: number; bytes: number },
): Iterable<Step> {
  const open = '{"error":{"type":"server_error","message":"'
  const close = '"}}'
  const headers = { 'content-type': 'application/json', ...commonHeaders(call) }
  yield { type: 'head', status, headers: Object.entries(headers), framing: { type: 'length', bytes } }
  yield write(open)
  const block = Buffer.alloc(BLOCK_BYTES, 'x')
  for (let left = bytes - open.length - close.length; left > 0; left -= block.length) {
    yield write(block.subarray(0, Math.min(left, block.length)))
  }
  yield write(close)
}

/** Gzip members of a megabyte of spaces, one after another: a valid file, and no memory spent to make it. */
export function gzipBomb(megabytes: number): Uint8Array {
  const member = gzipSync(Buffer.alloc(1_048_576, ' '), { level: 9 })
  const bomb = Buffer.alloc(member.length * megabytes)
  for (let index = 0; index < megabytes; index += 1) member.copy(bomb, index * member.length)
  return bomb
}

function echoedHeaders(call: SimulatedCall): string {
  const names = ['authorization', 'x-api-key', 'api-key', 'host']
  const told = names.flatMap((name) => {
    const value = call.head.headers[name]
    return value === undefined ? [] : [`${name}: ${value}`]
  })
  return `Simulated refusal of a request with ${told.join(', ')}`
}

export const statusFaults: readonly Fault[] = [
  ...namedStatusFaults,
  ...limitFaults,
  ...requestFaults,
  ...pageFaults,
  ...errorBodyFaults,
]
