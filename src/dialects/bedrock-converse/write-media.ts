/** Images, documents and audio as Converse takes them: bytes in base64, or an object of the customer's own S3. */

import type { AudioPart, DocumentPart, ImagePart, MediaSource } from '../../canonical/message.ts'
import type { JsonObject } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'

/** Longest name of a document. */
const NAME_LENGTH_MAX = 200

const imageFormats: ReadonlyMap<string, string> = new Map([
  ['image/jpeg', 'jpeg'],
  ['image/jpg', 'jpeg'],
  ['image/png', 'png'],
  ['image/gif', 'gif'],
  ['image/webp', 'webp'],
])

const documentFormats: ReadonlyMap<string, string> = new Map([
  ['application/pdf', 'pdf'],
  ['text/csv', 'csv'],
  ['text/html', 'html'],
  ['text/markdown', 'md'],
  ['application/msword', 'doc'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
])

const audioFormats: ReadonlySet<string> = new Set(
  'mp3 opus wav aac flac mp4 ogg mkv mka x-aac m4a mpeg mpga pcm webm'.split(' '),
)

/** What Converse reads: bytes of a kind, plain text, or a place in S3. */
type Readable =
  | { readonly kind: 'text'; readonly text: string; readonly mediaType: string }
  | { readonly kind: 'bytes'; readonly data: string; readonly mediaType: string }
  | { readonly kind: 's3'; readonly uri: string }

/** A data URL carries its bytes; any other address but S3's is one that Bedrock does not fetch. */
function readable(source: MediaSource): Readable | undefined {
  switch (source.kind) {
    case 'base64':
      return { kind: 'bytes', data: source.data, mediaType: source.mediaType.toLowerCase() }
    case 'text':
      return { kind: 'text', text: source.text, mediaType: source.mediaType.toLowerCase() }
    case 'file':
      return undefined
    case 'url':
      return source.url.startsWith('s3://') ? { kind: 's3', uri: source.url } : dataUrl(source.url)
  }
}

function dataUrl(url: string): Readable | undefined {
  const comma = url.indexOf(',')
  if (!url.startsWith('data:') || comma < 0) return undefined
  const header = url.slice('data:'.length, comma)
  if (!header.endsWith(';base64')) return undefined
  const mediaType = (header.split(';', 1)[0] ?? '').toLowerCase()
  return { kind: 'bytes', data: url.slice(comma + 1), mediaType }
}

function sourceOf(read: Readable): JsonObject {
  switch (read.kind) {
    case 'bytes':
      return { bytes: read.data }
    case 'text':
      return { text: read.text }
    case 's3':
      return { s3Location: { uri: read.uri } }
  }
}

/** The end of a name or address: `png`. */
function extensionOf(name: string): string {
  return /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}

export function writeImage(part: ImagePart, losses: LossList): JsonObject | undefined {
  if (part.detail !== undefined && part.detail !== 'auto') {
    losses.add('messages.image_url.detail', 'The Converse API has no level of detail for images.')
  }
  const read = readable(part.source)
  if (read === undefined) {
    losses.add(
      'messages.image',
      'The Converse API takes images by their bytes, not by an address or a file id.',
    )
    return undefined
  }
  const mediaType = read.kind === 's3' ? `image/${extensionOf(read.uri)}` : read.mediaType
  const format = imageFormats.get(mediaType)
  if (format !== undefined) return { image: { format, source: sourceOf(read) } }
  losses.add('messages.image', 'The Converse API takes JPEG, PNG, GIF and WebP images.')
  return undefined
}

export function writeAudio(part: AudioPart, losses: LossList): JsonObject | undefined {
  const read = readable(part.source)
  const mediaType = read?.kind === 'bytes' ? read.mediaType : ''
  const format = part.format ?? /^audio\/([a-z0-9-]{1,8})/.exec(mediaType)?.[1] ?? ''
  if (read !== undefined && read.kind !== 'text' && audioFormats.has(format))
    return { audio: { format, source: sourceOf(read) } }
  losses.add('messages.audio', 'The Converse API takes audio by its bytes, in formats it names.')
  return undefined
}

/** Gives documents the names Converse demands: of few characters, and none twice. */
export class DocumentNames {
  readonly #taken = new Set<string>()

  give(title: string | undefined): string {
    const stem = (title ?? '').replace(/\.[a-z0-9]{1,8}$/i, '')
    const clean = stem.replaceAll(/[^a-zA-Z0-9\s\-()[\]]/g, '-').replaceAll(/\s+/g, ' ')
    const wanted =
      clean
        .trim()
        .slice(0, NAME_LENGTH_MAX - 8)
        .trim() || 'Document'
    let name = wanted
    for (let number = 2; this.#taken.has(name); number += 1) name = `${wanted} ${number}`
    this.#taken.add(name)
    return name
  }
}

export function writeDocument(
  part: DocumentPart,
  names: DocumentNames,
  losses: LossList,
): JsonObject | undefined {
  const read = readable(part.source)
  if (read === undefined) {
    losses.add(
      'messages.file',
      'The Converse API takes documents by their bytes, not by an address or a file id.',
    )
    return undefined
  }
  const format = documentFormat(read)
  if (format === undefined) {
    losses.add('messages.file', 'The Converse API takes PDF, office and text documents.')
    return undefined
  }
  const document: JsonObject = {
    format,
    name: names.give(part.title),
    source: sourceOf(read),
    ...(part.context === undefined ? {} : { context: part.context }),
    ...(part.wantsCitations ? { citations: { enabled: true } } : {}),
  }
  return { document }
}

function documentFormat(read: Readable): string | undefined {
  if (read.kind === 's3') {
    const extension = extensionOf(read.uri)
    return extension === 'txt' || [...documentFormats.values()].includes(extension) ? extension : undefined
  }
  const known = documentFormats.get(read.mediaType)
  if (known !== undefined) return known
  return read.mediaType.startsWith('text/') || read.mediaType === 'application/json' ? 'txt' : undefined
}
