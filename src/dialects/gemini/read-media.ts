/** Reads inline and referenced media into the parts the canonical language has for them. */

import type { MediaSource, Part } from '../../canonical/message.ts'
import type { JsonObject } from '../../std/json.ts'
import { stringOf } from '../../std/json.ts'
import { fieldOf, objectAt } from './fields.ts'

/** `undefined` for what is no medium, or one that only this dialect knows (video). */
export function readMedia(part: JsonObject): Part | undefined {
  const inline = objectAt(part, 'inlineData')
  const file = objectAt(part, 'fileData')
  const mediaType = (stringOf(fieldOf(inline ?? file ?? {}, 'mimeType')) ?? '').toLowerCase()
  const source = inline === undefined ? fileSource(file, mediaType) : inlineSource(inline, mediaType)
  if (source === undefined || hasMore(part)) return undefined
  if (mediaType.startsWith('image/')) return { type: 'image', source }
  if (mediaType.startsWith('audio/'))
    return { type: 'audio', source, format: mediaType.slice('audio/'.length) }
  const isDocument = mediaType === 'application/pdf' || mediaType.startsWith('text/')
  if (!isDocument) return undefined
  const title = stringOf(fieldOf(inline ?? file ?? {}, 'displayName'))
  return { type: 'document', source, ...(title === undefined ? {} : { title }) }
}

/** Clipping, resolution and the like are said beside a medium, and only here. */
function hasMore(part: JsonObject): boolean {
  return Object.keys(part).length > 1
}

function inlineSource(inline: JsonObject, mediaType: string): MediaSource | undefined {
  const data = stringOf(inline['data'])
  if (data === undefined) return undefined
  if (mediaType.startsWith('text/'))
    return { kind: 'text', text: Buffer.from(data, 'base64').toString(), mediaType }
  // Google takes the URL-safe alphabet as well.
  return { kind: 'base64', data: data.replaceAll('-', '+').replaceAll('_', '/'), mediaType }
}

/** What was uploaded to Google has an address there; everything else is an address on the network. */
function fileSource(file: JsonObject | undefined, mediaType: string): MediaSource | undefined {
  const url = stringOf(fieldOf(file ?? {}, 'fileUri'))
  if (url === undefined) return undefined
  const typed = mediaType === '' ? {} : { mediaType }
  return isGooglesFile(url) ? { kind: 'file', fileId: url, ...typed } : { kind: 'url', url, ...typed }
}

export function isGooglesFile(url: string): boolean {
  return (
    url.startsWith('gs://') ||
    url.startsWith('https://generativelanguage.googleapis.com/') ||
    url.startsWith('files/')
  )
}
