import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../canonical/event.ts'
import type { Delivered, DeliveredPart } from '../dialects/dialect.ts'
import { DeliveredLog } from '../dialects/delivered-log.ts'
import { createSplice, type SpliceMode } from './splice.ts'

const at = (part: number) => ({ candidate: 0, part })
const finish: InferenceEvent = { type: 'finish', candidate: 0, finish: { reason: 'stop' } }

function deliveredOf(...parts: readonly DeliveredPart[]): Delivered {
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const hasToolCalls = parts.some(({ type }) => type === 'tool-call')
  return { text, parts, hasToolCalls, isRescuable: true }
}

const text = (words: string, isOpen = true): DeliveredPart => ({ type: 'text', text: words, isOpen })
const thought = (words: string, isOpen = false): DeliveredPart => ({ type: 'reasoning', text: words, isOpen })
const call = (id: string, name: string, json: string): DeliveredPart => ({
  type: 'tool-call',
  id,
  name,
  arguments: json,
  isOpen: false,
})

function prose(
  kind: 'text' | 'reasoning',
  part: number,
  ...pieces: readonly string[]
): readonly InferenceEvent[] {
  return [
    { type: `${kind}-start`, ...at(part) },
    ...pieces.map((piece): InferenceEvent => ({ type: `${kind}-delta`, text: piece, ...at(part) })),
    { type: `${kind}-end`, ...at(part) },
  ]
}

function calling(
  part: number,
  id: string,
  name: string,
  ...pieces: readonly string[]
): readonly InferenceEvent[] {
  return [
    { type: 'tool-call-start', id, name, ...at(part) },
    ...pieces.map(
      (piece): InferenceEvent => ({ type: 'tool-call-delta', argumentsDelta: piece, ...at(part) }),
    ),
    { type: 'tool-call-end', ...at(part) },
  ]
}

/** What comes out, or `diverged`. */
function spliced(delivered: Delivered, mode: SpliceMode, events: readonly InferenceEvent[]) {
  const splice = createSplice(delivered, mode)
  const out = events.flatMap((event) => splice.add([event]))
  if (splice.hasDiverged) return { out, end: 'diverged' }
  return { out, end: splice.isCaughtUp ? 'caught up' : 'waiting' }
}

describe('append', () => {
  test('joins the open text, numbers the rest on and drops who the other says it is', () => {
    const events: readonly InferenceEvent[] = [
      { type: 'answer-start', responseId: 'other' },
      ...prose('text', 0, 'lo'),
      ...calling(1, 'call_1', 'now', '{}'),
      finish,
    ]
    expect(spliced(deliveredOf(thought('hm'), text('Hel')), 'append', events)).toEqual({
      out: [
        { type: 'text-delta', text: 'lo', ...at(1) },
        { type: 'text-end', ...at(1) },
        ...calling(2, 'call_1', 'now', '{}'),
        finish,
      ],
      end: 'caught up',
    })
  })

  test('ends an open text that nothing joins before anything else begins, or the answer ends', () => {
    const ended: InferenceEvent = { type: 'text-end', ...at(0) }
    expect(spliced(deliveredOf(text('Hi')), 'append', [finish]).out).toEqual([ended, finish])
    const calls = calling(0, 'call_1', 'now', '{}')
    expect(spliced(deliveredOf(text('Hi')), 'append', [...calls, finish]).out).toEqual([
      ended,
      ...calling(1, 'call_1', 'now', '{}'),
      finish,
    ])
  })

  test('begins a text of its own where the delivered one has ended', () => {
    const { out } = spliced(deliveredOf(text('Hi.', false)), 'append', [...prose('text', 0, ' So'), finish])
    expect(out).toEqual([...prose('text', 1, ' So'), finish])
  })

  test('leaves out what is thought before the words go on, and sees no end in thoughts alone', () => {
    const thinking = prose('reasoning', 0, 'where was I')
    const words = [...thinking, ...prose('text', 1, 'lo'), finish]
    expect(spliced(deliveredOf(text('Hel')), 'append', words).out).toEqual([
      { type: 'text-delta', text: 'lo', ...at(0) },
      { type: 'text-end', ...at(0) },
      finish,
    ])
    expect(spliced(deliveredOf(text('Hel')), 'append', [...thinking, finish]).end).toBe('diverged')
  })

  test('gives a call another id where its own was delivered', () => {
    const delivered = deliveredOf(call('call_0', 'now', '{}'), text('Hel'))
    const { out } = spliced(delivered, 'append', calling(0, 'call_0', 'add', '{}'))
    expect(out).toContainEqual({ type: 'tool-call-start', id: 'call_0_2', name: 'add', ...at(2) })
  })

  test('takes the only candidate that speaks, whatever its number', () => {
    const { out } = spliced(deliveredOf(text('Hel')), 'append', [
      { type: 'text-start', candidate: 1, part: 0 },
      { type: 'text-delta', candidate: 1, part: 0, text: 'lo' },
      { type: 'text-delta', candidate: 0, part: 0, text: 'foreign' },
      { type: 'finish', candidate: 1, finish: { reason: 'stop' } },
    ])
    expect(out).toEqual([{ type: 'text-delta', text: 'lo', ...at(0) }, finish])
  })
})

