import { expect, test } from 'vitest'
import { createExplanations } from './explanations.ts'

test('SEC-19: a trace is told to the key that made the request, and to the operator, and to nobody else', () => {
  const explanations = createExplanations()
  explanations.keep('req_1', { keyName: 'laptop' }, () => ({ requestId: 'req_1' }))
  expect(explanations.find('req_1', { keyName: 'laptop' })).toEqual({ requestId: 'req_1' })
  expect(explanations.find('req_1', { keyName: 'phone' })).toBeUndefined()
  expect(explanations.find('req_1', {})).toBeUndefined()
  expect(explanations.findAny('req_1')).toEqual({ requestId: 'req_1' })
  expect(explanations.find('req_2', {})).toBeUndefined()
  expect(explanations.findAny('req_2')).toBeUndefined()
})

test('without client keys everyone is the same caller', () => {
  const explanations = createExplanations()
  explanations.keep('req_1', {}, () => ({ steps: 1 }))
  expect(explanations.find('req_1', {})).toEqual({ steps: 1 })
})

test('a trace is told as it is when asked for', () => {
  const explanations = createExplanations()
  let attempts = 1
  explanations.keep('req_1', {}, () => ({ attempts }))
  attempts = 2
  expect(explanations.find('req_1', {})).toEqual({ attempts: 2 })
})

test('the oldest is forgotten where there are too many', () => {
  const explanations = createExplanations(2)
  for (const id of ['a', 'b', 'a', 'c']) explanations.keep(id, {}, () => ({ id }))
  expect(['a', 'b', 'c'].map((id) => explanations.findAny(id) !== undefined)).toEqual([true, false, true])
})
