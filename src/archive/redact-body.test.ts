import { describe, expect, test } from 'vitest'
import type { KeptBody } from './kept-bodies.ts'
import { redactBody } from './redact-body.ts'

const redact = (text: string) =>
  text.replaceAll('hunter-22', '[secret]').replaceAll(/key=[^\s"]+/g, 'key=[x]')
const rules = { redact, bytesMax: 1_000 }
const of = (text: string | Buffer, bytesMax = 1_000) => {
  const body = Buffer.from(text)
  return redactBody(body, body.length, { redact, bytesMax })
}
const textOf = (body: KeptBody) => (body.type === 'kept' ? Buffer.from(body.body).toString() : body.reason)

describe('SEC-25: a body before it is kept', () => {
  test('stays as it came, byte for byte, where there is nothing to take out', () => {
    const body = Buffer.from('{ "a":1.00, "b" : "\\u00e9\\u0041" }')
    const kept = redactBody(body, body.length, rules)
    expect(kept).toMatchObject({ isRedacted: false, isCut: false })
    expect(textOf(kept)).toBe(body.toString())
  })

  test('loses the secrets in it', () => {
    expect(of('{"a":"my hunter-22 here"}')).toMatchObject({ isRedacted: true })
    expect(textOf(of('{"a":"my hunter-22 here"}'))).toBe('{"a":"my [secret] here"}')
  })

  test('is still JSON where the secret stood beside what JSON is made of', () => {
    const text = textOf(of('{"a":"see \\"?key=abcdefgh\\" there","n":1}'))
    expect(JSON.parse(text)).toEqual({ a: 'see "?key=[x]" there', n: 1 })
  })

  test('loses those that are written in escapes, in names as well', () => {
    const text = textOf(of('{"\\u0068unter-22":["hunter\\u002d22"]}'))
    expect(text).toBe('{"[secret]":["[secret]"]}')
  })

  test('is cut only after the secrets are out, so that no half of one is left', () => {
    const kept = of('0123456789hunter-22 and more', 14)
    expect(kept).toMatchObject({ isCut: true, isRedacted: true, bytes: 28 })
    expect(textOf(kept)).toBe('0123456789[sec')
  })

  test('that is no UTF-8 keeps its bytes, and loses its secrets', () => {
    const kept = of(Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('hunter-22')]))
    expect(kept.type === 'kept' && [...kept.body.subarray(0, 3)]).toEqual([0xff, 0xfe, 0x5b])
  })

  test('nested too deep to be looked through is not kept', () => {
    const deep = `${'['.repeat(20_000)}"\\u0068unter-22"${']'.repeat(20_000)}`
    expect(of(deep, 100_000)).toEqual({ type: 'left-out', reason: 'unsafe', bytes: deep.length })
  })
})
