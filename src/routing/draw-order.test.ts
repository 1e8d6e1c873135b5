import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../std/ids.ts'
import { affinityHash } from './affinity-key.ts'
import {
  AFFINITY_LOAD_FACTOR,
  type AffinityChild,
  drawBetterOfTwo,
  drawByWeight,
  fillGaps,
  orderByAffinity,
  orderByCost,
} from './draw-order.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 31 })
const places = (count: number) => Array.from({ length: count }, (_, place) => place)

describe('weighted', () => {
  test('each comes first for its share of 20,000 draws, and second for its share of the rest', () => {
    const weights = [5, 3, 2, 0]
    const random = createSeededRandom(11)
    const first = [0, 0, 0, 0]
    const second = [0, 0, 0, 0]
    for (let draw = 0; draw < 20_000; draw += 1) {
      const [one = 0, two = 0] = drawByWeight(weights, random)
      first[one] = (first[one] ?? 0) + 1
      second[two] = (second[two] ?? 0) + 1
    }
    // Four standard deviations of a share near one half are 1.4 %.
    for (const [place, share] of [0.5, 0.3, 0.2, 0].entries())
      expect(Math.abs((first[place] ?? 0) / 20_000 - share)).toBeLessThan(0.015)
    // Of place 0: behind 1 it has 5 of 7, behind 2 it has 5 of 8.
    const shareOfSecond = 0.3 * (5 / 7) + 0.2 * (5 / 8)
    expect(Math.abs((second[0] ?? 0) / 20_000 - shareOfSecond)).toBeLessThan(0.015)
  })

  test('every order holds every place once, weight 0 behind all others, the same for the same seed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }), seeds, (weights, seed) => {
        const order = drawByWeight(weights, createSeededRandom(seed))
        expect(order.toSorted((a, b) => a - b)).toEqual(places(weights.length))
        const drained = order.findIndex((place) => weights[place] === 0)
        if (drained !== -1) expect(order.slice(drained).every((place) => weights[place] === 0)).toBe(true)
        expect(drawByWeight(weights, createSeededRandom(seed))).toEqual(order)
      }),
    )
  })

  test('chance at its ends is chance all the same', () => {
    for (const value of [0, 1 - Number.EPSILON / 2])
      expect(drawByWeight([0, 1, 2], { next: () => value }).toSorted((a, b) => a - b)).toEqual([0, 1, 2])
  })
})

describe('latency: the better of two', () => {
  test('of two the better one is first, whatever the chance', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), seeds, (score, seed) => {
        expect(drawBetterOfTwo([score, score + 1], createSeededRandom(seed))).toEqual([0, 1])
        expect(drawBetterOfTwo([score + 1, score], createSeededRandom(seed))).toEqual([1, 0])
      }),
    )
  })

  test('the first is never the worst, and every place is there once', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1_000), { minLength: 2, maxLength: 12 }), seeds, (scores, seed) => {
        const order = drawBetterOfTwo(scores, createSeededRandom(seed))
        expect(scores[order[0] ?? 0]).toBeLessThan(Math.max(...scores))
        expect(order.toSorted((a, b) => a - b)).toEqual(places(scores.length))
      }),
    )
  })

  test('a rank among n comes first as often as two draws say, so that no herd runs to the best', () => {
    const random = createSeededRandom(5)
    const first = [0, 0, 0, 0]
    for (let draw = 0; draw < 20_000; draw += 1) {
      const [one = 0] = drawBetterOfTwo([1, 2, 3, 4], random)
      first[one] = (first[one] ?? 0) + 1
    }
    // Of 6 pairs the best is the better in 3, the second in 2, the third in 1, the last in none.
    for (const [place, pairs] of [3, 2, 1, 0].entries())
      expect(Math.abs((first[place] ?? 0) / 20_000 - pairs / 6)).toBeLessThan(0.015)
  })

  test('what looks the same shares evenly', () => {
    const random = createSeededRandom(6)
    let first = 0
    for (let draw = 0; draw < 20_000; draw += 1) first += drawBetterOfTwo([7, 7], random)[0] ?? 0
    expect(Math.abs(first / 20_000 - 0.5)).toBeLessThan(0.015)
  })

  test('what was never seen is as the middle of what was', () => {
    expect(fillGaps([undefined, 100, undefined, 900])).toEqual([500, 100, 500, 900])
    expect(fillGaps([30, undefined, 10, 20])).toEqual([30, 20, 10, 20])
    expect(fillGaps([undefined, 40])).toEqual([40, 40])
    expect(new Set(fillGaps([undefined, undefined])).size).toBe(1)
    expect(fillGaps([])).toEqual([])
  })
})

