/** A provider is data: where it is, how it wants its key, what it speaks, and how it deviates. */

import type { DialectId, Operation, TargetDialectId } from '../canonical/envelope.ts'
import type { NativeContinuation } from '../dialects/dialect.ts'
import type { Prices } from '../ledger/prices.ts'
import type { Brand } from '../std/brand.ts'
import type { JsonObject } from '../std/json.ts'
import type { Secret } from '../std/secret.ts'

export type ProviderId = string
export type TargetId = Brand<string, 'TargetId'>

export interface Provider {
  readonly id: ProviderId
  /** The known provider this is a further instance of, under another id: what is known of its models holds here too. */
  readonly instanceOf?: ProviderId
  /** As its makers write it. */
  readonly name: string
  /** What it is told where the client speaks something that it does not. */
  readonly dialect: TargetDialectId
  /** Further dialects that its clients may pass through in, below the same base URL. */
  readonly alsoSpeaks?: readonly DialectId[]
  /** Paths of operations that differ from those of its dialect, or `false` where it lacks one that its dialect has. */
  readonly operationPaths?: Readonly<Partial<Record<Operation, string | false>>>
  /**
   * Who can read the state it makes (thinking signatures, encrypted reasoning). Providers that read each other's name the
   * same; absent: its own id, and nobody else can.
   */
  readonly stateOrigin?: string
  /** Up to and with the version segment: `https://api.openai.com/v1`. No trailing slash. */
  readonly baseUrl: string
  readonly auth: AuthScheme
  /** Environment variables that may hold its key, best first. */
  readonly environmentKeys: readonly string[]
  /** Extra headers on every request, lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** Runs on the operator's own machine or network: slower limits apply, and a missing key is normal. */
  readonly isLocal: boolean
  /** Named deviations from the dialect, each with a test and a link to where it was seen. */
  readonly quirks: readonly Quirk[]
  /** Where its models are listed, below the base URL; absent where it has no list. */
  readonly modelsPath?: string
  /** How the makers' own model names begin (`claude-`, `gpt-`): a bare model name finds its provider by them. */
  readonly modelPrefixes?: readonly string[]
  /** A small chat model of its, to try it with where nobody named one; it may go out of date. */
  readonly exampleModel?: string
  /** Sends usage in every stream, so it need not be asked for it. */
  readonly isUsageUnasked?: boolean
  /** How it goes on with an answer whose beginning it is given, for all its models or for those that can; absent: it does not. */
  readonly continuation?: NativeContinuation | ((modelId: string) => NativeContinuation | undefined)
  /** `false`: failing again and again does not keep it from being called. */
  readonly hasBreaker?: boolean
  /** Takes more for answers made in the United States alone, which may be its customer's default (ledger/inference-geo.ts). */
  readonly isPricedByPlace?: boolean
  /** What tokens of its models cost, by the model's name at the provider, where the operator says so; `*` for all others. */
  readonly prices?: Readonly<Record<string, Prices>>
  /** Answers are made up by the simulator; said in every response. */
  readonly isSimulated?: boolean
  /** Where its API is documented. */
  readonly documentation?: string
  /**
   * For a provider whose address is the customer's own (an Azure resource, any compatible server): the provider at that
   * address. `baseUrl` is then only an example, and the provider cannot be used without an address.
   */
  readonly at?: (address: string) => Provider
  /** Environment variables that may hold that address, or a part of it that `environmentAddress` completes, best first. */
  readonly environmentAddresses?: readonly string[]
  /** The address where the environment gives it in parts (a region, a project), asked after `environmentAddresses`. */
  readonly environmentAddress?: (read: ReadVariable) => string | undefined
  /** The key where the environment gives it in parts, asked after `environmentKeys`. */
  readonly environmentCredential?: (read: ReadVariable) => string | undefined
}

/** The value of an environment variable, trimmed; `undefined` where it is not set or empty. */
export type ReadVariable = (name: string) => string | undefined

export type AuthScheme =
  | { readonly kind: 'header'; readonly header: string; readonly prefix: string }
  /** Signature Version 4 of AWS; the credential is `access key id:secret access key[:session token]`. */
  | { readonly kind: 'aws-sigv4'; readonly service: string; readonly region: string }
  /** An OAuth access token of Google Cloud; the credential is a service account's key file as JSON, or a token. */
  | { readonly kind: 'google-oauth' }
  | { readonly kind: 'none' }

export interface Quirk {
  /** kebab-case: `max-completion-tokens`, `no-stream-options`. */
  readonly name: string
  /** Where it was observed. */
  readonly seenAt: string
  /** Top-level request fields that call for `adaptRequest`; a passthrough body without them is left as it is. Absent: always. */
  readonly fields?: readonly string[]
  /** ASCII text that must stand somewhere in the body as well, for what lies below the top level (a message's role). */
  readonly text?: string
  /** Changes a request of the provider's own dialect just before it is sent; pure. */
  readonly adaptRequest?: (fields: JsonObject) => JsonObject
  /** Changes the path below the base URL (Azure's deployments); pure. */
  readonly adaptPath?: (path: string, call: QuirkedCall) => string
}

/** What a path may depend on. */
export interface QuirkedCall {
  readonly operation: Operation
  readonly modelId: string
  readonly stream: boolean
  /** The request says how the answer begins (`Provider.continuation`). */
  readonly isContinued?: boolean
}

/** Provider, model and credential: the thing an attempt hits. */
export interface Target {
  /** `provider/model`. */
  readonly id: TargetId
  readonly provider: Provider
  /** The model's name at the provider. */
  readonly modelId: string
  readonly credential?: Secret
  readonly timers: AttemptTimers
}

/** The limits of one attempt, all ms. Rules in resilience/timers.ts. */
export interface AttemptTimers {
  readonly connectMs: number
  /** Hard limit to the first content token; pings and empty deltas do not count. */
  readonly firstTokenMs: number
  /** Longest silence between bytes once content flows. */
  readonly idleMs: number
}

export type { NativeContinuation } from '../dialects/dialect.ts'