describe('echo', () => {
  test('swallows the text that is repeated, and goes on', () => {
    const events = [...prose('text', 0, 'He', 'llo', '!'), finish]
    expect(spliced(deliveredOf(text('Hel')), 'echo', events)).toEqual({
      out: [
        { type: 'text-delta', text: 'lo', ...at(0) },
        { type: 'text-delta', text: '!', ...at(0) },
        { type: 'text-end', ...at(0) },
        finish,
      ],
      end: 'caught up',
    })
  })

  test('gives up where it is not repeated', () => {
    const events = [...prose('text', 0, 'lo'), finish]
    expect(spliced(deliveredOf(text('Hel')), 'echo', events)).toEqual({ out: [], end: 'diverged' })
  })
})

describe('verify', () => {
  test('compares words wherever the parts of either side are cut', () => {
    const delivered = deliveredOf(text('One', false), text(' two', false), text(' th'))
    const events = [...prose('text', 0, 'One tw', 'o thr', 'ee'), ...prose('text', 1, ' four'), finish]
    expect(spliced(delivered, 'verify', events).out).toEqual([
      { type: 'text-delta', text: 'r', ...at(2) },
      { type: 'text-delta', text: 'ee', ...at(2) },
      { type: 'text-end', ...at(2) },
      ...prose('text', 3, ' four'),
      finish,
    ])
  })

  test('words beyond a text that has ended are a text of their own', () => {
    const { out } = spliced(deliveredOf(text('One', false)), 'verify', [
      ...prose('text', 0, 'One two'),
      finish,
    ])
    expect(out).toEqual([...prose('text', 1, ' two'), finish])
  })

  test('compares a call by its name and what its arguments mean', () => {
    const delivered = deliveredOf(call('call_1', 'add', '{"a":1,"b":[2]}'), text('So'))
    const rest = [...prose('text', 1, 'So it'), finish]
    expect(
      spliced(delivered, 'verify', [...calling(0, 'x', 'add', '{"b": [2], ', '"a":1}'), ...rest]).end,
    ).toBe('caught up')
    for (const [name, json] of [
      ['add', '{"a":1,"b":[3]}'],
      ['sub', '{"a":1,"b":[2]}'],
      ['add', ''],
      ['add', '{"a":1'],
    ] as const)
      expect(spliced(delivered, 'verify', [...calling(0, 'x', name, json), ...rest])).toEqual({
        out: [],
        end: 'diverged',
      })
  })

  test('calls that run side by side and only end with the answer come out once, and whole', () => {
    const delivered = deliveredOf(call('call_1', 'a', '{"x":1}'))
    const { out, end } = spliced(delivered, 'verify', [
      { type: 'tool-call-start', id: 'n1', name: 'a', ...at(0) },
      { type: 'tool-call-start', id: 'n2', name: 'b', ...at(1) },
      { type: 'tool-call-delta', argumentsDelta: '{"y":2', ...at(1) },
      { type: 'tool-call-delta', argumentsDelta: '{"x":1}', ...at(0) },
      { type: 'tool-call-delta', argumentsDelta: '}', ...at(1) },
      finish,
    ])
    expect(end).toBe('caught up')
    expect(out).toEqual([
      { type: 'tool-call-start', id: 'n2', name: 'b', ...at(1) },
      { type: 'tool-call-delta', argumentsDelta: '{"y":2', ...at(1) },
      { type: 'tool-call-delta', argumentsDelta: '}', ...at(1) },
      finish,
    ])
  })

  test('more of a call that was taken to be whole is a divergence', () => {
    const delivered = deliveredOf(call('call_1', 'a', '{}'), text('So'))
    const { end } = spliced(delivered, 'verify', [
      { type: 'tool-call-start', id: 'n1', name: 'a', ...at(0) },
      ...prose('text', 1, 'So'),
      { type: 'tool-call-delta', argumentsDelta: '{"x":1}', ...at(0) },
    ])
    expect(end).toBe('diverged')
  })

  test.each([
    ['ends too early', [...prose('text', 0, 'He'), finish]],
    [
      'thinks where nothing was thought',
      [...prose('reasoning', 0, 'hm'), ...prose('text', 1, 'Hello'), finish],
    ],
    ['refuses', [{ type: 'refusal-delta', text: 'No.', ...at(0) }] as const],
    ['calls a tool instead', [...calling(0, 'c', 'now', '{}'), finish]],
    [
      'says what only its provider can say',
      [{ type: 'opaque', dialect: 'gemini', value: {}, ...at(0) }] as const,
    ],
  ])('an answer that %s is another one', (_name, events) => {
    expect(spliced(deliveredOf(text('Hel')), 'verify', events)).toEqual({ out: [], end: 'diverged' })
  })

  test('is not caught up while the rest may still come', () => {
    expect(spliced(deliveredOf(text('Hel')), 'verify', prose('text', 0, 'He')).end).toBe('waiting')
  })

  test('usage and errors pass at any time', () => {
    const usage: InferenceEvent = { type: 'usage-update', usage: { inputTokens: 3 } }
    expect(spliced(deliveredOf(text('Hel')), 'verify', [usage]).out).toEqual([usage])
  })
})

