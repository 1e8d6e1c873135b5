import { describe, expect, test } from 'vitest'
import { ToolIds } from './tool-ids.ts'
import { AnswerToolIds } from './write-answer-block.ts'

describe('the ids of tool calls', () => {
  test('are each given once, whatever they were, and results find their own', () => {
    const ids = new ToolIds()
    expect(['a', 'a', 'a_2', 'a', '', ''].map((id) => ids.call(id))).toEqual([
      'a',
      'a_2',
      'a_2_2',
      'a_3',
      'toolu',
      'toolu_2',
    ])
    expect(['a', 'a', 'a_2', 'a', '', ''].map((id) => ids.result(id))).toEqual([
      'a',
      'a_2',
      'a_2_2',
      'a_3',
      'toolu',
      'toolu_2',
    ])
  })

  test('cost the same each, however many calls share one', () => {
    const ids = new ToolIds()
    const given = new Set(Array.from({ length: 200_000 }, () => ids.call('')))
    expect(given.size).toBe(200_000)
    expect(Array.from({ length: 200_000 }, () => ids.result('')).at(-1)).toBe('toolu_200000')
  })

  test('cost the same each in an answer, too', () => {
    const ids = new AnswerToolIds()
    const given = new Set(Array.from({ length: 200_000 }, () => ids.give('', 'msg_1')))
    expect(given.size).toBe(200_000)
  })
})
