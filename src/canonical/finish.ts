/** Why a model stopped: one word of ours beside the provider's own. */

export type FinishReason =
  | 'stop'
  | 'length'
  | 'tool-calls'
  | 'content-filter'
  | 'refusal'
  /** The provider paused a long turn; send it back to go on. */
  | 'pause'
  /** The context window ran full. */
  | 'context-window'
  /** The model called a tool in a form that its own provider could not read (Gemini's MALFORMED_FUNCTION_CALL). */
  | 'malformed-tool-call'
  | 'error'
  | 'other'

export interface Finish {
  readonly reason: FinishReason
  readonly raw?: string
  /** The stop sequence that was met, where the dialect says so. */
  readonly stopSequence?: string
}
