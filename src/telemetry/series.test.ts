import { expect, test } from 'vitest'
import { Counter, Distribution } from './series.ts'

test('a counter adds up by its labels and leaves absent ones out', () => {
  const counter = new Counter(['dialect', 'code'])
  counter.add(1, ['openai-chat', undefined])
  counter.add(2, ['openai-chat', undefined])
  counter.add(1, ['openai-chat', 'rate_limited'])
  expect(counter.entries()).toEqual([
    { labels: { dialect: 'openai-chat' }, value: 3 },
    { labels: { dialect: 'openai-chat', code: 'rate_limited' }, value: 1 },
  ])
})

test('a distribution counts into the bucket whose boundary a value does not pass', () => {
  const distribution = new Distribution([], [1, 2, 3])
  for (const value of [0, 1, 1.5, 3, 99]) distribution.record(value, [])
  expect(distribution.entries()).toEqual([{ labels: {}, count: 5, sum: 104.5, bucketCounts: [2, 1, 1, 1] }])
})

test('SEC-45: a million label sets stay within the bound, and nothing is lost from the sum', () => {
  const counter = new Counter(['name'], 100)
  for (let name = 0; name < 1_000_000; name += 1) counter.add(1, [`name-${name}`])
  const entries = counter.entries()
  expect(entries).toHaveLength(101)
  expect(entries.at(-1)).toEqual({ labels: { name: 'other' }, value: 999_900 })
})

test('cuts a label that is long', () => {
  const counter = new Counter(['name'])
  counter.add(1, ['x'.repeat(1_000)])
  expect(counter.entries()[0]?.labels['name']).toHaveLength(64)
})