describe('cheapest', () => {
  test('goes by cost, what is not known last, the same as written', () => {
    expect(orderByCost([5, undefined, 0, 5, 1])).toEqual([2, 4, 0, 3, 1])
    expect(orderByCost([undefined, undefined])).toEqual([0, 1])
  })
})

describe('affinity', () => {
  const idle = (key: string, names: readonly string[]): readonly AffinityChild[] =>
    names.map((name) => ({ hash: affinityHash(key, name), weight: 1, inFlight: 0, isAvailable: true }))
  const namesFirst = (key: string, names: readonly string[]) =>
    names[orderByAffinity(idle(key, names))[0] ?? 0] ?? ''
  const keys = Array.from({ length: 20_000 }, (_, at) => `caller-${at}`)

  test('a target that comes takes its share from the others, and nothing moves between those', () => {
    const before = ['a', 'b', 'c']
    const after = [...before, 'd']
    let moved = 0
    for (const key of keys) {
      const [old, now] = [namesFirst(key, before), namesFirst(key, after)]
      if (old === now) continue
      expect(now).toBe('d')
      moved += 1
    }
    expect(Math.abs(moved / keys.length - 1 / 4)).toBeLessThan(0.015)
  })

  test('a target that goes gives its own up, and those alone', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uniqueArray(fc.string({ maxLength: 30 }), { minLength: 2, maxLength: 10 }),
        (key, names) => {
          const first = namesFirst(key, names)
          for (const gone of names.filter((name) => name !== first))
            expect(
              namesFirst(
                key,
                names.filter((name) => name !== gone),
              ),
            ).toBe(first)
        },
      ),
    )
  })

  test('shares follow the weights', () => {
    const counts = [0, 0]
    for (const key of keys) {
      const children = idle(key, ['a', 'b']).map((child, place) => ({
        ...child,
        weight: place === 0 ? 3 : 1,
      }))
      const [first = 0] = orderByAffinity(children)
      counts[first] = (counts[first] ?? 0) + 1
    }
    expect(Math.abs((counts[0] ?? 0) / keys.length - 3 / 4)).toBeLessThan(0.015)
  })

  test('one key alone never fills a target beyond its bounded share of the calls in flight', () => {
    const hottest = fc.array(fc.boolean(), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 8 }), hottest, (key, count, comings) => {
        const calls = places(count).map(() => 0)
        for (const isComing of comings) {
          const total = calls.reduce((sum, one) => sum + one, 0)
          if (!isComing && total > 0) {
            const busiest = calls.indexOf(Math.max(...calls))
            calls[busiest] = (calls[busiest] ?? 0) - 1
            continue
          }
          const children = idle(
            key,
            calls.map(String).map((_, at) => `t${at}`),
          )
          const [first = 0] = orderByAffinity(
            children.map((child, at) => ({ ...child, inFlight: calls[at] ?? 0 })),
          )
          calls[first] = (calls[first] ?? 0) + 1
          expect(calls[first]).toBeLessThanOrEqual(Math.ceil((AFFINITY_LOAD_FACTOR * (total + 1)) / count))
        }
      }),
    )
  })

  test('a target that cannot be called takes no part in sharing, and keeps its place for when it can', () => {
    const names = ['a', 'b', 'c']
    const home = namesFirst('key', names)
    const children = idle('key', names).map((child, at) => {
      return { ...child, isAvailable: names[at] !== home, inFlight: names[at] === home ? 50 : 0 }
    })
    expect(names[orderByAffinity(children)[0] ?? 0]).toBe(home)
  })
})
