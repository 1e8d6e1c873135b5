/**
 * Both faces of one wire protocol. Dialects do no I/O and hold no timers: bytes in, values out. Everything a dialect
 * reads may be strange, cut or hostile; everything it writes must satisfy that dialect's official SDKs.
 */

import type {
  DialectId,
  Envelope,
  Operation,
  PathFacts,
  StreamForm,
  TargetDialectId,
} from '../canonical/envelope.ts'
import type { InferenceEvent } from '../canonical/event.ts'
import type { Finish } from '../canonical/finish.ts'
import type { Loss } from '../canonical/loss.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type { Usage } from '../canonical/usage.ts'
import type { AttemptSummary, GatewayError } from '../errors/gateway-error.ts'
import type { JsonObject } from '../std/json.ts'

/** The face towards providers: what a target is told and how its answers are read. */
export interface TargetDialect {
  readonly id: TargetDialectId
  /** How its streams are framed. */
  readonly streamFraming: StreamFraming

  // The target's side, leaving.

  /** Says the request in this dialect. */
  writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest
  /**
   * Says the request with the answer so far as its beginning, the provider's own way of going on with it; `undefined`
   * where `how` is none of this dialect's, or where this request or this text cannot be gone on with.
   */
  writeContinuation?(
    request: InferenceRequest,
    continuation: Continuation,
    options: WriteRequestOptions,
  ): EncodedRequest | undefined
  /** Asks how many tokens a request has, where the dialect has that operation. */
  writeCountRequest?(request: InferenceRequest, options: Pick<WriteRequestOptions, 'modelId'>): EncodedRequest
  /**
   * The path below a base URL that ends in `/v1` or its like: `/chat/completions`, `/models/x:generateContent`; with a
   * query where the dialect needs one. A model's name in it is percent-encoded.
   */
  path(call: CallAddress): string
  /** A request of this dialect whose answer may have no more than `tokens`, of each candidate; pure. */
  capOutput(fields: JsonObject, tokens: number): JsonObject
  /**
   * One in which the provider may search the web no more than so often, where nothing in it says how often; pure. As it is
   * where it does, or where the dialect cannot say so of searches alone.
   */
  capSearches?(fields: JsonObject, searches: number): JsonObject
  /** Headers that every request of this dialect carries (`anthropic-version`), lower case. */
  readonly requestHeaders: Readonly<Record<string, string>>

  // The target's side, coming back.

  /** Decodes a whole plain answer. Throws what the answer amounts to: an embedded error by its own class, `empty_response`, `upstream_bad_response`. */
  readResult(body: Uint8Array): InferenceResult
  /** Tokens counted, where the dialect has that operation. Throws as `readResult` does where the body is no count. */
  readTokenCount?(body: Uint8Array): number
  createStreamReader(options?: ReadStreamOptions): StreamReader
  /** Classifies a refusal by its status, headers and body (at most 64 KiB of it). The text is not yet redacted. */
  readError(response: ErrorResponse): GatewayError
}

/** `eventstream`: AWS's binary frames. `ndjson`: one JSON object a line. */
export type StreamFraming = 'sse' | 'ndjson' | 'eventstream'

/** What decides the path of a call. */
export interface CallAddress {
  readonly operation: Operation
  /** The model's name at the provider. */
  readonly modelId: string
  /** Whether a stream is asked for. */
  readonly stream: boolean
}

/** Both faces: a protocol that clients speak and providers do. */
export interface Dialect extends TargetDialect {
  readonly id: DialectId

  // The client's side, arriving.

  /**
   * Finds what routing needs by scanning bytes. Throws `invalid_json` (with the position) or `invalid_request` (naming
   * the field). `named` is what the path says, for a dialect whose paths name the model.
   */
  peek(body: Uint8Array, operation: Operation, named?: PathFacts): Envelope
  /** Decodes a whole request. Throws `invalid_request`. What only the path says (`named`) is handed in as for `peek`. */
  readRequest(body: Uint8Array, named?: PathFacts): InferenceRequest
  /** Whom a request says that it is for, read from where it stands: nothing else is decoded. */
  readAttribution?(body: Uint8Array, envelope: Envelope): BodyAttribution | undefined
  readonly conversation?: ConversationFace
  /**
   * The fields of a request that an answer of this dialect repeats (the Responses API does), to be given to whoever
   * writes the answer. Asked only where an answer must be written by us.
   */
  readEcho?(body: Uint8Array): JsonObject
  /** Why a request cannot be said in any other dialect, where that is so: asked before a translation, never in passthrough. */
  refuseTranslation?(request: InferenceRequest): GatewayError | undefined

  // The target's side, where it speaks as the client does.

