/** Faults of streamed tool calls, seen by a client that reads raw bytes, in both dialects. */

import { describe, expect, test } from 'vitest'
import { targetDialects } from '../../dialects/index.ts'
import { ANTHROPIC, events, createFaultBench } from './fault-bench.test-support.ts'
import { ARGUMENT_STREAMS } from './tool-faults.ts'

const bench = createFaultBench()

describe('faults of tool calls', () => {
  const calls = async (kind: string) =>
    events(await bench.streamed(`tool-deltas(kind=${kind})`)).flatMap(
      (event) => event.choices?.[0]?.delta?.tool_calls ?? [],
    )
  const blocks = async (kind: string) =>
    events(await bench.streamed(`tool-deltas(kind=${kind})`, { path: ANTHROPIC }))
  const join = (deltas: { function?: { arguments?: string } }[]) =>
    deltas.map((delta) => delta.function?.arguments ?? '').join('')
  const both = '{"city":"Z\\u00fcrich 😀","simulated":true}'.repeat(2)

  test('tool-deltas come without, with the same, or with gaps in their index', async () => {
    expect((await calls('no-index')).every((delta) => !('index' in delta))).toBe(true)
    expect((await calls('same-index')).every((delta) => delta.index === 0)).toBe(true)
    expect([...new Set((await calls('gap-index')).map((delta) => delta.index))]).toEqual([3, 8])
    expect(
      (await blocks('same-index'))
        .filter((event) => event.type === 'content_block_start')
        .map((event) => event.index),
    ).toEqual([0, 0])
  })

  test('tool-deltas come with an empty id, none, or an empty name again and again', async () => {
    expect((await calls('empty-id')).filter((delta) => delta.id === '')).toHaveLength(2)
    expect((await calls('no-id')).every((delta) => delta.id === undefined)).toBe(true)
    expect(
      (await calls('repeated-name')).filter((delta) => delta.function.name === '').length,
    ).toBeGreaterThan(4)
    const [empty] = (await blocks('empty-id')).filter((event) => event.content_block)
    expect(empty.content_block.id).toBe('')
    const [none] = (await blocks('no-id')).filter((event) => event.content_block)
    expect('id' in none.content_block).toBe(false)
  })

  test('tool-deltas name the tool late', async () => {
    const named = (await calls('late-name')).map((delta) => delta.function.name)
    expect(named[0]).toBeUndefined()
    expect(named.filter((name) => name === 'simulated_tool')).toHaveLength(2)
    const [block] = (await blocks('late-name')).filter((event) => event.content_block)
    expect(block.content_block.name).toBe('')
  })

  test('tool-deltas split escapes and surrogate pairs, and come whole at once', async () => {
    const split = await calls('split-escapes')
    expect(split.every((delta) => (delta.function.arguments?.length ?? 0) <= 1)).toBe(true)
    expect(join(split)).toBe(both)
    const whole = await calls('whole-at-once')
    expect(whole).toHaveLength(4)
    expect(join(whole)).toBe(both)
    const partial = (await blocks('split-escapes')).flatMap((event) => event.delta?.partial_json ?? [])
    expect(partial.join('')).toBe(both)
  })

  test('tool-deltas hold arguments that are no JSON', async () => {
    const deltas = await calls('invalid-json')
    const first = join(deltas.filter((delta) => delta.index === 0))
    expect(() => JSON.parse(first)).toThrow(SyntaxError)
  })

  test.each(ARGUMENT_STREAMS)('tool-arguments come in pieces, whole, or broken: %s', async (dialect) => {
    const argumentsOf = async (kind: string) => {
      const { body } = await bench.struckIn(dialect, `tool-arguments(kind=${kind})`, { stream: true })
      const reader = targetDialects.get(dialect)?.createStreamReader()
      const read = [...(reader?.read(body) ?? []), ...(reader?.end() ?? [])]
      const pieces = read.flatMap((event) => (event.type === 'tool-call-delta' ? [event.argumentsDelta] : []))
      return { pieces, text: pieces.join('') }
    }
    const split = await argumentsOf('split-escapes')
    expect(split.text).toBe(both)
    expect(split.pieces.length).toBeGreaterThan(60)
    const whole = await argumentsOf('whole-at-once')
    expect(whole.text).toBe(both)
    expect(whole.pieces).toHaveLength(2)
    expect(() => JSON.parse(both.slice(both.length / 2))).not.toThrow()
    expect((await argumentsOf('invalid-json')).text).toContain('",,{')
  })
})
