import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { END_USER_LENGTH_MAX, SESSION_LENGTH_MAX, TAG_LENGTH_MAX } from '../ledger/said-names.ts'
import { attributionOf, NOTHING_SAID, TAGS_MAX } from './attribution.ts'

test('a request that says nothing gets the one value that says so', () => {
  expect(attributionOf({ host: 'a', 'user-agent': 'b' })).toBe(NOTHING_SAID)
  expect(attributionOf({ 'x-holdfast-user': ' ', 'x-holdfast-tags': ',, ' })).toBe(NOTHING_SAID)
  expect(Object.isFrozen(NOTHING_SAID) && Object.isFrozen(NOTHING_SAID.tags)).toBe(true)
})

describe('the end user', () => {
  test.each([
    [{ 'x-holdfast-user': ' ada ' }, 'ada'],
    [{ 'x-litellm-end-user-id': 'ada' }, 'ada'],
    [{ 'x-litellm-customer-id': 'ada' }, 'ada'],
    [{ 'helicone-user-id': 'ada' }, 'ada'],
    [{ 'x-portkey-metadata': '{"_user":"ada"}' }, 'ada'],
    [{ 'cf-aig-metadata': '{"_user":"ada"}' }, 'ada'],
    [{ 'helicone-user-id': 'other', 'x-holdfast-user': 'ada' }, 'ada'],
    [{ 'x-portkey-metadata': '{"_user":"other"}', 'helicone-user-id': 'ada' }, 'ada'],
  ])('of %j', (headers, endUser) => {
    expect(attributionOf(headers)).toEqual({ endUser, tags: [] })
  })

  test('is whom the body names where no header does', () => {
    expect(attributionOf({}, { endUser: 'ada' })).toEqual({ endUser: 'ada', tags: [] })
    expect(attributionOf({ 'x-holdfast-user': 'eve' }, { endUser: 'ada' }).endUser).toBe('eve')
    expect(attributionOf({ 'cf-aig-metadata': '{"_user":"eve"}' }, { endUser: 'ada' }).endUser).toBe('eve')
    expect(attributionOf({ 'x-holdfast-user': ' ' }, { endUser: 'ada' }).endUser).toBe('ada')
    expect(attributionOf({}, { endUser: ' ' })).toBe(NOTHING_SAID)
  })

  test('that the body names is bounded and plain text', () => {
    const { endUser } = attributionOf({}, { endUser: `a\nb\u001b[2J${'x'.repeat(500)}` })
    expect(endUser).toMatch(/^a%0Ab%1B\[2Jx+$/)
    expect(endUser).toHaveLength(END_USER_LENGTH_MAX)
  })
})

describe('the session', () => {
  test.each([
    [{ 'x-holdfast-session': 's1', 'x-session-id': 's2' }, 's1'],
    [{ 'helicone-session-id': 's1', 'x-claude-code-session-id': 's2' }, 's1'],
    [{ 'x-claude-code-session-id': 's2' }, 's2'],
    [{ 'x-holdfast-session': '', 'x-session-id': 's2' }, 's2'],
    [{ 'x-portkey-trace-id': ' s3' }, 's3'],
    [{ 'x-portkey-trace-id': 's3', 'x-session-id': 's2' }, 's2'],
    [{ 'x-portkey-trace-id': 's3', 'x-client-request-id': 's2' }, 's2'],
    [{ 'x-portkey-trace-id': 's3', 'helicone-session-id': 's1' }, 's1'],
    [{ 'x-portkey-trace-id': ' ' }, undefined],
    [{ 'x-portkey-span-id': 's4', traceparent: 's5' }, undefined],
  ])('of %j', (headers, session) => {
    expect(attributionOf(headers).sessionId).toBe(session)
  })

  test('is that of the body where no header but that of a trace says one', () => {
    expect(attributionOf({}, { sessionId: ' s4\n' })).toEqual({ sessionId: 's4', tags: [] })
    expect(attributionOf({ 'x-session-id': 's2' }, { sessionId: 's4' }).sessionId).toBe('s2')
    expect(attributionOf({ 'x-portkey-trace-id': 's3' }, { sessionId: 's4' }).sessionId).toBe('s4')
    expect(attributionOf({ 'x-portkey-trace-id': 's3' }, { endUser: 'ada' }).sessionId).toBe('s3')
  })
})

describe('the tags', () => {
  test.each([
    ['of our own', { 'x-holdfast-tags': 'team:search, nightly,' }, ['nightly', 'team:search']],
    ['of LiteLLM', { 'x-litellm-tags': 'b,a,b' }, ['a', 'b']],
    ['of a header that came twice', { 'x-holdfast-tags': ['b', 'a'] }, ['a', 'b']],
    ['of Helicone', { 'helicone-property-app': 'chat', 'helicone-property-': 'x' }, ['app:chat']],
    ['of Helicone without a value', { 'helicone-property-beta': ' ' }, ['beta']],
    [
      'of Cloudflare',
      { 'cf-aig-metadata': '{"team":"a","n":1,"ok":true,"no":null,"deep":{"x":1}}' },
      ['n:1', 'ok:true', 'team:a'],
    ],
    ['of Portkey', { 'x-portkey-metadata': '{"_user":"ada","env":"prod"}' }, ['env:prod']],
    ['none of JSON that is broken', { 'x-portkey-metadata': '{"a":', 'cf-aig-metadata': '[1]' }, []],
    ['none of JSON that is long', { 'x-portkey-metadata': JSON.stringify({ a: 'x'.repeat(5_000) }) }, []],
    ['each once', { 'x-holdfast-tags': 'app:chat', 'helicone-property-app': 'chat' }, ['app:chat']],
  ])('%s', (_what, headers, tags) => {
    expect(attributionOf(headers).tags).toEqual(tags)
  })

  test('are sixteen at the most, of which our own count first', () => {
    const many = Array.from({ length: 40 }, (_, at) => `z${at}`).join(',')
    const { tags } = attributionOf({ 'x-litellm-tags': many, 'x-holdfast-tags': 'mine' })
    expect(tags).toHaveLength(TAGS_MAX)
    expect(tags[0]).toBe('mine')
  })
})

test('the same letters are the same name, in whatever bytes and by whatever header they come', () => {
  const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')
  for (const headers of [
    { 'x-holdfast-user': utf8('Zoë à') },
    { 'x-holdfast-user': 'Zoë à' },
    { 'x-holdfast-user': [utf8('Zoë à')] },
    { 'x-holdfast-user': 'Zo%C3%AB %C3%A0' },
    { 'cf-aig-metadata': utf8('{"_user":"Zoë à"}') },
    { 'x-portkey-metadata': '{"_user":"Zo\\u00eb \\u00e0"}' },
  ])
    expect(attributionOf(headers).endUser).toBe('Zo%C3%AB %C3%A0')
  expect(attributionOf({}, { endUser: 'Zoë à' }).endUser).toBe('Zo%C3%AB %C3%A0')
  expect(attributionOf({ 'x-holdfast-session': utf8('à') }).sessionId).toBe('%C3%A0')
  // The last byte of this letter is a space in Latin-1.
  expect(attributionOf({ 'x-holdfast-tags': utf8('à,b') }).tags).toEqual(['%C3%A0', 'b'])
})

test('other letters are percent-encoded as UTF-8', () => {
  expect(attributionOf({ 'cf-aig-metadata': '{"city":"\\u6771\\ud83d\\ude00\\ud800"}' }).tags).toEqual([
    'city:%E6%9D%B1%F0%9F%98%80%EF%BF%BD',
  ])
})

test('whatever is sent, what comes of it is short, printable, sorted and said once', () => {
  const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.array(fc.string()))
  const name = fc.constantFrom(
    'x-holdfast-user',
    'x-holdfast-session',
    'x-holdfast-tags',
    'x-litellm-tags',
    'helicone-user-id',
    'helicone-property-x',
    'helicone-property-é',
    'cf-aig-metadata',
    'x-portkey-metadata',
    'x-portkey-trace-id',
  )
  const metadata = fc.json().map((text) => text)
  fc.assert(
    fc.property(fc.dictionary(name, fc.oneof(value, metadata)), (headers) => {
      const { endUser = 'x', sessionId = 'x', tags } = attributionOf(headers)
      for (const [text, max] of [
        [endUser, END_USER_LENGTH_MAX],
        [sessionId, SESSION_LENGTH_MAX],
        ...tags.map((tag) => [tag, TAG_LENGTH_MAX] as const),
      ] as const) {
        expect(text).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/)
        expect(text.length).toBeLessThanOrEqual(max)
      }
      expect(tags.length).toBeLessThanOrEqual(TAGS_MAX)
      expect(tags).toEqual([...new Set(tags)].sort())
    }),
    { numRuns: 1_000 },
  )
})
