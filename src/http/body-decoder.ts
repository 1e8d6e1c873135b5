/** Undoes a request body's content-encoding, bounded in size and in ratio, without ever holding more than the bound. */

import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import type { Transform } from 'node:stream'
import { GatewayError } from '../errors/gateway-error.ts'

/** Below this size any ratio is fine: small JSON compresses well and harms nobody. */
const FREE_BYTES = 1024 * 1024
/** Beyond it, what one compressed byte may become; real prompts stay below 20. */
const RATIO_MAX = 200

export interface BodyDecoder {
  /** `false` asks the source to wait for `onRoom`. */
  write(chunk: Uint8Array): boolean
  end(): void
  destroy(): void
}

export interface BodyDecoderHandler {
  onData(chunk: Uint8Array): void
  onRoom(): void
  onEnd(): void
  onFailure(error: GatewayError): void
}

type Encoding = 'gzip' | 'deflate' | 'br' | 'zstd'

const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['zstd', 'zstd'],
])

/** The encoding named by a header, `undefined` where the body is plain. Throws `unsupported_media_type` for others and for chains. */
export function readContentEncoding(header: string | undefined): Encoding | undefined {
  if (header === undefined) return undefined
  const name = header.trim().toLowerCase()
  if (name === '' || name === 'identity') return undefined
  const encoding = ENCODINGS.get(name)
  if (encoding !== undefined) return encoding
  throw new GatewayError(
    'unsupported_media_type',
    'The content-encoding of the body is none of gzip, deflate, br, zstd.',
  )
}

export function createBodyDecoder(
  encoding: Encoding,
  bytesMax: number,
  handler: BodyDecoderHandler,
): BodyDecoder {
  let stream: Transform | undefined
  let takenBytes = 0
  let madeBytes = 0

  const fail = (error: GatewayError) => {
    stream?.destroy()
    handler.onFailure(error)
  }

  const open = (first: Uint8Array): Transform => {
    const opened = createDecompressor(encoding, first)
    opened.on('data', (chunk: Uint8Array) => {
      madeBytes += chunk.length
      if (madeBytes > bytesMax) return fail(tooLarge(bytesMax))
      if (madeBytes > FREE_BYTES && madeBytes > takenBytes * RATIO_MAX) {
        return fail(
          new GatewayError('body_too_large', 'The compressed body grows beyond every likely ratio.'),
        )
      }
      handler.onData(chunk)
    })
    opened.on('drain', () => handler.onRoom())
    opened.on('end', () => handler.onEnd())
    opened.on('error', (cause) =>
      fail(new GatewayError('invalid_request', `The body is not valid ${encoding}.`, {}, cause)),
    )
    return opened
  }

  return {
    write(chunk) {
      takenBytes += chunk.length
      stream ??= open(chunk)
      return stream.write(chunk)
    },
    end() {
      if (stream === undefined) handler.onEnd()
      else stream.end()
    },
    destroy() {
      stream?.destroy()
    },
  }
}

/** The refusal of a body beyond the bound. */
export function tooLarge(bytesMax: number): GatewayError {
  return new GatewayError('body_too_large', `The body is larger than ${bytesMax} bytes.`)
}

function createDecompressor(encoding: Encoding, first: Uint8Array): Transform {
  switch (encoding) {
    case 'gzip':
      return createGunzip()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    case 'deflate':
      return hasZlibHeader(first) ? createInflate() : createInflateRaw()
  }
}

/** "deflate" means zlib by the standard and raw deflate by old habit; the first byte's low half tells them apart (RFC 1950). */
function hasZlibHeader(first: Uint8Array): boolean {
  return ((first[0] ?? 0) & 0x0f) === 8
}
