import { describe, expect, test } from 'vitest'
import type { Clock } from '../std/clock.ts'
import { clientTimeoutMs, Deadline } from './deadline.ts'

function fakeClock() {
  let now = 0
  let timers: { at: number; callback: () => void }[] = []
  const clock: Clock = {
    wallMs: () => now,
    nowMs: () => now,
    after(delayMs, callback) {
      const timer = { at: now + delayMs, callback }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter((other) => other !== timer)) }
    },
  }
  const advance = (ms: number) => {
    now += ms
    const due = timers.filter((timer) => timer.at <= now)
    timers = timers.filter((timer) => timer.at > now)
    for (const timer of due) timer.callback()
  }
  return { clock, advance, pending: () => timers.length }
}

describe('the deadline', () => {
  test('aborts with what the client is told', () => {
    const { clock, advance } = fakeClock()
    const deadline = new Deadline({ clock, deadlineMs: 1_000, parent: new AbortController().signal })
    advance(999)
    expect(deadline.signal.aborted).toBe(false)
    expect(deadline.leftMs()).toBe(1)
    advance(1)
    expect(deadline.signal.reason).toMatchObject({ code: 'deadline_exceeded' })
    expect(deadline.leftMs()).toBe(0)
  })

  test('a client that waits less long for the beginning is answered in time, and not cut once it has begun', () => {
    const { clock, advance } = fakeClock()
    const options = { clock, deadlineMs: 10_000, beginMs: 1_000 }
    const late = new Deadline({ ...options, parent: new AbortController().signal })
    const begun = new Deadline({ ...options, parent: new AbortController().signal })
    begun.begin()
    advance(1_000)
    expect(late.signal.aborted).toBe(true)
    expect(begun.signal.aborted).toBe(false)
  })

  test('a client that leaves aborts it with its own reason, even before it was made', () => {
    const { clock } = fakeClock()
    const controller = new AbortController()
    controller.abort(new Error('gone'))
    expect(new Deadline({ clock, deadlineMs: 1, parent: controller.signal }).signal.reason).toMatchObject({
      message: 'gone',
    })
  })

  test('leaves no timer behind', () => {
    const { clock, pending } = fakeClock()
    new Deadline({ clock, deadlineMs: 10, beginMs: 5, parent: new AbortController().signal }).dispose()
    expect(pending()).toBe(0)
  })
})

test.each([
  [{ 'x-stainless-timeout': '600' }, 599_500],
  [{ 'x-stainless-read-timeout': '10' }, 9_500],
  [{ 'x-stainless-timeout': 'soon' }, undefined],
  [{ 'x-stainless-timeout': '-1' }, undefined],
  [{ 'x-stainless-timeout': '1e309' }, undefined],
  [{}, undefined],
])('the timeout a client names in %j is kept, less a margin', (headers, expected) => {
  expect(clientTimeoutMs(headers)).toBe(expected)
})
