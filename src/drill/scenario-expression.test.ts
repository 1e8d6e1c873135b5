import { describe, expect, test } from 'vitest'
import { knownProviders } from '../providers/index.ts'
import { builtInScenarios } from './built-in-scenarios.ts'
import { isScenarioFile, readExpression } from './scenario-expression.ts'

const providers = ['openai', 'anthropic'].flatMap((id) => knownProviders.get(id) ?? [])
const stage = {
  names: { providers, routes: ['smart'] },
  surroundings: { provider: 'anthropic', region: 'anthropic' },
}

function scenarioOf(word: string) {
  const read = readExpression(word, stage)
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.scenario
}

describe('a scenario by its name', () => {
  test.each([...builtInScenarios.keys()])('%s needs no parameter', (name) => {
    expect(scenarioOf(name)).toMatchObject({ name, objectives: {} })
  })

  test.each([...builtInScenarios.values()])('$name lists the parameters it takes', ({ name, parameters }) => {
    const takes = Object.keys(parameters).every((key) => {
      const read = readExpression(`${name}:${key}=?`, stage)
      return read.ok || !read.problems.some((problem) => problem.includes('no parameter'))
    })
    expect(takes).toBe(true)
  })

  test('falls upon the provider that is asked first, or upon the one that is named', () => {
    expect(scenarioOf('outage').weather).toEqual([
      {
        atMs: 36_000_000,
        forMs: 600_000,
        where: { kind: 'provider', provider: 'anthropic' },
        fault: 'outage',
        share: 1,
      },
    ])
    expect(scenarioOf('outage:provider=openai,for=2h,at=00:30').weather).toMatchObject([
      { atMs: 1_800_000, forMs: 7_200_000, where: { provider: 'openai' } },
    ])
    expect(scenarioOf('region-loss').weather).toMatchObject([
      { where: { kind: 'region', region: 'anthropic' } },
    ])
    expect(scenarioOf('truncated-streams').weather).toMatchObject([
      { where: { kind: 'everywhere' }, share: 0.05, forMs: 86_400_000 },
    ])
    expect(scenarioOf('calm').weather).toEqual([])
  })

  test('takes objectives', () => {
    expect(
      scenarioOf('429-storm:answered=99%,firstTokenP99=3s,extraCost=5%,truncated=1%').objectives,
    ).toEqual({
      answeredShare: 0.99,
      firstTokenP99Ms: 3_000,
      extraCostShare: 0.05,
      truncatedShare: 0.01,
    })
  })

  test.each([
    ['outge', 'there is no scenario "outge"; did you mean outage?'],
    ['outage:provder=openai', 'outage has no parameter "provder"; did you mean provider?'],
    ['outage:provider=opnai', 'has no provider "opnai"; did you mean "openai"?'],
    ['outage:for=10', 'outage: for=10 is not a duration'],
    ['429-storm:share=0.5', '429-storm: share=0.5 is not a share'],
    ['outage:ten minutes', 'write parameters as outage:name=value,name=value'],
    ['calm:for=10m', 'calm has no parameter "for"'],
    ['constructor', 'there is no scenario "constructor"'],
    ['outage:__proto__=x', 'outage has no parameter "__proto__"'],
  ])('refuses %s', (word, words) => {
    const read = readExpression(word, stage)
    expect(read.ok ? 'taken' : read.problems.join('\n')).toContain(words)
  })
})

test.each([
  ['outage', false],
  ['outage:at=10:00', false],
  ['day.yaml', true],
  ['day.YML', true],
  ['./day', true],
  ['days\\monday', true],
  ['outage:provider=a/b', false],
])('%s is a file: %s', (word, isFile) => {
  expect(isScenarioFile(word)).toBe(isFile)
})
