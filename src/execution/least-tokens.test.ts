import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LeastTokens } from './least-tokens.ts'

function leastOf(...pieces: readonly string[]): number {
  const least = new LeastTokens()
  for (const piece of pieces) least.add(piece)
  return least.count
}

describe('the least tokens of a text', () => {
  test('are half of its words', () => {
    expect(leastOf('on and on and on')).toBe(2.5)
    expect(leastOf('foo.bar(baz)')).toBe(1.5)
    expect(leastOf("I'm don't can't")).toBe(1.5)
    expect(leastOf("','='")).toBeLessThan(1)
  })

  test('are not more than one for the longest tokens of published vocabularies', () => {
    for (const token of [
      ' '.repeat(128),
      '-'.repeat(128),
      '─'.repeat(64),
      ' internationalization',
      '.translatesAutoresizingMaskIntoConstraints',
      ' verantwoordelijkheid',
      '微信公众号天天中彩票',
      '//\n//\n',
      '\u00a0 \u00a0 \u00a0 \u00a0',
    ])
      expect(leastOf(token), JSON.stringify(token)).toBeLessThanOrEqual(1)
  })

  test('grow with what never ends, whatever it is', () => {
    for (const piece of ['agai', 'on ', '天地', ' ', '\n', '=', '{"a":1},', '0f9'])
      expect(leastOf(piece.repeat(100_000)), JSON.stringify(piece)).toBeGreaterThan(780)
  })

  test('are the same however the text is cut, and never fewer for more text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (pieces) => {
        expect(leastOf(...pieces)).toBe(leastOf(pieces.join('')))
        expect(leastOf(...pieces)).toBeGreaterThanOrEqual(leastOf(...pieces.slice(1)) - 0.5)
      }),
    )
  })

  test('are at most one for every character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(leastOf(text)).toBeLessThanOrEqual(Math.ceil(text.length / 2))
      }),
    )
  })
})
