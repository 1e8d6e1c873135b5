import { readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compileFacts } from './compile-facts.ts'
import { publishedFactsFile, readPublishedFacts } from './published-facts.ts'
import { providerPage } from './provider-page.ts'

const BYTES_MAX = 1_000_000

const packaged = new URL('../../src/providers/model-facts.json', import.meta.url)
const published = readPublishedFacts()

describe('the facts in the package', () => {
  test.skipIf(published === undefined)(
    `are what the tool makes of the published ones (skipped where ${publishedFactsFile} is absent)`,
    () => {
      expect(published && compileFacts(published)).toBe(readFileSync(packaged, 'utf8'))
    },
  )

  test('are small', () => {
    expect(statSync(packaged).size).toBeLessThan(BYTES_MAX)
  })
})

test('the page of providers is what the tool makes of their declarations: npm run docs:providers', () => {
  expect(readFileSync(new URL('../../docs/providers.md', import.meta.url), 'utf8')).toBe(providerPage())
})

test('compiles prices to whole numbers, and leaves out what is not said or makes no sense', () => {
  const text = compileFacts({
    sources: [{ name: 's', repo: 'r', license: 'MIT', date: '2026-01-02' }],
    models: [
      {
        provider: 'openai',
        id: 'b',
        context: 10,
        in: ['text', 'smell'],
        tools: false,
        usd_per_mtok: {
          input: 0.0375,
          output: 0,
          cache_read: -1,
          batch_input: 0.01,
          tiers: [{ above_input_tokens: 5, input: 1 }],
        },
      },
      { provider: 'openai', id: 'empty' },
      { provider: 'nobody', id: 'x', context: 1 },
    ],
  })
  expect(JSON.parse(text)).toMatchObject({
    date: '2026-01-02',
    models: {
      openai: {
        b: { c: 10, m: 't', t: 0, p: { i: 37_500, o: 0, b: { i: 10_000 }, t: [{ a: 5, i: 1_000_000 }] } },
      },
    },
  })
  expect(Object.keys(JSON.parse(text).models.openai)).toEqual(['b'])
  expect(text).not.toContain('nobody')
})
