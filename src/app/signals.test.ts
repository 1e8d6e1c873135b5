import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { RunningGateway } from './lifecycle.ts'
import { runObeying, SAME_WISH_MS } from './signals.ts'

function obeying() {
  const source = new EventEmitter()
  const clock = new ManualClock()
  const stopped = Promise.withResolvers<void>()
  const started = Promise.withResolvers<RunningGateway>()
  const asked: string[] = []
  // The part of a gateway that signals reach.
  const running = {
    stopped: stopped.promise,
    stop: async () => void asked.push('stop'),
    reload: async () => (asked.push('reload'), []),
  } as unknown as RunningGateway
  const ending = runObeying({
    source,
    clock,
    start: () => started.promise,
    onRunning: () => asked.push('running'),
  })
  const begin = async () => {
    started.resolve(running)
    await Promise.resolve()
  }
  return { source, clock, asked, begin, ending, end: () => stopped.resolve(), started }
}

test('one Ctrl-C that arrives twice, from the terminal and from npm, drains', async () => {
  const { source, asked, begin, ending, end } = obeying()
  await begin()
  source.emit('SIGINT')
  source.emit('SIGINT')
  end()
  expect(await ending).toBe('drained')
  expect(asked).toEqual(['running', 'stop'])
})

test.each([
  ['the same signal a moment later', 'SIGINT', SAME_WISH_MS],
  ['another signal', 'SIGTERM', 0],
] as const)('%s cuts', async (_, second, afterMs) => {
  const { source, clock, asked, begin, ending, end } = obeying()
  await begin()
  source.emit('SIGINT')
  clock.advance(afterMs)
  source.emit(second)
  end()
  expect(await ending).toBe('cut')
  expect(asked).toEqual(['running', 'stop', 'stop'])
})

test('signals before the gateway runs are obeyed when it does; a reload is none then', async () => {
  const { source, asked, begin, ending, end } = obeying()
  source.emit('SIGHUP')
  source.emit('SIGTERM')
  await begin()
  end()
  expect(await ending).toBe('drained')
  expect(asked).toEqual(['stop', 'running'])
})

test('leaves no listener behind, also where the start fails', async () => {
  const { source, asked, begin, ending, end } = obeying()
  await begin()
  source.emit('SIGHUP')
  end()
  await ending
  expect(asked).toEqual(['running', 'reload'])
  expect(source.eventNames()).toEqual([])
  const failing = obeying()
  failing.started.reject(new Error('no port'))
  await expect(failing.ending).rejects.toThrow('no port')
  expect(failing.source.eventNames()).toEqual([])
})
