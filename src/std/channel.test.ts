import { expect, test } from 'vitest'
import { createChannel } from './channel.ts'

test('every subscriber gets every message, in order', () => {
  const channel = createChannel<number>()
  const seen: string[] = []
  channel.subscribe((message) => seen.push(`a${message}`))
  channel.subscribe((message) => seen.push(`b${message}`))
  channel.publish(1)
  channel.publish(2)
  expect(seen).toEqual(['a1', 'b1', 'a2', 'b2'])
})

test('fault 136: a subscriber that throws reaches neither the publisher nor the others, and is counted', () => {
  const channel = createChannel<number>()
  const seen: number[] = []
  channel.subscribe(() => {
    throw new Error('metrics are down')
  })
  channel.subscribe((message) => seen.push(message))
  expect(() => channel.publish(1)).not.toThrow()
  channel.publish(2)
  expect(seen).toEqual([1, 2])
  expect(channel.subscriberFaults).toBe(2)
})

test('who has left gets nothing more; leaving twice does nothing', () => {
  const channel = createChannel<number>()
  const seen: number[] = []
  const leave = channel.subscribe((message) => seen.push(message))
  channel.subscribe((message) => seen.push(message * 10))
  leave()
  leave()
  channel.publish(1)
  expect(seen).toEqual([10])
})

test('joining and leaving during a message takes effect with the next', () => {
  const channel = createChannel<number>()
  const seen: string[] = []
  const leave = channel.subscribe((message) => {
    seen.push(`first${message}`)
    leave()
    channel.subscribe((later) => seen.push(`late${later}`))
  })
  channel.subscribe((message) => seen.push(`second${message}`))
  channel.publish(1)
  expect(seen).toEqual(['first1', 'second1'])
  channel.publish(2)
  expect(seen).toEqual(['first1', 'second1', 'second2', 'late2'])
})

test('a channel without subscribers takes messages', () => {
  expect(() => createChannel<number>().publish(1)).not.toThrow()
})
