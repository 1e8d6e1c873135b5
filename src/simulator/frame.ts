/** What surrounds an answer of either dialect. */

export interface Frame {
  readonly id: string
  readonly model: string
  readonly createdSeconds: number
  readonly tokensPerChunk: number
  readonly includeUsage: boolean
}
