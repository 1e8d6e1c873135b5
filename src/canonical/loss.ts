/** What could not be said in the target's dialect: returned by name, never dropped in silence. */

export interface Loss {
  /** The field in the source dialect's spelling, dotted: `logprobs`, `messages.audio`. */
  readonly field: string
  /** One clause: why the target cannot express it. */
  readonly reason: string
}
