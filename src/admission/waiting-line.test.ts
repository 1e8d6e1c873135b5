import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HANDICAP_MS, PRIORITIES, type Priority } from './priority.ts'
import { type Place, WaitingLine } from './waiting-line.ts'

/** Who leaves, one after the other, as they go. */
function drain(line: WaitingLine<string>): readonly string[] {
  const gone: string[] = []
  for (let next = line.first; next !== undefined; next = line.first) {
    gone.push(next.item)
    line.leave(next)
  }
  return gone
}

describe('in a line', () => {
  test('of one class, who came first goes first', () => {
    const line = new WaitingLine<string>()
    for (const item of ['a', 'b', 'c']) line.join(item, 'normal', 5)
    expect(drain(line)).toEqual(['a', 'b', 'c'])
  })

  test('of one moment, the higher priority goes first', () => {
    const line = new WaitingLine<string>()
    for (const priority of ['low', 'normal', 'high'] as const) line.join(priority, priority, 0)
    expect(drain(line)).toEqual(['high', 'normal', 'low'])
  })

  test('a high one passes the normal ones of the last ten seconds and no older one', () => {
    const line = new WaitingLine<string>()
    line.join('older', 'normal', 0)
    line.join('newer', 'normal', 1)
    line.join('high', 'high', 10_001)
    expect(drain(line)).toEqual(['older', 'high', 'newer'])
  })

  test('a low one that has waited thirty seconds goes before a high one that comes now', () => {
    const line = new WaitingLine<string>()
    line.join('low', 'low', 0)
    line.join('high', 'high', 30_001)
    expect(drain(line)).toEqual(['low', 'high'])
  })

  test('of equal handicaps, the higher priority goes first', () => {
    const line = new WaitingLine<string>()
    line.join('low', 'low', 0)
    line.join('normal', 'normal', 20_000)
    line.join('high', 'high', 30_000)
    expect(drain(line)).toEqual(['high', 'normal', 'low'])
  })

  test('nobody is first where nobody waits', () => {
    expect(new WaitingLine<string>().first).toBeUndefined()
    expect(new WaitingLine<string>().inOrder()).toEqual([])
  })
})

describe('whoever leaves', () => {
  test.each([
    ['first', 0, ['b', 'c']],
    ['in the middle', 1, ['a', 'c']],
    ['last', 2, ['a', 'b']],
  ])('%s lets the others stay in order', (_where, at, left) => {
    const line = new WaitingLine<string>()
    const places = ['a', 'b', 'c'].map((item) => line.join(item, 'normal', 0))
    const place = places[at]
    if (place !== undefined) line.leave(place)
    line.join('d', 'normal', 1)
    expect(drain(line)).toEqual([...left, 'd'])
  })

  test('leaves once, however often', () => {
    const line = new WaitingLine<string>()
    const place = line.join('a', 'normal', 0)
    line.join('b', 'normal', 0)
    line.leave(place)
    line.leave(place)
    expect(line.size).toBe(1)
    expect(line.first?.item).toBe('b')
  })
})

describe('one who comes', () => {
  test('has those of its class and above ahead', () => {
    const line = new WaitingLine<string>()
    for (const priority of ['high', 'normal', 'normal', 'low', 'low', 'low'] as const) {
      line.join('x', priority, 0)
    }
    expect(PRIORITIES.map((priority) => line.aheadOf(priority))).toEqual([1, 3, 6])
  })

  test('takes the place of the newest of the lowest class below its own', () => {
    const line = new WaitingLine<string>()
    line.join('normal', 'normal', 0)
    line.join('old low', 'low', 0)
    const low = line.join('new low', 'low', 1)
    expect(line.lastBelow('high')?.item).toBe('new low')
    expect(line.lastBelow('normal')?.item).toBe('new low')
    line.leave(low)
    expect(line.lastBelow('normal')?.item).toBe('old low')
  })

  test('takes nobody’s place whose class is its own or above', () => {
    const line = new WaitingLine<string>()
    line.join('normal', 'normal', 0)
    expect(line.lastBelow('low')).toBeUndefined()
    expect(line.lastBelow('normal')).toBeUndefined()
    expect(line.lastBelow('high')?.item).toBe('normal')
  })
})

test('any course of comings and goings: the same order as a list that is sorted each time', () => {
  const step = fc.record({
    kind: fc.constantFrom('join', 'join', 'leave', 'go'),
    priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
    waitMs: fc.constantFrom(0, 0, 1, 5_000, 10_000, 20_000),
    which: fc.nat(30),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const line = new WaitingLine<number>()
      const places: Place<number>[] = []
      let naive: { readonly item: number; readonly priority: Priority; readonly orderMs: number }[] = []
      let nowMs = 0
      for (const { kind, priority, waitMs, which } of steps) {
        nowMs += waitMs
        if (kind === 'join') {
          const item = places.length
          places.push(line.join(item, priority, nowMs))
          naive.push({ item, priority, orderMs: nowMs + HANDICAP_MS[priority] })
          naive.sort(
            (one, other) =>
              one.orderMs - other.orderMs ||
              PRIORITIES.indexOf(one.priority) - PRIORITIES.indexOf(other.priority) ||
              one.item - other.item,
          )
        } else {
          const place = kind === 'go' ? line.first : places[which % Math.max(1, places.length)]
          if (place !== undefined) line.leave(place)
          naive = naive.filter(({ item }) => item !== place?.item)
        }
        expect(line.size).toBe(naive.length)
        expect(line.first?.item).toBe(naive[0]?.item)
        expect(line.inOrder().map(({ item }) => item)).toEqual(naive.map(({ item }) => item))
        expect(line.aheadOf('normal')).toBe(naive.filter((one) => one.priority !== 'low').length)
      }
    }),
    { numRuns: 300 },
  )
})
