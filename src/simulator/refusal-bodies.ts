/** What each maker's error answers look like. */

import type { Refusal } from './refusal.ts'
import type { RefusalAnswer } from './voice.ts'

export function openAiRefusal({ message, type, code, param }: Refusal): RefusalAnswer {
  return { body: { error: { message, type, param: param ?? null, code: code ?? null } } }
}

export function anthropicRefusal(refusal: Refusal, requestId: string): RefusalAnswer {
  const error = { type: refusal.anthropicType ?? refusal.type, message: refusal.message }
  return { body: { type: 'error', error, request_id: requestId } }
}

/** Google's words by status (google.rpc.Code). */
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

export function geminiRefusal(refusal: Refusal): RefusalAnswer {
  const { status: code, message } = refusal
  const status = GOOGLE_STATUSES[code] ?? (code < 500 ? 'INVALID_ARGUMENT' : 'UNKNOWN')
  const details = googleDetails(refusal)
  return { body: { error: { code, message, status, ...(details.length === 0 ? {} : { details }) } } }
}

const RPC = 'type.googleapis.com/google.rpc'

function googleDetails({ status, code, headers }: Refusal): readonly object[] {
  const after = headers?.['retry-after']
  const isDaily = code === 'daily_quota_exceeded'
  const quotaId = isDaily ? 'GenerateRequestsPerDayPerProjectPerModel' : 'GenerateRequestsPerMinutePerProject'
  const isQuota = status === 429 && code !== undefined
  return [
    ...(isQuota ? [{ '@type': `${RPC}.QuotaFailure`, violations: [{ quotaId, quotaValue: '10' }] }] : []),
    ...(after !== undefined && /^\d+$/.test(after)
      ? [{ '@type': `${RPC}.RetryInfo`, retryDelay: `${after}s` }]
      : []),
    ...(code === 'invalid_api_key'
      ? [{ '@type': `${RPC}.ErrorInfo`, reason: 'API_KEY_INVALID', domain: 'googleapis.com' }]
      : []),
  ]
}

/** The service's exceptions by status. */
const AWS_EXCEPTIONS: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  401: 'UnrecognizedClientException',
  402: 'ServiceQuotaExceededException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  408: 'ModelTimeoutException',
  409: 'ConflictException',
  424: 'ModelErrorException',
  429: 'ThrottlingException',
  500: 'InternalServerException',
  503: 'ServiceUnavailableException',
  529: 'ServiceUnavailableException',
}

export function awsException({ status, code }: Refusal): string {
  if (code === 'insufficient_quota') return 'ServiceQuotaExceededException'
  return AWS_EXCEPTIONS[status] ?? (status < 500 ? 'ValidationException' : 'InternalServerException')
}

export function bedrockRefusal(refusal: Refusal): RefusalAnswer {
  const type = `${awsException(refusal)}:http://internal.amazon.com/coral/com.amazon.bedrock/`
  return { body: { message: refusal.message }, headers: { 'x-amzn-errortype': type } }
}

export function cohereRefusal({ message }: Refusal, requestId: string): RefusalAnswer {
  return { body: { id: requestId, message } }
}

export function ollamaRefusal({ message }: Refusal): RefusalAnswer {
  return { body: { error: message } }
}
