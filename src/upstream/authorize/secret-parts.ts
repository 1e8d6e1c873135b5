/** What within a credential must never be seen: a provider that echoes a part of it does not echo the whole. */

import type { AuthScheme } from '../../providers/provider.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import { Secret } from '../../std/secret.ts'

/** Parts shorter than this are words (`default`), not secrets. */
const PART_LENGTH_MIN = 16
const SECRET_FIELD = /secret|token$|private_key$/i

/** The secrets inside a credential, for whoever redacts texts; empty where it is one as a whole. */
export function secretParts(auth: AuthScheme, credential: Secret): readonly Secret[] {
  if (auth.kind !== 'aws-sigv4' && auth.kind !== 'google-oauth') return []
  const text = credential.reveal().trim()
  // The first part of a pair with colons is the access key's id, which is no secret.
  const parts = text.startsWith('{') ? partsOfJson(parseJson(text)) : text.split(':').slice(1)
  return parts.filter((part) => part.length >= PART_LENGTH_MIN).map((part) => new Secret(part))
}

function partsOfJson(value: unknown): readonly string[] {
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([name, field]) => {
    if (isJsonObject(field)) return partsOfJson(field)
    return typeof field === 'string' && SECRET_FIELD.test(name) ? [field] : []
  })
}
