import { describe, expect, test } from 'vitest'
import { decideCache } from './cache-control.ts'
import { cachePolicyOf, cacheSchema, DEFAULT_POLICY, routeCacheSchema } from './config-schema.ts'

const settings = cacheSchema.parse(undefined)
const policy = routeCacheSchema.parse({ ttl: '10m', ttlMax: '1h' })
const route = policy === true || policy === false ? undefined : policy

type Headers = Readonly<Record<string, string>>
const decide = (headers: Headers) => decideCache(headers, route, settings)
const decideSilent = (headers: Headers) => decideCache(headers, undefined, settings)

describe('what a route and a request want of the cache', () => {
  test('is nothing where neither speaks of it', () => {
    expect(decideSilent({})).toEqual({ type: 'none' })
    expect(decideSilent({ 'cache-control': 'no-cache' })).toEqual({ type: 'none' })
  })

  test('is the time of the route, or of the request, never beyond the longest of the route', () => {
    expect(decide({})).toEqual({ type: 'use', ttlMs: 600_000, mode: 'normal' })
    expect(decide({ 'x-holdfast-cache-ttl': '60' })).toMatchObject({ ttlMs: 60_000 })
    expect(decide({ 'cf-aig-cache-ttl': '99999' })).toMatchObject({ ttlMs: 3_600_000 })
  })

  test.each([
    [{ 'x-holdfast-cache-ttl': '60' }],
    [{ 'x-holdfast-cache': 'on' }],
    [{ 'cf-aig-cache-ttl': '60' }],
    [{ 'helicone-cache-enabled': 'true' }],
  ])('may be asked for by %j where the route is silent and the operator lets it', (headers) => {
    expect(decideSilent(headers)).toMatchObject({ type: 'use' })
    expect(decideCache(headers, undefined, { onRequest: false })).toEqual({ type: 'none' })
  })

  test.each([
    ['off', { 'x-holdfast-cache': 'off' }],
    ['off', { 'cf-aig-skip-cache': 'true' }],
    ['off', { 'helicone-cache-enabled': 'false' }],
    ['off', { 'cache-control': 'No-Store' }],
    ['refresh', { 'x-holdfast-cache': 'refresh' }],
    ['refresh', { 'x-portkey-cache-force-refresh': 'True' }],
    ['refresh', { 'cache-control': 'max-age=0, no-cache' }],
    ['only', { 'x-holdfast-cache': 'only' }],
    ['only', { 'cache-control': 'only-if-cached' }],
    ['only', { 'cache-control': 'no-store, only-if-cached' }],
    ['only', { 'cache-control': 'no-cache, only-if-cached' }],
    ['refresh', { 'cache-control': 'max-age=0' }],
  ])('is %s for %j', (wish, headers) => {
    const expected = wish === 'off' ? { type: 'bypass', reason: 'request' } : { type: 'use', mode: wish }
    expect(decide(headers)).toMatchObject(expected)
  })

  test('hears our own header before all others', () => {
    expect(decide({ 'x-holdfast-cache': 'on', 'cf-aig-skip-cache': 'true' })).toMatchObject({
      mode: 'normal',
    })
  })

  test.each([
    ['max-age=60', 60_000],
    ['Max-Age = "90"', 90_000],
    ['max-stale=5, max-age=120, max-age=30', 30_000],
    ['max-age=0, only-if-cached', 0],
  ])('lets no answer be older than %s says', (value, maxAgeMs) => {
    expect(decide({ 'cache-control': value })).toMatchObject({ type: 'use', maxAgeMs })
    expect(decideSilent({ 'cache-control': 'max-age=60' })).toEqual({ type: 'none' })
  })

  test.each(['max-age=soon', 'max-age', 'x-max-age=60', 'min-fresh=60', 'max-stale'])(
    'hears nothing of an age in %s',
    (value) => {
      expect(decide({ 'cache-control': value })).toEqual(decide({}))
    },
  )

  test('lets no answer be older than max-age says whoever asks for a kept one, and hears nothing else of HTTP then', () => {
    for (const header of [{ 'x-holdfast-cache': 'on' }, { 'helicone-cache-enabled': 'true' }]) {
      const beside = (value: string) => ({ ...header, 'cache-control': value })
      expect(decide(beside('max-age=60'))).toMatchObject({ mode: 'normal', maxAgeMs: 60_000 })
      expect(decideSilent(beside('max-age=60'))).toMatchObject({ mode: 'normal', maxAgeMs: 60_000 })
      expect(decide(beside('max-age=0'))).toEqual(decide({ 'x-holdfast-cache': 'refresh' }))
      expect(decideSilent(beside('max-age=0'))).toMatchObject({ type: 'use', mode: 'refresh' })
      for (const unheard of ['no-cache', 'no-store', 'only-if-cached'])
        expect(decide(beside(unheard))).toEqual(decide({}))
    }
    for (const seconds of [0, 60])
      expect(decide({ 'x-holdfast-cache': 'only', 'cache-control': `max-age=${seconds}` })).toMatchObject({
        mode: 'only',
        maxAgeMs: seconds * 1_000,
      })
    for (const wish of ['off', 'refresh'])
      expect(decide({ 'x-holdfast-cache': wish, 'cache-control': 'max-age=60' })).toEqual(
        decide({ 'x-holdfast-cache': wish }),
      )
  })

  test('takes a time to keep and an age together', () => {
    expect(decide({ 'x-holdfast-cache-ttl': '60', 'cache-control': 'max-age=5' })).toMatchObject({
      ttlMs: 60_000,
      maxAgeMs: 5_000,
    })
  })

  test('is missing where only a kept answer is wanted and none can be kept', () => {
    for (const header of [{ 'x-holdfast-cache': 'only' }, { 'cache-control': 'only-if-cached' }]) {
      expect(decideSilent(header)).toMatchObject({ type: 'use', mode: 'only' })
      expect(decideCache(header, undefined, { onRequest: false })).toEqual({ type: 'missing' })
    }
    expect(decideSilent({ 'x-holdfast-cache': 'refresh' })).toEqual({ type: 'none' })
  })

  test.each([
    { 'x-holdfast-cache': 'maybe' },
    { 'x-holdfast-cache-ttl': '0' },
    { 'x-holdfast-cache-ttl': '1h' },
  ])('refuses %j', (headers) => {
    expect(() => decide(headers)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  test("pays no heed to others' headers that make no sense", () => {
    expect(decide({ 'cf-aig-cache-ttl': 'soon', 'cf-aig-skip-cache': 'perhaps' })).toMatchObject({
      mode: 'normal',
    })
  })
})

test('a route says it itself, or the default holds', () => {
  expect(cachePolicyOf(undefined, { default: false })).toBeUndefined()
  expect(cachePolicyOf(undefined, { default: true })).toEqual(DEFAULT_POLICY)
  expect(cachePolicyOf(false, { default: true })).toBeUndefined()
  expect(cachePolicyOf(route, { default: false })).toBe(route)
})
