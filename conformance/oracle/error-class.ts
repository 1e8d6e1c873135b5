/**
 * What class a recorded error belongs to: which codes of the gateway are right for it. First what the error says of itself
 * (its type, its code, its words), then its status. Where two readings are fair, both stand here.
 */

import type { ErrorCode } from '../../src/errors/codes.ts'
import type { Recording } from '../corpus.ts'
import { fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import type { ErrorReading } from './reading.ts'

/** The error in a refusal, wherever its speaker put it: `error`, the top level, `detail`, `message`, or bare text. */
export function recordedError({ response }: Recording): ErrorReading {
  const text = response.bytes.toString('utf8')
  const body = parsed(text)
  const answer = fieldsOf(listOf(body)[0] ?? body)
  const inner = isSaid(answer['error']) ? answer['error'] : answer
  const error = fieldsOf(inner)
  const { type, code, message, status, __type: amazonType } = error
  const exception = response.headers['x-amzn-errortype']?.replace(/:.*/, '')
  return {
    status: response.status,
    type: textOf(type ?? status) || textOf(amazonType) || (exception ?? ''),
    code: textOf(code ?? answer['code']),
    message: textOf(message ?? error['Message']) || textOf(inner) || text,
  }
}

interface Rule {
  readonly codes: readonly ErrorCode[]
  /** Statuses it holds for; absent: any. */
  readonly statuses?: readonly number[]
  /** Met by the type or the code. */
  readonly word?: RegExp
  /** Met by the message. */
  readonly says?: RegExp
}

/** The first rule that holds decides. */
const rules: readonly Rule[] = [
  { word: /tool_use_failed/, codes: ['upstream_tool_use_failed'] },
  { word: /insufficient_quota|billing/, codes: ['insufficient_quota'] },
  {
    word: /context_length_exceeded/,
    codes: ['context_length_exceeded', 'upstream_request_too_large'],
  },
  { word: /content_filter|content_policy/, codes: ['content_policy'] },
  {
    word: /RESOURCE_EXHAUSTED/,
    codes: ['rate_limited', 'insufficient_quota', 'model_quota_exhausted', 'request_over_limit'],
  },
  { says: /location is not supported/, codes: ['upstream_forbidden'] },
  { word: /overloaded_error/, codes: ['upstream_overloaded'] },
  { word: /^1305$/, codes: ['upstream_overloaded'] },
  {
    word: /invalid_api_key|authentication_error|API_KEY_INVALID|UNAUTHENTICATED/,
    codes: ['upstream_auth'],
  },
  { word: /previous_response_not_found/, codes: ['previous_response_not_found', 'upstream_invalid_request'] },
  { says: /invalid tool generation/, codes: ['upstream_tool_use_failed'] },
  { word: /model_not_found/, codes: ['upstream_model_not_found'] },
  {
    statuses: [400, 413, 422],
    says: /maximum context|context (length|window)|prompt is too long|input token count.*exceeds/i,
    codes: ['context_length_exceeded', 'upstream_request_too_large'],
  },
  {
    says: /credit balance|insufficient (balance|credits?|funds)|more credits|check your plan and billing/i,
    codes: ['insufficient_quota', 'model_quota_exhausted', 'rate_limited'],
  },
  {
    statuses: [400],
    says: /api.?key (not valid|is invalid|expired)|incorrect api key|invalid api key/i,
    codes: ['upstream_auth'],
  },
  { statuses: [401], codes: ['upstream_auth', 'upstream_forbidden'] },
  { statuses: [402], codes: ['insufficient_quota'] },
  {
    statuses: [403],
    codes: [
      'upstream_forbidden',
      'upstream_auth',
      'insufficient_quota',
      'content_policy',
      'upstream_model_not_found',
    ],
  },
  { statuses: [404], codes: ['upstream_model_not_found', 'upstream_invalid_request'] },
  { statuses: [408, 504], codes: ['upstream_gateway_timeout', 'upstream_timeout', 'upstream_transient'] },
  { statuses: [413], codes: ['upstream_request_too_large', 'context_length_exceeded'] },
  {
    statuses: [429],
    codes: [
      'rate_limited',
      'request_over_limit',
      'insufficient_quota',
      'model_quota_exhausted',
      'upstream_overloaded',
    ],
  },
  { statuses: [529], codes: ['upstream_overloaded'] },
  { statuses: [503], codes: ['upstream_unavailable', 'upstream_overloaded', 'rate_limited'] },
  { statuses: [501], codes: ['upstream_invalid_request', 'upstream_error'] },
  {
    statuses: [500, 502],
    codes: ['upstream_error', 'upstream_transient', 'upstream_overloaded', 'upstream_tool_use_failed'],
  },
  {
    statuses: [400, 405, 409, 422],
    codes: [
      'upstream_invalid_request',
      'upstream_model_not_found',
      'context_length_exceeded',
      'content_policy',
    ],
  },
  // Inside a good status only its words can tell.
  { word: /rate_limit|RESOURCE_EXHAUSTED|tokens/, codes: ['rate_limited', 'insufficient_quota'] },
  { word: /invalid_request|INVALID_ARGUMENT/, codes: ['upstream_invalid_request'] },
  { word: /NOT_FOUND/, codes: ['upstream_model_not_found'] },
  { word: /server_error|api_error|ERROR|INTERNAL/, codes: ['upstream_error', 'upstream_transient'] },
]

/** The codes that are right for an error; `undefined` where nothing is known of it. */
export function rightCodes({ status, type, code, message }: ErrorReading): readonly ErrorCode[] | undefined {
  return rules.find(
    ({ statuses, word, says }) =>
      (statuses === undefined || statuses.includes(status)) &&
      (word === undefined || word.test(type) || word.test(code)) &&
      (says === undefined || says.test(message)),
  )?.codes
}
