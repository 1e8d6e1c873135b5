/** What a peek learns from a raw body without decoding it: enough to admit, route and rewrite a request. */

/** Protocols a client may speak to us. */
export type DialectId =
  | 'openai-chat'
  | 'anthropic-messages'
  | 'openai-responses'
  | 'gemini'
  /** OpenAI's older completions of a prompt. */
  | 'openai-completions'

/** Protocols a provider may speak: those of the clients, and some that only providers do. */
export type TargetDialectId = DialectId | 'bedrock-converse' | 'cohere-chat' | 'ollama-chat'

/** What is asked for. Everything but a chat travels within one dialect, embeddings apart. */
export type Operation =
  | 'chat'
  | 'count-tokens'
  | 'embeddings'
  | 'moderations'
  | 'rerank'
  | 'image-generation'
  | 'image-edit'
  | 'image-variation'
  | 'speech'
  | 'transcription'
  | 'audio-translation'
  | 'files'
  | 'batches'

/** How a stream of events travels to the client: as server-sent events, or as one JSON array that grows (Gemini's other way). */
export type StreamForm = 'sse' | 'json-array'

/** What the path or the query of a request says, where a dialect says it there rather than in the body (Gemini). */
export interface PathFacts {
  readonly modelId?: string
  readonly stream?: boolean
  readonly streamForm?: StreamForm
}

/** A half-open range of bytes in the body. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Envelope {
  readonly dialect: DialectId
  readonly operation: Operation
  /** As the client spelled it, JSON escapes undone. */
  readonly modelId: string
  readonly stream: boolean
  /** Absent: server-sent events. */
  readonly streamForm?: StreamForm
  /** A usage chunk was asked for; true where the dialect always sends usage. */
  readonly wantsStreamUsage: boolean
  /** The client's own ceiling on output tokens, where it set one. */
  readonly maxOutputTokens?: number
  readonly candidateCount: number
  /** Answers made in all, where more are made than given (`best_of`): all of them are paid for. */
  readonly generatedCount?: number
  /** Asks for something that no stream of this dialect carries as it stands (spoken audio): never fold it. */
  readonly isPlainOnly?: boolean
  readonly bodyBytes: number
  /** Where the values of the top-level fields stand, by name: what a passthrough needs to splice. */
  readonly fields: ReadonlyMap<string, Span>
  /** The first byte after the opening brace. */
  readonly bodyStart: number
}
