import { describe, expect, test } from 'vitest'
import { call, chunk, DONE, data, delta, read } from './streams.test-support.ts'

describe('fault 71: tool calls', () => {
  const calls = (text: string) => read(text + delta({}, 'tool_calls') + DONE).first?.calls

  test('keyed by index, in pieces', () => {
    expect(
      calls(
        call({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } }) +
          call({ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{' } }) +
          call({ index: 0, function: { arguments: ':1}' } }) +
          call({ index: 1, function: { arguments: '}' } }),
      ),
    ).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}' },
      { id: 'b', name: 'g', arguments: '{}' },
    ])
  })

  test('without an index: by id, and by order', () => {
    expect(
      calls(
        delta({
          tool_calls: [
            { id: 'a', function: { name: 'f', arguments: '{"x":' } },
            { id: 'b', function: { name: 'f', arguments: '{"y":' } },
          ],
        }) +
          delta({
            tool_calls: [
              { id: 'a', function: { arguments: '1}' } },
              { id: 'b', function: { arguments: '2}' } },
            ],
          }),
      ),
    ).toMatchObject([{ arguments: '{"x":1}' }, { arguments: '{"y":2}' }])
    expect(
      calls(call({ function: { name: 'f', arguments: '{"x":' } }) + call({ function: { arguments: '1}' } })),
    ).toMatchObject([{ name: 'f', arguments: '{"x":1}' }])
  })

  test('an index used for two calls with two ids', () => {
    expect(
      calls(
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }) +
          call({ index: 0, id: 'b', function: { name: 'g', arguments: '{"y":1}' } }),
      ),
    ).toEqual([
      { id: 'a', name: 'f', arguments: '{}' },
      { id: 'b', name: 'g', arguments: '{"y":1}' },
    ])
  })

  test('an index used for two whole calls without ids', () => {
    const entry = (x: number) => call({ index: 0, id: '', function: { name: 'f', arguments: `{"x":${x}}` } })
    expect(calls(entry(1) + entry(2))).toMatchObject([{ arguments: '{"x":1}' }, { arguments: '{"x":2}' }])
  })

  test('a name repeated beside every piece, an id that changes without one', () => {
    expect(
      calls(
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":' } }) +
          call({ index: 0, id: 'a', function: { name: 'f', arguments: '1' } }) +
          call({ index: 0, id: 'z', function: { arguments: '}' } }),
      ),
    ).toEqual([{ id: 'a', name: 'f', arguments: '{"x":1}' }])
  })

  test('empty ids are made up, the same on every reading and different in every answer', () => {
    const text = (id: string) =>
      data({
        id,
        choices: [
          {
            delta: {
              tool_calls: [
                { id: '', function: { name: 'f', arguments: '{}' } },
                { function: { name: 'g', arguments: '{}' } },
              ],
            },
            finish_reason: 'stop',
          },
        ],
      })
    const ids = (id: string) => read(text(id)).first?.calls.map((it) => it.id) ?? []
    const [one = '', two = ''] = ids('x')
    expect(one).toMatch(/^call_[a-z0-9_]+$/)
    expect(one).not.toBe(two)
    expect(ids('x')).toEqual([one, two])
    expect(ids('y')).not.toContain(one)
  })

  test('a name that comes late holds the call back until it is known', () => {
    const { events, first } = read(
      call({ index: 0, id: 'a', function: { arguments: '{"x":' } }) +
        call({ index: 0, function: { name: 'f' } }) +
        call({ index: 0, function: { arguments: '1}' } }, 'tool_calls'),
    )
    expect(first?.calls).toEqual([{ id: 'a', name: 'f', arguments: '{"x":1}' }])
    expect(events.filter(({ type }) => type === 'tool-call-start').length).toBe(1)
  })

  test('the whole call in the chunk of the finish', () => {
    const { first } = read(
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }, 'tool_calls'),
    )
    expect(first?.calls).toEqual([{ id: 'a', name: 'f', arguments: '{}' }])
  })

  test('arguments that are an object, and a custom tool', () => {
    expect(calls(call({ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } }))).toMatchObject([
      { arguments: '{"x":1}' },
    ])
    const { result } = read(
      call({ index: 0, id: 'a', type: 'custom', custom: { name: 'f', input: 'free ' } }) +
        call({ index: 0, custom: { input: 'text' } }, 'tool_calls'),
    )
    expect(result.candidates[0]?.parts).toEqual([
      { type: 'tool-call', id: 'a', name: 'f', arguments: 'free text', kind: 'custom' },
    ])
  })

  test('arguments cut in an escape or a surrogate are whole again; invalid ones are flagged and not mended', () => {
    const pieces = ['{"a":"\\', 'u00e9\\ud83c', '\\udf24"}']
    const entry = (text: string) => call({ index: 0, id: 'a', function: { name: 'f', arguments: text } })
    const whole = read(pieces.map(entry).join('') + delta({}, 'tool_calls'))
    expect(whole.first?.calls[0]?.arguments).toBe(pieces.join(''))
    expect(whole.events.find(({ type }) => type === 'tool-call-end')).not.toHaveProperty('isMalformed')
    const cut = read(entry('{"a":1') + delta({}, 'length'))
    expect(cut.first?.calls[0]?.arguments).toBe('{"a":1')
    expect(cut.events.find(({ type }) => type === 'tool-call-end')).toMatchObject({ isMalformed: true })
  })

  test('an empty list, and fields filled with nothing, are no calls', () => {
    const { first } = read(
      delta(
        {
          content: 'a',
          tool_calls: [],
          function_call: { name: '', arguments: '' },
          refusal: '',
          audio: { id: '', data: '' },
        },
        'stop',
      ),
    )
    expect(first).toMatchObject({ text: 'a', calls: [], finish: 'stop', refusal: '' })
  })

  test('a legacy function call', () => {
    const { first } = read(
      delta({ function_call: { name: 'f', arguments: '{"x"' } }) +
        delta({ function_call: { arguments: ':1}' } }) +
        delta({}, 'function_call'),
    )
    expect(first).toMatchObject({ finish: 'tool-calls', calls: [{ name: 'f', arguments: '{"x":1}' }] })
  })
})

