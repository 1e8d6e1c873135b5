import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StopSource } from '../std/stop-signal.ts'
import { QUEUE_DEPTH_MAX } from './gate.ts'
import type { Priority } from './priority.ts'
import { createTargetGates, GATES_MAX, type Slot, type TargetGates } from './target-gates.ts'

const TARGET = 't:openai/gpt-5:1'

function createWorld(slots?: number) {
  const clock = new ManualClock()
  const gates = createTargetGates({ clock })
  gates.setSlots(TARGET, slots)
  return { clock, gates }
}

interface Asked {
  readonly number: number
  readonly priority: Priority
  readonly stop: StopSource
  slot?: Slot
  error?: unknown
  ends: number
}

function ask(
  { clock, gates }: { clock: ManualClock; gates: TargetGates },
  number: number,
  priority: Priority = 'normal',
  withinMs = 60_000,
): Asked {
  const asked: Asked = { number, priority, stop: new StopSource(), ends: 0 }
  const deadlineAtMs = clock.nowMs() + withinMs
  gates.enter(TARGET, { priority, deadlineAtMs, signal: asked.stop }).then(
    (slot) => {
      asked.slot = slot
      asked.ends += 1
    },
    (error: unknown) => {
      asked.error = error
      asked.ends += 1
    },
  )
  return asked
}

const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
}

describe('a target with fixed slots', () => {
  test('gives out as many places as it has, and the next one to who waits longest', async () => {
    const world = createWorld(1)
    const first = world.gates.tryEnter(TARGET, 0)
    expect(first).toBeDefined()
    expect(world.gates.isFree(TARGET, 0)).toBe(false)
    expect(world.gates.tryEnter(TARGET, 0)).toBeUndefined()
    const [second, third] = [ask(world, 2), ask(world, 3)]
    first?.release('ok', 0)
    await settle()
    expect([second.ends, third.ends]).toEqual([1, 0])
    second.slot?.release('ok', 0)
    await settle()
    expect(third.slot).toBeDefined()
  })

  test('lets the more urgent of the same moment go first', async () => {
    const world = createWorld(1)
    const first = world.gates.tryEnter(TARGET, 0)
    const low = ask(world, 1, 'low')
    const high = ask(world, 2, 'high')
    first?.release('ok', 0)
    await settle()
    expect([low.ends, high.ends]).toEqual([0, 1])
  })

  test('whoever leaves the line costs nothing, and is told why it ended', async () => {
    const world = createWorld(1)
    world.gates.tryEnter(TARGET, 0)
    const waiting = ask(world, 1)
    const reason = new GatewayError('client_gone', 'left')
    waiting.stop.stop(reason)
    await settle()
    expect(waiting.error).toBe(reason)
    expect(world.clock.pendingTimers).toBe(0)
  })

  test('whoever cannot be served in time is turned away with a wait', async () => {
    const world = createWorld(1)
    world.gates.tryEnter(TARGET, 0)
    const waiting = ask(world, 1, 'normal', 5_000)
    world.clock.advance(5_001)
    await settle()
    expect(waiting.error).toBeInstanceOf(GatewayError)
    expect(waiting.error).toMatchObject({ code: 'overloaded' })
    expect(world.clock.pendingTimers).toBe(0)
  })
})

test('a target of which nothing is known is always free', () => {
  const { gates } = createWorld()
  for (let call = 0; call < 100; call += 1) expect(gates.tryEnter(TARGET, 0)).toBeDefined()
  expect(gates.isFree(TARGET, 0)).toBe(true)
})

test('a refusal lowers how many may be in flight at one time', () => {
  const { gates } = createWorld()
  const slots = Array.from({ length: 10 }, () => gates.tryEnter(TARGET, 0))
  slots[0]?.release('refused', 10)
  expect(gates.isFree(TARGET, 10)).toBe(false)
  for (const slot of slots.slice(1, 5)) slot?.release('ok', 20)
  expect(gates.isFree(TARGET, 20)).toBe(true)
})

