/** What a peek learns from a raw body without decoding it: enough to admit, route and rewrite a request. */

export type DialectId = 'openai-chat' | 'anthropic-messages' | 'openai-responses' | 'gemini'

export type Operation = 'chat' | 'count-tokens'

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
  /** A usage chunk was asked for; true where the dialect always sends usage. */
  readonly wantsStreamUsage: boolean
  /** The client's own ceiling on output tokens, where it set one. */
  readonly maxOutputTokens?: number
  readonly candidateCount: number
  /** Asks for something that no stream of this dialect carries as it stands (spoken audio): never fold it. */
  readonly isPlainOnly?: boolean
  readonly bodyBytes: number
  /** Where the values of the top-level fields stand, by name: what a passthrough needs to splice. */
  readonly fields: ReadonlyMap<string, Span>
  /** The first byte after the opening brace. */
  readonly bodyStart: number
}
