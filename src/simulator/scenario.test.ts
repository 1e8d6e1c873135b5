/** Scenarios: what may be written, how mistakes are told, and which calls a rule's fault befalls. */

import { describe, expect, test } from 'vitest'
import { FaultChooser } from './fault-chooser.ts'
import { readHead } from './read-request.ts'
import type { SimulatedRequest } from './request.ts'
import type { ScenarioInput } from './scenario.ts'
import { createScenario, parseScenario } from './scenario.ts'

function problemsOf(value: unknown) {
  const parsed = parseScenario(value)
  return parsed.type === 'problems' ? parsed.problems : []
}

function requestFor(model = 'mock', more: Partial<SimulatedRequest> = {}): SimulatedRequest {
  const head = { method: 'POST', path: '/v1/chat/completions', headers: {} }
  return { ...readHead(head), model, ...more }
}

/** Which of so many calls a rule befalls, counted from 1. */
function befallen(
  rule: NonNullable<ScenarioInput['faults']>[number],
  calls = 10,
  seed = 1,
): readonly number[] {
  const chooser = new FaultChooser(createScenario({ seed, faults: [rule] }))
  const numbers = Array.from({ length: calls }, (_, index) => index + 1)
  return numbers.filter(() => chooser.choose(requestFor(), 'answering', 0) !== undefined)
}

describe('a scenario', () => {
  test('needs nothing, and has a seed and no pace by default', () => {
    expect(createScenario()).toEqual({
      seed: 1,
      pace: { firstTokenMs: 0, perTokenMs: 0, tokensPerChunk: 1 },
      answers: [],
      rules: [],
    })
  })

  test('takes a fault with parameters beside it or written with it', () => {
    const [beside, within] = createScenario({
      faults: [
        { fault: 'cut-stream', parameters: { token: 3, by: 'fin' } },
        { fault: 'cut-stream(token=3,by=fin)' },
      ],
    }).rules
    expect(beside?.values).toEqual({ token: 3, by: 'fin' })
    expect(within?.values).toEqual(beside?.values)
  })

  test('tells every mistake with its path', () => {
    expect(
      problemsOf({ seed: 'x', unknown: 1, faults: [{ fault: 'status-503', share: 2 }] }).map(({ path }) =>
        path.join('.'),
      ),
    ).toEqual(expect.arrayContaining(['seed', 'faults.0.share', '']))
    expect(
      problemsOf({
        faults: [
          { fault: 'cut-steam' },
          { fault: 'stall', parameters: { tokn: 1 } },
          { fault: 'cut-stream(by=axe)' },
        ],
      }),
    ).toEqual([
      {
        path: ['faults', 0, 'fault'],
        message: 'there is no fault called "cut-steam"; did you mean cut-stream?',
      },
      {
        path: ['faults', 1, 'parameters', 'tokn'],
        message: 'stall has no such parameter; it has: token, ms',
      },
      { path: ['faults', 2, 'parameters', 'by'], message: 'must be one of rst, fin, chunk-abort' },
    ])
  })

  test('refuses a number that is none or out of bounds', () => {
    for (const written of [
      'status(status=99)',
      'status(status=)',
      'status(status=many)',
      'status(status=NaN)',
    ]) {
      expect(problemsOf({ faults: [{ fault: written }] })[0]?.message).toBe(
        'must be a number from 400 to 599',
      )
    }
  })

  test('is no place for names every object has', () => {
    expect(problemsOf({ faults: [{ fault: '__proto__' }, { fault: 'stall(constructor=1)' }] })).toHaveLength(
      2,
    )
  })

  test('thrown together in code lists its mistakes', () => {
    expect(() => createScenario({ faults: [{ fault: 'nothing-like-it' }] })).toThrow(
      /faults\.0\.fault: there is no fault/,
    )
  })
})

describe('a rule', () => {
  test.each([
    ['first', { first: 2 }, [1, 2]],
    ['calls', { calls: [2, 5] }, [2, 5]],
    ['every', { every: 3 }, [3, 6, 9]],
    ['times', { times: 1 }, [1]],
    ['every and times', { every: 2, times: 2 }, [2, 4]],
    ['share 0', { share: 0 }, []],
    ['share 1', { share: 1, first: 1 }, [1]],
  ])('befalls the calls its %s says', (_, condition, expected) => {
    expect(befallen({ fault: 'status-503', ...condition })).toEqual(expected)
  })

  test('with a share befalls the same calls for the same seed, others for another', () => {
    const rule = { fault: 'status-503', share: 0.3 }
    expect(befallen(rule, 1000)).toEqual(befallen(rule, 1000))
    expect(befallen(rule, 1000)).not.toEqual(befallen(rule, 1000, 2))
    expect(befallen(rule, 1000).length).toBeGreaterThan(250)
    expect(befallen(rule, 1000).length).toBeLessThan(350)
  })

  test('holds inside its window of time, again and again with a period', () => {
    const window = { fromMs: 100, untilMs: 200 }
    const at = (rule: object, ms: number) =>
      new FaultChooser(createScenario({ faults: [{ fault: 'status-503', ...rule }] })).choose(
        requestFor(),
        'answering',
        ms,
      ) !== undefined
    expect([99, 100, 199, 200, 1100].map((ms) => at(window, ms))).toEqual([false, true, true, false, false])
    expect([99, 1100, 1199, 1200].map((ms) => at({ ...window, periodMs: 1000 }, ms))).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  test('counts only calls of its model, dialect, kind and form', () => {
    const scenario = createScenario({ faults: [{ fault: 'cut-stream', model: 'flaky-*', first: 1 }] })
    const chooser = new FaultChooser(scenario)
    const choose = (request: SimulatedRequest) => chooser.choose(request, 'answering', 0)?.fault.name
    expect(choose(requestFor('steady', { stream: true }))).toBeUndefined()
    expect(choose(requestFor('flaky-one'))).toBeUndefined()
    expect(choose({ ...requestFor('flaky-one'), operation: 'models' })).toBeUndefined()
    expect(choose(requestFor('flaky-one', { stream: true }))).toBe('cut-stream')
    expect(choose(requestFor('flaky-one', { stream: true }))).toBeUndefined()
  })

  test('may be of one dialect, or of any operation beside chats', () => {
    const scenario = createScenario({
      faults: [
        { fault: 'status-503', dialect: 'gemini' },
        { fault: 'status-500', operation: 'embeddings' },
      ],
    })
    const chooser = new FaultChooser(scenario)
    const choose = (path: string) =>
      chooser.choose(readHead({ method: 'POST', path, headers: {} }), 'answering', 0)?.fault.name
    expect(choose('/v1/responses')).toBeUndefined()
    expect(choose('/v1beta/models/m:generateContent')).toBe('status-503')
    expect(choose('/v1/embeddings')).toBe('status-500')
  })

  test('is passed over when an earlier one befalls the call', () => {
    const chooser = new FaultChooser(
      createScenario({
        faults: [
          { fault: 'status-500', first: 1 },
          { fault: 'status-503', first: 1 },
        ],
      }),
    )
    const names = [1, 2, 3].map(() => chooser.choose(requestFor(), 'answering', 0)?.fault.name)
    expect(names).toEqual(['status-500', 'status-503', undefined])
  })
})
