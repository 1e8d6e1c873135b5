import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { EVENT_BYTES_MAX, encodeSse, type SseEvent, SseParser } from './sse.ts'

const MIB = 1_048_576

describe('lines and fields', () => {
  const cases: readonly [
    behaviour: string,
    stream: string,
    events: readonly [name: string, data: string][],
  ][] = [
    [
      'LF line ends',
      'data: a\n\ndata: b\n\n',
      [
        ['message', 'a'],
        ['message', 'b'],
      ],
    ],
    [
      'CRLF line ends',
      'data: a\r\n\r\ndata: b\r\n\r\n',
      [
        ['message', 'a'],
        ['message', 'b'],
      ],
    ],
    [
      'CR line ends',
      'data: a\r\rdata: b\r\r',
      [
        ['message', 'a'],
        ['message', 'b'],
      ],
    ],
    ['line ends mixed within an event', 'event: x\rdata: a\r\ndata: b\n\r\n', [['x', 'a\nb']]],
    [
      'LF CR is two line ends',
      'data: a\n\rdata: b\n\n',
      [
        ['message', 'a'],
        ['message', 'b'],
      ],
    ],
    ['a byte order mark at the start', '\uFEFFdata: a\n\n', [['message', 'a']]],
    ['a byte order mark later on is an unknown field', 'data: a\n\n\uFEFFdata: b\n\n', [['message', 'a']]],
    ['data without a space', 'data:a\n\n', [['message', 'a']]],
    ['only one space is taken away', 'data:   a \n\n', [['message', '  a ']]],
    ['several data lines join by LF', 'data: a\ndata:\ndata: b\n\n', [['message', 'a\n\nb']]],
    ['a data field without a colon is an empty line', 'data\ndata\n\n', [['message', '\n']]],
    ['empty data is an event', 'data:\n\n', [['message', '']]],
    ['a name', 'event: ping\ndata: {}\n\n', [['ping', '{}']]],
    ['the last name counts', 'event: a\nevent: b\ndata: 1\n\n', [['b', '1']]],
    ['an empty name is none', 'event: a\nevent:\ndata: 1\n\n', [['message', '1']]],
    ['a name after the data', 'data: 1\nevent: a\n\n', [['a', '1']]],
    [
      'a name does not reach the next event',
      'event: a\ndata: 1\n\ndata: 2\n\n',
      [
        ['a', '1'],
        ['message', '2'],
      ],
    ],
    ['a name without data is no event', 'event: a\n\ndata: 1\n\n', [['message', '1']]],
    [
      'id, retry and unknown fields fall away',
      'id: 1\nretry: 5\nfoo: 1\nbar\ndata: a\n\n',
      [['message', 'a']],
    ],
    [
      'fields whose names only begin alike',
      'dataset: 1\ndat: 2\nevents: 3\nerrors: {}\ndata: a\n\n',
      [['message', 'a']],
    ],
    ['names of fields are told by case', 'Data: a\nDATA: b\n\n', []],
    ['comments are nothing', ': OPENROUTER PROCESSING\n\n:\n\n: x\ndata: a\n: y\n\n', [['message', 'a']]],
    ['blank lines are nothing', '\n\n\r\n\r\rdata: a\n\n\n\n', [['message', 'a']]],
    ['lines that begin with white space are unknown fields', ' data: a\n\tdata: b\n\n', []],
    ['a marker that is not JSON', '[DONE]\n\ndata: [DONE]\n\n', [['message', '[DONE]']]],
    ['colons in data', 'data: a: b:c\n\n', [['message', 'a: b:c']]],
    ['NUL in data', 'data: a\0b\n\n', [['message', 'a\0b']]],
  ]

  test.each(cases)('fault 66: %s', (_behaviour, stream, events) => {
    expect(names(parse(stream))).toEqual(events)
  })

  test.each(cases)('fault 65: cut at every byte: %s', (_behaviour, stream, events) => {
    const bytes = Buffer.from(stream)
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(names(parseChunks([bytes.subarray(0, cut), bytes.subarray(cut)]))).toEqual(events)
    }
    expect(names(parseChunks(bytewise(bytes)))).toEqual(events)
  })

  test('fault 66: an event whose blank line never came is there at the end', () => {
    for (const stream of [
      'event: a\ndata: 1',
      'event: a\ndata: 1\n',
      'event: a\r\ndata: 1\r\n',
      'event: a\rdata: 1\r',
    ]) {
      expect(names(parse(stream))).toEqual([['a', '1']])
    }
  })

  test('agrees with the specification, read literally, on any lines cut anywhere', () => {
    const line = fc.oneof(
      fc.constantFrom(
        'data',
        'data:',
        'data: ',
        'data:  x',
        'event: e',
        'event',
        ': c',
        'id: 7',
        'retry: 1',
        'x',
        '',
      ),
      fc
        .string({ unit: fc.constantFrom('a', ':', ' ', '{', 'é', '漢', '💡', '\uFEFF', '\0') })
        .map((text) => `data: ${text}`),
    )
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 12 })
      .map((lines) => Buffer.from(lines.flat().join('')))
    fc.assert(
      fc.property(stream, fc.array(fc.nat(40), { maxLength: 6 }), (bytes, cuts) => {
        const parser = new SseParser()
        const events = cutAt(bytes, cuts).flatMap((chunk) => parser.read(chunk))
        expect(names(events)).toEqual(readLiterally(bytes))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('code points', () => {
  test('fault 67: a code point split over chunks comes whole', () => {
    const bytes = Buffer.from('data: a💡漢é\n\n')
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(names(parseChunks([bytes.subarray(0, cut), bytes.subarray(cut)]))).toEqual([
        ['message', 'a💡漢é'],
      ])
    }
  })

  test('fault 67: invalid UTF-8 becomes U+FFFD once for each maximal part, as TextDecoder does', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const part = fc.constantFrom(
      [0xff],
      [0xf0, 0x9f, 0x92],
      [0xf0, 0x9f],
      [0xe2, 0x82],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0x41],
      [0xc3, 0xa9],
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 4 }), (parts, cuts) => {
        const data = Buffer.from(parts.flat())
        const bytes = Buffer.concat([Buffer.from('data: '), data, Buffer.from('\n\n')])
        expect(names(parseChunks(cutAt(bytes, cuts)))).toEqual([['message', decoder.decode(data)]])
      }),
    )
  })
})

