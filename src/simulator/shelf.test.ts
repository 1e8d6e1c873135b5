/** The simulated provider forgets the oldest of what it keeps. */

import { expect, test } from 'vitest'
import { Shelf } from './shelf.ts'

function file(id: string, bytes: number) {
  const about = { filename: 'a', mediaType: 'text/plain', purpose: 'batch', createdSeconds: 1 }
  return { id, ...about, bytes: new Uint8Array(bytes) }
}

test('files are forgotten by number and by size, the oldest first', () => {
  const shelf = new Shelf()
  for (let index = 0; index < 205; index += 1) shelf.keepFile(file(`f${index}`, 1))
  expect([shelf.files.size, shelf.files.has('f4'), shelf.files.has('f5')]).toEqual([200, false, true])
  shelf.keepFile(file('large', 67_108_860))
  expect([...shelf.files.keys()]).toEqual(['f201', 'f202', 'f203', 'f204', 'large'])
  expect([shelf.dropFile('large'), shelf.dropFile('large')]).toEqual([true, false])
})

test('batches are forgotten by number', () => {
  const shelf = new Shelf()
  for (let index = 0; index < 201; index += 1) {
    shelf.keepBatch({ id: `b${index}`, createdSeconds: 1, order: {}, count: 0, isCancelled: false })
  }
  expect([shelf.batches.size, shelf.batches.has('b0')]).toEqual([200, false])
})
