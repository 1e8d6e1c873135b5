/** What may stand for Google Cloud's credential: the key file of a service account, the file gcloud keeps of a user, a token, or an API key. */

import { createPrivateKey, type KeyObject } from 'node:crypto'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'

export type GoogleCredential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'api-key'; readonly key: string }
  | {
      readonly kind: 'service-account'
      readonly email: string
      readonly key: KeyObject
      readonly keyId?: string
      readonly tokenUrl: URL
    }
  | {
      readonly kind: 'user'
      readonly clientId: string
      readonly clientSecret: string
      readonly refreshToken: string
      readonly tokenUrl: URL
    }

const TOKEN_URL = 'https://oauth2.googleapis.com/token'

/** Throws `upstream_auth`; never with a part of the text. */
export function readGoogleCredential(text: string, name: string): GoogleCredential {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{')) return readWord(trimmed, name)
  const value = parseJson(trimmed)
  if (!isJsonObject(value)) throw unusable(name, 'is no JSON, though it begins like it')
  switch (value['type']) {
    case 'authorized_user':
      return readUser(value, name)
    case 'service_account':
    case undefined:
      return readServiceAccount(value, name)
    default:
      throw unusable(name, 'is of a type that cannot be used here')
  }
}

/** Vertex's express mode takes Google's API keys, in a header of their own. */
function readWord(text: string, name: string): GoogleCredential {
  if (/^AIza[\w-]*$/.test(text)) return { kind: 'api-key', key: text }
  if (/^[./~]|\.json$/.test(text)) throw unusable(name, 'is the path of a file rather than its content')
  return { kind: 'token', token: text.replace(/^Bearer +/i, '') }
}

function readServiceAccount(value: JsonObject, name: string): GoogleCredential {
  const email = stringOf(value['client_email'])
  const key = stringOf(value['private_key'])
  if (!email || !key) throw unusable(name, 'lacks client_email or private_key')
  const keyId = stringOf(value['private_key_id'])
  return {
    kind: 'service-account',
    email,
    key: privateKey(key, name),
    ...(keyId ? { keyId } : {}),
    tokenUrl: tokenUrl(value, name),
  }
}

/** A key that came through an environment variable often has its line breaks written out. */
function privateKey(text: string, name: string): KeyObject {
  try {
    return createPrivateKey(text.replaceAll('\\n', '\n'))
  } catch {
    throw unusable(name, 'holds a private_key that cannot be read')
  }
}

function readUser(value: JsonObject, name: string): GoogleCredential {
  const clientId = stringOf(value['client_id'])
  const clientSecret = stringOf(value['client_secret'])
  const refreshToken = stringOf(value['refresh_token'])
  if (!clientId || !clientSecret || !refreshToken) {
    throw unusable(name, 'lacks client_id, client_secret or refresh_token')
  }
  return { kind: 'user', clientId, clientSecret, refreshToken, tokenUrl: tokenUrl(value, name) }
}

/** The secrets travel there, so it must be a safe address: TLS, or this machine. */
function tokenUrl(value: JsonObject, name: string): URL {
  const url = URL.parse(stringOf(value['token_uri']) ?? TOKEN_URL)
  const isLoopback = url !== null && /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname)
  if (url && !url.username && (url.protocol === 'https:' || (isLoopback && url.protocol === 'http:')))
    return url
  throw unusable(name, 'has a token_uri that is no https address')
}

function unusable(name: string, why: string): GatewayError {
  return new GatewayError(
    'upstream_auth',
    `The credential of ${name} ${why}: give the JSON key file of a service account (file:/path/key.json), or an access token.`,
  )
}