  /**
   * The client's own bytes with only what `patch` names changed: every other byte survives. Always a copy: `body` is
   * released when its exchange settles, and a socket may then still hold what was sent.
   */
  patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array
  /** Client headers worth forwarding in passthrough, lower case; a trailing `*` matches a prefix (SEC-33). */
  readonly forwardedHeaders: readonly string[]

  /** Lets a stream of this dialect through to a client of this dialect, reading quietly. */
  createPassthrough(options: PassthroughOptions): Passthrough
  /** Folds a raw stream of this dialect into the plain answer of this dialect; unknown fields are kept. */
  createFolder(options?: ReadStreamOptions): Folder

  // The client's side, leaving.

  writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer
  createStreamWriter(options: WriteAnswerOptions): StreamWriter
  /**
   * A writer that goes on where these delivered bytes of a stream of this dialect stopped: the same ids, indexes and
   * numbers, an open part stays open, nothing is said twice. `undefined`: what was delivered cannot be gone on with.
   */
  resumeStream(delivered: readonly Uint8Array[], options: ResumeStreamOptions): ResumedStream | undefined
  /** The body of an HTTP error answer. */
  writeError(error: GatewayError, context: ErrorContext): string
  /** Tokens counted, as an answer of this dialect, where it has that operation. */
  writeTokenCount?(tokens: number): string
  /**
   * An error inside a stream already begun, with no terminal marker after it. Where a writer or a passthrough of the
   * stream is at hand, its own `writeError` knows more.
   */
  writeStreamError(error: GatewayError, context: ErrorContext): string
  /** What keeps an idle stream of server-sent events alive without being content. */
  readonly heartbeat: string
}

/** Whom a body says that it is for, as it says it: of any length up to a few thousand characters, of any letters. */
export interface BodyAttribution {
  readonly endUser?: string
  readonly sessionId?: string
}

/** For a dialect whose requests may refer to what was said before instead of saying it again (the Responses API). */
export interface ConversationFace {
  /** What a request refers to and what it wants kept; decodes no more than it must. */
  readReferences(body: Uint8Array, envelope: Envelope): References
  /**
   * The body with everything it refers to said in full: the history before its own input, each reference replaced by its
   * item. Throws `response_not_found` naming an item that nobody has.
   */
  resolve(body: Uint8Array, found: FoundReferences): Uint8Array
  /** What a request itself says, item by item, each with an id. */
  inputItems(body: Uint8Array): readonly JsonObject[]
  /** What an answer says, item by item. */
  outputItems(answer: JsonObject): readonly JsonObject[]
  /** The answer that an event of its stream carries whole, where it is the last one; cheap to ask of every other. */
  wholeAnswer(event: { readonly name: string; readonly data: string }): JsonObject | undefined
  /** The answer as it stands before anything of it has come: queued. */
  pendingAnswer(init: PendingAnswer): JsonObject
  /** The answer cut short: by the client, or by an error of this request. */
  endedAnswer(answer: JsonObject, how: 'cancelled' | FailedRequest): JsonObject
  /**
   * What ends the stream of an answer that failed, where nothing in the stream says so: events numbered from `sequence` on,
   * where that is 0 with the one that begins every stream.
   */
  failedEvents(answer: JsonObject, sequence: number): readonly NumberedEvent[]
  /** An event of its stream about the answer of this id, with its number in the stream, as bytes to send. */
  renamedEvent(data: string, id: string): NumberedEvent | undefined
}

export interface PendingAnswer {
  readonly id: string
  readonly createdAtS: number
  readonly modelId: string
  /** What `readEcho` found. */
  readonly echo: JsonObject
}

export interface FailedRequest {
  readonly requestId: string
  readonly error: GatewayError
}

export interface NumberedEvent {
  readonly sequence: number
  readonly bytes: Uint8Array
}

export interface References {
  readonly previousId?: string
  readonly itemIds: readonly string[]
  /** The client may come back to the answer. */
  readonly isStored: boolean
  /** The client does not wait for the answer. */
  readonly isBackground: boolean
}

export interface FoundReferences {
  /** Items of the conversation before this request, oldest first. */
  readonly history: readonly JsonObject[]
  item(id: string): JsonObject | undefined
}

export interface WriteRequestOptions {
  /** The model's name at the provider. */
  readonly modelId: string
  /** Whether to ask for a stream, whatever the client asked of us. */
  readonly stream: boolean
}

/**
 * A way that a provider has of going on with an answer. `assistant-prefill`: the answer so far is the last message, of the
 * assistant (Anthropic). `prefix-flag`: the same, marked `prefix: true` (DeepSeek). `echoed-prefix`: the same, and the
 * answer repeats the text before it goes on (Mistral). `continue-final-message`: the same, asked for with
 * `continue_final_message` (vLLM).
 */
