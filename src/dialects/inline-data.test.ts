import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findInlineData } from './inline-data.ts'

const BYTES_MIN = 400

/** As long as that in base64, with the beginning of a kind of file. */
function base64(bytes: number, beginning: readonly number[] = []): string {
  const data = Buffer.alloc(bytes)
  for (let index = 0; index < bytes; index += 1) data[index] = (index * 7 + (index >> 3)) % 256
  data.set(beginning)
  return data.toString('base64')
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const JPEG = [0xff, 0xd8, 0xff, 0xe0]
const WEBP = [...Buffer.from('RIFF'), 1, 2, 3, 4, ...Buffer.from('WEBP')]
const WAVE = [...Buffer.from('RIFF'), 1, 2, 3, 4, ...Buffer.from('WAVE')]
const PDF = [...Buffer.from('%PDF-1.7')]

const picture = base64(1_000, PNG)
const found = (text: string, bytesMin = BYTES_MIN) =>
  findInlineData(Buffer.from(text), bytesMin).map(({ start, end, isPicture }) => ({
    data: Buffer.from(text).toString('latin1', start, end),
    isPicture,
  }))

describe('what stands in a body beside its text', () => {
  test.each<[string, unknown]>([
    ['OpenAI', { type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }],
    ['OpenAI’s responses', { type: 'input_image', image_url: `data:image/png;base64,${picture}` }],
    ['Anthropic', { source: { type: 'base64', media_type: 'image/png', data: picture } }],
    ['Google', { inlineData: { mimeType: 'image/png', data: picture } }],
  ])('is found in the words of %s', (_who, part) => {
    const texts = [{ text: 'What is in it?' }, part, { text: 'data' }]
    for (const text of [JSON.stringify({ parts: texts }), JSON.stringify({ parts: texts }, undefined, 2)])
      expect(found(text)).toEqual([{ data: picture, isPicture: true }])
  })

  test.each([
    ['a picture', PNG, true],
    ['a photograph', JPEG, true],
    ['a picture for the web', WEBP, true],
    ['sound', WAVE, false],
    ['a document', PDF, false],
  ])('is told by its beginning: %s', (_what, beginning, isPicture) => {
    const data = base64(1_000, beginning)
    expect(found(JSON.stringify({ data }))).toEqual([{ data, isPicture }])
  })

  test('is told by what its URL says, too', () => {
    const data = base64(1_000)
    expect(found(`{"url":"data:image/heic;base64,${data}"}`)).toEqual([{ data, isPicture: true }])
    expect(found(`{"url":"data:audio/mpeg;base64,${data}"}`)).toEqual([{ data, isPicture: false }])
  })

  test('is found as other encoders write it: slashes escaped, in lines, for addresses', () => {
    const photograph = base64(1_000, JPEG)
    const escaped = photograph.replaceAll('/', '\\/')
    const inLines = photograph.replaceAll(/.{76}/g, '$&\\n')
    const forAddresses = picture.replaceAll('+', '-').replaceAll('/', '_')
    for (const data of [escaped, inLines, forAddresses])
      expect(found(`{"data" : "${data}"}`)).toEqual([{ data, isPicture: true }])
    expect(found(`{"url":"data:image\\/jpeg;base64,${escaped}"}`)).toHaveLength(1)
  })

  test.each([
    ['a text of no spaces', JSON.stringify({ text: base64(1_000) })],
    ['a picture in a text', JSON.stringify({ text: `See ![](data:image/png;base64,${picture}) here` })],
    ['JSON in a text', JSON.stringify({ text: JSON.stringify({ data: picture }) })],
    ['a URL of data in JSON in a text', JSON.stringify({ text: `{"a":"data:image/png;base64,${picture}"}` })],
    ['a text in a field of that name', JSON.stringify({ data: 'word '.repeat(1_000) })],
    [
      'a text that begins like data',
      JSON.stringify({ data: `${'a'.repeat(450)} and ${'so on '.repeat(200)}` }),
    ],
    ['a text in another script', JSON.stringify({ data: '字'.repeat(1_000) })],
    ['data that is shorter', JSON.stringify({ data: base64(200, PNG) })],
    ['nothing', ''],
  ])('is not: %s', (_what, text) => {
    expect(found(text)).toEqual([])
  })

  test('is found wherever it stands, whole and once each', () => {
    const piece = fc.oneof(
      fc.record({ text: fc.string({ maxLength: 600 }) }),
      fc.record({ text: fc.constant('x'.repeat(700)) }),
      fc.record({ data: fc.integer({ min: BYTES_MIN, max: 2_000 }).map((bytes) => base64(bytes, PNG)) }),
      fc.record({ data: fc.integer({ min: 8, max: 200 }).map((bytes) => base64(bytes, PNG)) }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const wanted = pieces.flatMap((one) =>
          'data' in one && one.data.length >= BYTES_MIN ? [{ data: one.data, isPicture: true }] : [],
        )
        expect(found(JSON.stringify({ pieces }))).toEqual(wanted)
      }),
      { numRuns: 300 },
    )
  })
})
