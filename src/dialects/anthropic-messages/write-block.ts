/** Says one part as a content block of a request. What Anthropic has no block for is a loss and `undefined`. */

import type {
  CacheHint,
  Citation,
  DocumentPart,
  ImagePart,
  MediaSource,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from '../../canonical/message.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import type { LossList } from './losses.ts'
import { inputValue } from './raw-block.ts'
import type { ToolIds } from './tool-ids.ts'

/** What the blocks of one conversation share. */
export interface BlockContext {
  readonly losses: LossList
  readonly toolIds: ToolIds
}

export function writeBlock(part: Part, context: BlockContext): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return isBlank(part.text) ? undefined : textBlock(part)
    case 'refusal':
      return isBlank(part.text) ? undefined : { type: 'text', text: part.text }
    case 'image':
      return writeImage(part, context)
    case 'document':
      return writeDocument(part, context)
    case 'audio':
      context.losses.add('messages.audio', 'The Messages API takes no audio.')
      return undefined
    case 'tool-call':
      if (part.kind !== 'provider') return writeToolCall(part, context)
      context.losses.add('messages.tool_calls', 'A tool that a provider ran belongs to that provider.')
      return undefined
    case 'tool-result':
      return writeToolResult(part, context)
    case 'reasoning':
      return writeReasoning(part, context)
    case 'opaque':
      if (part.dialect === DIALECT) return part.value
      for (const name of opaqueNames(part.value)) {
        context.losses.add(`messages.${name}`, 'Only its own API can express this.')
      }
      return undefined
  }
}

/** Anthropic refuses text without a visible character, which other models write beside their tool calls. */
export function isBlank(text: string): boolean {
  return !/\S/.test(text)
}

/** What another dialect's raw part is called: the fields it holds where it is a bag of them, else its type. */
function opaqueNames({ type, fields }: JsonObject): readonly string[] {
  const names = isJsonObject(fields) ? Object.keys(fields) : [typeof type === 'string' ? type : 'content']
  return names.filter((name) => /^\w{1,60}$/.test(name))
}

export function textBlock(part: TextPart): JsonObject {
  const citations = (part.citations ?? []).filter(isOwnCitation).map(({ raw }) => raw)
  return {
    type: 'text',
    text: part.text,
    ...(citations.length === 0 ? {} : { citations }),
    ...cacheControl(part.cacheHint),
  }
}

const ownCitations = new Set([
  'char_location',
  'page_location',
  'content_block_location',
  'web_search_result_location',
  'search_result_location',
])

/** Whether a citation was made by this API: only such a one can be said in it. */
export function isOwnCitation(citation: Citation): boolean {
  const { raw } = citation
  return isJsonObject(raw) && typeof raw['type'] === 'string' && ownCitations.has(raw['type'])
}

export function cacheControl(hint: CacheHint | undefined): JsonObject {
  if (hint === undefined) return {}
  return { cache_control: { type: 'ephemeral', ...(hint.ttl === undefined ? {} : { ttl: hint.ttl }) } }
}

const imageTypes: ReadonlyMap<string, string> = new Map([
  ['image/jpeg', 'image/jpeg'],
  ['image/jpg', 'image/jpeg'],
  ['image/png', 'image/png'],
  ['image/gif', 'image/gif'],
  ['image/webp', 'image/webp'],
])

function writeImage(part: ImagePart, { losses }: BlockContext): JsonObject | undefined {
  const source = mediaSource(part.source)
  if (part.detail !== undefined && part.detail !== 'auto') {
    losses.add('messages.image_url.detail', 'The Messages API has no level of detail for images.')
  }
  if (source.kind === 'base64') {
    const mediaType = imageTypes.get(source.mediaType.toLowerCase())
    if (mediaType === undefined) {
      losses.add('messages.image', 'The Messages API takes JPEG, PNG, GIF and WebP images.')
      return undefined
    }
    return { type: 'image', source: base64(mediaType, source.data), ...cacheControl(part.cacheHint) }
  }
  const written = reference(source)
  if (written) return { type: 'image', source: written, ...cacheControl(part.cacheHint) }
  losses.add('messages.image', 'This image is held where the Messages API cannot read it.')
  return undefined
}

