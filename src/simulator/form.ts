/** Takes a small `multipart/form-data` body apart (RFC 7578): enough of it to tell what was uploaded. */

import type { RequestHead } from './request.ts'

export interface FormPart {
  readonly name: string
  readonly filename?: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** Parts read of one form; a stranger chose how many there are. */
const PARTS_MAX = 100

export function isFormRequest({ headers }: RequestHead): boolean {
  return /^multipart\/form-data/i.test(headers['content-type'] ?? '')
}

export function readForm({ headers }: RequestHead, body: Uint8Array): readonly FormPart[] {
  const match = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(headers['content-type'] ?? '')
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) return []
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const parts: FormPart[] = []
  const delimiter = `--${boundary}`
  let start = bytes.indexOf(delimiter)
  while (start >= 0 && parts.length < PARTS_MAX) {
    const from = start + delimiter.length + 2
    const end = bytes.indexOf(`\r\n${delimiter}`, from)
    if (end < 0) break
    const part = readPart(bytes.subarray(from, end))
    if (part) parts.push(part)
    start = end + 2
  }
  return parts
}

function readPart(bytes: Buffer): FormPart | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = bytes.toString('utf8', 0, headEnd)
  const name = /\bname="([^"]*)"/i.exec(head)?.[1]
  if (name === undefined) return undefined
  const filename = /\bfilename="([^"]*)"/i.exec(head)?.[1]
  const mediaType = /^content-type:\s*([^\r\n]+)/im.exec(head)?.[1] ?? 'application/octet-stream'
  return {
    name,
    ...(filename === undefined ? {} : { filename }),
    mediaType,
    bytes: bytes.subarray(headEnd + 4),
  }
}