describe('raw bytes', () => {
  test('are the event with its blank line, comments before it left out', () => {
    const events = parse(': a\n\n: b\nid: 1\ndata: x\n: inside\n\n: c\n\nevent: y\r\ndata: z\r\n\r\n')
    expect(events.map(rawText)).toEqual(['id: 1\ndata: x\n: inside\n\n', 'event: y\r\ndata: z\r\n\r\n'])
  })

  test('are a view of the chunk where the event lies inside one', () => {
    const chunk = Buffer.from(': c\n\ndata: x\n\n')
    const [event] = new SseParser().read(chunk)
    expect(event?.raw.buffer).toBe(chunk.buffer)
    expect(event?.raw.byteOffset).toBe(chunk.byteOffset + 5)
  })

  test('fault 65: are the same bytes wherever the stream is cut', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const events = ['data: a', '', 'event: e', 'data: 漢', 'data: b', '', 'data: c', '', '']
      const bytes = Buffer.from(events.join(end))
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const raws = parseChunks([bytes.subarray(0, cut), bytes.subarray(cut)]).map((event) => event.raw)
        expect(Buffer.concat(raws)).toEqual(bytes)
      }
      expect(Buffer.concat(parseChunks(bytewise(bytes)).map((event) => event.raw))).toEqual(bytes)
    }
  })

  test('stay as they were when later chunks are read', () => {
    const parser = new SseParser()
    const stream = Buffer.from('data: first\n\ndata: second\n\ndata: third\n\n')
    const events = bytewise(stream).flatMap((chunk) => parser.read(chunk))
    expect(events.map(rawText)).toEqual(['data: first\n\n', 'data: second\n\n', 'data: third\n\n'])
  })

  test('end in a blank line even where the source sent none, so that they can be sent on', () => {
    expect(parse('data: x').map(rawText)).toEqual(['data: x\n\n'])
    expect(parse('data: x\n').map(rawText)).toEqual(['data: x\n\n'])
    expect(parse('data: x\n{"error":{}}').map(rawText)[0]).toBe('data: x\n\n')
  })

  test('accept any Uint8Array', () => {
    const bytes = new Uint8Array(new TextEncoder().encode('..data: x\n\n').buffer, 2)
    expect(new SseParser().read(bytes).map(rawText)).toEqual(['data: x\n\n'])
  })
})

