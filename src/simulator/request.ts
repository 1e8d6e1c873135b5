/** What a caller asks of the simulator, in any dialect: the few facts an answer is made from. */

import type { Operation as GatewayOperation, StreamForm, TargetDialectId } from '../canonical/envelope.ts'
import type { JsonObject } from '../std/json.ts'
import type { FaultExpression } from './fault-expression.ts'

/** Every dialect a provider may speak. */
export type SimulatedDialect = TargetDialectId

export const SIMULATED_DIALECTS = [
  'openai-chat',
  'anthropic-messages',
  'openai-responses',
  'gemini',
  'openai-completions',
  'bedrock-converse',
  'cohere-chat',
  'ollama-chat',
] as const satisfies readonly SimulatedDialect[]

export type Operation = GatewayOperation | 'models' | 'unknown'

export const SIMULATED_OPERATIONS = [
  'chat',
  'count-tokens',
  'models',
  'embeddings',
  'moderations',
  'rerank',
  'image-generation',
  'image-edit',
  'image-variation',
  'speech',
  'transcription',
  'audio-translation',
  'files',
  'batches',
] as const satisfies readonly Operation[]

export interface SimulatedRequest {
  readonly dialect: SimulatedDialect
  readonly operation: Operation
  /** As asked for, a fault after `!` and the prefix `simulator/` left out. */
  readonly model: string
  /** `mock!status-503`: the fault asked for with the model name. */
  readonly faultOfModel?: FaultExpression
  readonly stream: boolean
  /** How a stream travels; absent: as the dialect frames its streams. */
  readonly streamForm?: StreamForm
  readonly includeUsage: boolean
  /** Answers wanted; most dialects know only one. */
  readonly choices: number
  readonly outputTokensMax?: number
  readonly stopSequences: readonly string[]
  readonly lastUserText: string
  /** The text of a tool result that ends the conversation. */
  readonly toolResult?: string
  /** Characters in prompt and tools. */
  readonly promptCharacters: number
  /** The part of the prompt a cache could already hold, as text; empty where there is none. */
  readonly cacheablePrompt: string
  readonly tools: readonly SimulatedTool[]
  readonly toolChoice: ToolChoice
  readonly isParallelToolUse: boolean
  readonly isReasoningWanted: boolean
  /** A schema for a structured answer; `{}` where any JSON object will do. */
  readonly responseSchema?: unknown
  /** The JSON of the body, for answers that repeat some of it; empty where the body is none. */
  readonly fields: JsonObject
}

export interface SimulatedTool {
  readonly name: string
  readonly schema: unknown
}

export type ToolChoice =
  | { readonly type: 'auto' | 'none' | 'required' }
  | { readonly type: 'named'; readonly name: string }

/** A request the simulator refuses as a provider would. */
export interface RequestProblem {
  readonly message: string
  readonly param?: string
}

export interface RequestHead {
  readonly method: string
  /** With its query. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}
