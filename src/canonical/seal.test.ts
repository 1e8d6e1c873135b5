import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openState, SEAL_MARK, sealState } from './seal.ts'

test('a seal opens to what was sealed, and is base64', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const sealed = sealState({ origin: 'anthropic', value })
      expect(sealed.indexOf(SEAL_MARK)).toBe(1)
      expect(Buffer.from(sealed, 'base64').toString('base64')).toBe(sealed)
      expect(openState(sealed)).toEqual({ origin: 'anthropic', value: Buffer.from(value).toString() })
    }),
  )
})

test("a maker's own signature is no seal", () => {
  expect(openState('EqQBCkgIARABGAIiQL8x')).toBeUndefined()
  expect(openState('')).toBeUndefined()
  expect(openState(`a${SEAL_MARK}`)).toBeUndefined()
})

test('a seal says of what kind its value is, where that was said', () => {
  for (const kind of ['signature', 'encrypted', 'next'] as const) {
    const sealed = sealState({ origin: 'google', value: 'one\ntwo three', kind })
    expect(openState(sealed)).toEqual({ origin: 'google', value: 'one\ntwo three', kind })
  }
  expect(openState(sealState({ origin: 'google', value: 'x' }))).not.toHaveProperty('kind')
})