describe('errors outside of the specification', () => {
  const error = '{"error":{"code":503,"message":"a \\"}\\" b"}}'
  const pretty = JSON.stringify(JSON.parse(error), undefined, 2)
  const cases: readonly [string, string, string][] = [
    ['a bare JSON object line', `data: a\n\n${error}\n\n`, error],
    ['with CRLF', `data: a\r\n\r\n${error}\r\n\r\n`, error],
    ['spread over lines', `data: a\n\n${pretty}\n\n`, pretty],
    [
      'spread over CRLF lines',
      `data: a\r\n\r\n${pretty.replaceAll('\n', '\r\n')}\r\n`,
      pretty.replaceAll('\n', '\r\n'),
    ],
    ['without a line end', `data: a\n\n${error}`, error],
    ['indented', `data: a\n\n  ${error}\n`, error],
    ['inside an array', `data: a\n\n[${pretty}\n]\n`, pretty],
    ['inside an array on its own line', `data: a\n\n[\n${pretty}\n]\n`, pretty],
    ['before the blank line of the last event', `data: a\n${error}\n\n`, error],
    ['in a field named error', `data: a\n\nerror: ${error}\n\n`, error],
    ['in a field named error that ends the stream', `data: a\n\nerror:${error}`, error],
    ['in an event named error', `data: a\n\nevent: error\ndata: ${error}\n\n`, error],
  ]

  test.each(cases)('fault 63: %s is an event named error', (_behaviour, stream, data) => {
    const bytes = Buffer.from(stream)
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const events = parseChunks([bytes.subarray(0, cut), bytes.subarray(cut)])
      expect(names(events)).toEqual([
        ['message', 'a'],
        ['error', data],
      ])
    }
  })

  test('events go on after one', () => {
    expect(names(parse(`${pretty}\ndata: b\n\n${error}${error}\ndata: c\n\n`))).toEqual([
      ['error', pretty],
      ['message', 'b'],
      ['error', error],
      ['message', 'c'],
    ])
  })

  test('a line that only looks like JSON swallows nothing', () => {
    expect(names(parse('{nonsense\n\ndata: a\n\n'))).toEqual([['message', 'a']])
    expect(names(parse('{"nonsense\nevent: b\ndata: c\n\n'))).toEqual([['b', 'c']])
    expect(names(parseChunks(bytewise(Buffer.from('{\n\n\rdata: a\n\n'))))).toEqual([['message', 'a']])
  })

  test('JSON that breaks off is an error all the same', () => {
    expect(names(parse('{"error":{"mess'))).toEqual([['error', '{"error":{"mess']])
  })

  test('a field named error that holds no object is an unknown field', () => {
    expect(names(parse('error: oops\ndata: a\n\n'))).toEqual([['message', 'a']])
  })
})

describe('a partial event', () => {
  test('is told until its blank line comes', () => {
    const parser = new SseParser()
    const states = ['data: a\n\n', 'da', 'ta: b', '\n', '\n', ': comm', 'ent\n', '\n', '{"error"', ':1}'].map(
      (text) => {
        parser.read(Buffer.from(text))
        return parser.hasPartialEvent
      },
    )
    expect(states).toEqual([false, true, true, true, false, false, false, false, true, false])
  })

  test('is told after the end', () => {
    const cut = new SseParser()
    cut.read(Buffer.from('data: a\n\ndata: b'))
    cut.end()
    expect(cut.hasPartialEvent).toBe(true)
    const whole = new SseParser()
    whole.read(Buffer.from('data: a\n\n'))
    whole.end()
    expect(whole.hasPartialEvent).toBe(false)
  })

  test('comes once, and nothing after the end is read', () => {
    const parser = new SseParser()
    parser.read(Buffer.from('data: a'))
    expect(parser.end()).toHaveLength(1)
    expect(parser.end()).toEqual([])
    expect(parser.read(Buffer.from('\n\ndata: b\n\n'))).toEqual([])
  })
})

