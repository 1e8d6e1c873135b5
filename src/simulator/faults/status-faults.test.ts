/** Faults of status, seen by a client that reads raw bytes: each does what its description says. */

import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { faults } from '../faults.ts'
import { ANTHROPIC, json, createFaultBench } from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of status', () => {
  const named = [...faults.keys()].filter((name) => /^status-\d+$/.test(name))

  test.each(named)('%s refuses in both dialects', async (fault) => {
    const openai = await bench.struck(fault)
    const anthropic = await bench.struck(fault, { path: ANTHROPIC })
    expect([openai.status, anthropic.status]).toEqual([Number(fault.slice(7)), Number(fault.slice(7))])
    expect(json(openai).error.message).toContain('simulated')
    expect(json(anthropic)).toMatchObject({
      type: 'error',
      error: { message: expect.stringContaining('simulated') },
    })
  })

  test('status takes any status and message', async () => {
    const answer = await bench.struck('status(status=418,message=short and stout)')
    expect([answer.status, json(answer).error.message]).toEqual([418, 'short and stout'])
  })

  test.each(['2', '86400', '-1', 'soon', '1e309'])(
    'rate-limit tells retry-after %s as it stands',
    async (value) => {
      const answer = await bench.struck(`rate-limit(after=${value},ms=500)`)
      expect([answer.status, answer.headers['retry-after'], answer.headers['retry-after-ms']]).toEqual([
        429,
        value,
        '500',
      ])
    },
  )

  test('rate-limit knows a date gone by, and no header at all', async () => {
    const past = await bench.struck('rate-limit(after=past-date)')
    expect(Date.parse(past.headers['retry-after'] ?? '')).toBeLessThan(Date.parse(past.headers['date'] ?? ''))
    expect((await bench.struck('rate-limit(after=none)')).headers['retry-after']).toBeUndefined()
  })

  test.each([
    ['slow-down', 429, 'slow_down'],
    ['daily-quota', 429, 'daily_quota_exceeded'],
    ['insufficient-quota', 429, 'insufficient_quota'],
    ['insufficient-quota(vendor=deepseek)', 402, 'invalid_request_error'],
    ['insufficient-quota(vendor=qwen)', 400, 'Arrearage'],
    ['unauthorized', 401, 'invalid_api_key'],
    ['model-not-found', 404, 'model_not_found'],
    ['context-length', 400, 'context_length_exceeded'],
    ['content-policy', 400, 'content_policy_violation'],
    ['unsupported-parameter(parameter=top_k)', 400, 'unsupported_parameter'],
    ['overloaded', 529, 'overloaded'],
  ])('%s answers %i with code %s', async (fault, status, code) => {
    const answer = await bench.struck(fault)
    expect([answer.status, json(answer).error.code]).toEqual([status, code])
  })

  test('forbidden answers 403', async () => {
    expect((await bench.struck('forbidden', { path: ANTHROPIC })).status).toBe(403)
  })

  test('context-length and content-policy have words for every vendor', async () => {
    for (const name of ['context-length', 'content-policy', 'insufficient-quota']) {
      const vendor = faults.get(name)?.parameters['vendor']
      const vendors = vendor?.kind === 'choice' ? vendor.choices : []
      expect(vendors.length).toBeGreaterThan(4)
      for (const each of vendors) {
        const answer = await bench.struck(`${name}(vendor=${each})`)
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(json(answer).error.message.length).toBeGreaterThan(5)
      }
    }
  })

  test.each(['negative', 'garbage', 'huge'])(
    'bad-limit-headers (%s) come with a good answer',
    async (kind) => {
      const answer = await bench.struck(`bad-limit-headers(kind=${kind})`)
      expect(answer.status).toBe(200)
      expect(answer.headers['x-ratelimit-remaining-requests']).toMatch(/^(-1|plenty; maybe|9{400})$/)
    },
  )

  test('error-in-success hides an error of another status under 200', async () => {
    const answer = await bench.struck('error-in-success(status=429)')
    expect([answer.status, json(answer).error.code]).toEqual([200, 429])
  })

  test.each([502, 520, 524, 200])('html answers %i with a page', async (status) => {
    const answer = await bench.struck(`html(status=${status})`)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toContain('text/html')
    expect(answer.body.toString()).toMatch(/^<!DOCTYPE html>/)
  })

  test.each([204, 205, 304])('no-content answers %i with no body', async (status) => {
    expect(await bench.struck(`no-content(status=${status})`)).toMatchObject({
      status,
      isWhole: true,
      body: Buffer.alloc(0),
    })
  })

  test('partial-content and redirect answer 206, and 3xx to another host', async () => {
    expect(await bench.struck('partial-content')).toMatchObject({ status: 206, isWhole: true })
    const answer = await bench.struck('redirect(status=301)')
    expect([answer.status, answer.headers['location']]).toEqual([
      301,
      'http://169.254.169.254/latest/meta-data/',
    ])
  })

  test('error-not-json, error-empty have bodies that tell nothing', async () => {
    const text = await bench.struck('error-not-json')
    expect(() => json(text)).toThrow(SyntaxError)
    expect(await bench.struck('error-empty(status=502)')).toMatchObject({
      status: 502,
      body: Buffer.alloc(0),
    })
  })

  test('error-huge sends a body of the length asked for', async () => {
    const answer = await bench.struck('error-huge(bytes=300000)', {
      until: (bytes) => bytes.length > 300_100,
    })
    expect(answer.headers['content-length']).toBe('300000')
    expect(json(answer).error.message.length).toBeGreaterThan(299_000)
  })

  test('error-gzip-bomb unpacks to far more than it is', async () => {
    const answer = await bench.struck('error-gzip-bomb(megabytes=8)')
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(answer.body).length / answer.body.length).toBeGreaterThan(500)
  })

  test('error-echo repeats credentials and host', async () => {
    const answer = await bench.struck('error-echo', {
      headers: { authorization: 'Bearer sk-secret', 'x-api-key': 'sk-other' },
    })
    expect(json(answer).error.message).toMatch(/Bearer sk-secret.*sk-other.*simulator\.test/)
  })
})
