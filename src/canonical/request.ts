/** The ask. Everything optional is absent unless the client said it: zero means zero. */

import type { JsonObject, JsonValue } from '../std/json.ts'
import type { CacheHint, Message } from './message.ts'

export interface InferenceRequest {
  readonly modelId: string
  readonly messages: readonly Message[]
  readonly stream: boolean
  /** The client asked for a usage chunk at the end of the stream; dialects that always report usage say true. */
  readonly wantsStreamUsage: boolean

  readonly tools?: readonly ToolDefinition[]
  readonly toolChoice?: ToolChoice
  /** Whether the model may call several tools at once. */
  readonly allowsParallelToolCalls?: boolean
  readonly output?: OutputFormat
  readonly reasoning?: ReasoningOptions
  /** The client wants reasoning in a form that it can send back; where that comes unasked, this asks for nothing. */
  readonly wantsReasoningState?: boolean

  readonly maxOutputTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly seed?: number
  readonly stopSequences?: readonly string[]
  readonly candidateCount?: number
  /** Log probabilities asked for; `top` alternatives a token. */
  readonly logprobs?: { readonly top?: number }
  readonly modalities?: readonly string[]
  readonly audio?: JsonObject

  readonly userId?: string
  readonly metadata?: JsonObject
  readonly serviceTier?: string
  readonly promptCacheKey?: string
  /** A cache hint for the whole request, where the dialect has one. */
  readonly cacheHint?: CacheHint

  /** Top-level fields of the source dialect that this language has no word for: kept for that dialect, a loss in another. */
  readonly vendor?: { readonly dialect: string; readonly fields: JsonObject }
}

export type ToolDefinition =
  | {
      readonly kind: 'function'
      readonly name: string
      readonly description?: string
      /** JSON Schema of the arguments; absent where the client gave none. */
      readonly parameters?: JsonObject
      readonly isStrict?: boolean
      readonly cacheHint?: CacheHint
      /** Fields of the tool that this language has no word for: kept for their dialect, a loss in another. */
      readonly vendor?: { readonly dialect: string; readonly fields: JsonObject }
    }
  /** Free-text tools, provider-executed tools and anything newer: kept raw for their own dialect. */
  | { readonly kind: 'opaque'; readonly dialect: string; readonly name?: string; readonly value: JsonObject }

export type ToolChoice =
  | { readonly type: 'auto' }
  | { readonly type: 'none' }
  | { readonly type: 'required' }
  | { readonly type: 'tool'; readonly name: string }
  | { readonly type: 'opaque'; readonly dialect: string; readonly value: JsonValue }

export type OutputFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json-object' }
  | {
      readonly type: 'json-schema'
      readonly schema: JsonObject
      readonly name?: string
      readonly description?: string
      readonly isStrict?: boolean
    }

export interface ReasoningOptions {
  /** `off`: asked not to reason; `on`: with a budget or an effort; `adaptive`: the model decides. */
  readonly mode?: 'off' | 'on' | 'adaptive'
  /** `minimal`, `low`, `medium`, `high`, ... in the words of the source. */
  readonly effort?: string
  readonly budgetTokens?: number
  /** How reasoning should be shown, where the dialect has a word for it. */
  readonly display?: string
}
