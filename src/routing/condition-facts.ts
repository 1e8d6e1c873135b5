/** What a condition may ask of a request; found out when it is asked, since most are never asked for most of it. */

import type { Priority } from '../admission/priority.ts'
import type { DialectId, Envelope, Operation } from '../canonical/envelope.ts'
import type { Ability } from '../canonical/needs.ts'
import type { RequestNeeds } from './request-needs.ts'

/** The estimate of a prompt's length; texts of every language lie within a factor of two of it. */
const BYTES_PER_TOKEN = 4

export interface ConditionFacts {
  /** As the client spelled it. */
  readonly model: string
  readonly dialect: DialectId
  readonly operation: Operation
  readonly stream: boolean
  /** An estimate: the body's bytes by `BYTES_PER_TOKEN`. */
  readonly inputTokens: number
  /** The client's own ceiling; 0 where it set none. */
  readonly maxOutputTokens: number
  readonly bodyBytes: number
  readonly hasTools: boolean
  readonly hasImages: boolean
  /** The name of the client key; empty where there is none. */
  readonly key: string
  readonly priority: Priority
  /** By lower-case names; of several values the first. */
  readonly headers: Readonly<Record<string, string>>
  /** Of the day, in UTC, 0 to 23. */
  readonly hour: number
}

export interface FactsSource {
  readonly envelope: Envelope
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly keyName: string | undefined
  readonly priority: Priority
  /** Absent where the operation is none that needs are known of. */
  readonly needs?: RequestNeeds
  /** Wall-clock time, ms since the Unix epoch. */
  readonly wallMs: number
}

export function conditionFacts(source: FactsSource): ConditionFacts {
  const { envelope, needs } = source
  return {
    model: envelope.modelId,
    dialect: envelope.dialect,
    operation: envelope.operation,
    stream: envelope.stream,
    inputTokens: estimateTokens(envelope.bodyBytes),
    maxOutputTokens: envelope.maxOutputTokens ?? 0,
    bodyBytes: envelope.bodyBytes,
    get hasTools() {
      return hasNeed(needs, 'tools')
    },
    get hasImages() {
      return hasNeed(needs, 'vision')
    },
    key: source.keyName ?? '',
    priority: source.priority,
    get headers() {
      return firstValues(source.headers)
    },
    hour: new Date(source.wallMs).getUTCHours(),
  }
}

export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN)
}

/** The bytes say at once where there is nothing of the kind; else the request is decoded. */
function hasNeed(needs: RequestNeeds | undefined, ability: Ability): boolean {
  return needs?.mayNeed(ability) === true && needs.get()?.abilities.has(ability) === true
}

function firstValues(headers: FactsSource['headers']): Readonly<Record<string, string>> {
  const values: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    const first = typeof value === 'string' ? value : value?.[0]
    if (first !== undefined) values[name.toLowerCase()] = first
  }
  return values
}
