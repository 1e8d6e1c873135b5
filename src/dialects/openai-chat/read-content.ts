/** The content of a message: a string, or parts. */

import type { CacheHint, MediaSource, Part } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { readThinkingPart } from './reasoning.ts'
import { DIALECT, invalid } from './fields.ts'

export function readContent(content: unknown, param: string): readonly Part[] {
  if (content === undefined || content === null) return []
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw invalid(param, `"${param}" must be a string or an array of parts.`)
  return content.map((part: unknown, index) => {
    if (typeof part === 'string') return { type: 'text', text: part }
    if (!isJsonObject(part)) throw invalid(`${param}[${index}]`, `"${param}[${index}]" must be an object.`)
    return readPart(part, `${param}[${index}]`)
  })
}

function readPart(part: JsonObject, param: string): Part {
  switch (part['type']) {
    case 'text':
      return { type: 'text', text: requireText(part, 'text', param), ...cacheHintOf(part) }
    case 'refusal':
      return { type: 'refusal', text: requireText(part, 'refusal', param) }
    case 'image_url':
      return readImage(part, param)
    case 'input_audio':
      return readAudio(part, param)
    case 'file':
      return readFile(part, param)
    case 'thinking':
      return { type: 'reasoning', text: readThinkingPart(part) }
    default:
      return { type: 'opaque', dialect: DIALECT, value: part }
  }
}

function requireText(part: JsonObject, field: string, param: string): string {
  const text = stringOf(part[field])
  if (text === undefined) throw invalid(`${param}.${field}`, `"${param}.${field}" must be a string.`)
  return text
}

/** OpenRouter and others take Anthropic's cache marks on parts. */
function cacheHintOf(part: JsonObject): { cacheHint?: CacheHint } {
  const mark = objectOf(part['cache_control'])
  if (mark === undefined) return {}
  const ttl = stringOf(mark['ttl'])
  return { cacheHint: ttl === undefined ? {} : { ttl } }
}

function readImage(part: JsonObject, param: string): Part {
  const image = part['image_url']
  const url = stringOf(image) ?? stringOf(objectOf(image)?.['url'])
  if (!url) throw invalid(`${param}.image_url.url`, `"${param}.image_url.url" must be a URL or a data URL.`)
  const detail = stringOf(objectOf(image)?.['detail'])
  return {
    type: 'image',
    source: readDataUrl(url) ?? { kind: 'url', url },
    ...(detail === undefined ? {} : { detail }),
    ...cacheHintOf(part),
  }
}

function readAudio(part: JsonObject, param: string): Part {
  const audio = objectOf(part['input_audio'])
  const data = stringOf(audio?.['data'])
  if (data === undefined)
    throw invalid(`${param}.input_audio.data`, `"${param}.input_audio.data" must be base64.`)
  const format = stringOf(audio?.['format'])
  return {
    type: 'audio',
    source: { kind: 'base64', data, mediaType: `audio/${format ?? 'wav'}` },
    ...(format === undefined ? {} : { format }),
  }
}

function readFile(part: JsonObject, param: string): Part {
  const file = objectOf(part['file']) ?? {}
  const title = stringOf(file['filename'])
  const source = readFileSource(file)
  if (source === undefined) {
    throw invalid(`${param}.file`, `"${param}.file" must have "file_data" or "file_id".`)
  }
  return { type: 'document', source, ...(title === undefined ? {} : { title }), ...cacheHintOf(part) }
}

function readFileSource(file: JsonObject): MediaSource | undefined {
  const fileId = stringOf(file['file_id'])
  if (fileId) return { kind: 'file', fileId }
  const data = stringOf(file['file_data'])
  if (!data) return undefined
  const inline = readDataUrl(data)
  if (inline !== undefined) return inline
  return /^https?:\/\//i.test(data)
    ? { kind: 'url', url: data }
    : { kind: 'base64', data, mediaType: 'application/pdf' }
}

/** `data:image/png;base64,...`; no pattern runs over the data itself, which may be megabytes. */
function readDataUrl(url: string): MediaSource | undefined {
  if (!/^data:/i.test(url)) return undefined
  const comma = url.indexOf(',')
  const head = url.slice(5, Math.min(comma, 300))
  if (comma < 0 || comma > 300 || !/;base64$/i.test(head)) return undefined
  const [mediaType = ''] = head.split(';', 1)
  return {
    kind: 'base64',
    data: url.slice(comma + 1),
    mediaType: mediaType === '' ? 'text/plain' : mediaType,
  }
}
