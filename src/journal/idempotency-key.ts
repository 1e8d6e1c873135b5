/** The header that asks for an answer to be made once, and the name under which it is kept. */

import { hash } from 'node:crypto'
import { GatewayError } from '../errors/gateway-error.ts'

export const IDEMPOTENCY_HEADER = 'idempotency-key'
export const KEY_LENGTH_MAX = 255

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Whose a kept answer is: nobody else is ever given it (SEC-41). */
export interface JournalOwner {
  readonly tenant: string
  readonly keyId: string
}

/** The key, or `undefined` where there is none. Throws `invalid_request` where it is none that can be kept. */
export function readIdempotencyKey(headers: Headers): string | undefined {
  const value = headers[IDEMPOTENCY_HEADER]
  if (value === undefined) return undefined
  const key = typeof value === 'string' ? value.trim() : ''
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key
  throw new GatewayError(
    'invalid_request',
    `The header Idempotency-Key must be 1 to ${KEY_LENGTH_MAX} printable ASCII characters, once; it has ${key.length}.`,
    { param: 'Idempotency-Key' },
  )
}

/** 64 hex digits. What is hashed is written as JSON, so that no two owners and keys run into one another. */
export function journalId({ tenant, keyId }: JournalOwner, key: string): string {
  return hash('sha256', JSON.stringify(['journal', tenant, keyId, key]))
}