describe('a line', () => {
  test('turns away at once whoever finds it full, and says when to come back', async () => {
    const world = createWorld(1)
    world.gates.tryEnter(TARGET, 0)
    const waiting = Array.from({ length: QUEUE_DEPTH_MAX }, (_, number) => ask(world, number))
    const late = ask(world, QUEUE_DEPTH_MAX)
    await settle()
    expect(late.error).toMatchObject({ code: 'overloaded', facts: { retryAfterMs: 1_000 } })
    expect(waiting.some(({ ends }) => ends > 0)).toBe(false)
  })

  test('that is full gives the place of the newest of the lowest class to one above it', async () => {
    const world = createWorld(1)
    world.gates.tryEnter(TARGET, 0)
    for (let number = 2; number < QUEUE_DEPTH_MAX; number += 1) ask(world, number)
    const [older, newer] = [ask(world, 0, 'low'), ask(world, 1, 'low')]
    const low = ask(world, 2, 'low')
    const normal = ask(world, 3)
    await settle()
    expect([older, newer, low, normal].map(({ ends }) => ends)).toEqual([0, 1, 1, 0])
    expect(newer.error).toMatchObject({ code: 'overloaded' })
  })

  test('does not take whoever cannot be served in time by what calls have lately taken', async () => {
    const world = createWorld(1)
    const first = world.gates.tryEnter(TARGET, 0)
    world.clock.advance(4_000)
    first?.release('ok', 4_000)
    world.gates.tryEnter(TARGET, 4_000)
    const ahead = ask(world, 1)
    const hasty = ask(world, 2, 'normal', 4_000)
    const patient = ask(world, 3, 'normal', 4_001)
    await settle()
    expect([ahead, hasty, patient].map(({ ends }) => ends)).toEqual([0, 1, 0])
    expect(hasty.error).toMatchObject({ code: 'overloaded', facts: { retryAfterMs: 4_000 } })
  })

  test('turns away, when a refusal narrows the gate, whoever will come too late now', async () => {
    const world = createWorld(10)
    const slots = Array.from({ length: 10 }, () => world.gates.tryEnter(TARGET, 0))
    world.clock.advance(8_000)
    slots.pop()?.release('ok', 8_000)
    slots.push(world.gates.tryEnter(TARGET, 8_000))
    const waiting = Array.from({ length: 6 }, (_, number) => ask(world, number, 'normal', 5_000))
    await settle()
    expect(waiting.map(({ ends }) => ends)).toEqual([0, 0, 0, 0, 0, 0])
    slots[0]?.release('refused', 8_000)
    await settle()
    // Seven at one time: the sixth has five ahead, and 5 x 8 s / 7 is more than 5 s.
    expect(waiting.map(({ ends }) => ends)).toEqual([0, 0, 0, 0, 0, 1])
  })

  test('is not entered with a signal that has stopped already', async () => {
    const world = createWorld(1)
    const stop = new StopSource()
    stop.stop(new GatewayError('client_gone', 'left'))
    const entering = world.gates.enter(TARGET, { priority: 'high', deadlineAtMs: 1_000, signal: stop })
    await expect(entering).rejects.toBe(stop.reason)
    expect(world.gates.isFree(TARGET, 0)).toBe(true)
  })

  test('leaves no listener on the signal of one who had a turn, or came too late', async () => {
    const world = createWorld(1)
    const first = world.gates.tryEnter(TARGET, 0)
    const asked = [ask(world, 1), ask(world, 2, 'normal', 5_000)]
    const removals = asked.map(({ stop }) => vi.spyOn(stop, 'removeEventListener'))
    first?.release('ok', 0)
    world.clock.advance(5_000)
    await settle()
    expect(asked.map(({ ends }) => ends)).toEqual([1, 1])
    for (const removal of removals) expect(removal).toHaveBeenCalledTimes(1)
  })

  test('is not passed by one who only tries', async () => {
    const world = createWorld(1)
    const first = world.gates.tryEnter(TARGET, 0)
    const waiting = ask(world, 1)
    first?.release('ok', 0)
    expect(world.gates.tryEnter(TARGET, 0)).toBeUndefined()
    await settle()
    expect(waiting.slot).toBeDefined()
  })

  test('goes on as slots are added or no longer bounded', async () => {
    const world = createWorld(1)
    world.gates.tryEnter(TARGET, 0)
    const waiting = [ask(world, 1), ask(world, 2), ask(world, 3)]
    world.gates.setSlots(TARGET, 2)
    await settle()
    expect(waiting.map(({ ends }) => ends)).toEqual([1, 0, 0])
    world.gates.setSlots(TARGET, undefined)
    await settle()
    expect(waiting.map(({ ends }) => ends)).toEqual([1, 1, 1])
  })
})

test('a slot is given back once, however often it is released', () => {
  const { gates } = createWorld(2)
  const first = gates.tryEnter(TARGET, 0)
  gates.tryEnter(TARGET, 0)
  first?.release('ok', 0)
  first?.release('refused', 0)
  expect(gates.snapshot(0)).toEqual([{ target: TARGET, inFlight: 1, queued: 0, slots: 2 }])
})

test('a limit that was learned is forgotten five minutes after the last refusal, and who waits goes in', async () => {
  const world = createWorld()
  const first = world.gates.tryEnter(TARGET, 0)
  world.gates.tryEnter(TARGET, 0)
  first?.release('refused', 0)
  const waiting = ask(world, 1, 'normal', 400_000)
  world.clock.advance(299_999)
  await settle()
  expect(waiting.ends).toBe(0)
  world.clock.advance(1)
  await settle()
  expect(waiting.slot).toBeDefined()
  expect(world.clock.pendingTimers).toBe(0)
})

