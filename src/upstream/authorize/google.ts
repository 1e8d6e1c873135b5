/**
 * Google Cloud's access tokens: fetched with the key of a service account or of a user, kept until five minutes before
 * their end, one fetch at a time. The machine's surroundings (metadata server, gcloud's files) are never asked: what is
 * not configured is not used.
 */

import { createSign } from 'node:crypto'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, numberOf, parseJson, stringOf } from '../../std/json.ts'
import type { Secret } from '../../std/secret.ts'
import type { Authorizer } from '../send.ts'
import { assertToken, withBearer } from './bearer.ts'
import { type GoogleCredential, readGoogleCredential } from './google-credential.ts'
import { type FormDeps, postForm, unreachable } from './post-form.ts'
import { type FetchedToken, TokenCache } from './token-cache.ts'

export interface GoogleAuthorizerOptions extends FormDeps {
  readonly credential: Secret
  /** Of the provider, for messages. */
  readonly name: string
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
/** How long an assertion holds: the most Google takes. */
const ASSERTION_S = 3_600

export function googleAuthorizer(options: GoogleAuthorizerOptions): Authorizer {
  const { credential, name, clock } = options
  let read: GoogleCredential | undefined
  let cache: TokenCache | undefined
  return {
    async authorize(request) {
      read ??= readGoogleCredential(credential.reveal(), name)
      const known = read
      switch (known.kind) {
        case 'token':
          return withBearer(request, assertToken(known.token, name))
        case 'api-key':
          return { ...request, headers: { ...request.headers, 'x-goog-api-key': known.key } }
        case 'service-account':
        case 'user':
          cache ??= new TokenCache(clock, () => fetchToken(options, known))
          return withBearer(request, await cache.get())
      }
    },
  }
}

type Fetchable = Extract<GoogleCredential, { readonly kind: 'service-account' | 'user' }>

async function fetchToken(options: GoogleAuthorizerOptions, credential: Fetchable): Promise<FetchedToken> {
  const form = formOf(credential, Math.floor(options.clock.wallMs() / 1_000))
  const { status, body } = await postForm(options, credential.tokenUrl, form)
  const answer = parseJson(body)
  if (status >= 500 || status === 429) throw unreachable(options.provider, `answered with status ${status}`)
  if (status !== 200) throw refused(options.name, answer, status)
  const token = isJsonObject(answer) ? stringOf(answer['access_token']) : undefined
  if (!token) throw unreachable(options.provider, 'answered with something that holds no token')
  const lifetimeS = isJsonObject(answer) ? numberOf(answer['expires_in']) : undefined
  return { token: assertToken(token, options.name), lifetimeMs: (lifetimeS ?? ASSERTION_S) * 1_000 }
}

function formOf(credential: Fetchable, nowS: number): Readonly<Record<string, string>> {
  if (credential.kind === 'user') {
    return {
      grant_type: 'refresh_token',
      client_id: credential.clientId,
      client_secret: credential.clientSecret,
      refresh_token: credential.refreshToken,
    }
  }
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: assertionOf(credential, nowS),
  }
}

type ServiceAccount = Extract<GoogleCredential, { readonly kind: 'service-account' }>

/** A JSON Web Token signed with the account's key (RFC 7523). */
function assertionOf({ email, key, keyId, tokenUrl }: ServiceAccount, nowS: number): string {
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) }
  const claims = { iss: email, scope: SCOPE, aud: tokenUrl.href, iat: nowS, exp: nowS + ASSERTION_S }
  const signed = `${base64Url(header)}.${base64Url(claims)}`
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
}

function base64Url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Only OAuth's own word is repeated: a description may echo what was sent. */
function refused(name: string, answer: unknown, status: number): GatewayError {
  const word = isJsonObject(answer) ? stringOf(answer['error']) : undefined
  const said = word !== undefined && /^\w{1,60}$/.test(word) ? word : `status ${status}`
  const hint =
    said === 'invalid_grant'
      ? 'Was the key deleted, or is the clock of this machine wrong?'
      : 'Is the key file complete, and the account enabled?'
  return new GatewayError(
    'upstream_auth',
    `The token service for ${name} refused the credential (${said}). ${hint}`,
    {
      upstreamStatus: status,
      ...(word === undefined ? {} : { upstreamType: said }),
    },
  )
}
