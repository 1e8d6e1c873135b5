import { describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../std/clock.ts'
import { createLogSink, type WriteBytes } from './log-sink.ts'

type Done = Parameters<WriteBytes>[2]

/** A file descriptor whose every write a test answers. */
function createPipe() {
  const writes: { readonly text: string; readonly done: Done }[] = []
  const writeBytes: WriteBytes = (_fd, bytes, done) =>
    void writes.push({ text: Buffer.from(bytes).toString(), done })
  return { writes, writeBytes }
}

/** A clock that only moves when told to. */
function createHeldClock(): Clock & { fire(): void } {
  let waiting: (() => void)[] = []
  return {
    wallMs: () => 0,
    nowMs: () => 0,
    after: (_delayMs, callback) => {
      waiting.push(callback)
      return { cancel: () => void (waiting = waiting.filter((other) => other !== callback)) }
    },
    fire() {
      const due = waiting
      waiting = []
      for (const callback of due) callback()
    },
  }
}

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code })

describe('the log sink', () => {
  test('gathers lines for a moment, and writes at once when there are many', () => {
    const { writes, writeBytes } = createPipe()
    const clock = createHeldClock()
    const sink = createLogSink({ fd: 1, clock, writeBytes })
    sink.write('a\n')
    sink.write('b\n')
    expect(writes).toHaveLength(0)
    clock.fire()
    expect(writes.map(({ text }) => text)).toEqual(['a\nb\n'])
    writes[0]?.done(null, 4)
    sink.write(`${'c'.repeat(20_000)}\n`)
    expect(writes).toHaveLength(2)
  })

  test('writes one batch at a time and lets lines gather meanwhile', () => {
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock: systemClock, writeBytes, gatherMs: 0 })
    for (const line of ['a\n', 'b\n', 'c\n']) sink.write(line)
    expect(writes.map(({ text }) => text)).toEqual(['a\n'])
    writes[0]?.done(null, 2)
    expect(writes.map(({ text }) => text)).toEqual(['a\n', 'b\nc\n'])
  })

  test('writes the rest of what a pipe took in part', () => {
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock: systemClock, writeBytes, gatherMs: 0 })
    sink.write('abcdef\n')
    writes[0]?.done(null, 3)
    expect(writes[1]?.text).toBe('def\n')
    writes[1]?.done(null, 4)
    expect(writes).toHaveLength(2)
    expect(sink.droppedLines).toBe(0)
  })

  test('fault 140: counts and drops what a blocked pipe leaves no room for', () => {
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock: systemClock, writeBytes, queueBytesMax: 1_000, gatherMs: 0 })
    for (let line = 0; line < 1_000; line += 1) sink.write('123456789\n')
    expect(sink.droppedLines).toBe(900)
    writes[0]?.done(null, 10)
    writes[1]?.done(null, 990)
    sink.write('again\n')
    expect(writes[2]?.text).toBe('again\n')
    expect(sink.droppedLines).toBe(900)
  })

  test('fault 140: gives up for good on a closed pipe, and counts', () => {
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock: systemClock, writeBytes, gatherMs: 0 })
    for (const line of ['a\n', 'b\n', 'c\n']) sink.write(line)
    writes[0]?.done(failure('EPIPE'), 0)
    sink.write('d\n')
    expect(writes).toHaveLength(1)
    expect(sink.droppedLines).toBe(4)
  })

  test.each(['EAGAIN', 'ENOSPC'])('fault 140: tries again later after %s, with nothing lost', (code) => {
    const clock = createHeldClock()
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock, writeBytes, gatherMs: 0 })
    sink.write('a\n')
    writes[0]?.done(failure(code), 0)
    sink.write('b\n')
    expect(writes).toHaveLength(1)
    clock.fire()
    writes[1]?.done(null, 2)
    expect(writes.map(({ text }) => text)).toEqual(['a\n', 'a\n', 'b\n'])
    expect(sink.droppedLines).toBe(0)
  })

  test('goes on after an error that concerned one batch', () => {
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock: systemClock, writeBytes, gatherMs: 0 })
    sink.write('a\n')
    sink.write('b\n')
    writes[0]?.done(failure('EIO'), 0)
    expect(writes[1]?.text).toBe('b\n')
    expect(sink.droppedLines).toBe(1)
  })

  test('flushes what is waiting, and waits no longer than told', async () => {
    const { writes, writeBytes } = createPipe()
    const sink = createLogSink({ fd: 1, clock: systemClock, writeBytes, gatherMs: 0 })
    await sink.flush(10_000)
    sink.write('a\n')
    await sink.flush(5)
    const flushed = sink.flush(10_000)
    writes[0]?.done(null, 2)
    await flushed
    expect(writes).toHaveLength(1)
  })
})