export type NativeContinuation =
  | 'assistant-prefill'
  | 'prefix-flag'
  | 'echoed-prefix'
  | 'continue-final-message'

export interface Continuation {
  /** The visible text of the answer so far. */
  readonly text: string
  readonly how: NativeContinuation
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
  /** Whose state the target can read (`Provider.stateOrigin`): what is known to be another's is taken out of the body. */
  readonly origin?: string
  /** Whether a signature that carries no seal is known to be made by somebody else than the target. */
  isForeign?(signature: string): boolean
  /** Told by name what was taken out; may be told one thing several times. */
  onLoss?(loss: Loss): void
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
  /** A tool call has begun and is not complete: the relay holds its bytes back, so that a cut inside leaves nothing behind. */
  readonly isInToolCall?: boolean
  /** A tool call's arguments are not JSON (fault 71); they are passed on as they are and said so. */
  readonly hasMalformedToolCall?: boolean
  readonly anomalies: number
}

export interface PassthroughOptions extends ReadStreamOptions {
  /** Hide the usage-only chunk that we asked for and the client did not. */
  readonly hidesUsage: boolean
  /** How the client wants it; absent: server-sent events. What comes from the target is always framed as those. */
  readonly streamForm?: StreamForm
  /** Told every signature and piece of encrypted reasoning that passes, so that it can be known again. */
  onState?(signature: string): void
  /** Told every piece of what the model wrote, as it comes: words, thoughts, arguments; where several answers come, all of them. */
  onText?(text: string): void
  /** Told the whole answer as JSON where the dialect's stream carries it (the Responses API's last event). */
  onWhole?(answer: Uint8Array): void
}

export interface Passthrough {
  /** The bytes that may travel on: whole events, broken ones and those after the terminal left out. Empty when nothing may. */
  read(chunk: Uint8Array): Uint8Array
  /** The source ended: what is left, and the terminal marker if the answer is whole but its marker never came. */
  end(): Uint8Array
  readonly facts: StreamFacts
  /**
   * What makes a well-formed answer of what was let through so far, cut short by its ceiling: open parts ended, the reason
   * (`length` in this dialect's word), the usage, the last word. Never asked inside a tool call, and nothing follows it.
   * `undefined` where what was let through cannot be ended so.
   */
  cutShort?(usage: Usage): Uint8Array | undefined
  /** An error inside this stream, where it must agree with what was said before (ids, numbers); no terminal marker after it. */
  writeError?(error: GatewayError, context: ErrorContext): string
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
  /** Who made the answer: its signatures and encrypted reasoning are sealed with it (canonical/seal.ts). Absent: they stay as they are. */
  readonly origin?: string
  /** How a stream travels; absent: server-sent events. */
  readonly streamForm?: StreamForm
  /** What the dialect's `readEcho` found in the request. */
  readonly echo?: JsonObject
}

export interface StreamWriter {
  /** The text that says this event; empty when it is said later or never. */
  write(event: InferenceEvent): string
  /** The end of a whole answer: what was held back, and the terminal marker. */
  end(): string
  readonly losses: readonly Loss[]
  /** As a passthrough's. */
  writeError?(error: GatewayError, context: ErrorContext): string
}

export interface ResumeStreamOptions extends WriteAnswerOptions {
  /** How many candidates were asked for; 1 where nothing is said. */
  readonly candidates?: number
}

export interface ResumedStream {
  /** Fed with the events that follow, their parts numbered on from what was delivered (execution/splice.ts does it). */
  readonly writer: StreamWriter
  readonly delivered: Delivered
}

/** What a client has of an answer that broke off, in canonical words; of candidate 0. */
export interface Delivered {
  /** All visible text, in order. */
  readonly text: string
  readonly parts: readonly DeliveredPart[]
  readonly hasToolCalls: boolean
  /** Whether another answer may go on from here; where not, `reason` says why. */
  readonly isRescuable: boolean
  /** An English clause: `inside signed reasoning`. */
  readonly reason?: string
}

export type DeliveredPart =
  | {
      readonly type: 'text' | 'reasoning' | 'refusal'
      readonly text: string
      /** No end of it was said: what follows may still belong to it. */
      readonly isOpen: boolean
    }
  | {
      readonly type: 'tool-call'
      readonly id: string
      readonly name: string
      /** As they were said, character by character. */
      readonly arguments: string
      readonly isOpen: boolean
    }
  | { readonly type: 'opaque'; readonly isOpen: false }

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
  /** How the stream travels that the error stands in; absent: server-sent events. */
  readonly streamForm?: StreamForm
}

export type { AttemptSummary } from '../errors/gateway-error.ts'
