/** The name under which an answer is cached: who asks, whom, and everything that is asked. */

import { hash } from 'node:crypto'
import { canonicalJson, parseExact } from '../cache/canonical-json.ts'
import { MemoryCache } from '../cache/memory-cache.ts'
import { requestIdentity } from '../dialects/request-identity.ts'
import { tellingOf } from '../dialects/telling-headers.ts'
import type { Exchange } from '../execution/exchange.ts'
import { isJsonObject } from '../std/json.ts'
import type { RecallOwner } from './recall-step.ts'

/** Memory for bodies that were named before, bytes. */
const NAMED_BYTES_MAX = 4 * 1024 ** 2
const NAMED_COST_BYTES = 256

/** Beside the request itself, what decides who answers it. */
export interface IdentityFacts {
  readonly owner: RecallOwner
  readonly routeName?: string | undefined
  /** Ids of the targets that may answer, in any order: an answer does not outlive a change of its route. */
  readonly targets?: (() => readonly string[]) | undefined
  /** Whoever would rather be refused than lose something is not given what somebody else lost something for. */
  readonly isStrict?: boolean | undefined
}

/** Gives requests their names; a body that is sent again, byte by byte, is not decoded again. */
export class CacheIdentities {
  readonly #named = new MemoryCache<string>(NAMED_BYTES_MAX)

  /** 64 hex digits; `undefined` where the body is no JSON object that can be written in one way. */
  of(exchange: Exchange, facts: IdentityFacts): string | undefined {
    const scope = scopeOf(exchange, facts)
    const bytes = hash('sha256', Buffer.concat([Buffer.from(scope), exchange.body]))
    const known = this.#named.get(bytes)
    if (known !== undefined) return known
    const said = canonicalBody(exchange.body)
    if (said === undefined) return undefined
    const id = hash('sha256', `${scope}\n${said}`)
    this.#named.set(bytes, id, NAMED_COST_BYTES)
    return id
  }
}

/** As JSON, so that no two scopes run into one another (SEC-41). */
export function scopeOf(
  { dialect, operation, named, asked, headers }: Exchange,
  facts: IdentityFacts,
): string {
  const { owner, routeName = '', targets, isStrict = false } = facts
  return JSON.stringify([
    owner.tenant,
    owner.keyId,
    routeName,
    [...(targets?.() ?? [])].sort(),
    isStrict,
    dialect.id,
    operation,
    named?.modelId ?? '',
    asked?.id ?? '',
    asked?.providerId ?? '',
    asked?.query ?? '',
    tellingOf(headers, dialect),
  ])
}

function canonicalBody(body: Uint8Array): string | undefined {
  const decoded = parseExact(body)
  if (!isJsonObject(decoded)) return undefined
  try {
    return canonicalJson(requestIdentity(decoded))
  } catch {
    return undefined
  }
}
