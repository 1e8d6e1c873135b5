import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineAt, maskSource } from './mask.ts'

/** Everything that opens or closes something in TypeScript's grammar. */
const signs = ["'", '"', '`', '/', '*', '\\', '\n', '$', '{', '}', '[', ']', 'a', '=', ' ']

const codeOf = (text: string): string => maskSource(text).code

describe('maskSource', () => {
  test.each([
    ['a line comment', 'a // b', 'a     '],
    ['a block comment, keeping its line breaks', 'a /* b\nc */ d', 'a     \n     d'],
    ['a string with an escaped quote', String.raw`f('a\'b', "c")`, 'f(\'    \', " ")'],
    ['a string that holds a comment', `f('// no') // yes`, "f('     ')       "],
    ['the text of a template, not its substitutions', '`a ${b + `c`} d`', '`  ${b + ` `}  `'],
    ['braces inside a substitution', '`${ {a: 1} }x` + y', '`${ {a: 1} } ` + y'],
    ['a regular expression with a class', "x = /['/]a/g; y", 'x = /     /g; y'],
    ['a division, which is no regular expression', "a / b / 'c'", "a / b / ' '"],
    ['a regular expression after return', 'return /"/', 'return / /'],
  ])('blanks %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code)
  })

  test('keeps length and line breaks of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...signs), maxLength: 60 }), (text) => {
        const code = codeOf(text)
        expect(code).toHaveLength(text.length)
        expect([...code.matchAll(/\n/g)].map((match) => match.index)).toEqual(
          [...text.matchAll(/\n/g)].map((match) => match.index),
        )
      }),
    )
  })

  test('finds the line of an offset', () => {
    expect([0, 1, 2, 3].map((offset) => lineAt('a\nb\nc', offset))).toEqual([1, 1, 2, 2])
  })
})
