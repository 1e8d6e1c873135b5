/**
 * Both faces of one wire protocol. Dialects do no I/O and hold no timers: bytes in, values out. Everything a dialect
 * reads may be strange, cut or hostile; everything it writes must satisfy that dialect's official SDKs.
 */

import type { DialectId, Envelope, Operation } from '../canonical/envelope.ts'
import type { InferenceEvent } from '../canonical/event.ts'
import type { Finish } from '../canonical/finish.ts'
import type { Loss } from '../canonical/loss.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type { Usage } from '../canonical/usage.ts'
import type { AttemptSummary, GatewayError } from '../errors/gateway-error.ts'
import type { JsonObject } from '../std/json.ts'

export interface Dialect {
  readonly id: DialectId

  // The client's side, arriving.

  /** Finds what routing needs by scanning bytes. Throws `invalid_json` (with the position) or `invalid_request` (naming the field). */
  peek(body: Uint8Array, operation: Operation): Envelope
  /** Decodes a whole request. Throws `invalid_request`. */
  readRequest(body: Uint8Array): InferenceRequest
  /** Why a request cannot be said in any other dialect, where that is so: asked before a translation, never in passthrough. */
  refuseTranslation?(request: InferenceRequest): GatewayError | undefined

  // The target's side, leaving.

  /** Says the request in this dialect. */
  writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest
  /**
   * The client's own bytes with only what `patch` names changed: every other byte survives. Always a copy: `body` is
   * released when its exchange settles, and a socket may then still hold what was sent.
   */
  patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array
  /** The path below a base URL that ends in `/v1` or its like: `/chat/completions`, `/messages`. */
  path(operation: Operation): string
  /** Headers that every request of this dialect carries (`anthropic-version`), lower case. */
  readonly requestHeaders: Readonly<Record<string, string>>
  /** Client headers worth forwarding in passthrough, lower case; a trailing `*` matches a prefix (SEC-33). */
  readonly forwardedHeaders: readonly string[]

  // The target's side, coming back.

  /** Decodes a whole plain answer. Throws what the answer amounts to: an embedded error by its own class, `empty_response`, `upstream_bad_response`. */
  readResult(body: Uint8Array): InferenceResult
  /** Tokens counted, where the dialect has that operation. Throws as `readResult` does where the body is no count. */
  readTokenCount?(body: Uint8Array): number
  createStreamReader(options?: ReadStreamOptions): StreamReader
  /** Lets a stream of this dialect through to a client of this dialect, reading quietly. */
  createPassthrough(options: PassthroughOptions): Passthrough
  /** Folds a raw stream of this dialect into the plain answer of this dialect; unknown fields are kept. */
  createFolder(options?: ReadStreamOptions): Folder
  /** Classifies a refusal by its status, headers and body (at most 64 KiB of it). The text is not yet redacted. */
  readError(response: ErrorResponse): GatewayError

  // The client's side, leaving.

  writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer
  createStreamWriter(options: WriteAnswerOptions): StreamWriter
  /** The body of an HTTP error answer. */
  writeError(error: GatewayError, context: ErrorContext): string
  /** An error inside a stream already begun, with no terminal marker after it. */
  writeStreamError(error: GatewayError, context: ErrorContext): string
  /** What keeps an idle stream alive without being content. */
  readonly heartbeat: string
}

export interface WriteRequestOptions {
  /** The model's name at the provider. */
  readonly modelId: string
  /** Whether to ask for a stream, whatever the client asked of us. */
  readonly stream: boolean
}

export interface EncodedRequest {
  readonly fields: JsonObject
  readonly losses: readonly Loss[]
}

export interface RequestPatch {
  readonly modelId: string
  /** Set when a plain request goes upstream as a stream. */
  readonly stream?: true
  /** Ask for usage in the stream, where the dialect must be asked. */
  readonly streamUsage?: true
}

/** What must be known of the request to tell a whole answer from a part of one. */
export interface ReadStreamOptions {
  /** How many candidates were asked for; 1 where nothing is said. A dialect that gives one answer pays no heed. */
  readonly candidates?: number
}

export interface StreamReader {
  /** Feeds bytes as they came, cut anywhere; returns what they complete. */
  read(chunk: Uint8Array): readonly InferenceEvent[]
  /** The source ended: what the rest amounts to. */
  end(): readonly InferenceEvent[]
  /**
   * The answer is whole: every candidate begun has a real terminal (a finish reason, a stop reason), and as many have as
   * were asked for, or the dialect's last word says that no more will come: some providers ignore the number. Without it
   * an end is a truncation.
   */
  readonly isComplete: boolean
  /** The dialect's last word was seen ([DONE], message_stop); what follows is dropped. */
  readonly isTerminated: boolean
  /** Events that made no sense and were skipped (B4 rule 4) or came after the terminal. */
  readonly anomalies: number
}

/** What a passthrough knows so far of the stream it lets through: one live view, cheap to look at after every chunk. */
export interface StreamFacts {
  readonly hasContent: boolean
  /** As in a `StreamReader`. */
  readonly isComplete: boolean
  readonly isTerminated: boolean
  readonly finish?: Finish | undefined
  readonly usage?: Usage | undefined
  readonly modelId?: string | undefined
  /** An error event arrived; it was not let through. */
  readonly error?: GatewayError | undefined
  /** A tool call's arguments are not JSON (fault 71); they are passed on as they are and said so. */
  readonly hasMalformedToolCall?: boolean
  readonly anomalies: number
}

export interface PassthroughOptions extends ReadStreamOptions {
  /** Hide the usage-only chunk that we asked for and the client did not. */
  readonly hidesUsage: boolean
}

export interface Passthrough {
  /** The bytes that may travel on: whole events, broken ones and those after the terminal left out. Empty when nothing may. */
  read(chunk: Uint8Array): Uint8Array
  /** The source ended: what is left, and the terminal marker if the answer is whole but its marker never came. */
  end(): Uint8Array
  readonly facts: StreamFacts
}

export interface Folder {
  read(chunk: Uint8Array): void
  /** The source ended: takes in an event whose blank line never came. */
  end(): void
  /** The whole plain answer as JSON. Call it only when `facts.isComplete`. */
  result(): Uint8Array
  readonly facts: StreamFacts
}

export interface WriteAnswerOptions {
  /** The response id the client sees where the source gave none. */
  readonly responseId: string
  /** The model name the client sees where the source gave none. */
  readonly modelId: string
  /** Seconds since the Unix epoch, where the source gave none. */
  readonly createdAtS: number
  /** Whether the client asked for usage in its stream. */
  readonly wantsUsage: boolean
}

export interface StreamWriter {
  /** The text that says this event; empty when it is said later or never. */
  write(event: InferenceEvent): string
  /** The end of a whole answer: what was held back, and the terminal marker. */
  end(): string
  readonly losses: readonly Loss[]
}

export interface EncodedAnswer {
  readonly body: string
  readonly losses: readonly Loss[]
}

export interface ErrorResponse {
  readonly status: number
  /** Lower-case names; the first value where there are several. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** What an error answer adds to the error itself. */
export interface ErrorContext {
  readonly requestId: string
  readonly attempts: readonly AttemptSummary[]
  /** Part of an answer was delivered before the error. */
  readonly isPartial?: boolean
}

export type { AttemptSummary } from '../errors/gateway-error.ts'
