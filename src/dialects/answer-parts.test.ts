import { expect, test } from 'vitest'
import { AnswerParts, CITATIONS_MAX, resultOfEvents, TOOL_CALLS_MAX } from './answer-parts.ts'

test('closes one kind of prose before another, and everything before the finish', () => {
  const parts = new AnswerParts()
  parts.start({ responseId: 'a' })
  parts.start({ responseId: 'b' })
  parts.reasoning('hm')
  parts.text('He')
  parts.text('llo')
  parts.text('next block', 1)
  parts.openCall({ key: 0, id: 'c', name: 'f' })
  parts.growCall(0, '{"a":')
  parts.finish({ reason: 'tool-calls' })
  expect(parts.take().map(({ type }) => type)).toEqual([
    'answer-start',
    'reasoning-start',
    'reasoning-delta',
    'reasoning-end',
    'text-start',
    'text-delta',
    'text-delta',
    'text-end',
    'text-start',
    'text-delta',
    'text-end',
    'tool-call-start',
    'tool-call-delta',
    'tool-call-end',
    'finish',
  ])
  expect(parts.take()).toEqual([])
})

test('says that the arguments of a call are not JSON', () => {
  const parts = new AnswerParts()
  parts.openCall({ key: 0, id: 'c', name: 'f' })
  parts.growCall(0, '{"a":')
  parts.closeCall(0)
  expect(parts.take().at(-1)).toMatchObject({ type: 'tool-call-end', isMalformed: true })
})

test('a call that grows without having been made, or has no name, is an anomaly', () => {
  const parts = new AnswerParts()
  parts.growCall(3, '{}')
  parts.openCall({ key: 0, id: 'c', name: '' })
  expect([parts.anomalies, parts.callCount, parts.hasParts]).toEqual([2, 0, false])
})

test('what grows has a bound', () => {
  const parts = new AnswerParts()
  for (let key = 0; key <= TOOL_CALLS_MAX; key += 1) parts.openCall({ key, id: `c${key}`, name: 'f' })
  expect([parts.callCount, parts.anomalies]).toEqual([TOOL_CALLS_MAX, 1])
  parts.text('cited')
  for (let count = 0; count <= CITATIONS_MAX; count += 1) parts.cite({ raw: {} })
  expect(parts.anomalies).toBe(2)
})

test('citations hang on the text they follow, however late they come', () => {
  const parts = new AnswerParts()
  parts.start({})
  parts.text('cited')
  parts.cite({ title: 't', raw: {} })
  parts.finish({ reason: 'stop' })
  expect(resultOfEvents(parts.take()).candidates[0]?.parts).toEqual([
    { type: 'text', text: 'cited', citations: [{ title: 't', raw: {} }] },
  ])
})

test('an answer of nothing is none, unless it was cut or filtered', () => {
  const ending = (reason: 'stop' | 'length' | 'content-filter') => {
    const parts = new AnswerParts()
    parts.start({})
    parts.finish({ reason })
    return () => resultOfEvents(parts.take())
  }
  expect(ending('stop')).toThrow(/no content/)
  expect(ending('length')().candidates[0]?.finish?.reason).toBe('length')
  expect(ending('content-filter')().candidates[0]?.parts).toEqual([])
})
