import { describe, expect, test } from 'vitest'
import { type ErrorCode, type ErrorKind, type ErrorRow, errorCodes, errorRow } from './codes.ts'

// The keys of the table are its codes.
const rows = Object.entries(errorCodes) as readonly (readonly [ErrorCode, ErrorRow])[]

/** The statuses in which a kind may be told to a client. */
const statusesOfKind: Readonly<Record<ErrorKind, readonly number[]>> = {
  'invalid-request': [400, 405, 409, 415, 422, 426, 499, 501],
  authentication: [401],
  permission: [403],
  'not-found': [404],
  'too-large': [413, 431],
  'rate-limit': [429],
  quota: [429],
  'content-policy': [400],
  timeout: [408, 504],
  overloaded: [503],
  upstream: [502],
  internal: [500],
}

/** The codes for which `rule` does not hold. */
function breaking(rule: (row: ErrorRow, code: ErrorCode) => boolean): readonly ErrorCode[] {
  return rows.filter(([code, row]) => !rule(row, code)).map(([code]) => code)
}

describe('every row', () => {
  test('is named in snake case and found by its code', () => {
    expect(breaking((row, code) => /^[a-z]+(?:_[a-z]+)*$/.test(code) && errorRow(code) === row)).toEqual([])
  })

  test('has a status that fits its kind', () => {
    expect(breaking((row) => statusesOfKind[row.kind].includes(row.status))).toEqual([])
  })

  test('is a 4xx where the client is at fault, and a 5xx, a limit or a missing model where it is not', () => {
    const isClientStatus = (row: ErrorRow) => row.status >= 400 && row.status < 500
    expect(breaking((row) => row.fault !== 'client' || isClientStatus(row))).toEqual([])
    expect(
      breaking((row) => row.fault === 'client' || !isClientStatus(row) || [404, 429].includes(row.status)),
    ).toEqual([])
  })

  test('blames no target for what the client or the gateway did', () => {
    expect(breaking((row) => row.fault === 'provider' || row.health === 'none')).toEqual([])
  })

  test('is never tried again at the same target where the client is at fault', () => {
    expect(breaking((row) => row.fault !== 'client' || row.sameTarget === 'no')).toEqual([])
  })

  test('goes elsewhere though the client is at fault only where another target can take more, knows more or costs less', () => {
    const elsewhere = rows
      .filter(([, row]) => row.fault === 'client' && row.otherTarget !== 'no')
      .map(([code]) => code)
    expect(elsewhere).toEqual([
      'budget_exceeded',
      'price_unknown',
      'request_over_limit',
      'previous_response_not_found',
      'response_not_found',
      'context_length_exceeded',
      'upstream_request_too_large',
    ])
  })

  test('may go to another target wherever the same one may be tried again', () => {
    expect(breaking((row) => row.sameTarget === 'no' || row.otherTarget === 'yes')).toEqual([])
  })

  test('asks the client to retry what we would retry, and nothing that will not change by itself', () => {
    expect(breaking((row) => row.sameTarget === 'no' || row.isClientRetryable)).toEqual([])
    const byTheClient = rows.filter(([, row]) => row.fault === 'client' && row.isClientRetryable)
    expect(byTheClient.map(([code]) => code)).toEqual([
      'too_many_failures',
      'request_timeout',
      'key_rate_limited',
    ])
    const lasting = ['exhausted', 'auth-dead', 'misconfigured']
    expect(breaking((row) => !lasting.includes(row.health) || !row.isClientRetryable)).toEqual([])
  })

  test('never tells a client that its own key is bad because ours is', () => {
    expect(breaking((row) => row.fault !== 'provider' || ![401, 403].includes(row.status))).toEqual([])
  })

  test('blames a credential, and so every model it serves, only where the credential itself is refused or spent', () => {
    const blaming = rows.filter(([, row]) => row.health === 'auth-dead' || row.health === 'exhausted')
    expect(blaming.map(([code]) => code)).toEqual(['insufficient_quota', 'upstream_auth'])
  })

  test('names one next step in a short sentence', () => {
    expect(breaking((row) => /^[A-Z].{5,128}\.$/.test(row.nextStep))).toEqual([])
  })
})