function writeDocument(part: DocumentPart, { losses }: BlockContext): JsonObject | undefined {
  const source = documentSource(mediaSource(part.source))
  if (source === undefined) {
    losses.add(
      'messages.file',
      'The Messages API takes PDF and text documents, by content, URL or its own file id.',
    )
    return undefined
  }
  return {
    type: 'document',
    source,
    ...(part.title === undefined ? {} : { title: part.title }),
    ...(part.context === undefined ? {} : { context: part.context }),
    ...(part.wantsCitations ? { citations: { enabled: true } } : {}),
    ...cacheControl(part.cacheHint),
  }
}

function documentSource(source: MediaSource): JsonObject | undefined {
  switch (source.kind) {
    case 'base64': {
      const mediaType = source.mediaType.toLowerCase()
      if (mediaType === 'application/pdf') return base64('application/pdf', source.data)
      return isTextual(mediaType) ? plainText(Buffer.from(source.data, 'base64').toString('utf8')) : undefined
    }
    case 'text':
      return plainText(source.text)
    case 'url':
    case 'file':
      return reference(source)
  }
}

function isTextual(mediaType: string): boolean {
  return mediaType.startsWith('text/') || mediaType === 'application/json'
}

function plainText(text: string): JsonObject {
  return { type: 'text', media_type: 'text/plain', data: text }
}

function base64(mediaType: string, data: string): JsonObject {
  return { type: 'base64', media_type: mediaType, data }
}

/** By URL or file id. A file id of OpenAI (`file-...`) names nothing at Anthropic (`file_...`). */
function reference(source: MediaSource): JsonObject | undefined {
  if (source.kind === 'url' && /^https?:/i.test(source.url)) return { type: 'url', url: source.url }
  if (source.kind === 'file' && !source.fileId.startsWith('file-')) {
    return { type: 'file', file_id: source.fileId }
  }
  return undefined
}

/** A data URL carries its bytes: it becomes them. */
function mediaSource(source: MediaSource): MediaSource {
  if (source.kind !== 'url' || !source.url.startsWith('data:')) return source
  const comma = source.url.indexOf(',')
  const header = source.url.slice('data:'.length, comma)
  if (comma < 0 || !header.endsWith(';base64')) return source
  return { kind: 'base64', mediaType: header.split(';', 1)[0] ?? '', data: source.url.slice(comma + 1) }
}

function writeToolCall(part: ToolCallPart, { losses, toolIds }: BlockContext): JsonObject {
  return {
    type: 'tool_use',
    id: toolIds.call(part.id),
    name: part.name,
    input: toolInput(part, losses),
    ...cacheControl(part.cacheHint),
  }
}

/**
 * The arguments as the object Anthropic wants. What the model once wrote malformed is shown to the next model as it
 * was, inside an object: a call that silently lost its arguments would mislead it.
 */
function toolInput(part: ToolCallPart, losses: LossList): JsonObject {
  if (part.kind === 'custom') {
    losses.add('messages.custom_tool_call', 'In the Messages API the input of a tool is an object.')
    return { input: part.arguments }
  }
  const value = inputValue(part.arguments)
  if (isJsonObject(value)) return value
  losses.add(
    'messages.tool_calls.arguments',
    'The arguments are no JSON object; they are sent inside one as text.',
  )
  return { malformed_arguments: part.arguments }
}

function writeToolResult(part: ToolResultPart, context: BlockContext): JsonObject {
  const blocks = part.parts.flatMap((inner) => {
    const block = writeBlock(inner, context)
    return block === undefined ? [] : [block]
  })
  return {
    type: 'tool_result',
    tool_use_id: context.toolIds.result(part.toolCallId),
    ...(blocks.length === 0 ? {} : { content: plainTextOf(blocks) ?? blocks }),
    ...(part.isError ? { is_error: true } : {}),
    ...cacheControl(part.cacheHint),
  }
}

/** The text, where the blocks are one plain text: both forms mean the same, and more servers read the short one. */
export function plainTextOf(blocks: readonly JsonObject[]): string | undefined {
  const [block] = blocks
  if (blocks.length !== 1 || block?.['type'] !== 'text' || Object.keys(block).length !== 2) return undefined
  return typeof block['text'] === 'string' ? block['text'] : undefined
}

/** Anthropic verifies signatures, so reasoning without one cannot be replayed. */
function writeReasoning(part: ReasoningPart, { losses }: BlockContext): JsonObject | undefined {
  if (part.encrypted) return { type: 'redacted_thinking', data: part.encrypted }
  if (part.signature) return { type: 'thinking', thinking: part.text, signature: part.signature }
  losses.add('messages.reasoning', 'Reasoning without a signature of Anthropic cannot be sent back to it.')
  return undefined
}
