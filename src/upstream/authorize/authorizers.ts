/**
 * What signs requests where a key is not simply a header: AWS wants a signature over each request, Google a token that
 * is fetched with the key. One authorizer per credential, made when it is first needed and kept as long as it is.
 */

import type { AuthScheme, Provider, Target } from '../../providers/provider.ts'
import type { Clock } from '../../std/clock.ts'
import type { Secret } from '../../std/secret.ts'
import type { Transport } from '../../std/transport.ts'
import type { Authorizer } from '../send.ts'
import { awsAuthorizer } from './aws.ts'
import { googleAuthorizer } from './google.ts'

export interface AuthorizerDeps {
  /** Through which tokens are fetched: as everything else, past the wall against addresses nobody may dial. */
  readonly transport: Transport
  readonly clock: Clock
}

/** The authorizer of a target; `undefined` where its credential is a header or there is none. */
export type AuthorizerOf = (target: Target) => Authorizer | undefined

export function createAuthorizers(deps: AuthorizerDeps): AuthorizerOf {
  const byCredential = new WeakMap<Secret, Map<string, Authorizer>>()
  return ({ provider, credential }) => {
    const { auth } = provider
    if (credential === undefined || !isComputed(auth)) return undefined
    const known = byCredential.get(credential) ?? new Map<string, Authorizer>()
    byCredential.set(credential, known)
    const key = JSON.stringify(auth)
    const authorizer = known.get(key) ?? createAuthorizer(auth, { ...deps, provider, credential })
    known.set(key, authorizer)
    return authorizer
  }
}

type ComputedScheme = Exclude<AuthScheme, { readonly kind: 'header' | 'none' }>

function isComputed(auth: AuthScheme): auth is ComputedScheme {
  return auth.kind === 'aws-sigv4' || auth.kind === 'google-oauth'
}

interface Needs extends AuthorizerDeps {
  readonly provider: Provider
  readonly credential: Secret
}

function createAuthorizer(auth: ComputedScheme, needs: Needs): Authorizer {
  const name = needs.provider.name
  switch (auth.kind) {
    case 'aws-sigv4':
      return awsAuthorizer({ scheme: auth, name, credential: needs.credential, clock: needs.clock })
    case 'google-oauth':
      return googleAuthorizer({ ...needs, name })
  }
}