type Columns = Pick<ErrorRow, 'sameTarget' | 'otherTarget' | 'health' | 'status'>

/** The table of provider failures, class by class. */
const classes: readonly (readonly [failure: string, code: ErrorCode, columns: Columns])[] = [
  [
    'connect, DNS',
    'upstream_unreachable',
    { sameTarget: 'free-once', otherTarget: 'yes', health: 'local-failure', status: 502 },
  ],
  [
    'reset before headers',
    'upstream_reset',
    { sameTarget: 'once', otherTarget: 'yes', health: 'failure', status: 502 },
  ],
  [
    'headers or first-token timeout',
    'upstream_timeout',
    { sameTarget: 'no', otherTarget: 'yes', health: 'failure', status: 504 },
  ],
  [
    '408, 409, 424, 425',
    'upstream_transient',
    { sameTarget: 'once', otherTarget: 'yes', health: 'failure', status: 502 },
  ],
  [
    '429 rate',
    'rate_limited',
    { sameTarget: 'after-wait', otherTarget: 'yes', health: 'limited', status: 429 },
  ],
  [
    '429 quota',
    'insufficient_quota',
    { sameTarget: 'no', otherTarget: 'yes', health: 'exhausted', status: 429 },
  ],
  [
    '429 quota of one model',
    'model_quota_exhausted',
    { sameTarget: 'no', otherTarget: 'yes', health: 'limited', status: 429 },
  ],
  ['401', 'upstream_auth', { sameTarget: 'no', otherTarget: 'yes', health: 'auth-dead', status: 502 }],
  [
    '403',
    'upstream_forbidden',
    { sameTarget: 'no', otherTarget: 'yes', health: 'misconfigured', status: 502 },
  ],
  [
    '404 model',
    'upstream_model_not_found',
    { sameTarget: 'no', otherTarget: 'yes', health: 'misconfigured', status: 404 },
  ],
  [
    '400 context length',
    'context_length_exceeded',
    { sameTarget: 'no', otherTarget: 'larger-context', health: 'none', status: 400 },
  ],
  [
    '413',
    'upstream_request_too_large',
    { sameTarget: 'no', otherTarget: 'larger-context', health: 'none', status: 413 },
  ],
  [
    '400, 422 other',
    'upstream_invalid_request',
    { sameTarget: 'no', otherTarget: 'no', health: 'none', status: 400 },
  ],
  ['content filter', 'content_policy', { sameTarget: 'no', otherTarget: 'no', health: 'none', status: 400 }],
  [
    '500, 502, 520-524, HTML',
    'upstream_error',
    { sameTarget: 'once', otherTarget: 'yes', health: 'failure', status: 502 },
  ],
  ['503', 'upstream_unavailable', { sameTarget: 'once', otherTarget: 'yes', health: 'failure', status: 503 }],
  [
    '504',
    'upstream_gateway_timeout',
    { sameTarget: 'no', otherTarget: 'yes', health: 'failure', status: 504 },
  ],
  [
    '529, overloaded',
    'upstream_overloaded',
    { sameTarget: 'once-after-pause', otherTarget: 'yes', health: 'half-failure', status: 503 },
  ],
  [
    '200 empty',
    'empty_response',
    { sameTarget: 'once', otherTarget: 'yes', health: 'half-failure', status: 502 },
  ],
  [
    'a stream that broke off',
    'upstream_truncated',
    { sameTarget: 'once', otherTarget: 'yes', health: 'failure', status: 502 },
  ],
  ['our own defect', 'gateway_error', { sameTarget: 'no', otherTarget: 'no', health: 'none', status: 500 }],
]

test.each(classes)('%s is %s', (_failure, code, columns) => {
  expect(errorRow(code)).toMatchObject(columns)
})
