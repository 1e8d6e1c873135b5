/** What a dialect is to the simulator: how it is read, and how it is spoken. */

import type { JsonObject } from '../std/json.ts'
import type { Frame } from './frame.ts'
import type { StreamFraming, StreamPiece } from './piece.ts'
import type { Refusal } from './refusal.ts'
import type { RequestProblem, SimulatedDialect, SimulatedRequest } from './request.ts'
import type { Script } from './script.ts'

export interface Voice {
  readonly dialect: SimulatedDialect
  readonly framing: StreamFraming
  /** What its maker's ids begin with. */
  readonly idPrefixes: { readonly answer: string; readonly toolCall: string }
  /** Where its maker tells the id of a request. */
  readonly requestIdHeader?: string
  /** Fills in what the body says of a conversation. */
  read(request: SimulatedRequest, fields: JsonObject): SimulatedRequest
  /** What the provider would refuse about the request. */
  problem?(request: SimulatedRequest): RequestProblem | undefined
  /** The body of a plain answer. */
  answer(script: Script, frame: Frame): object
  /** The events of a streamed answer. */
  pieces(script: Script, frame: Frame): readonly StreamPiece[]
  tokenCount?(inputTokens: number): object
  refuse(refusal: Refusal, requestId: string): RefusalAnswer
  /** How a stream tells that it has failed, after so many other events. */
  errorPiece(refusal: Refusal, frame: Frame, sequence: number): StreamPiece
  /** The smallest legal event that says nothing. */
  quietPiece(frame: Frame): StreamPiece
}

export interface RefusalAnswer {
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}
