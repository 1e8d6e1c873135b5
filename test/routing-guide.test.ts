/** Every example of docs/routing.md is a sound configuration, and its tables name what there is. */

import { describe, expect, test } from 'vitest'
import type { HoldfastConfig } from '../src/app/config/config.ts'
import { loadConfig } from '../src/app/config/load-config.ts'
import { conditionFacts } from '../src/routing/condition-facts.ts'
import { writeJsonSchema } from '../src/app/config/schema.ts'
import { readSourceFiles } from '../tools/checks/source-files.ts'
import { fencesOf } from './support/fences.ts'

const guide = readSourceFiles().get('docs/routing.md') ?? ''
const examples = fencesOf(guide).filter(({ language }) => language === 'yaml')

const env = {
  ANTHROPIC_API_KEY: 'a',
  OPENAI_API_KEY: 'o',
  GROQ_API_KEY: 'g',
  GEMINI_API_KEY: 'e',
  TOGETHER_API_KEY: 't',
  AZURE_KEY: 'z',
  OPENAI_KEY_A: 'oa',
  OPENAI_KEY_B: 'ob',
}

function load(text: string): HoldfastConfig {
  const loaded = loadConfig({ text, env })
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('\n'))
  return loaded.config
}

describe('docs/routing.md', () => {
  test.each(examples.map(({ text }, at) => [at + 1, text]))('example %i is sound', (_number, text) => {
    expect(load(text).warnings).toEqual([])
  })

  test('has examples of groups, conditions, pools and policies', () => {
    const configs = examples.map(({ text }) => load(text))
    const all = JSON.stringify(configs.flatMap(({ routes }) => routes))
    for (const word of ['"latency"', '"weighted"', '"when"', '"afterMsMin":1000', '"spendShare":0.02'])
      expect(all).toContain(word)
    expect(configs.some(({ providers }) => providers.some(({ pool }) => pool?.length === 2))).toBe(true)
  })

  test('names every fact that a condition may ask for', () => {
    const facts = conditionFacts({
      envelope: {
        dialect: 'openai-chat',
        operation: 'chat',
        modelId: 'm',
        stream: false,
        wantsStreamUsage: false,
        candidateCount: 1,
        bodyBytes: 1,
        fields: new Map(),
        bodyStart: 1,
      },
      headers: {},
      keyName: undefined,
      priority: 'normal',
      wallMs: 0,
    })
    for (const name of Object.keys(facts)) expect(guide).toContain(`\`${name}\``)
  })

  test('names every strategy there is', () => {
    const [, listed = ''] = /"balance": \{[^}]*"enum": \[([^\]]*)\]/.exec(writeJsonSchema()) ?? []
    const strategies = [...listed.matchAll(/"(\w+)"/g)].map(([, word]) => word)
    expect(strategies).toHaveLength(4)
    for (const strategy of strategies) expect(guide).toContain(`| \`${strategy}\` |`)
  })
})
