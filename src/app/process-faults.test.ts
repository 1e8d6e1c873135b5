import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createChannel } from '../std/channel.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import { outliveFaults } from './process-faults.ts'

function outlived() {
  const source = new EventEmitter()
  const clock = new ManualClock()
  const channel = createChannel<NoticeRecord>()
  const notices: NoticeRecord[] = []
  channel.subscribe((notice) => notices.push(notice))
  const leave = outliveFaults(source, { notices: channel, clock })
  return { source, clock, notices, leave }
}

test('fault 136: what nobody caught is said by its kind and place, without its words', () => {
  const { source, notices } = outlived()
  source.emit('unhandledRejection', new TypeError('a prompt, or a key'))
  source.emit('uncaughtException', 'a bare string')
  expect(notices).toMatchObject([
    { level: 'error', name: 'process_defect', facts: { event: 'unhandledRejection', kind: 'TypeError' } },
    { level: 'error', name: 'process_defect', facts: { event: 'uncaughtException', kind: 'string' } },
  ])
  expect(JSON.stringify(notices)).not.toMatch(/a prompt|bare string/)
  expect(String(notices[0]?.facts?.['at'])).toContain('process-faults.test.ts')
})

test('fault 136: a storm of them does not flood the log, and its size is told', () => {
  const { source, clock, notices } = outlived()
  for (let count = 0; count < 1_000; count += 1) source.emit('unhandledRejection', new Error('again'))
  expect(notices).toHaveLength(10)
  clock.advance(10_000)
  source.emit('unhandledRejection', new Error('again'))
  expect(notices.at(-1)?.facts).toMatchObject({ unsaidBefore: 990 })
})

test('leaving takes the listeners along', () => {
  const { source, leave } = outlived()
  leave()
  expect(source.eventNames()).toEqual([])
})
