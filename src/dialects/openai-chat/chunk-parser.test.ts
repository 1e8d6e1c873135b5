import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkParser } from './chunk-parser.ts'

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' }

function chunk(delta: object, more: object = {}): string {
  return JSON.stringify({ ...HEAD, choices: [{ index: 0, delta, finish_reason: null }], ...more })
}

/** What one parser makes of a stream. */
function readAll(events: readonly string[]): readonly unknown[] {
  const parser = new ChunkParser()
  return events.map((event) => parser.parse(event))
}

function parseAll(events: readonly string[]): readonly unknown[] {
  return events.map((event): unknown => JSON.parse(event))
}

describe('the events of a stream mean what they say, alike or not', () => {
  const texts = fc.array(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })), { maxLength: 12 })

  test.each(['content', 'reasoning_content', 'reasoning'])('text in pieces as %s', (field) => {
    fc.assert(
      fc.property(texts, (pieces) => {
        const events = pieces.map((text) => chunk({ [field]: text }))
        expect(readAll(events)).toStrictEqual(parseAll(events))
      }),
    )
  })

  test('with padding behind each', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string())), (pieces) => {
        const events = pieces.map(([text, obfuscation]) => chunk({ content: text }, { obfuscation }))
        expect(readAll(events)).toStrictEqual(parseAll(events))
      }),
    )
  })

  test('with spaces, as Python writes it', () => {
    const events = ['Hi', ' there', '!'].map(
      (text) => `{"choices": [{"index": 0, "delta": {"content": "${text}"}}]}`,
    )
    expect(readAll(events)).toStrictEqual(parseAll(events))
  })

  test('of any kind in any order', () => {
    const text = fc.constantFrom('a', 'assistant', 'm', 'holdfast', '', ' "', '\\', 'é', '\n')
    const delta = fc.oneof(
      text.map((content) => ({ content })),
      text.map((content) => ({ role: 'assistant', content })),
      text.map((reasoning) => ({ reasoning, content: null })),
      fc.tuple(text, text).map(([content, reasoning]) => ({ content, reasoning })),
      text.map((id) => ({ tool_calls: [{ index: 0, id, function: { arguments: id } }] })),
      fc.constant({}),
    )
    const more = fc.oneof(
      fc.constant({}),
      text.map((obfuscation) => ({ obfuscation })),
      fc.constant({ usage: null }),
      text.map((content) => ({ content })),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(delta, more), { maxLength: 20 }), (drawn) => {
        const events = drawn.map(([said, beside]) => chunk(said, beside))
        expect(readAll(events)).toStrictEqual(parseAll(events))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the same words elsewhere are not taken for the text', () => {
  test('before it, under the same name', () => {
    const event = (one: string, other: string) =>
      `{"meta":{"content":"${one}"},"choices":[{"delta":{"content":"${other}"}}]}`
    const events = [event('a', 'a'), event('b', 'a'), event('a', 'b'), event('b', 'b')]
    expect(readAll(events)).toStrictEqual(parseAll(events))
  })

  test('said twice, of which the last counts', () => {
    const event = (one: string, other: string) =>
      `{"choices":[{"delta":{"content":"${one}","content":"${other}"}}]}`
    const events = [event('a', 'a'), event('b', 'a'), event('b', 'c'), event('c', 'c')]
    expect(readAll(events)).toStrictEqual(parseAll(events))
  })

  test('in a name that ends like it', () => {
    const event = (one: string, other: string) =>
      `{"choices":[{"delta":{"a\\"content":"${one}","content":"${other}"}}]}`
    const events = [event('a', 'a'), event('b', 'a'), event('a', 'b')]
    expect(readAll(events)).toStrictEqual(parseAll(events))
  })

  test('behind the padding', () => {
    const event = (text: string, padding: string) =>
      `{"obfuscation":"${padding}","choices":[{"delta":{"content":"${text}"}}]}`
    const events = [event('a', 'x'), event('b', 'x'), event('b', 'yz'), event('c', 'x')]
    expect(readAll(events)).toStrictEqual(parseAll(events))
  })
})

describe('what is no JSON stays none', () => {
  const known = chunk({ content: 'known' })

  test.each([
    ['a raw control character', known.replace('known', 'new\nline')],
    ['an escape that is none', known.replace('known', 'b\\q')],
    ['a quote that ends the text early', known.replace('known', 'a"b')],
    ['an end that is cut off', known.slice(0, -1)],
    ['more behind its end', `${known}}`],
  ])('%s', (_, event) => {
    const parser = new ChunkParser()
    expect(parser.parse(known)).toBeDefined()
    expect(parser.parse(event)).toBeUndefined()
    expect(parser.parse(known.replace('known', 'next'))).toEqual(JSON.parse(known.replace('known', 'next')))
  })

  test('a list, and what is nested too deep', () => {
    const parser = new ChunkParser()
    expect(parser.parse('[]')).toBeUndefined()
    expect(parser.parse(`{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`)).toBeUndefined()
  })
})

test('events that are alike share what they have in common: they are not parsed anew', () => {
  const parser = new ChunkParser()
  const [first, second] = ['a', 'b'].map((content) =>
    parser.parse(chunk({ content }, { usage: { of: 'nothing' } })),
  )
  expect(second?.['usage']).toBe(first?.['usage'])
})

test('one after another without likeness, it gives up looking for some', () => {
  const parser = new ChunkParser()
  for (let at = 0; at < 10; at += 1) parser.parse(chunk({ content: `x${at}` }, { nonce: at }))
  const [first, second] = ['a', 'b'].map((content) =>
    parser.parse(chunk({ content }, { usage: { of: 'nothing' } })),
  )
  expect(second).toEqual(first && { ...first, choices: second?.['choices'] })
  expect(second?.['usage']).not.toBe(first?.['usage'])
})
