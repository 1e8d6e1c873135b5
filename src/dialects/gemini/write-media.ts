/**
 * Says images, sounds and documents: their bytes inline, or where Google finds them, which is among its own files or, by
 * ai.google.dev/gemini-api/docs/file-input-methods, at any public or signed address.
 */

import type { AudioPart, DocumentPart, ImagePart, MediaSource } from '../../canonical/message.ts'
import { assertNever } from '../../std/assert-never.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'

export interface MediaWriting {
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  readonly losses: LossList
}

export function writeMedia(
  part: ImagePart | AudioPart | DocumentPart,
  writing: MediaWriting,
): readonly JsonObject[] {
  switch (part.type) {
    case 'image':
      return writeImage(part, writing)
    case 'audio':
      return writeAudio(part, writing)
    case 'document':
      return writeDocument(part, writing)
    default:
      return assertNever(part)
  }
}

function writeImage({ source, detail }: ImagePart, writing: MediaWriting): readonly JsonObject[] {
  if (detail !== undefined && detail !== 'auto')
    writing.losses.add(
      'messages.image_url.detail',
      'Gemini looks at all pictures of a request equally closely.',
    )
  return sourceParts(source, { type: 'image', fallback: 'image/png' }, writing)
}

/** What a model spoke is known to its maker by an id: to anybody else it is what was said. */
function writeAudio(part: AudioPart, writing: MediaWriting): readonly JsonObject[] {
  const { source, format, audioId, transcript } = part
  if (audioId === undefined)
    return sourceParts(source, { type: 'audio', fallback: `audio/${format ?? 'wav'}` }, writing)
  if (transcript !== undefined && transcript !== '') return [{ text: transcript }]
  writing.losses.add('messages.audio', 'Spoken audio is known by its id only where it was spoken.')
  return []
}

/** A name for a document is Vertex's alone: of other clients' documents it is said before them. */
function writeDocument(part: DocumentPart, writing: MediaWriting): readonly JsonObject[] {
  const { source, title, context, wantsCitations } = part
  if (wantsCitations === true)
    writing.losses.add('messages.document.citations', 'Gemini cites no documents of a conversation.')
  const written = sourceParts(source, { type: 'document', fallback: 'application/pdf' }, writing)
  if (writing.isOwn) return title === undefined ? written : written.map((each) => named(each, title))
  const about = [title, context].filter((text) => text !== undefined && text !== '').join('\n')
  return about === '' || written.length === 0 ? written : [{ text: about }, ...written]
}

function named(part: JsonObject, displayName: string): JsonObject {
  return Object.fromEntries(
    Object.entries(part).map(([name, medium]) => [
      name,
      isJsonObject(medium) ? { ...medium, displayName } : medium,
    ]),
  )
}

interface Kind {
  readonly type: string
  /** The media type where nothing says which it is. */
  readonly fallback: string
}

function sourceParts(
  source: MediaSource,
  { type, fallback }: Kind,
  { losses }: MediaWriting,
): readonly JsonObject[] {
  switch (source.kind) {
    case 'base64':
      return [{ inlineData: { mimeType: source.mediaType || fallback, data: source.data } }]
    case 'text':
      return [{ inlineData: { mimeType: source.mediaType || 'text/plain', data: toBase64(source.text) } }]
    case 'file':
      return [{ fileData: fileOf(source.fileId, source.mediaType, fallback) }]
    case 'url':
      if (/^https?:/i.test(source.url)) return [{ fileData: fileOf(source.url, source.mediaType, fallback) }]
      losses.add(`messages.${type}`, 'Gemini fetches media over http and https only.')
      return []
    default:
      return assertNever(source)
  }
}

/** Google knows the type of a file that was uploaded to it; elsewhere one must be said. */
function fileOf(fileUri: string, said: string | undefined, fallback: string): JsonObject {
  const known = said ?? typeByName(fileUri)
  if (known !== undefined) return { mimeType: known, fileUri }
  return /(?:^|\/)files\/[\w-]+$/.test(fileUri) ? { fileUri } : { mimeType: fallback, fileUri }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

const typesByEnding: ReadonlyMap<string, string> = new Map([
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
  ['heic', 'image/heic'],
  ['heif', 'image/heif'],
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['html', 'text/html'],
  ['xml', 'text/xml'],
  ['wav', 'audio/wav'],
  ['mp3', 'audio/mp3'],
  ['aiff', 'audio/aiff'],
  ['aac', 'audio/aac'],
  ['ogg', 'audio/ogg'],
  ['flac', 'audio/flac'],
])

function typeByName(url: string): string | undefined {
  const ending = /\.(\w{2,5})(?:[?#]|$)/.exec(url)?.[1]
  return ending === undefined ? undefined : typesByEnding.get(ending.toLowerCase())
}
