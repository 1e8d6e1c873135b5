/** The content of a message or of a tool's output: a string, or parts. */

import type { MediaSource, Part } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { readAnnotations } from './citations.ts'
import { DIALECT, invalid, withoutAbsent } from './fields.ts'

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
    case 'input_text':
    case 'text':
      return { type: 'text', text: requireText(part, 'text', param) }
    case 'output_text':
      return readOutputText(part, param)
    case 'refusal':
      return { type: 'refusal', text: requireText(part, 'refusal', param) }
    case 'input_image':
      return readImage(part, param)
    case 'input_file':
      return readFile(part, param)
    case 'input_audio':
      return readAudio(part, param)
    default:
      return { type: 'opaque', dialect: DIALECT, value: part }
  }
}

function readOutputText(part: JsonObject, param: string): Part {
  const citations = readAnnotations(part['annotations'])
  return {
    type: 'text',
    text: requireText(part, 'text', param),
    ...(citations.length === 0 ? {} : { citations }),
  }
}

function requireText(part: JsonObject, field: string, param: string): string {
  const text = stringOf(part[field])
  if (text === undefined) throw invalid(`${param}.${field}`, `"${param}.${field}" must be a string.`)
  return text
}

function readImage(part: JsonObject, param: string): Part {
  const image = part['image_url']
  const url = stringOf(image) ?? stringOf(objectOf(image)?.['url'])
  const fileId = stringOf(part['file_id'])
  const source = url ? (readDataUrl(url) ?? { kind: 'url' as const, url }) : fileSource(fileId)
  if (source === undefined) {
    throw invalid(`${param}.image_url`, `"${param}" must have "image_url" or "file_id".`)
  }
  return withoutAbsent({ type: 'image' as const, source, detail: stringOf(part['detail']) })
}

function readFile(part: JsonObject, param: string): Part {
  const data = stringOf(part['file_data'])
  const url = stringOf(part['file_url'])
  const source = data ? dataSource(data) : url ? { kind: 'url' as const, url } : fileSource(part['file_id'])
  if (source === undefined) {
    throw invalid(`${param}.file_data`, `"${param}" must have "file_data", "file_url" or "file_id".`)
  }
  return withoutAbsent({ type: 'document' as const, source, title: stringOf(part['filename']) })
}

function fileSource(fileId: unknown): MediaSource | undefined {
  return typeof fileId === 'string' && fileId !== '' ? { kind: 'file', fileId } : undefined
}

function dataSource(data: string): MediaSource {
  return readDataUrl(data) ?? { kind: 'base64', data, mediaType: 'application/pdf' }
}

function readAudio(part: JsonObject, param: string): Part {
  const audio = objectOf(part['input_audio'])
  const data = stringOf(audio?.['data'])
  if (data === undefined)
    throw invalid(`${param}.input_audio.data`, `"${param}.input_audio.data" must be base64.`)
  const format = stringOf(audio?.['format'])
  const source = { kind: 'base64' as const, data, mediaType: `audio/${format ?? 'wav'}` }
  return withoutAbsent({ type: 'audio' as const, source, format })
}

/** Characters of a data URL before its comma. */
const DATA_URL_HEAD_CHARS_MAX = 300

/** `data:image/png;base64,...`; no pattern runs over the data itself, which may be megabytes. */
function readDataUrl(url: string): MediaSource | undefined {
  if (!/^data:/i.test(url)) return undefined
  const comma = url.indexOf(',')
  if (comma < 0 || comma > DATA_URL_HEAD_CHARS_MAX) return undefined
  const head = url.slice(5, comma)
  if (!/;base64$/i.test(head)) return undefined
  const [mediaType = ''] = head.split(';', 1)
  return {
    kind: 'base64',
    data: url.slice(comma + 1),
    mediaType: mediaType === '' ? 'text/plain' : mediaType,
  }
}
