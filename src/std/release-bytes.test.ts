import { expect, test } from 'vitest'
import { releaseBytes } from './release-bytes.ts'

test('empties large bytes that have their memory to themselves', () => {
  const bytes = new Uint8Array(50_000).fill(7)
  releaseBytes(bytes)
  expect([bytes.length, bytes.buffer.byteLength, bytes[0]]).toEqual([0, 0, undefined])
})

test('leaves bytes alone whose memory holds more than them', () => {
  const whole = new Uint8Array(50_000).fill(7)
  const part = whole.subarray(1)
  releaseBytes(part)
  expect([part.length, whole.length, part[0]]).toEqual([49_999, 50_000, 7])
})

test('leaves small bytes to the collector', () => {
  const bytes = new Uint8Array(100).fill(7)
  releaseBytes(bytes)
  expect(bytes.length).toBe(100)
})

test('does nothing the second time', () => {
  const bytes = new Uint8Array(50_000)
  releaseBytes(bytes)
  releaseBytes(bytes)
  expect(bytes.length).toBe(0)
})
