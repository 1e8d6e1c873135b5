/** Any course of answers and calls: a wait stays bounded, and a provider that is paced is never overrun. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limitSpellings } from './limit-headers.ts'
import { Pacer } from './pacer.ts'
import { PACE_WAIT_MAX_MS } from './token-bucket.ts'

type Headers = Readonly<Record<string, string>>

function requests(limit: number, remaining: number, reset: string): Headers {
  return {
    'x-ratelimit-limit-requests': String(limit),
    'x-ratelimit-remaining-requests': String(remaining),
    'x-ratelimit-reset-requests': reset,
  }
}

function answer(pacer: Pacer, headers: Headers, nowMs: number, unanswered: number): void {
  pacer.noteAnswer({ status: 200, headers, unanswered, wallMs: 0 }, nowMs)
}

test('fault 42: whatever the headers say, a wait is a number, and bounded', () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer().map(String),
    fc.constantFrom('0', '-1', '1e309', '0s', '1ns', '24h', '999999999999999', '2026-01-01T00:00:00Z', '1ms'),
  )
  const names = limitSpellings.flatMap(({ limit, remaining, reset }) => [limit, remaining, reset])
  const headers = fc.dictionary(fc.constantFrom(...names, 'date'), value)
  fc.assert(
    fc.property(fc.array(fc.tuple(headers, fc.nat(100_000), fc.nat(5))), (answers) => {
      const pacer = new Pacer()
      let nowMs = 0
      for (const [each, afterMs, unanswered] of answers) {
        nowMs += afterMs
        answer(pacer, each, nowMs, unanswered)
        pacer.draw(nowMs)
        const freeAtMs = pacer.freeAtMs(0, nowMs)
        expect(freeAtMs).toBeGreaterThanOrEqual(nowMs)
        expect(freeAtMs).toBeLessThanOrEqual(nowMs + PACE_WAIT_MAX_MS)
      }
      expect(pacer.freeAtMs(0, nowMs + PACE_WAIT_MAX_MS)).toBe(nowMs + PACE_WAIT_MAX_MS)
    }),
    { numRuns: 500 },
  )
})

/** A provider as OpenAI is: a bucket, refilled steadily; the answer to a call comes `latencyMs` after it. */
class Provider {
  readonly #limit: number
  readonly #rate: number
  #level: number
  #atMs = 0
  served = 0
  refused = 0

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#rate = limit / windowMs
    this.#level = limit
  }

  call(nowMs: number): Headers {
    this.#level = Math.min(this.#limit, this.#level + this.#rate * (nowMs - this.#atMs))
    this.#atMs = nowMs
    if (this.#level >= 1 - 1e-6) {
      this.#level -= 1
      this.served += 1
    } else this.refused += 1
    const remaining = Math.max(0, Math.floor(this.#level + 1e-6))
    return requests(this.#limit, remaining, `${Math.ceil((this.#limit - remaining) / this.#rate)}ms`)
  }
}

test('model: paced calls are never refused once one answer is known, and use nine tenths of what there is', () => {
  const settings = fc.record({
    limit: fc.integer({ min: 5, max: 200 }),
    windowMs: fc.constantFrom(10_000, 60_000),
    latencyMs: fc.nat(800),
    /** How much more is wanted than the provider gives. */
    demand: fc.double({ min: 1.2, max: 5, noNaN: true }),
  })
  fc.assert(
    fc.property(settings, ({ limit, windowMs, latencyMs, demand }) => {
      const provider = new Provider(limit, windowMs)
      const pacer = new Pacer()
      const answers: { readonly atMs: number; readonly headers: Headers }[] = []
      let wanted = 0
      let unanswered = 0
      const endMs = 4 * windowMs
      const send = (nowMs: number) => {
        pacer.draw(nowMs)
        unanswered += 1
        answers.push({ atMs: nowMs + latencyMs, headers: provider.call(nowMs) })
      }
      send(0)
      for (let nowMs = latencyMs; nowMs <= endMs; nowMs += 1) {
        while ((answers[0]?.atMs ?? Infinity) <= nowMs) {
          unanswered -= 1
          answer(pacer, answers.shift()?.headers ?? {}, nowMs, unanswered)
        }
        wanted += (limit / windowMs) * demand
        for (; wanted >= 1 && pacer.freeAtMs(0, nowMs) <= nowMs; wanted -= 1) send(nowMs)
      }
      expect(provider.refused).toBe(0)
      const possible = limit + (limit / windowMs) * (endMs - latencyMs)
      expect(provider.served).toBeGreaterThan(0.9 * possible - limit * (latencyMs / windowMs) - 2)
    }),
    { numRuns: 30 },
  )
})
