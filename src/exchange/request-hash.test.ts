import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anthropicMessages } from '../dialects/anthropic-messages/index.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { FormBody } from '../operations/operation-request.ts'
import { mayHaveCost } from './may-have-cost.ts'
import { client } from './recall.test-support.ts'
import { hashRequest } from './request-hash.ts'

function formOf(boundary: string, cut: number, word = 'hello'): Exchange {
  const text = `--${boundary}\r\ncontent-disposition: form-data; name="a"\r\n\r\n${word}\r\n--${boundary}--\r\n`
  const pieces = [text.slice(0, cut), text.slice(cut)].map((piece) => Buffer.from(piece))
  const form: FormBody = {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: text.length,
    source: () => ({
      length: text.length,
      async *open() {
        yield* pieces
      },
    }),
    close: async () => {},
  }
  const asked = { dialect: 'openai-chat', body: Buffer.alloc(0), ownAddress: '', query: '', form }
  // Sound: the hash looks at nothing of a spec.
  return {
    ...client().exchange,
    operation: 'transcription',
    asked: asked as unknown as NonNullable<Exchange['asked']>,
  }
}

describe('the hash of a request', () => {
  test('is another for one other byte, and for another path', () => {
    const { exchange } = client()
    const hashes = [
      exchange,
      client({ body: { seed: 1 } }).exchange,
      { ...exchange, named: { modelId: 'other' } },
      { ...exchange, named: { modelId: 'other', stream: true } },
      { ...exchange, operation: 'embeddings' as const },
    ].map(hashRequest)
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashRequest(client().exchange)).toBe(hashRequest(exchange))
  })

  test('is another for another beta, and the same as ever where no header tells anything', () => {
    const asked = (headers: Exchange['headers']) => ({
      headers,
      dialect: anthropicMessages,
      body: { max_tokens: 5 },
    })
    const hashed = (headers: Exchange['headers']) => hashRequest(client(asked(headers)).exchange)
    const plain = client(asked({})).exchange
    const facts = JSON.stringify(['anthropic-messages', 'chat', '', '', ''])
    const asEver = hash('sha256', Buffer.concat([Buffer.from(facts), plain.body]))
    expect(hashRequest(plain)).toBe(asEver)
    expect(hashed({ 'anthropic-version': '2023-06-01', 'user-agent': 'x' })).toBe(asEver)
    expect(hashed({ 'anthropic-beta': 'a' })).not.toBe(asEver)
    expect(hashed({ 'anthropic-beta': 'b' })).not.toBe(hashed({ 'anthropic-beta': 'a' }))
    expect(hashed({ 'anthropic-beta': 'b, a' })).toBe(hashed({ 'anthropic-beta': 'a,b' }))
  })

  test('of a form does not hang on the boundary that was drawn for it, wherever it is cut', async () => {
    const whole = await hashRequest(formOf('one', 0))
    await fc.assert(
      fc.asyncProperty(fc.nat(100), fc.stringMatching(/^[a-z]{1,30}$/), async (cut, boundary) => {
        if ('content-disposition: form-data; name="a" hello'.includes(`--${boundary}`)) return
        expect(await hashRequest(formOf(boundary, cut))).toBe(whole)
      }),
    )
    expect(await hashRequest(formOf('one', 0, 'other'))).not.toBe(whole)
  })
})

describe('whether a failure may have been paid for', () => {
  const failed = (...codes: readonly (string | undefined)[]) =>
    mayHaveCost({
      attempts: codes.map((code) => ({
        target: 't',
        durationMs: 1,
        ...(code === undefined ? {} : { code }),
      })),
    })

  test('is no where nothing was tried, or all that was refused it', () => {
    expect(failed()).toBe(false)
    expect(failed('rate_limited', 'upstream_unreachable', 'no_connection_free')).toBe(false)
    expect(failed('resource_not_found', 'upstream_invalid_request', 'invalid_request')).toBe(false)
  })

  test.each([
    'upstream_timeout',
    'upstream_reset',
    'upstream_truncated',
    'upstream_gateway_timeout',
    'upstream_bad_response',
    'empty_response',
    'a_code_of_tomorrow',
    undefined,
  ])('is yes where one attempt ended with %s', (code) => {
    expect(failed('rate_limited', code)).toBe(true)
  })
})
