/** Reads one content block, of a request or of an answer, into the part it is. */

import type {
  CacheHint,
  Citation,
  DocumentPart,
  MediaSource,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import { invalid } from './invalid.ts'

/** `path` names the block in errors: `messages.0.content.1`. Blocks of unknown type are kept raw. */
export function readBlock(value: unknown, path: string): Part {
  if (!isJsonObject(value)) throw invalid(path, 'must be a content block', 'send an object with a type')
  switch (value['type']) {
    case 'text':
      return readText(value, path)
    case 'image':
      return readImage(value) ?? opaque(value)
    case 'document':
      return readDocument(value) ?? opaque(value)
    case 'tool_use':
      return readToolUse(value, path)
    case 'tool_result':
      return readToolResult(value, path)
    case 'thinking':
      return readThinking(value)
    case 'redacted_thinking':
      return { type: 'reasoning', text: '', encrypted: stringOf(value['data']) ?? '' }
    case undefined:
      throw invalid(`${path}.type`, 'is missing', 'send the type of the block')
    default:
      return opaque(value)
  }
}

/** A string or a list of blocks, as every content of this dialect may be. */
export function readContent(value: unknown, path: string): readonly Part[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  if (!Array.isArray(value))
    throw invalid(path, 'must be a string or an array', 'send text or content blocks')
  return value.map((block, index) => readBlock(block, `${path}.${index}`))
}

export function opaque(value: JsonObject): Part {
  return { type: 'opaque', dialect: DIALECT, value }
}

function readText(block: JsonObject, path: string): TextPart {
  const text = block['text']
  if (typeof text !== 'string') throw invalid(`${path}.text`, 'must be a string', 'send the text')
  const citations = readCitations(block['citations'])
  return {
    type: 'text',
    text,
    ...(citations.length === 0 ? {} : { citations }),
    ...cacheable(block),
  }
}

export function readCitations(value: unknown): readonly Citation[] {
  return Array.isArray(value) ? value.map(readCitation) : []
}

/** The part of a citation that other dialects know; all of it stays in `raw`. */
export function readCitation(raw: JsonValue): Citation {
  if (!isJsonObject(raw)) return { raw }
  const url = stringOf(raw['url'])
  const title = stringOf(raw['title']) ?? stringOf(raw['document_title'])
  const citedText = stringOf(raw['cited_text'])
  return {
    ...(url === undefined ? {} : { url }),
    ...(title === undefined ? {} : { title }),
    ...(citedText === undefined ? {} : { citedText }),
    raw,
  }
}

function readImage(block: JsonObject): Part | undefined {
  const source = readSource(block['source'])
  return source && source.kind !== 'text' ? { type: 'image', source, ...cacheable(block) } : undefined
}

function readDocument(block: JsonObject): DocumentPart | undefined {
  const source = readSource(block['source'])
  if (source === undefined) return undefined
  const title = stringOf(block['title'])
  const context = stringOf(block['context'])
  const citations = block['citations']
  const wantsCitations = isJsonObject(citations) && citations['enabled'] === true
  return {
    type: 'document',
    source,
    ...(title === undefined ? {} : { title }),
    ...(context === undefined ? {} : { context }),
    ...(wantsCitations ? { wantsCitations } : {}),
    ...cacheable(block),
  }
}

/** `undefined` for a source this language has no word for: the block then stays raw. */
function readSource(value: unknown): MediaSource | undefined {
  if (!isJsonObject(value)) return undefined
  const mediaType = stringOf(value['media_type'])
  const data = stringOf(value['data'])
  const url = stringOf(value['url'])
  const fileId = stringOf(value['file_id'])
  switch (value['type']) {
    case 'base64':
      return data === undefined || mediaType === undefined ? undefined : { kind: 'base64', data, mediaType }
    case 'text':
      return data === undefined
        ? undefined
        : { kind: 'text', text: data, mediaType: mediaType ?? 'text/plain' }
    case 'url':
      return url === undefined ? undefined : { kind: 'url', url }
    case 'file':
      return fileId === undefined ? undefined : { kind: 'file', fileId }
    default:
      return undefined
  }
}

function readToolUse(block: JsonObject, path: string): ToolCallPart {
  const { id, name, input } = block
  if (typeof id !== 'string') throw invalid(`${path}.id`, 'must be a string', 'send the id of the tool call')
  if (typeof name !== 'string') throw invalid(`${path}.name`, 'must be a string', 'send the name of the tool')
  return { type: 'tool-call', id, name, arguments: JSON.stringify(input ?? {}), ...cacheable(block) }
}

function readToolResult(block: JsonObject, path: string): ToolResultPart {
  const { tool_use_id: toolCallId, content, is_error: isError } = block
  if (typeof toolCallId !== 'string') {
    throw invalid(`${path}.tool_use_id`, 'must be a string', 'send the id of the tool call this answers')
  }
  const isAbsent = content === undefined || content === null
  return {
    type: 'tool-result',
    toolCallId,
    parts: isAbsent ? [] : readContent(content, `${path}.content`),
    ...(isError === true ? { isError } : {}),
    ...cacheable(block),
  }
}

/** An empty signature is none: it marks reasoning that another provider wrote. */
function readThinking(block: JsonObject): ReasoningPart {
  const signature = stringOf(block['signature'])
  return {
    type: 'reasoning',
    text: stringOf(block['thinking']) ?? '',
    ...(signature ? { signature } : {}),
  }
}

function cacheable(block: JsonObject): { readonly cacheHint?: CacheHint } {
  const cacheHint = readCacheHint(block['cache_control'])
  return cacheHint === undefined ? {} : { cacheHint }
}

export function readCacheHint(value: unknown): CacheHint | undefined {
  if (!isJsonObject(value)) return undefined
  const ttl = stringOf(value['ttl'])
  return ttl === undefined ? {} : { ttl }
}
