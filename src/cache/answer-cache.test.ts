import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { AnswerCache, type CacheCodec, PUTTING_BYTES_MAX } from './answer-cache.ts'
import type { CachedAnswer, CacheStore } from './cache-store.ts'
import { cacheSchema } from './config-schema.ts'

const settings = cacheSchema.parse({ memoryBytes: '64MiB' })
const codec = {
  encode: (text: string) => Buffer.from(text),
  decode: (bytes: Uint8Array) => (bytes.length === 0 ? undefined : Buffer.from(bytes).toString()),
  size: (text: string) => text.length,
}
const sealer = {
  seal: (plain: Uint8Array, context: string) => Buffer.from(`${context}|${Buffer.from(plain).toString()}`),
  open(sealed: Uint8Array, context: string) {
    const text = Buffer.from(sealed).toString()
    if (!text.startsWith(`${context}|`)) throw new Error('another place')
    return Buffer.from(text.slice(context.length + 1))
  },
}

let clock: ManualClock
let kept: Map<string, CachedAnswer>

beforeEach(() => {
  clock = new ManualClock()
  kept = new Map()
})

function storeOf(changed: Partial<CacheStore> = {}): CacheStore {
  return {
    putCached: async (entry) => kept.set(entry.id, entry).has(entry.id),
    findCached: async (id) => kept.get(id),
    findAlike: async () => [],
    async dropCached() {
      const { size } = kept
      kept.clear()
      return size
    },
    directoryRevision: async () => 0,
    sweepCache: async () => 0,
    ...changed,
  }
}

/** Nothing was ever removed. */
const since = { sinceRevision: 0 }
const cacheOn = (store: CacheStore) => new AnswerCache({ clock, store, sealer, settings, codec })
const entry = (id: string, value = 'said', tenant = 'acme') => {
  const createdAtMs = clock.wallMs()
  return { id, tenant, createdAtMs, expiresAtMs: createdAtMs + 1_000, value }
}

