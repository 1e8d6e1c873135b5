import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { StopSource } from '../std/stop-signal.ts'
import { Race, soleLane } from './race.ts'

/** Counts who listens, as a request that outlives its attempts must not collect listeners. */
class CountedSource extends StopSource {
  listening = 0

  override addEventListener(type: 'abort', listener: () => void): void {
    this.listening += 1
    super.addEventListener(type, listener)
  }

  override removeEventListener(type: 'abort', listener: () => void): void {
    this.listening -= 1
    super.removeEventListener(type, listener)
  }
}

function createRace() {
  const request = new CountedSource()
  const race = new Race(request)
  return { request, race, first: race.join(), second: race.join() }
}

test('whoever has content first wins, and the others are stopped in that moment', () => {
  const { race, first, second } = createRace()
  expect(race.isDecided).toBe(false)
  second.claim()
  expect(race.isDecided).toBe(true)
  expect([second.isBeaten, second.signal.aborted]).toEqual([false, false])
  expect([first.isBeaten, first.signal.aborted]).toEqual([true, true])
  expect(first.signal.reason).toMatchObject({ code: 'superseded' })
})

test('content that comes too late is told so', () => {
  const { first, second } = createRace()
  first.claim()
  expect(() => second.claim()).toThrow(expect.objectContaining({ code: 'superseded' }))
  expect([first.isBeaten, first.signal.aborted]).toEqual([false, false])
})

test('the winner may say again that it has content', () => {
  const { first } = createRace()
  first.claim()
  expect(() => first.claim()).not.toThrow()
  expect(first.signal.aborted).toBe(false)
})

test('a request that is over stops all of its attempts, and none of them is beaten', () => {
  const { request, first, second } = createRace()
  const left = new GatewayError('client_gone', 'left')
  request.stop(left)
  for (const lane of [first, second]) {
    expect([lane.signal.aborted, lane.isBeaten]).toEqual([true, false])
    expect(lane.signal.reason).toBe(left)
    expect(() => lane.claim()).toThrow(left)
  }
})

test('an attempt that joins a request that is over is stopped at once', () => {
  const { request, race } = createRace()
  request.stop('left')
  expect(race.join().signal.reason).toBe('left')
})

test('the winner still listens to the request, and the beaten one no longer does', () => {
  const { request, first, second } = createRace()
  expect(request.listening).toBe(2)
  first.claim()
  expect(request.listening).toBe(1)
  request.stop('left')
  expect(first.signal.reason).toBe('left')
  expect(second.signal.reason).toMatchObject({ code: 'superseded' })
})

test('an attempt that ended no longer listens to the request', () => {
  const { request, first, second } = createRace()
  first.leave()
  second.leave()
  expect(request.listening).toBe(0)
  request.stop('left')
  expect(first.signal.aborted).toBe(false)
})

test('an attempt that nobody races stops with the request alone', () => {
  const request = new StopSource()
  const lane = soleLane(request)
  lane.claim()
  expect(lane.isBeaten).toBe(false)
  request.stop('left')
  expect(lane.signal.aborted).toBe(true)
})
