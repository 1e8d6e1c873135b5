import { describe, expect, test } from 'vitest'
import { createSeededIds, nextInOrder, createSeededRandom, systemIds, systemRandom } from './ids.ts'

describe('seeded chance', () => {
  test('repeats from the same seed', () => {
    const draw = (seed: number) => {
      const random = createSeededRandom(seed)
      return Array.from({ length: 20 }, () => random.next())
    }
    expect(draw(42)).toEqual(draw(42))
    expect(draw(42)).not.toEqual(draw(43))
    // Mulberry32's first numbers from seed 1, so that a seed means the same in every version.
    expect(draw(1).slice(0, 3)).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522])
  })

  test.each([
    ['seeded', createSeededRandom(7)],
    ['system', systemRandom],
  ])('%s numbers are spread over [0, 1)', (_which, random) => {
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let count = 0; count < 20_000; count += 1) {
      const number = random.next()
      expect(number >= 0 && number < 1).toBe(true)
      tenths[Math.floor(number * 10)] = (tenths[Math.floor(number * 10)] ?? 0) + 1
    }
    for (const tenth of tenths) expect(Math.abs(tenth - 2_000)).toBeLessThan(300)
  })

  test('takes any number for a seed', () => {
    for (const seed of [0, -1, 2 ** 32, 1.5, Number.MAX_SAFE_INTEGER, Number.NaN]) {
      const number = createSeededRandom(seed).next()
      expect(number >= 0 && number < 1).toBe(true)
    }
  })
})

describe.each([
  ['system', systemIds],
  ['seeded', createSeededIds(createSeededRandom(1))],
])('%s ids', (_which, ids) => {
  test('carry their prefix, 96 random bits or more, and only characters safe everywhere', () => {
    expect(ids.next('req_')).toMatch(/^req_[0-9a-f]{24,}$/)
  })

  test('are never the same', () => {
    const made = new Set(Array.from({ length: 20_000 }, () => ids.next('')))
    expect(made.size).toBe(20_000)
  })
})

test('ids in order sort by the time they were made at, whatever chance adds', () => {
  const times = [0, 1, 255, 4_095, 1_795_900_000_123, 1_795_900_000_124, 2 ** 47]
  const made = times.map((wallMs) => nextInOrder(systemIds, 'req_', wallMs))
  expect(made.toSorted()).toEqual(made)
  for (const id of made) expect(id).toMatch(/^req_[0-9a-f]{36}$/)
  expect(Number.parseInt(made[4]?.slice(4, 16) ?? '', 16)).toBe(times[4])
  expect(new Set(Array.from({ length: 1_000 }, () => nextInOrder(systemIds, '', 5))).size).toBe(1_000)
})

test('seeded ids repeat from the same seed', () => {
  const make = () => createSeededIds(createSeededRandom(5)).next('id_')
  expect(make()).toBe(make())
})
