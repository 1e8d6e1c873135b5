import { describe, expect, test } from 'vitest'
import { FIELD_BYTES_MAX, FORM_PARTS_MAX, FormError, FormScanner, formBoundary } from './multipart.ts'

const BOUNDARY = 'x-y'

function form(parts: readonly string[], end = '--'): Buffer {
  return Buffer.from(`${parts.map((part) => `--${BOUNDARY}\r\n${part}\r\n`).join('')}--${BOUNDARY}${end}\r\n`)
}

const field = (name: string, value: string) =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`
const file = (value: string) =>
  `content-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n${value}`

/** Scans a body in two pieces. */
function scan(body: Buffer, cut = body.length, fields: readonly string[] = ['model']): FormScanner {
  const scanner = new FormScanner({ boundary: BOUNDARY, fields })
  scanner.write(body.subarray(0, cut))
  scanner.write(body.subarray(cut))
  scanner.end()
  return scanner
}

describe('a form', () => {
  const tricky = `\r\n--x\r\n--x-\r\n\r\n--${BOUNDARY.slice(0, 2)}`
  const body = form([file(tricky), field('model', 'whisper-1'), field('language', 'en')])

  test('is read alike wherever it is cut', () => {
    for (let cut = 0; cut <= body.length; cut += 1) {
      const scanner = scan(body, cut)
      const found = scanner.field('model')
      expect([cut, scanner.parts, found?.value]).toEqual([cut, 3, 'whisper-1'])
      expect(body.toString('utf8', found?.start, found?.end)).toBe('whisper-1')
    }
  })

  test('is read alike in pieces of any size, large ones too', () => {
    const large = form([file('\r\n--x-'.repeat(2_000)), field('model', 'whisper-1')])
    for (const size of [200, 255, 256, 257, 300, 1_000, 4_096]) {
      const scanner = new FormScanner({ boundary: BOUNDARY, fields: ['model'] })
      for (let at = 0; at < large.length; at += size) scanner.write(large.subarray(at, at + size))
      scanner.end()
      const found = scanner.field('model')
      expect([size, large.toString('utf8', found?.start, found?.end)]).toEqual([size, 'whisper-1'])
    }
  })

  test('is read byte by byte', () => {
    const scanner = new FormScanner({ boundary: BOUNDARY, fields: ['model'] })
    for (const byte of body) scanner.write(Buffer.of(byte))
    scanner.end()
    expect(scanner.field('model')?.value).toBe('whisper-1')
  })

  test('may have a preamble, an epilogue, white space after a boundary and an empty value', () => {
    const text = `hello\r\n--${BOUNDARY} \t\r\n${field('model', '')}\r\n--${BOUNDARY}--\r\nbye`
    const found = scan(Buffer.from(text)).field('model')
    expect(found?.value).toBe('')
    expect(found?.start).toBe(found?.end)
  })

  test('may have a part without headers, and a part whose name is not asked for', () => {
    expect(scan(form(['\r\nnothing', field('other', 'x'.repeat(10_000))])).parts).toBe(2)
  })

  test('a file of the name that is asked for is no field', () => {
    const named = 'content-disposition: form-data; name="model"; filename="m"\r\n\r\nbytes'
    expect(scan(form([named])).field('model')).toBeUndefined()
  })

  test('the data of a file is not looked into for fields', () => {
    expect(scan(form([file(`--other\r\n${field('model', 'evil')}`)])).field('model')).toBeUndefined()
  })
})

describe('what is no form is refused', () => {
  test.each([
    ['one that was cut', form([field('model', 'a')]).subarray(0, -6)],
    ['one without any boundary', Buffer.from('model=a')],
    ['an empty body', Buffer.alloc(0)],
    ['one in which the field stands twice', form([field('model', 'a'), field('model', 'b')])],
    ['one with something behind a boundary', Buffer.from(`--${BOUNDARY}zzz\r\n\r\n--${BOUNDARY}--`)],
    ['a field that is too long', form([field('model', 'a'.repeat(FIELD_BYTES_MAX + 1))])],
    ['headers that do not end', Buffer.from(`--${BOUNDARY}\r\na: ${'b'.repeat(20_000)}`)],
    ['too many parts', form(Array.from({ length: FORM_PARTS_MAX + 1 }, () => field('a', '')))],
  ])('%s', (_name, body) => {
    expect(() => scan(body)).toThrow(FormError)
  })
})

test.each([
  ['multipart/form-data; boundary=abc', 'abc'],
  ['Multipart/Form-Data; charset=utf-8; boundary="a b"', 'a b'],
  ['multipart/form-data', undefined],
  ['multipart/form-data; boundary=', undefined],
  ['multipart/mixed; boundary=abc', undefined],
  ['application/json', undefined],
  [undefined, undefined],
  [`multipart/form-data; boundary=${'a'.repeat(71)}`, undefined],
  ['multipart/form-data; boundary="a\u0007b"', undefined],
])('finds the boundary in %s', (type, boundary) => {
  expect(formBoundary(type)).toBe(boundary)
})