describe('fault 69: usage', () => {
  const usage = (...values: unknown[]) =>
    read(delta({ content: 'a' }, 'stop') + values.map((value) => chunk([], { usage: value })).join('') + DONE)
      .result.usage

  test('the last one counts, a null or empty one does not', () => {
    expect(
      usage({ prompt_tokens: 5, completion_tokens: 1 }, { prompt_tokens: 5, completion_tokens: 9 }, null, {}),
    ).toMatchObject({
      inputTokens: 5,
      outputTokens: 9,
    })
    expect(usage()).toBeUndefined()
  })

  test('details: cached tokens in four spellings, reasoning inside and outside', () => {
    const base = { prompt_tokens: 100, completion_tokens: 10 }
    expect(usage({ ...base, prompt_tokens_details: { cached_tokens: 60 } })?.cacheReadTokens).toBe(60)
    expect(usage({ ...base, prompt_cache_hit_tokens: 60 })?.cacheReadTokens).toBe(60)
    expect(usage({ ...base, cached_tokens: 60 })?.cacheReadTokens).toBe(60)
    expect(usage({ ...base, cache_read_input_tokens: 60 })?.cacheReadTokens).toBe(60)
    const reasoning = { completion_tokens_details: { reasoning_tokens: 7 } }
    expect(usage({ ...base, total_tokens: 110, ...reasoning })).toMatchObject({
      outputTokens: 10,
      reasoningTokens: 7,
    })
    expect(usage({ ...base, total_tokens: 117, ...reasoning })).toMatchObject({
      outputTokens: 17,
      reasoningTokens: 7,
    })
    expect(usage({ ...base, total_tokens: 150 })).toMatchObject({ outputTokens: 50, reasoningTokens: 40 })
  })

  test('fault 50: counts nobody can believe are not reported', () => {
    for (const bad of [-1, '7', 1e308, 1.5, 2 ** 53, null, {}]) {
      expect(usage({ prompt_tokens: 3, completion_tokens: bad })?.outputTokens).toBeUndefined()
    }
    const absurd = usage({
      prompt_tokens: 3,
      completion_tokens: 1,
      prompt_tokens_details: { cached_tokens: 4 },
    })
    expect(absurd?.cacheReadTokens).toBeUndefined()
  })

  test("Groq's own place for it", () => {
    const text =
      delta({ content: 'a' }, 'stop') +
      chunk([], { x_groq: { usage: { prompt_tokens: 1, completion_tokens: 2 } } })
    expect(read(text).result.usage).toMatchObject({ inputTokens: 1, outputTokens: 2 })
  })
})
