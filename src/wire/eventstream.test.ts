import { EventStreamCodec } from '@smithy/eventstream-codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventStreamParser } from './eventstream.ts'
import { encodeEventStream } from './eventstream-encode.ts'

const first = encodeEventStream({ ':event-type': 'messageStart', ':message-type': 'event' }, json({ a: 1 }))
const second = encodeEventStream({ ':event-type': 'é' }, Buffer.from('payload of the second'))
const empty = encodeEventStream({})
const stream = Buffer.concat([first, empty, second])

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function readAll(...chunks: readonly Uint8Array[]) {
  const parser = new EventStreamParser()
  const messages = chunks.flatMap((chunk) => parser.read(chunk))
  return {
    messages: messages.map(({ headers, payload }) => ({
      headers: Object.fromEntries(headers),
      payload: Buffer.from(payload).toString(),
    })),
    fault: parser.fault?.code,
    hasPartialFrame: parser.hasPartialFrame,
  }
}

const whole = readAll(stream)

describe('an AWS event stream', () => {
  test('is read as headers and payload, empty ones included', () => {
    expect(whole).toEqual({
      messages: [
        { headers: { ':event-type': 'messageStart', ':message-type': 'event' }, payload: '{"a":1}' },
        { headers: {}, payload: '' },
        { headers: { ':event-type': 'é' }, payload: 'payload of the second' },
      ],
      fault: undefined,
      hasPartialFrame: false,
    })
  })

  test('is the same however it is cut: in two at every byte, and byte by byte', () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(readAll(stream.subarray(0, cut), stream.subarray(cut)), `cut at ${cut}`).toEqual(whole)
    }
    expect(readAll(...Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(whole)
  })

  test('keeps a payload that was returned when later frames arrive', () => {
    const parser = new EventStreamParser()
    const [message] = parser.read(first)
    parser.read(second)
    expect(Buffer.from(message?.payload ?? []).toString()).toBe('{"a":1}')
  })

  test('says that a frame is cut', () => {
    expect(readAll(stream.subarray(0, stream.length - 1))).toMatchObject({
      messages: [{}, {}],
      fault: undefined,
      hasPartialFrame: true,
    })
  })
})

describe('the codec of AWS', () => {
  const codec = new EventStreamCodec(
    (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()),
    (text) => Buffer.from(text),
  )

  test('writes what is read here, headers of every type included', () => {
    const frame = codec.encode({
      headers: {
        yes: { type: 'boolean', value: true },
        no: { type: 'boolean', value: false },
        byte: { type: 'byte', value: -3 },
        short: { type: 'short', value: -300 },
        integer: { type: 'integer', value: 70_000 },
        binary: { type: 'binary', value: Uint8Array.of(1, 2, 3) },
        text: { type: 'string', value: 'text' },
        time: { type: 'timestamp', value: new Date(1_000) },
      },
      body: Buffer.from('body'),
    })
    expect(readAll(frame)).toMatchObject({
      fault: undefined,
      messages: [
        {
          payload: 'body',
          headers: {
            yes: 'true',
            no: 'false',
            byte: '-3',
            short: '-300',
            integer: '70000',
            binary: 'AQID',
            text: 'text',
            time: '1000',
          },
        },
      ],
    })
  })

  test('reads what is written here', () => {
    const { headers, body } = codec.decode(first)
    expect(headers[':event-type']?.value).toBe('messageStart')
    expect(Buffer.from(body).toString()).toBe('{"a":1}')
  })
})

describe('fault 79: a broken event stream', () => {
  /** A frame whose lengths are these, its prelude's checksum right. */
  function lying(frameBytes: number, headerBytes = 0): Buffer {
    const good = Buffer.from(encodeEventStream({ a: 'b' }))
    const prelude = Buffer.alloc(12)
    prelude.writeUInt32BE(frameBytes, 0)
    prelude.writeUInt32BE(headerBytes, 4)
    prelude.writeUInt32BE(crcOf(prelude.subarray(0, 8)), 8)
    return Buffer.concat([prelude, good.subarray(12)])
  }

  /** CRC-32 by the book, apart from the one under test. */
  function crcOf(bytes: Buffer): number {
    let crc = 0xffffffff
    for (const byte of bytes) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    }
    return (crc ^ 0xffffffff) >>> 0
  }

  test.each([
    ['a length of 4 GB', lying(0xffff_ffff)],
    ['a length above the limit', lying(16_777_217)],
    ['a length below a frame', lying(15)],
    ['headers longer than the frame', lying(40, 30)],
    ['a length that fails its checksum', flip(second, 1)],
    ['a payload that fails its checksum', flip(second, second.length - 6)],
    ['a checksum that is wrong itself', flip(second, second.length - 1)],
  ])('is told at once for %s, after what came before it', (_fault, broken) => {
    expect(readAll(first, Buffer.concat([broken, first]))).toEqual({
      messages: [whole.messages[0]],
      fault: 'upstream_truncated',
      hasPartialFrame: false,
    })
  })

  test('is told for headers that do not fill their bytes', () => {
    const frame = encodeEventStream({ a: 'b' }, Buffer.from('x'))
    // The header's type becomes one that does not exist; the frame's checksum is made good again.
    const body = Buffer.from(frame.subarray(0, -4))
    body[14] = 42
    const end = Buffer.alloc(4)
    end.writeUInt32BE(crcOf(body))
    expect(readAll(Buffer.concat([body, end])).fault).toBe('upstream_truncated')
  })

  test('has its limit where it is set', () => {
    const parser = new EventStreamParser({ frameBytesMax: first.length })
    expect(parser.read(first)).toHaveLength(1)
    parser.read(encodeEventStream({}, Buffer.alloc(first.length)))
    expect(parser.fault?.message).toContain(`more than ${first.length} bytes`)
  })

  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        expect(readAll(first, ...chunks).messages[0]).toEqual(whole.messages[0])
      }),
    )
  })

  function flip(frame: Uint8Array, at: number): Buffer {
    const copy = Buffer.from(frame)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
})
