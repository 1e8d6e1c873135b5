import { expect, test } from 'vitest'
import { usageFlags, usageOf } from './answer-facts.ts'

const zeros = { inputTokens: 0, outputTokens: 0 }

test('usage of nothing but zeros is believed only where a filter stopped the request, and else told as odd', () => {
  expect(usageOf({ usage: zeros, finish: { reason: 'stop' } })).toEqual({})
  expect(usageOf({ usage: zeros })).toEqual({})
  expect(
    usageOf({ usage: zeros, candidates: [{ index: 0, parts: [], finish: { reason: 'length' } }] }),
  ).toEqual({})
  expect(usageFlags({ usage: zeros })).toEqual(['usage_anomaly'])
  for (const filtered of [
    { finish: { reason: 'content-filter' } },
    { candidates: [{ index: 0, parts: [], finish: { reason: 'content-filter' } }] },
  ] as const)
    expect(usageOf({ usage: zeros, ...filtered })).toEqual({ usage: zeros })
  const half = { inputTokens: 12, outputTokens: 0 }
  expect(usageOf({ usage: half, finish: { reason: 'stop' } })).toEqual({ usage: half })
})

test('of an answer that a filter cut in the middle zeros are not believed: it was made', () => {
  const finish = { reason: 'content-filter' } as const
  expect(usageOf({ usage: zeros, finish, hasContent: true })).toEqual({})
  const parts = [{ type: 'text', text: 'half of an' }] as const
  expect(usageOf({ usage: zeros, candidates: [{ index: 0, parts, finish }] })).toEqual({})
})
