/**
 * One step of an answer. Readers emit, writers consume; between them an answer always has this form:
 *
 *   answer-start
 *     (text|reasoning|tool-call|refusal|opaque parts, each start .. delta* .. end, numbered by `part` within a candidate)
 *     finish, once a candidate
 *     usage-update, any number; a later one replaces an earlier one
 *   or error, after which nothing follows
 *
 * Parts of one candidate may overlap (parallel tool calls in the OpenAI dialect do). A reader closes every part it
 * opened before it emits that candidate's `finish`, unless the stream broke off.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { JsonObject, JsonValue } from '../std/json.ts'
import type { Finish } from './finish.ts'
import type { Citation } from './message.ts'
import type { Usage } from './usage.ts'

interface InPart {
  /** Which candidate (OpenAI's choice index); 0 where there is one. */
  readonly candidate: number
  /** Ordinal of the part within its candidate, from 0, in order of appearance. */
  readonly part: number
}

export type InferenceEvent =
  | {
      readonly type: 'answer-start'
      readonly responseId?: string
      readonly modelId?: string
      readonly createdAtS?: number
      readonly raw?: JsonObject
    }
  | ({ readonly type: 'text-start' } & InPart)
  | ({ readonly type: 'text-delta'; readonly text: string } & InPart)
  | ({
      readonly type: 'text-end'
      readonly citations?: readonly Citation[]
      readonly signature?: string
    } & InPart)
  | ({ readonly type: 'reasoning-start'; readonly id?: string } & InPart)
  | ({ readonly type: 'reasoning-delta'; readonly text: string } & InPart)
  | ({ readonly type: 'reasoning-end'; readonly signature?: string; readonly encrypted?: string } & InPart)
  | ({ readonly type: 'refusal-start' } & InPart)
  | ({ readonly type: 'refusal-delta'; readonly text: string } & InPart)
  | ({ readonly type: 'refusal-end' } & InPart)
  | ({
      readonly type: 'tool-call-start'
      readonly id: string
      readonly name: string
      readonly kind?: 'function' | 'custom' | 'provider'
      /** Where it is known when the call begins, for dialects that must say it first; the end says it in any case. */
      readonly signature?: string
    } & InPart)
  | ({ readonly type: 'tool-call-delta'; readonly argumentsDelta: string } & InPart)
  /** `isMalformed`: the arguments are not JSON (fault 71, `tool_args_invalid`); they are passed on as they are. */
  | ({ readonly type: 'tool-call-end'; readonly isMalformed?: boolean; readonly signature?: string } & InPart)
  /** A whole part that only its own dialect can say (server tool results, compaction, audio, ...). */
  | ({ readonly type: 'opaque'; readonly dialect: string; readonly value: JsonObject } & InPart)
  | { readonly type: 'logprobs-delta'; readonly candidate: number; readonly content: readonly JsonValue[] }
  | { readonly type: 'usage-update'; readonly usage: Usage }
  | { readonly type: 'finish'; readonly candidate: number; readonly finish: Finish }
  | { readonly type: 'error'; readonly error: GatewayError }

/**
 * Whether an event carries content the client can see. Starts, empty deltas, usage and pings are not content: the
 * first content event is the commit point.
 */
export function isContent(event: InferenceEvent): boolean {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return event.text !== ''
    case 'reasoning-end':
      return event.signature !== undefined || event.encrypted !== undefined
    case 'tool-call-start':
    case 'opaque':
      return true
    default:
      return false
  }
}
