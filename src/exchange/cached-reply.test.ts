import { describe, expect, test } from 'vitest'
import { cachedReplyCodec, type CachedReply } from './cached-reply.ts'
import type { KeptHead } from './kept-reply.ts'
import { QUESTION_LENGTH_MAX } from './semantic-question.ts'

function sizeOf(head: Partial<KeptHead>, forms: CachedReply['forms'] = new Map()): number {
  return cachedReplyCodec.size({
    kept: {
      exchangeId: 'req_1',
      status: 200,
      contentType: 'application/json',
      createdAtMs: 0,
      form: 'plain',
      body: Buffer.from('{}'),
      ...head,
    },
    forms,
  })
}

describe('what a cached answer holds in memory', () => {
  test('is its body and each form in which it was said besides', () => {
    const said = { contentType: 'text/event-stream', body: Buffer.alloc(1_000) }
    expect(sizeOf({})).toBe(2)
    expect(sizeOf({}, new Map([['sse', said]]))).toBe(1_002)
  })

  test('counts the question that it is compared by, in whatever script', () => {
    const question = 'ж'.repeat(QUESTION_LENGTH_MAX)
    expect(sizeOf({ question }) - sizeOf({})).toBeGreaterThanOrEqual(Buffer.byteLength(question, 'utf16le'))
  })

  test('counts what its request lost', () => {
    const losses = Array.from({ length: 100 }, (_, place) => ({
      field: `tools[${place}].strict`,
      reason: 'has no equivalent there',
    }))
    expect(sizeOf({ losses }) - sizeOf({})).toBeGreaterThanOrEqual(
      Buffer.byteLength(JSON.stringify(losses), 'utf16le'),
    )
  })
})
