import { expect, test, vi } from 'vitest'
import { StopSource } from './stop-signal.ts'

test('tells each listener once, in order, and keeps the first reason', () => {
  const source = new StopSource()
  const told: string[] = []
  source.addEventListener('abort', () => told.push('first'))
  source.addEventListener('abort', () => told.push('second'))
  source.stop('because')
  source.stop('again')
  expect(told).toEqual(['first', 'second'])
  expect(source).toMatchObject({ aborted: true, reason: 'because' })
})

test('a listener that left, or came too late, is not told', () => {
  const source = new StopSource()
  const listener = vi.fn<() => void>()
  source.addEventListener('abort', listener)
  source.removeEventListener('abort', listener)
  source.stop('because')
  source.addEventListener('abort', listener)
  expect(listener).not.toHaveBeenCalled()
})

test('throws its reason once it has stopped, and nothing before', () => {
  const source = new StopSource()
  source.throwIfAborted()
  source.stop(new Error('gone'))
  expect(() => source.throwIfAborted()).toThrow('gone')
})
