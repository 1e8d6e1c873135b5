/** Whom the bodies of OpenAI's family say that they are for, and how a short text is read from where it stands. */

import type { Envelope, Span } from '../canonical/envelope.ts'
import { decodeJsonValue } from '../wire/json-scan.ts'
import type { BodyAttribution } from './dialect.ts'

/** Bytes of a field that says whom a request is for; a longer one is not read. */
export const ATTRIBUTION_BYTES_MAX = 4_096

const QUOTE = 0x22

/** `user` before `safety_identifier`, which follows it: as what is told to a provider. */
export function readOpenaiAttribution(body: Uint8Array, { fields }: Envelope): BodyAttribution | undefined {
  const endUser = textAt(body, fields.get('user')) ?? textAt(body, fields.get('safety_identifier'))
  return endUser === undefined ? undefined : { endUser }
}

function textAt(body: Uint8Array, span: Span | undefined): string | undefined {
  if (span === undefined || body[span.start] !== QUOTE || !isShort(span)) return undefined
  const text = decodeJsonValue(body, span)
  return typeof text === 'string' && text.trim() !== '' ? text : undefined
}

export function isShort({ start, end }: Span): boolean {
  return end - start <= ATTRIBUTION_BYTES_MAX
}
