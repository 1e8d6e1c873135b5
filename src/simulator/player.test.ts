/** The player carries steps out in order, holds still when told, and survives steps that cannot be made. */

import { describe, expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { Outlet } from './player.ts'
import { Player } from './player.ts'
import type { Step } from './step.ts'
import { cut, END, HANG, raw, wait, write } from './step.ts'

function play(steps: Iterable<Step>, mayGoOn: () => boolean = () => true) {
  const clock = new ManualClock()
  const seen: string[] = []
  const outlet: Outlet = {
    head: ({ status }) => void seen.push(`head ${status}`),
    write: (bytes) => {
      seen.push(Buffer.from(bytes).toString())
      return mayGoOn()
    },
    raw: (bytes) => {
      seen.push(`raw ${Buffer.from(bytes).toString()}`)
      return true
    },
    flush: () => true,
    end: () => void seen.push('end'),
    cut: (by) => void seen.push(`cut ${by}`),
    fail: (_, code) => void seen.push(`fail ${code}`),
  }
  const events = { onTokens: () => {}, onAnswered: () => void seen.push('answered') }
  const player = new Player(steps, { outlet, events, clock })
  player.resume()
  return { player, seen, clock }
}

describe('a player', () => {
  test('ends the answer after the last step, or at an end before it', () => {
    expect(play([write('a')]).seen).toEqual(['a', 'end', 'answered'])
    expect(play([write('a'), END, raw('b'), cut('fin')]).seen).toEqual([
      'a',
      'end',
      'answered',
      'raw b',
      'cut fin',
    ])
  })

  test('goes no further after a cut', () => {
    expect(play([write('a'), cut('rst'), write('b')]).seen).toEqual(['a', 'cut rst', 'answered'])
  })

  test('waits by its clock, hangs for ever, and does nothing once stopped', () => {
    const waiting = play([write('a'), wait(10), write('b')])
    expect(waiting.seen).toEqual(['a'])
    waiting.clock.advance(10)
    expect(waiting.seen).toEqual(['a', 'b', 'end', 'answered'])
    const hanging = play([write('a'), HANG, write('b')])
    hanging.player.resume()
    hanging.clock.advance(1e9)
    expect(hanging.seen).toEqual(['a'])
    const stopped = play([write('a'), wait(10), write('b')])
    stopped.player.stop()
    stopped.clock.advance(10)
    expect(stopped.seen).toEqual(['a'])
  })

  test('holds still when the way out is full, also over the end of a wait', () => {
    const { player, seen, clock } = play([write('a'), write('b'), wait(5), write('c')], () => false)
    expect(seen).toEqual(['a'])
    player.resume()
    expect(seen).toEqual(['a', 'b'])
    clock.advance(100)
    expect(seen).toEqual(['a', 'b'])
    player.resume()
    clock.advance(5)
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  test('gives other work its turn during steps without an end', () => {
    const endless: Iterable<Step> = {
      *[Symbol.iterator]() {
        for (;;) yield write('x')
      },
    }
    const { player, seen, clock } = play(endless)
    const count = seen.length
    expect(clock.pendingTimers).toBe(1)
    clock.advance(1)
    expect(seen.length).toBe(2 * count)
    player.stop()
    expect(clock.pendingTimers).toBe(0)
  })

  test('breaks the answer off where a step cannot be made', () => {
    const failing: Iterable<Step> = {
      *[Symbol.iterator]() {
        yield write('a')
        throw new RangeError('too deep')
      },
    }
    expect(play(failing).seen).toEqual(['a', 'cut rst', 'answered'])
  })
})