describe('a target whose provider states its limits', () => {
  const spent = {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '1m0s',
  }

  test('lets the next one in as time brings it back, with one timer for all who wait', async () => {
    const world = createWorld()
    world.gates.noteHead(TARGET, 200, spent, 0)
    expect(world.gates.snapshot(0)).toEqual([{ target: TARGET, inFlight: 0, queued: 0, pacedUntilMs: 1_000 }])
    const waiting = [1, 2, 3].map((number) => ask(world, number, 'normal', Number.POSITIVE_INFINITY))
    expect(world.clock.pendingTimers).toBe(1)
    const ends: number[] = []
    for (let second = 0; second < 3; second += 1) {
      world.clock.advance(1_000)
      await settle()
      ends.push(waiting.filter((one) => one.ends === 1).length)
    }
    expect(ends).toEqual([1, 2, 3])
    expect(world.clock.pendingTimers).toBe(0)
  })

  test('turns away at once whoever has less time than the pace will take', async () => {
    const world = createWorld()
    world.gates.noteHead(TARGET, 200, { ...spent, 'x-ratelimit-reset-requests': '10m0s' }, 0)
    const hasty = ask(world, 1, 'high', 10_000)
    await settle()
    expect(hasty.error).toMatchObject({ code: 'overloaded', facts: { retryAfterMs: 10_000 } })
    expect(world.clock.pendingTimers).toBe(0)
  })

  test('gives the next one the place of a call that never had an answer', async () => {
    const world = createWorld()
    world.gates.noteHead(TARGET, 200, { ...spent, 'x-ratelimit-remaining-requests': '1' }, 0)
    const slot = world.gates.tryEnter(TARGET, 0)
    expect(world.gates.isFree(TARGET, 0)).toBe(false)
    slot?.release('other', 0)
    expect(world.gates.isFree(TARGET, 0)).toBe(true)
  })

  test('does not give back the place of a call that had one', async () => {
    const world = createWorld()
    world.gates.noteHead(TARGET, 200, { ...spent, 'x-ratelimit-remaining-requests': '1' }, 0)
    const slot = world.gates.tryEnter(TARGET, 0)
    world.gates.noteHead(TARGET, 200, {}, 0)
    slot?.release('ok', 0)
    expect(world.gates.isFree(TARGET, 0)).toBe(false)
  })
})

test('a head without limits leaves no memory of a target', () => {
  const { gates } = createWorld()
  gates.noteHead('t:other', 200, { 'content-type': 'text/plain' }, 0)
  gates.setSlots('t:other', undefined)
  expect(gates.snapshot(0)).toEqual([])
})

test('the oldest idle target is forgotten for a new one, and none that is in use or configured', () => {
  const { gates } = createWorld(3)
  gates.tryEnter('t:held', 0)
  const paced = {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '1m0s',
  }
  for (let number = 0; number < GATES_MAX; number += 1) gates.noteHead(`t:${number}`, 200, paced, 0)
  const names = gates.snapshot(0).map(({ target }) => target)
  expect(names).toHaveLength(GATES_MAX)
  expect(names).toEqual(expect.arrayContaining([TARGET, 't:held', `t:${GATES_MAX - 1}`]))
  expect(names).not.toContain('t:0')
})

type Act =
  | { readonly type: 'ask'; readonly priority: Priority; readonly withinMs: number }
  | { readonly type: 'release' | 'leave'; readonly which: number }
  | { readonly type: 'time'; readonly ms: number }

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    type: fc.constant('ask' as const),
    priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
    withinMs: fc.integer({ min: 1, max: 20_000 }),
  }),
  fc.record({ type: fc.constantFrom('release' as const, 'leave' as const), which: fc.nat(50) }),
  fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 4_000 }) }),
)

test('any course: never more in flight than slots, everybody ends once, and nothing is left when all is over', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (acts, slots) => {
        const world = createWorld(slots)
        const asked: Asked[] = []
        const held = () => asked.filter(({ slot }) => slot !== undefined)
        for (const one of acts) {
          if (one.type === 'ask') asked.push(ask(world, asked.length, one.priority, one.withinMs))
          else if (one.type === 'time') world.clock.advance(one.ms)
          else if (one.type === 'leave')
            asked[one.which % Math.max(1, asked.length)]?.stop.stop(new GatewayError('client_gone', 'left'))
          else {
            const holders = held()
            const holder = holders[one.which % Math.max(1, holders.length)]
            holder?.slot?.release('ok', world.clock.nowMs())
            if (holder !== undefined) delete holder.slot
          }
          await settle()
          expect(held().length).toBeLessThanOrEqual(slots)
          expect(asked.every(({ ends }) => ends <= 1)).toBe(true)
        }
        for (let round = 0; round < 200 && asked.some(({ ends, slot }) => ends === 0 || slot); round += 1) {
          for (const holder of held()) {
            holder.slot?.release('ok', world.clock.nowMs())
            delete holder.slot
          }
          world.clock.advance(1_000)
          await settle()
        }
        expect(asked.map(({ ends }) => ends)).toEqual(asked.map(() => 1))
        expect(world.clock.pendingTimers).toBe(0)
        const [state] = world.gates.snapshot(world.clock.nowMs()).filter(({ target }) => target === TARGET)
        expect(state?.inFlight ?? 0).toBe(0)
        expect(state?.queued ?? 0).toBe(0)
      },
    ),
    { numRuns: 300 },
  )
})
