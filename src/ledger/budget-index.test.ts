import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Budget, BudgetScope } from './budget.ts'
import { BudgetIndex } from './budget-index.ts'
import type { Attribution } from './entry.ts'
import { budgetOf } from './ledger.test-support.ts'

function of(scope: BudgetScope): Budget {
  return budgetOf(`${scope.kind}:${scope.id}`, 100, { scope })
}

const namesOf = (budgets: readonly Budget[]) => budgets.map(({ id }) => id)
const byKey: Attribution = { tags: [], keyId: 'key_1', keyName: 'ci', projectId: 'prj_1', userId: 'usr_1' }
const all = of({ kind: 'all', id: '' })
const ofKey = of({ kind: 'key', id: 'key_1' })
const ofProject = of({ kind: 'project', id: 'prj_1' })
const ofModel = of({ kind: 'model', id: 'p/m' })

test('the narrowest come first, and others are left out', () => {
  const others = [of({ kind: 'key', id: 'key_2' }), of({ kind: 'team', id: 'team_1' })]
  const index = new BudgetIndex([all, ofProject, ...others, ofModel, ofKey])
  expect(namesOf(index.find(byKey, ['m', 'p/m', 'p/m'], undefined))).toEqual([
    'key:key_1',
    'model:p/m',
    'project:prj_1',
    'all:',
  ])
})

test('a key of the file goes by its name', () => {
  const index = new BudgetIndex([of({ kind: 'key', id: 'ci' })])
  expect(namesOf(index.find({ tags: [], keyName: 'ci' }, [], undefined))).toEqual(['key:ci'])
})

describe('a name that clients say', () => {
  const saidBy = (more: Partial<Attribution>, index: BudgetIndex) =>
    namesOf(index.find({ tags: [], ...more }, [], undefined))

  test('is bounded by a budget that was kept with the name as it was said', () => {
    const index = new BudgetIndex([
      of({ kind: 'end-user', id: 'müller' }),
      of({ kind: 'tag', id: ' bücher' }),
      of({ kind: 'tag', id: 'x'.repeat(70) }),
    ])
    expect(saidBy({ endUser: 'm%C3%BCller' }, index)).toEqual(['end-user:müller'])
    expect(saidBy({ tags: ['b%C3%BCcher'] }, index)).toEqual(['tag: bücher'])
    expect(saidBy({ tags: ['x'.repeat(64)] }, index)).toEqual([`tag:${'x'.repeat(70)}`])
  })

  test('is bounded by one for the name as it was kept before, once', () => {
    const index = new BudgetIndex([
      of({ kind: 'end-user', id: 'm%FCller' }),
      of({ kind: 'tag', id: 'b%FCcher' }),
    ])
    expect(saidBy({ endUser: 'm%C3%BCller' }, index)).toEqual(['end-user:m%FCller'])
    expect(saidBy({ endUser: 'm%FCller' }, index)).toEqual(['end-user:m%FCller'])
    expect(saidBy({ tags: ['b%C3%BCcher', 'b%FCcher'] }, index)).toEqual(['tag:b%FCcher'])
  })

  test('is bounded by every budget that is for it, however they spell it', () => {
    const index = new BudgetIndex([
      of({ kind: 'end-user', id: 'müller' }),
      of({ kind: 'end-user', id: 'm%C3%BCller' }),
    ])
    expect(saidBy({ endUser: 'm%C3%BCller' }, index)).toEqual(['end-user:müller', 'end-user:m%C3%BCller'])
  })
})

test('a name of a model is what it is', () => {
  const index = new BudgetIndex([of({ kind: 'model', id: 'é'.repeat(100) })])
  expect(namesOf(index.find({ tags: [] }, ['é'.repeat(100)], undefined))).toHaveLength(1)
})

describe('who says nothing of a request is looked up once', () => {
  test('the same budgets for the same holder, whatever model he names', () => {
    const index = new BudgetIndex([all, ofKey])
    const first = index.find(byKey, ['m'], undefined)
    expect(namesOf(first)).toEqual(['key:key_1', 'all:'])
    expect(index.find(byKey, ['other'], undefined)).toBe(first)
  })

  test('not where a model has a budget, which the next request may not go to', () => {
    const index = new BudgetIndex([all, ofModel])
    expect(namesOf(index.find(byKey, ['p/m'], undefined))).toEqual(['model:p/m', 'all:'])
    expect(namesOf(index.find(byKey, ['p/other'], undefined))).toEqual(['all:'])
  })

  test('not under other ids of the key: it was rotated', () => {
    const index = new BudgetIndex([ofKey])
    expect(namesOf(index.find(byKey, [], ['key_1']))).toEqual(['key:key_1'])
    expect(index.find(byKey, [], ['key_2'])).toEqual([])
  })
})

test('asked again and again, by whoever says what: as if for the first time', () => {
  const id = fc.constantFrom('1', '2')
  const scope = fc.oneof(
    fc.record({ kind: fc.constantFrom('key', 'project', 'tag', 'end-user', 'model'), id }),
    fc.constant({ kind: 'all' as const, id: '' as const }),
  )
  const attribution = fc.record(
    { tags: fc.uniqueArray(id), keyId: id, projectId: id, endUser: id, sessionId: id },
    { requiredKeys: ['tags'] },
  )
  fc.assert(
    fc.property(fc.array(scope), fc.array(attribution, { minLength: 1, maxLength: 4 }), (scopes, people) => {
      const budgets = scopes.map((one) => of(one))
      const index = new BudgetIndex(budgets)
      for (const who of [...people, ...people]) {
        for (const model of ['1', '2'])
          expect(index.find(who, [model], undefined)).toEqual(
            new BudgetIndex(budgets).find({ ...who }, [model], undefined),
          )
      }
    }),
  )
})
