import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAppendLog, readAppendLog } from './append-log.ts'

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const linesOf = (folder: string) => [...readAppendLog(folder)].map(({ line }) => line)
const fileOf = (folder: string, segment: number) => join(folder, `${String(segment).padStart(8, '0')}.log`)

describe('the append-only log', () => {
  test('gives back every line in order, over several files', () => {
    const folder = folderOf()
    const log = openAppendLog({ folder, segmentBytesMax: 64 })
    const lines = Array.from({ length: 20 }, (_, place) => `line ${place} with ümlauts`)
    for (const line of lines) log.append([line])
    log.close()
    expect(linesOf(folder)).toEqual(lines)
    expect(readdirSync(folder).length).toBeGreaterThan(5)
  })

  test('a file that cannot be removed is nobody’s failure, and goes with the next one', () => {
    const folder = folderOf()
    const log = openAppendLog({ folder, segmentBytesMax: 1 })
    for (const line of ['one', 'two', 'three']) log.append([line])
    // What stands in its place cannot be removed as a file is.
    rmSync(fileOf(folder, 1))
    mkdirSync(fileOf(folder, 1))
    log.drop(1)
    expect(readdirSync(folder)).toHaveLength(3)
    rmdirSync(fileOf(folder, 1))
    writeFileSync(fileOf(folder, 1), '')
    log.drop(2)
    log.close()
    expect(linesOf(folder)).toEqual(['three'])
    expect(readdirSync(folder)).toHaveLength(1)
  })

  test('fault 124: a tail that was cut anywhere loses the cut line alone', () => {
    const folder = folderOf()
    const log = openAppendLog({ folder })
    log.append(['one', 'two'])
    const whole = readFileSync(fileOf(folder, 1)).length
    log.append(['a third line, cut somewhere'])
    const end = readFileSync(fileOf(folder, 1))
    log.close()
    for (let bytes = end.length - 1; bytes >= whole; bytes -= 1) {
      writeFileSync(fileOf(folder, 1), end)
      truncateSync(fileOf(folder, 1), bytes)
      expect(linesOf(folder)).toEqual(['one', 'two'])
    }
  })

  test('a changed byte costs its line, never another one, and no line is ever made up', () => {
    const folder = folderOf()
    const log = openAppendLog({ folder })
    const lines = ['{"a":1}', '{"b":2}', '{"c":3}']
    log.append(lines)
    log.close()
    const whole = readFileSync(fileOf(folder, 1))
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const bytes = Buffer.from(whole)
        bytes[place] = (bytes[place] ?? 0) ^ change
        writeFileSync(fileOf(folder, 1), bytes)
        const read = linesOf(folder)
        expect(read.every((line) => lines.includes(line))).toBe(true)
        expect(read.length).toBeGreaterThanOrEqual(1)
      }),
    )
  })

  test('what another process left is never written to, and a file is dropped once it is not needed', () => {
    const folder = folderOf()
    const first = openAppendLog({ folder })
    first.append(['before'])
    first.close()
    appendFileSync(fileOf(folder, 1), 'half a li')
    const second = openAppendLog({ folder })
    second.append(['after'])
    expect(second.segment).toBe(2)
    expect(linesOf(folder)).toEqual(['before', 'after'])
    second.drop(2)
    expect(linesOf(folder)).toEqual(['before', 'after'])
    second.drop(1)
    expect(linesOf(folder)).toEqual(['after'])
    second.close()
  })

  test('an empty folder has no lines', () => {
    expect(linesOf(folderOf())).toEqual([])
  })
})
