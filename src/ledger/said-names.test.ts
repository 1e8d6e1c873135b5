import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  END_USER_LENGTH_MAX,
  endUserName,
  formerName,
  namesAsked,
  readScopeName,
  scopeName,
  SESSION_LENGTH_MAX,
  sessionName,
  TAG_LENGTH_MAX,
  tagName,
} from './said-names.ts'

const kinds = [
  ['an end user', endUserName, END_USER_LENGTH_MAX],
  ['a tag', tagName, TAG_LENGTH_MAX],
  ['a session', sessionName, SESSION_LENGTH_MAX],
] as const

/** Of any kind, with spaces and marks that compose among them. */
const character = fc
  .oneof(fc.integer({ min: 0, max: 0x10ffff }), fc.integer({ min: 0, max: 0x36f }), fc.constant(0x20))
  .map((point) => String.fromCodePoint(point))

describe.each(kinds)('the name of %s', (_what, nameOf, lengthMax) => {
  test('is as it is said where it is ASCII', () => {
    for (const name of ['ada@example.com', 'team:red, blue', 'm%C3%BCller', '100% sure'])
      expect(nameOf(name)).toBe(name)
    expect(nameOf(' ada ')).toBe('ada')
    expect(nameOf(' \t')).toBe('')
  })

  test('is the same in every spelling', () => {
    const composed = nameOf('m\u00fcller')
    expect(composed).toBe('m%C3%BCller')
    expect(nameOf('mu\u0308ller')).toBe(composed)
    expect(nameOf(composed)).toBe(composed)
    expect(nameOf('\u6771\u{1f600}\ud800\u0001')).toBe('%E6%9D%B1%F0%9F%98%80%EF%BF%BD%01')
  })

  test('is cut at its bound, and at no half of a code', () => {
    expect(nameOf('x'.repeat(500))).toBe('x'.repeat(lengthMax))
    expect(nameOf(`${'x'.repeat(lengthMax - 5)}üy`)).toBe('x'.repeat(lengthMax - 5))
    expect(nameOf('u\u0308'.repeat(lengthMax))).toBe(nameOf('\u00fc'.repeat(lengthMax)))
    expect(nameOf(`${'x'.repeat(lengthMax - 1)}u\u0308`)).toBe(nameOf(`${'x'.repeat(lengthMax - 1)}\u00fc`))
  })

  test('whatever is said: it is short and printable, and what is kept stays', () => {
    fc.assert(
      fc.property(fc.array(character, { maxLength: 300 }), (characters) => {
        const said = characters.join('')
        const name = nameOf(said)
        expect(name).toMatch(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/)
        expect(name.length).toBeLessThanOrEqual(lengthMax)
        expect(nameOf(name)).toBe(name)
        expect(nameOf(said.normalize('NFD'))).toBe(nameOf(said.normalize('NFC')))
      }),
    )
  })
})

test('a scope is for what requests have: names that clients say in their form, others as they are', () => {
  expect(scopeName({ kind: 'end-user', id: 'müller' })).toBe('m%C3%BCller')
  expect(scopeName({ kind: 'tag', id: 'x'.repeat(70) })).toBe('x'.repeat(64))
  expect(scopeName({ kind: 'model', id: 'é'.repeat(70) })).toBe('é'.repeat(70))
  expect(scopeName({ kind: 'all', id: '' })).toBe('')
})

test('a new budget is for a whole name, and told the bound where it would be for a part of one', () => {
  expect(readScopeName('end-user', 'müller')).toEqual({ name: 'm%C3%BCller' })
  expect(readScopeName('tag', 'x'.repeat(TAG_LENGTH_MAX))).toEqual({ name: 'x'.repeat(TAG_LENGTH_MAX) })
  const { fault: long } = readScopeName('tag', 'x'.repeat(70))
  expect(long).toContain('of a tag 64 characters are kept, and this has 70')
  expect(long).toContain(`what is kept of it: ${'x'.repeat(64)}`)
  // 22 letters of six characters each.
  const { fault: encoded } = readScopeName('end-user', 'ü'.repeat(22))
  expect(encoded).toContain('of an end user 128 characters are kept, and this has 132')
  expect(readScopeName('end-user', ' ').fault).toBe('this names nobody')
  expect(readScopeName('tag', ' ').fault).toBe('this names no tag')
})

test('a letter that was kept as its one byte is kept as UTF-8 now, and nothing else changes', () => {
  expect(formerName('m%FCller')).toBe('m%C3%BCller')
  for (const name of ['m%C3%BCller', 'ada', '100%', '%41', '%E6%9D%B1']) expect(formerName(name)).toBe(name)
})

test('names that are looked for are in the form that requests keep, and those that are not stay away', () => {
  const said = 'mu\u0308ller '
  expect(namesAsked({ endUser: said, tag: said, session: said })).toEqual({
    endUser: 'm%C3%BCller',
    tag: 'm%C3%BCller',
    session: 'm%C3%BCller',
  })
  expect(Object.keys(namesAsked({ tag: 'nightly', session: undefined }))).toEqual(['tag'])
})