describe('bounds', () => {
  test('fault 68: a line of 64 KiB without a line end is held until its end comes', () => {
    const parser = new SseParser()
    expect(parser.read(Buffer.from(`data: ${'x'.repeat(65_536)}`))).toEqual([])
    expect(parser.read(Buffer.from('\n\n'))[0]?.data).toHaveLength(65_536)
  })

  test('fault 68: an endless line is refused at the bound, in pieces or in one', () => {
    const piece = Buffer.alloc(65_536, 'x')
    const parser = new SseParser()
    parser.read(Buffer.from('data: '))
    let bytes = 6
    const before = process.memoryUsage().arrayBuffers
    expect(() => {
      for (; bytes < 40 * MIB; bytes += piece.length) parser.read(piece)
    }).toThrow(expect.objectContaining({ code: 'event_too_large' }))
    expect(bytes).toBeLessThanOrEqual(EVENT_BYTES_MAX)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MIB)
    const big = Buffer.concat([Buffer.from('data: '), Buffer.alloc(40 * MIB, 'x'), Buffer.from('\n\n')])
    expect(() => new SseParser().read(big)).toThrow(GatewayError)
    expect(() => new SseParser().read(big.subarray(0, -2))).toThrow(GatewayError)
  })

  test.each([
    ['many lines', 'data: x\n'],
    ['a comment', ': '],
    ['an ignored line', ' '],
    ['bare JSON', '{"a":"'],
  ])('fault 68: %s without an end cannot grow past the bound', (_what, start) => {
    const parser = new SseParser({ eventBytesMax: 1_000 })
    parser.read(Buffer.from(start))
    const piece = Buffer.from(start === 'data: x\n' ? start : 'x')
    expect(() => {
      for (let count = 0; count < 2_000; count += 1) parser.read(piece)
    }).toThrow(expect.objectContaining({ code: 'event_too_large' }))
  })

  test('an event of exactly the bound passes, and one byte more does not', () => {
    const event = 'data: x\n\n'
    const size = event.length
    for (const chunks of [[Buffer.from(event)], bytewise(Buffer.from(event))]) {
      const exact = new SseParser({ eventBytesMax: size })
      expect(chunks.flatMap((chunk) => exact.read(chunk))).toHaveLength(1)
      const small = new SseParser({ eventBytesMax: size - 1 })
      expect(() => chunks.flatMap((chunk) => small.read(chunk))).toThrow(GatewayError)
    }
  })

  test('reads nothing more once it has refused', () => {
    const parser = new SseParser({ eventBytesMax: 4 })
    expect(() => parser.read(Buffer.from('data: x\n\n'))).toThrow(GatewayError)
    expect(parser.read(Buffer.from('data: y\n\n'))).toEqual([])
    expect(parser.end()).toEqual([])
  })

  test('fault 68: a million tiny events pass, whatever their line ends and chunks', () => {
    for (const event of ['data:x\n\n', 'data:x\r\r', 'event:a\r\ndata:x\r\n\r\n']) {
      const chunk = Buffer.from(event.repeat(10_000))
      const parser = new SseParser()
      let count = 0
      for (let round = 0; round < 34; round += 1) count += parser.read(chunk).length
      expect(count).toBe(340_000)
    }
  })

  test('time grows with the bytes, not with their square', () => {
    const shapes: readonly (readonly [string, readonly Buffer[]])[] = [
      ['one event a byte a chunk', bytewise(Buffer.from(`data: ${'x'.repeat(MIB)}\n\n`))],
      ['CR lines in one chunk', [Buffer.from('data: x\r'.repeat(MIB / 8))]],
      ['LF events in one chunk', [Buffer.from('data:x\n\n'.repeat(MIB / 8))]],
      ['CR events in one chunk', [Buffer.from('data:x\r\r'.repeat(MIB / 8))]],
      ['an event of LF lines after each other', [Buffer.from(`${'data:x\n'.repeat(MIB / 8)}\n`)]],
    ]
    // Some 200 ms each; looking through the rest of the chunk for each line would take several seconds, and joining the
    // whole event anew for each chunk a minute.
    for (const [shape, chunks] of shapes) expect(timeOf(chunks), shape).toBeLessThan(3_000)
  })
})

describe('encodeSse', () => {
  test('writes data, and a name where there is one', () => {
    expect(encodeSse('{"a":1}')).toBe('data: {"a":1}\n\n')
    expect(encodeSse('{}', 'ping')).toBe('event: ping\ndata: {}\n\n')
  })

  test('SEC-40 fault 122: no text can begin an event, and all of it comes back', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '\n', '\r', '\r\n', 'data: ', 'event: x', ':', ' ', '[DONE]', '{'),
    })
    fc.assert(
      fc.property(text, text, (data, name) => {
        const events = parse(encodeSse(data, name))
        expect(events.map((event) => event.data)).toEqual([data.replaceAll(/\r\n|\r/g, '\n')])
      }),
    )
  })
})

function parse(stream: string): readonly SseEvent[] {
  return parseChunks([Buffer.from(stream)])
}

function parseChunks(chunks: readonly Uint8Array[]): readonly SseEvent[] {
  const parser = new SseParser()
  return [...chunks.flatMap((chunk) => parser.read(chunk)), ...parser.end()]
}

function names(events: readonly SseEvent[]): readonly (readonly [string, string])[] {
  return events.map((event) => [event.name, event.data])
}

function rawText(event: SseEvent): string {
  return Buffer.from(event.raw).toString()
}

function bytewise(bytes: Buffer): readonly Buffer[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
}

function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const edges = [
    0,
    ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((one, other) => one - other),
    bytes.length,
  ]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

/** The processor's time, ms: other processes may hold this one up. */
function timeOf(chunks: readonly Buffer[]): number {
  const start = process.cpuUsage()
  parseChunks(chunks)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}

/** The specification's own algorithm, word for word, on the decoded stream; slow and plain. */
function readLiterally(bytes: Buffer): readonly [string, string][] {
  const text = new TextDecoder().decode(bytes)
  const lines = text.split(/\r\n|\n|\r/)
  const events: [string, string][] = []
  let data = ''
  let type = ''
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      if (data !== '') events.push([type === '' ? 'message' : type, data.replace(/\n$/, '')])
      data = ''
      type = ''
      continue
    }
    const colon = line.indexOf(':')
    if (colon === 0) continue
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data += `${value}\n`
    if (field === 'event') type = value
  }
  return events
}
