import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KeyHolder } from './key-index.ts'
import type { KeyScopes } from './records.ts'
import { isScoped, mayKnow, mayUse, modelNotFound, refuseOperation, type ScopedUse } from './scopes.ts'

const holder = (scopes?: KeyScopes): KeyHolder => (scopes === undefined ? {} : { scopes })
const routed: ScopedUse = { route: 'smart', modelId: 'smart', operation: 'chat' }
const direct: ScopedUse = { modelId: 'openai/gpt-5', target: 'openai/gpt-5', operation: 'chat' }

describe('a key', () => {
  test.each<[string, KeyScopes | undefined, ScopedUse, boolean]>([
    ['of the file may use everything', undefined, direct, true],
    ['without lists may use everything', {}, direct, true],
    ['for a route may use it', { routes: ['smart'] }, routed, true],
    ['for another route may not', { routes: ['fast'] }, routed, false],
    ['for routes may not go around them', { routes: ['*'] }, direct, false],
    ['for no route may use none', { routes: [] }, routed, false],
    ['for the beginning of a name may use what begins so', { routes: ['sm*'] }, routed, true],
    ['does not take a name for a beginning', { routes: ['sm'] }, routed, false],
    ['does not take a longer beginning', { routes: ['smart-*'] }, routed, false],
    ['for a model may use it by its name', { models: ['openai/gpt-5'] }, direct, true],
    ['for the models of a provider too', { models: ['openai/*'] }, direct, true],
    ['for a model may use a route by the name it has', { models: ['smart'] }, routed, true],
    ['for a model may not use a route while no target is looked at', { models: ['openai/*'] }, routed, false],
    [
      'for a model may use a route with a target that it covers',
      { models: ['openai/*'] },
      { ...routed, target: 'openai/gpt-5' },
      true,
    ],
    [
      'for a model may not use a route with another target',
      { models: ['openai/*'] },
      { ...routed, target: 'groq/llama' },
      false,
    ],
    ['must have a place in every list', { routes: ['smart'], models: ['fast'] }, routed, false],
    ['for an operation may ask for it', { operations: ['chat'] }, direct, true],
    ['for another operation may not', { operations: ['embeddings'] }, direct, false],
  ])('%s', (_what, scopes, use, expected) => {
    expect(mayUse(holder(scopes), use)).toBe(expected)
  })

  test('with one list more may never do more', () => {
    const names = fc.option(fc.array(fc.constantFrom('smart', 'openai/*', 'openai/gpt-5', 's*', '*', 'x')), {
      nil: undefined,
    })
    const operations = fc.option(fc.subarray(['chat', 'embeddings'] as const), { nil: undefined })
    fc.assert(
      fc.property(names, names, operations, fc.constantFrom(routed, direct), (routes, models, ops, use) => {
        const whole: KeyScopes = {
          ...(routes !== undefined && { routes }),
          ...(models !== undefined && { models }),
          ...(ops !== undefined && { operations: ops }),
        }
        const parts: readonly KeyScopes[] = [
          routes === undefined ? {} : { routes },
          models === undefined ? {} : { models },
          ops === undefined ? {} : { operations: ops },
        ]
        expect(mayUse(holder(whole), use)).toBe(parts.every((part) => mayUse(holder(part), use)))
        expect(isScoped(holder(whole))).toBe(Object.keys(whole).length > 0)
        if (mayUse(holder(whole), use)) expect(mayKnow(holder(whole), use)).toBe(true)
      }),
    )
  })
})

test('what may be done with a model has no part in whether it is known', () => {
  const embedder = holder({ models: ['smart'], operations: ['embeddings'] })
  expect(mayUse(embedder, routed)).toBe(false)
  expect(mayKnow(embedder, routed)).toBe(true)
  expect(mayKnow(embedder, direct)).toBe(false)
  expect(mayKnow(holder({ routes: ['smart'] }), direct)).toBe(false)
})

test('an operation is refused by its name', () => {
  expect(() => refuseOperation(holder({ operations: ['embeddings'] }), 'chat')).toThrow(
    expect.objectContaining({
      code: 'permission_denied',
      message: 'The client key may not be used for chat.',
    }),
  )
  expect(() => refuseOperation(holder({}), 'chat')).not.toThrow()
  expect(() => refuseOperation(holder(), 'chat')).not.toThrow()
})

test('SEC-19: the refusal of a model depends on nothing but its name, and suggests none', () => {
  const error = modelNotFound('openai/gpt-5')
  expect([error.code, error.status, error.message]).toEqual([
    'model_not_found',
    404,
    'No model "openai/gpt-5" is served for this client key.',
  ])
  expect(modelNotFound('x'.repeat(5_000)).message.length).toBeLessThan(200)
})
