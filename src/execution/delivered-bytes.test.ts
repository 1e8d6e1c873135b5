import { expect, test } from 'vitest'
import { DELIVERED_BYTES_MAX, DELIVERED_BYTES_TOTAL_MAX, DeliveredBytes } from './delivered-bytes.ts'

const piece = (length: number) => new Uint8Array(length)

test('everything is kept in order', () => {
  const delivered = new DeliveredBytes({ bytes: 0 })
  expect(delivered.chunks).toEqual([])
  const chunks = [Uint8Array.of(1, 2), Uint8Array.of(3)]
  for (const chunk of chunks) delivered.add(chunk)
  expect(delivered.chunks).toEqual(chunks)
})

test('a stream that is longer than the bound is not kept at all, and gives back what it held', () => {
  const memory = { bytes: 0 }
  const delivered = new DeliveredBytes(memory)
  delivered.add(piece(DELIVERED_BYTES_MAX))
  expect([delivered.chunks?.length, memory.bytes]).toEqual([1, DELIVERED_BYTES_MAX])
  delivered.add(piece(1))
  expect([delivered.chunks, memory.bytes]).toEqual([undefined, 0])
  delivered.add(piece(1))
  expect([delivered.chunks, memory.bytes]).toEqual([undefined, 0])
})

test('where all streams together keep too much, the one that would pass the bound is dropped', () => {
  const memory = { bytes: 0 }
  const other = new DeliveredBytes(memory)
  other.add(piece(10))
  const delivered = new DeliveredBytes(memory)
  delivered.add(piece(5))
  memory.bytes = DELIVERED_BYTES_TOTAL_MAX - 1
  delivered.add(piece(1))
  expect(delivered.chunks?.length).toBe(2)
  delivered.add(piece(1))
  expect(delivered.chunks).toBeUndefined()
  expect(memory.bytes).toBe(DELIVERED_BYTES_TOTAL_MAX - 6)
  expect(other.chunks?.length).toBe(1)
})

test('what a stream held is given back once, however often it ends', () => {
  const memory = { bytes: 0 }
  const kept = new DeliveredBytes(memory)
  kept.add(piece(7))
  const delivered = new DeliveredBytes(memory)
  delivered.add(piece(3))
  delivered.release()
  delivered.release()
  expect([delivered.chunks, memory.bytes]).toEqual([undefined, 7])
})
