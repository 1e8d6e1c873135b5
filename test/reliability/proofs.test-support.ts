/** What the proofs of reliability share: requests as raw bytes, a provider whose pauses are the test's, and figures. */

import type { ReceivedRequest } from '../../src/upstream/wall.ts'
import type { FirstDialect } from '../support/client-answer.ts'
import { piece, STREAM_END, streamEvents, streamHead } from '../support/stream-events.ts'

/** A proof takes 5 to 20 s on a quiet machine; a busy one may need so long. */
export const PROOF_MS = 90_000

export interface AskedChat {
  readonly model: string
  readonly dialect?: FirstDialect
  readonly stream?: boolean
  /** Short answers are asked for in one piece, long ones as a stream that is folded. */
  readonly maxTokens?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** A chat request as its bytes. */
export function chatBytes({
  model,
  dialect = 'openai-chat',
  stream = true,
  maxTokens = 30_000,
  headers = {},
}: AskedChat): string {
  const body = JSON.stringify({
    model,
    max_tokens: maxTokens,
    stream,
    messages: [{ role: 'user', content: 'Go on.' }],
  })
  const lines = Object.entries({ ...headers, 'content-type': 'application/json' })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const path = dialect === 'openai-chat' ? '/v1/chat/completions' : '/v1/messages'
  return `POST ${path} HTTP/1.1\r\nhost: test\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`
}

export const openingOf = (dialect: FirstDialect): string =>
  streamHead() + piece(streamEvents[dialect].opening)

export const contentOf = (dialect: FirstDialect, text: string): string =>
  piece(streamEvents[dialect].content(text))

export const endingOf = (dialect: FirstDialect): string =>
  piece(streamEvents[dialect].finish + streamEvents[dialect].last) + STREAM_END

/** A whole stream that says `text`. */
export function sayWhole({ socket }: ReceivedRequest, dialect: FirstDialect, text: string): void {
  socket.write(openingOf(dialect) + contentOf(dialect, text) + endingOf(dialect))
}

/** The smallest figure that `share` of all do not exceed. */
export function quantile(figures: readonly number[], share: number): number {
  const sorted = figures.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const provider = (origin: string, dialect: FirstDialect = 'openai-chat') => ({
  dialect,
  baseUrl: `${origin}/v1`,
  credential: 'provider-key-0123456789',
  models: ['m'],
})
