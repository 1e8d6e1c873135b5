import { describe, expect, test, vi } from 'vitest'
import { type Condition, compileCondition } from './condition.ts'
import { type ConditionFacts, conditionFacts, type FactsSource } from './condition-facts.ts'

function compiled(source: string): Condition {
  const made = compileCondition(source)
  if (made.type === 'fault') throw new Error(made.message)
  return made.condition
}

function faultOf(source: string): string {
  const made = compileCondition(source)
  return made.type === 'fault' ? made.message : 'none'
}

const envelope: FactsSource['envelope'] = {
  dialect: 'openai-chat',
  operation: 'chat',
  modelId: 'smart',
  stream: true,
  wantsStreamUsage: false,
  maxOutputTokens: 64,
  candidateCount: 1,
  bodyBytes: 4_001,
  fields: new Map(),
  bodyStart: 1,
}

const facts = (change: Partial<FactsSource> = {}): ConditionFacts =>
  conditionFacts({
    envelope,
    headers: { 'X-Team': 'search', 'x-many': ['one', 'two'] },
    keyName: 'laptop',
    priority: 'low',
    wallMs: Date.UTC(2026, 0, 1, 23, 59),
    ...change,
  })

describe('a condition', () => {
  test.each([
    ['request.model == "smart" && request.dialect == "openai-chat" && request.operation == "chat"', true],
    ['request.stream', true],
    ['request.inputTokens == 1001 && request.inputTokens > 1000', true],
    ['request.inputTokens > 100000', false],
    ['request.maxOutputTokens <= 64 && request.bodyBytes == 4001', true],
    ['request.hasTools || request.hasImages', false],
    ['request.key in ["laptop", "phone"] && request.priority == "low"', true],
    ['request.hour >= 22 || request.hour < 6', true],
    ['request.header("X-Team") == "search" && request.headers["x-many"] == "one"', true],
    ['request.header("x-none") == "" && !("x-none" in request.headers)', true],
    ['request.header("constructor") == "" && request.header("__proto__") == ""', true],
    ['request.model.startsWith("sm") && request.model.contains("mar") && request.model.endsWith("rt")', true],
  ])('%s: %s', (source, isMet) => {
    expect(compiled(source).holds(facts())).toBe(isMet)
  })

  test('decodes the request for what is asked of its content, and for nothing else', () => {
    const get = vi.fn(() => ({ abilities: new Set(['tools'] as const), inputTokensMin: 0, fileIds: [] }))
    const needs = {
      mayNeed: (ability: string) => ability === 'tools',
      mayNameFiles: () => false,
      bodyBytes: 1,
      get,
    }
    expect(compiled('request.inputTokens > 1').holds(facts({ needs }))).toBe(true)
    expect(compiled('request.hasImages').holds(facts({ needs }))).toBe(false)
    expect(get).not.toHaveBeenCalled()
    expect(compiled('request.hasTools').holds(facts({ needs }))).toBe(true)
  })

  test.each([
    ['request.headers["x-none"] == "a"', 'No such key: x-none'],
    ['request.inputTokens / 0 > 1', 'division by zero'],
  ])('that cannot be evaluated does not hold, and says why: %s', (source, reason) => {
    const onFault = vi.fn()
    expect(compiled(source).holds(facts(), onFault)).toBe(false)
    expect(onFault).toHaveBeenCalledExactlyOnceWith(reason)
  })
})

describe('a broken condition', () => {
  test.each([
    ['', 'is empty'],
    ['request.inputTokens >', 'is no condition that can be read at character 22 (Unexpected token: EOF)'],
    [
      'request.inputTokenz > 1',
      'asks at character 9 for request.inputTokenz, which there is not; did you mean inputTokens?',
    ],
    [
      'inputTokens > 1',
      'is wrong at character 1 (Unknown variable: inputTokens): all that can be asked stands in request',
    ],
    ['request.model', 'comes to a value of type string, where true or false is needed: compare it'],
    ['request.model > 1', 'is no condition that can be read at character 1 (no such overload: string > int)'],
    ['request.model.matches("(a+)+$")', 'calls matches(), whose patterns can take for ever'],
    ['[1].exists(x, request.model.matches("a"))', 'calls matches()'],
    ['matches(request.model, "a")', 'matches'],
    [`${'('.repeat(80)}true${')'.repeat(80)}`, 'is no condition that can be read'],
    [Array.from({ length: 400 }, () => 'request.stream').join(' && '), 'is no condition that can be read'],
  ])('SEC-34: %s is a fault that says what to do', (source, message) => {
    expect(faultOf(source)).toContain(message)
  })
})
