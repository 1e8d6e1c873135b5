/** Errors as a provider would mean them, before any dialect. */

import type { Step } from './step.ts'
import { write } from './step.ts'

export interface Refusal {
  readonly status: number
  readonly message: string
  /** OpenAI's `error.type`; also Anthropic's, where `anthropicType` is absent. */
  readonly type: string
  readonly anthropicType?: string
  readonly code?: string | number
  readonly param?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A whole answer with this body, its length stated. */
export function wholeAnswer(answer: {
  readonly status: number
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly tokens?: number
}): readonly Step[] {
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  const headers = Object.entries({ 'content-type': answer.contentType, ...answer.headers })
  return [
    {
      type: 'head',
      status: answer.status,
      headers,
      framing: { type: 'length', bytes: bytes.length },
    },
    ...(bytes.length > 0 ? [write(bytes, answer.tokens)] : []),
  ]
}

/** Types by status, in the words of each dialect. */
export const REFUSAL_TYPES: Readonly<
  Record<number, { readonly openai: string; readonly anthropic: string }>
> = {
  400: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  401: { openai: 'invalid_request_error', anthropic: 'authentication_error' },
  402: { openai: 'insufficient_quota', anthropic: 'billing_error' },
  403: { openai: 'invalid_request_error', anthropic: 'permission_error' },
  404: { openai: 'invalid_request_error', anthropic: 'not_found_error' },
  413: { openai: 'invalid_request_error', anthropic: 'request_too_large' },
  429: { openai: 'requests', anthropic: 'rate_limit_error' },
  500: { openai: 'server_error', anthropic: 'api_error' },
  503: { openai: 'server_error', anthropic: 'api_error' },
  504: { openai: 'server_error', anthropic: 'timeout_error' },
  529: { openai: 'server_error', anthropic: 'overloaded_error' },
}

/** A refusal with nothing special about it but its status. */
export function plainRefusal(status: number, message = `simulated error ${status}`): Refusal {
  const fallback = status < 500 ? 400 : 500
  const types = REFUSAL_TYPES[status] ?? REFUSAL_TYPES[fallback]
  return {
    status,
    message,
    type: types?.openai ?? 'server_error',
    anthropicType: types?.anthropic ?? 'api_error',
  }
}
