import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StopSource } from '../std/stop-signal.ts'
import type { Priority } from './priority.ts'
import { createTargetGates, type Slot, type TargetGates } from './target-gates.ts'

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
