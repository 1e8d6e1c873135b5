/** Messages: what is said to a model and what it says back, in the words every dialect shares. */

import type { JsonObject, JsonValue } from '../std/json.ts'

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool'

/** One turn. System and developer messages stand in place, wherever the client put them. */
export interface Message {
  readonly role: Role
  readonly parts: readonly Part[]
  /** The participant's name, where the dialect has one. */
  readonly name?: string
}

export type Part =
  | TextPart
  | ImagePart
  | AudioPart
  | DocumentPart
  | ToolCallPart
  | ToolResultPart
  | ReasoningPart
  | RefusalPart
  | OpaquePart

/** Where prompt caching may cut, as a hint: `ttl` in the words of the source (`5m`, `1h`). */
export interface CacheHint {
  readonly ttl?: string
}

interface Cacheable {
  readonly cacheHint?: CacheHint
}

/**
 * Proof of authorship that only its maker can read back: it is never sent to anybody else (canonical/seal.ts).
 * `origin` is the maker, where it is known; without it the proof came from a client in its own dialect as it stands.
 */
interface Signed {
  readonly signature?: string
  readonly origin?: string
}

export interface TextPart extends Cacheable, Signed {
  readonly type: 'text'
  readonly text: string
  readonly citations?: readonly Citation[]
}

/** Where bytes come from: inline base64, a URL the provider fetches, or a file id at one provider; the media type where it is said. */
export type MediaSource =
  | { readonly kind: 'base64'; readonly data: string; readonly mediaType: string }
  | { readonly kind: 'url'; readonly url: string; readonly mediaType?: string }
  | { readonly kind: 'file'; readonly fileId: string; readonly mediaType?: string }
  | { readonly kind: 'text'; readonly text: string; readonly mediaType: string }

export interface ImagePart extends Cacheable {
  readonly type: 'image'
  readonly source: MediaSource
  /** How closely to look: `low`, `high`, `auto`, in the words of the source. */
  readonly detail?: string
}

export interface AudioPart extends Cacheable {
  readonly type: 'audio'
  readonly source: MediaSource
  /** `wav`, `mp3`, ... */
  readonly format?: string
  /** For audio that a model spoke: its id and what was said. */
  readonly audioId?: string
  readonly transcript?: string
}

export interface DocumentPart extends Cacheable {
  readonly type: 'document'
  readonly source: MediaSource
  readonly title?: string
  readonly context?: string
  readonly wantsCitations?: boolean
}

export interface ToolCallPart extends Cacheable, Signed {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
  /** The arguments as JSON text, exactly as the model wrote them; `''` where there are none. Free text for `custom` tools. */
  readonly arguments: string
  readonly kind?: 'function' | 'custom' | 'provider'
}

export interface ToolResultPart extends Cacheable {
  readonly type: 'tool-result'
  readonly toolCallId: string
  /** What the tool answered: text, images, documents. */
  readonly parts: readonly Part[]
  readonly isError?: boolean
}

export interface ReasoningPart extends Signed {
  readonly type: 'reasoning'
  readonly text: string
  /** The provider's own id of this piece of reasoning, where it has one. */
  readonly id?: string
  /** Reasoning the provider encrypted (`redacted_thinking`, `encrypted_content`): the text is empty. */
  readonly encrypted?: string
}

export interface RefusalPart {
  readonly type: 'refusal'
  readonly text: string
}

/** What no other part expresses, kept raw: it returns to its own dialect and is a loss in any other. */
export interface OpaquePart {
  readonly type: 'opaque'
  readonly dialect: string
  readonly value: JsonObject
}

/** Where a text came from, with the dialect's own object kept. */
export interface Citation {
  readonly url?: string
  readonly title?: string
  readonly citedText?: string
  readonly startIndex?: number
  readonly endIndex?: number
  readonly raw: JsonValue
}