/** An answer of thoughts and words, cut in pieces anyhow. */
const answers = fc.record({
  thoughts: fc.array(fc.string({ unit: 'grapheme', maxLength: 4 }), { maxLength: 3 }),
  words: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 6,
  }),
})

function eventsOf({ thoughts, words }: { thoughts: readonly string[]; words: readonly string[] }) {
  const hasThoughts = thoughts.join('') !== ''
  return [
    ...(hasThoughts ? prose('reasoning', 0, ...thoughts) : []),
    ...prose('text', hasThoughts ? 1 : 0, ...words),
    finish,
  ]
}

/** What was delivered after so many events. */
function logged(events: readonly InferenceEvent[], count: number): Delivered {
  const log = new DeliveredLog({ signsReasoning: false })
  for (const event of events.slice(0, count)) log.add(event)
  return log.delivered
}

function saidBy(events: readonly InferenceEvent[], type: 'text-delta' | 'reasoning-delta'): string {
  return events.map((event) => (event.type === type && 'text' in event ? event.text : '')).join('')
}

describe('any answer, cut anywhere', () => {
  test('verify swallows exactly what was delivered: together they are the answer once', () => {
    fc.assert(
      fc.property(answers, fc.nat(), fc.nat({ max: 7 }), (answer, cut, piece) => {
        const events = eventsOf(answer)
        const count = cut % events.length
        const chars = (all: readonly string[]) =>
          all.join('').match(new RegExp(`[^]{1,${piece + 1}}`, 'g')) ?? []
        const again = eventsOf({ thoughts: chars(answer.thoughts), words: chars(answer.words) })
        const { out, end } = spliced(logged(events, count), 'verify', again)
        expect(end).toBe('caught up')
        const whole = [...events.slice(0, count), ...out]
        for (const type of ['text-delta', 'reasoning-delta'] as const)
          expect(saidBy(whole, type)).toBe(saidBy(events, type))
        expect(out.at(-1)).toEqual(finish)
      }),
    )
  })

  test('verify sees every difference of a single character, and lets nothing out after it', () => {
    fc.assert(
      fc.property(answers, fc.nat(), fc.nat(), (answer, cut, place) => {
        const events = eventsOf(answer)
        const delivered = logged(events, cut % events.length)
        const { text: words } = delivered
        fc.pre(words !== '')
        const wrongAt = place % words.length
        const whole = answer.words.join('')
        const other = whole[wrongAt] === '#' ? '+' : '#'
        const wrong = whole.slice(0, wrongAt) + other + whole.slice(wrongAt + 1)
        const again = eventsOf({ ...answer, words: [wrong] })
        expect(spliced(delivered, 'verify', again)).toEqual({ out: [], end: 'diverged' })
      }),
    )
  })

  test('append adds what comes and not a character more', () => {
    fc.assert(
      fc.property(answers, fc.nat(), (answer, cut) => {
        const delivered = deliveredOf(text(answer.words.join('').slice(0, cut % 20)))
        const { out } = spliced(delivered, 'append', eventsOf(answer))
        expect(saidBy(out, 'text-delta')).toBe(answer.words.join(''))
      }),
    )
  })
})
