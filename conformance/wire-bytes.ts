/**
 * The bytes of a recorded stream in the framing the gateway asks for. Two kinds were recorded otherwise: Gemini's growing
 * array (the gateway always asks for server-sent events), and Bedrock streams of which only the events were kept.
 */

import { crc32 } from 'node:zlib'
import type { StreamFraming } from '../src/dialects/dialect.ts'
import { fieldsOf, listOf, parsed } from './oracle/json.ts'
import { serverEvents } from './oracle/server-events.ts'

export interface WireBytes {
  readonly bytes: Buffer
  /** Whether these are the bytes as they were recorded. */
  readonly isOriginal: boolean
}

export function wireBytes(recorded: Buffer, framing: StreamFraming): WireBytes {
  if (framing === 'sse' && isArray(recorded)) {
    const events = listOf(parsed(recorded.toString('utf8'))).map(
      (value) => `data: ${JSON.stringify(value)}\r\n\r\n`,
    )
    return { bytes: Buffer.from(events.join('')), isOriginal: false }
  }
  if (framing === 'eventstream' && recorded[0] !== 0) {
    const events = serverEvents(recorded.toString('utf8')).map(({ data }) => frameOf(data))
    return { bytes: Buffer.concat(events), isOriginal: false }
  }
  return { bytes: recorded, isOriginal: true }
}

function isArray(recorded: Buffer): boolean {
  return recorded.toString('latin1', 0, 64).trimStart().startsWith('[')
}

function frameOf(data: string): Buffer {
  const [type = '', event] = Object.entries(fieldsOf(parsed(data)))[0] ?? []
  const headers = Buffer.concat([
    header(':event-type', type),
    header(':content-type', 'application/json'),
    header(':message-type', 'event'),
  ])
  return frame(headers, Buffer.from(JSON.stringify(event ?? {})))
}

function header(name: string, value: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(value.length)
  return Buffer.concat([
    Buffer.from([name.length]),
    Buffer.from(name),
    Buffer.from([7]),
    length,
    Buffer.from(value),
  ])
}

/** Total length, header length, a checksum of both; headers, payload, and a checksum of all. */
export function frame(headers: Buffer, payload: Buffer): Buffer {
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(16 + headers.length + payload.length, 0)
  prelude.writeUInt32BE(headers.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const body = Buffer.concat([prelude, headers, payload])
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([body, checksum])
}