describe('the cache of answers', () => {
  test('has what was put in memory at once and in the store soon, and neither after its time', async () => {
    const cache = cacheOn(storeOf())
    cache.put(entry('a'), since)
    expect(cache.recall('a')?.value).toBe('said')
    const other = cacheOn(storeOf())
    expect(other.recall('a')).toBeUndefined()
    expect((await other.find('a'))?.value).toBe('said')
    expect(other.recall('a')?.value).toBe('said')
    clock.advance(1_000)
    expect([cache.recall('a'), other.recall('a')]).toEqual([undefined, undefined])
  })

  test('takes a seal that does not open, or what it cannot read, for nothing', async () => {
    const cache = cacheOn(storeOf())
    cache.put(entry('a'), since)
    await Promise.resolve()
    const [sealed] = kept.values()
    if (sealed === undefined) throw new Error('It was put.')
    kept.set('b', { ...sealed, id: 'b' })
    kept.set('c', { ...sealed, id: 'c', answer: Buffer.from('cache:c|') })
    expect([await cache.find('b'), await cache.find('c')]).toEqual([undefined, undefined])
  })

  test('waits 50 ms for a store once, and then not at all for a second', async () => {
    const findCached = vi.fn(() => new Promise<undefined>(() => {}))
    const cache = cacheOn(storeOf({ findCached }))
    const waiting = cache.find('a')
    clock.advance(50)
    expect(await waiting).toBeUndefined()
    expect(await cache.find('a')).toBeUndefined()
    expect(findCached).toHaveBeenCalledTimes(1)
    clock.advance(1_000)
    void cache.find('a')
    expect(findCached).toHaveBeenCalledTimes(2)
  })

  test('leaves to memory alone what the store is too slow to take', async () => {
    const putCached = vi.fn(() => new Promise<boolean>(() => {}))
    const cache = cacheOn(storeOf({ putCached }))
    const large = 'x'.repeat(PUTTING_BYTES_MAX / 2)
    for (const id of ['a', 'b', 'c']) cache.put(entry(id, large), since)
    expect(putCached).toHaveBeenCalledTimes(2)
    clock.advance(10_000)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(0))
  })

  test('drops the answers of one tenant, in memory too', async () => {
    const cache = cacheOn(storeOf())
    cache.put(entry('a'), since)
    cache.put(entry('b', 'said', 'other'), since)
    await cache.drop([], 'acme')
    expect([cache.recall('a'), cache.recall('b')?.value]).toEqual([undefined, 'said'])
  })

  test('hands the store whose answers go, and the audit lines of it', async () => {
    const dropCached = vi.fn(async () => 7)
    const note = { atMs: 1, actor: 'cli', action: 'clear-cache', subject: 'cache' }
    expect(await cacheOn(storeOf({ dropCached })).drop([note], 'acme')).toBe(7)
    expect(dropCached).toHaveBeenCalledExactlyOnceWith([note], 'acme')
  })

  test('drops what was on its way to the store too, and what was being read from it', async () => {
    const put = Promise.withResolvers<boolean>()
    const read = Promise.withResolvers<CachedAnswer | undefined>()
    const order: string[] = []
    const cache = cacheOn(
      storeOf({
        putCached: () => put.promise.finally(() => order.push('put')),
        findCached: () => read.promise,
        async dropCached() {
          order.push('drop')
          return 0
        },
      }),
    )
    const before = cache.generation
    cache.put(entry('a'), since)
    const found = cache.find('b')
    const dropped = cache.drop([])
    expect(cache.recall('a')).toBeUndefined()
    put.resolve(true)
    await dropped
    expect(order).toEqual(['put', 'drop'])
    const answer = sealer.seal(Buffer.from('said'), 'cache:b')
    read.resolve({ id: 'b', tenant: 'acme', createdAtMs: 0, expiresAtMs: clock.wallMs() + 1_000, answer })
    expect(await found).toBeUndefined()
    expect(cache.recall('b')).toBeUndefined()
    expect(cache.generation).toBeGreaterThan(before)
  })

  test('puts an answer with the revision that was known when it was begun, and gives it no more where the store refuses', async () => {
    const refused = Promise.withResolvers<boolean>()
    const putCached = vi.fn<CacheStore['putCached']>(() => refused.promise)
    const cache = cacheOn(storeOf({ putCached }))
    cache.noteRevision(4)
    const { revision: sinceRevision } = cache
    cache.noteRevision(5)
    cache.put(entry('a'), { sinceRevision })
    expect(putCached).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id: 'a', sinceRevision: 4 }))
    expect(cache.recall('a')?.value).toBe('said')
    refused.resolve(false)
    await vi.waitFor(() => expect(cache.recall('a')).toBeUndefined())
  })

  test('goes on giving what took the place of an answer that the store refused', async () => {
    const refused = Promise.withResolvers<boolean>()
    const putCached = vi.fn(async () => true).mockReturnValueOnce(refused.promise)
    const cache = cacheOn(storeOf({ putCached }))
    cache.put(entry('a'), since)
    cache.put(entry('a', 'newer'), since)
    refused.resolve(false)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(0))
    expect(cache.recall('a')?.value).toBe('newer')
  })

  test('knows the revision of its own removal at once, and where the store does not say, that of before', async () => {
    const directoryRevision = vi.fn(async () => 7)
    const cache = cacheOn(storeOf({ directoryRevision }))
    await cache.drop([])
    expect(cache.revision).toBe(7)
    directoryRevision.mockRejectedValueOnce(new Error('away'))
    expect(await cache.drop([])).toBe(0)
    expect(cache.revision).toBe(7)
    // What was heard of while the store took its time is newer than what it says.
    directoryRevision.mockImplementationOnce(async () => {
      cache.noteRevision(9)
      return 8
    })
    await cache.drop([])
    expect(cache.revision).toBe(9)
  })

  test('weighs what holds more now, also for whoever found it by comparing and has a copy of its entry', () => {
    const value = { forms: ['said'] }
    const sizes: number[] = []
    const weighing: CacheCodec<typeof value> = {
      encode: () => Buffer.from('said'),
      decode: () => value,
      size: ({ forms }) => sizes.push(forms.length),
    }
    const cache = new AnswerCache({ clock, store: storeOf(), sealer, settings, codec: weighing })
    cache.put({ ...entry('a'), value }, since)
    value.forms.push('and so')
    cache.weighAgain({ ...entry('a'), value })
    expect(sizes.at(-1)).toBe(2)
    cache.weighAgain({ ...entry('a'), value: { forms: ['another'] } })
    expect(sizes).toHaveLength(2)
  })

  test('does not hold again what was forgotten while somebody had it', () => {
    const cache = cacheOn(storeOf())
    cache.put(entry('a'), since)
    const held = cache.recall('a')
    cache.forget()
    if (held !== undefined) cache.weighAgain(held)
    expect([held?.value, cache.recall('a')]).toEqual(['said', undefined])
  })

  test('sweeps now and then until it is stopped, whatever the store says', async () => {
    const sweepCache = vi.fn(async () => {
      throw new Error('away')
    })
    const cache = cacheOn(storeOf({ sweepCache }))
    cache.start(60_000)
    clock.advance(60_000)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    clock.advance(60_000)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    expect(sweepCache).toHaveBeenCalledTimes(2)
    cache.stop()
    expect(clock.pendingTimers).toBe(0)
  })
})
