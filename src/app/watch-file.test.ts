import { appendFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../std/clock.ts'
import { FileWatch } from './watch-file.ts'

const polling = { interval: 5, timeout: 5_000 }
const options = { clock: systemClock, lookMs: 20, settleMs: 10 }

function watched() {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-watch-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'holdfast.yaml')
  writeFileSync(file, 'first')
  const watch = new FileWatch(file, options)
  onTestFinished(() => watch.stop())
  let changes = 0
  return {
    folder,
    file,
    watch,
    start: () => watch.start(() => void (changes += 1)),
    changes: () => changes,
  }
}

test('a file saved in place, by a rename over it, and by moving the link to it, is noticed each time', async () => {
  const { folder, file, start, changes } = watched()
  start()
  writeFileSync(file, 'second, in place')
  await expect.poll(changes, polling).toBe(1)
  writeFileSync(`${file}.new`, 'third, by rename')
  renameSync(`${file}.new`, file)
  await expect.poll(changes, polling).toBe(2)
  for (const name of ['one', 'two']) writeFileSync(path.join(folder, name), `behind a link: ${name}`)
  rmSync(file)
  symlinkSync(path.join(folder, 'one'), file)
  await expect.poll(changes, polling).toBe(3)
  symlinkSync(path.join(folder, 'two'), `${file}.new`)
  renameSync(`${file}.new`, file)
  await expect.poll(changes, polling).toBe(4)
})

test('a file that goes is a change, and so is its return', async () => {
  const { file, start, changes } = watched()
  start()
  rmSync(file)
  await expect.poll(changes, polling).toBe(1)
  writeFileSync(file, 'again')
  await expect.poll(changes, polling).toBe(2)
})

test('a change between the first reading and the start of the watch is not missed', async () => {
  const { file, start, changes } = watched()
  writeFileSync(file, 'other')
  start()
  await expect.poll(changes, polling).toBe(1)
})

test('a file that is still written is left alone, and read when it comes to rest', async () => {
  const run = watched()
  run.start()
  const beganAtMs = performance.now()
  // Shorter than the looks: at every one of them the file is another.
  while (performance.now() - beganAtMs < 60) {
    appendFileSync(run.file, 'x')
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(run.changes()).toBe(0)
  await expect.poll(run.changes, polling).toBe(1)
})

test('a file that never comes to rest is read all the same', async () => {
  const run = watched()
  run.start()
  const writing = setInterval(() => appendFileSync(run.file, 'x'), 1)
  onTestFinished(() => clearInterval(writing))
  await expect.poll(run.changes, polling).toBeGreaterThan(0)
})

test('nothing is told after the stop', async () => {
  const run = watched()
  run.start()
  run.watch.stop()
  const other = new FileWatch(run.file, options)
  onTestFinished(() => other.stop())
  writeFileSync(run.file, 'second')
  await new Promise<void>((resolve) => other.start(resolve))
  expect(run.changes()).toBe(0)
})
