import { describe, expect, test } from 'vitest'
import { ByteQueue } from './byte-queue.ts'

class LoggedSource {
  readonly log: string[] = []
  pause(): void {
    this.log.push('pause')
  }
  resume(): void {
    this.log.push('resume')
  }
  cancel(): void {
    this.log.push('cancel')
  }
}

function open(highWaterBytes = 4) {
  const source = new LoggedSource()
  return { source, queue: new ByteQueue(source, highWaterBytes) }
}

const bytes = (text: string) => Buffer.from(text)
const done = { done: true, value: undefined }
const chunk = (text: string) => ({ done: false, value: bytes(text) })

describe('reading', () => {
  test('a waiting reader gets the chunk itself, not a copy', async () => {
    const { queue } = open()
    const reading = queue.next()
    const pushed = bytes('a')
    queue.push(pushed)
    expect((await reading).value).toBe(pushed)
    expect(queue.queuedBytes).toBe(0)
  })

  test('a single queued chunk comes as itself', async () => {
    const { queue } = open()
    const pushed = bytes('a')
    queue.push(pushed)
    expect((await queue.next()).value).toBe(pushed)
  })

  test('a reader that fell behind gets all there is as one chunk', async () => {
    const { queue } = open()
    for (const text of ['a', 'b', '', 'c']) queue.push(bytes(text))
    expect(queue.queuedBytes).toBe(3)
    expect(await queue.next()).toEqual(chunk('abc'))
    expect(queue.queuedBytes).toBe(0)
  })

  test('empty chunks wake nobody', async () => {
    const { queue } = open()
    const reading = queue.next()
    queue.push(bytes(''))
    queue.push(bytes('a'))
    expect(await reading).toEqual(chunk('a'))
  })

  test('for await reads to the end and does not cancel an ended source', async () => {
    const { source, queue } = open()
    queue.push(bytes('a'))
    setImmediate(() => {
      queue.push(bytes('b'))
      queue.end()
    })
    const read: string[] = []
    for await (const one of queue) read.push(one.toString())
    expect(read).toHaveLength(2)
    expect(source.log).toEqual([])
  })

  test('a second read while one waits is refused, and the first is still answered', async () => {
    const { queue } = open()
    const first = queue.next()
    await expect(queue.next()).rejects.toThrow(/one reader/)
    queue.push(bytes('a'))
    expect(await first).toEqual(chunk('a'))
  })
})

describe('backpressure', () => {
  test('the source pauses once at the high-water mark and resumes once when drained', async () => {
    const { source, queue } = open(4)
    queue.push(bytes('abc'))
    expect(source.log).toEqual([])
    queue.push(bytes('d'))
    queue.push(bytes('e'))
    expect(source.log).toEqual(['pause'])
    await queue.next()
    expect(source.log).toEqual(['pause', 'resume'])
    queue.push(bytes('efgh'))
    expect(source.log).toEqual(['pause', 'resume', 'pause'])
  })

  test('an ended source is not resumed', async () => {
    const { source, queue } = open(1)
    queue.push(bytes('a'))
    queue.end()
    await queue.next()
    expect(source.log).toEqual(['pause'])
  })
})

describe('the end', () => {
  test('comes after what was queued, and again for every later read', async () => {
    const { queue } = open()
    queue.push(bytes('a'))
    queue.end()
    queue.end()
    expect(await queue.next()).toEqual(chunk('a'))
    expect(await queue.next()).toEqual(done)
    expect(await queue.next()).toEqual(done)
  })

  test('wakes a waiting reader', async () => {
    const { queue } = open()
    const reading = queue.next()
    queue.end()
    expect(await reading).toEqual(done)
  })

  test('nothing pushed after it is delivered', async () => {
    const { queue } = open()
    queue.end()
    queue.push(bytes('late'))
    expect(queue.queuedBytes).toBe(0)
    expect(await queue.next()).toEqual(done)
  })

  test('a failure comes once, after what was queued', async () => {
    const { queue } = open()
    queue.push(bytes('a'))
    queue.fail(new Error('broken'))
    queue.fail(new Error('again'))
    expect(await queue.next()).toEqual(chunk('a'))
    await expect(queue.next()).rejects.toThrow('broken')
    expect(await queue.next()).toEqual(done)
  })

  test('a failure wakes a waiting reader, once', async () => {
    const { queue } = open()
    const reading = queue.next()
    queue.fail(new Error('broken'))
    await expect(reading).rejects.toThrow('broken')
    expect(await queue.next()).toEqual(done)
  })

  test('a failure without a reason is no clean end', async () => {
    const { queue } = open()
    queue.fail(undefined)
    await expect(queue.next()).rejects.toBeUndefined()
  })

  test('a failure after the end is nothing', async () => {
    const { queue } = open()
    queue.end()
    queue.fail(new Error('late'))
    expect(await queue.next()).toEqual(done)
  })
})

describe('a reader that leaves', () => {
  test('cancels the source once and drops what was queued', async () => {
    const { source, queue } = open()
    queue.push(bytes('a'))
    expect(await queue.return()).toEqual(done)
    await queue.return()
    queue.push(bytes('b'))
    queue.fail(new Error('late'))
    expect(source.log).toEqual(['cancel'])
    expect(queue.queuedBytes).toBe(0)
    expect(await queue.next()).toEqual(done)
  })

  test('does so by breaking out of a loop', async () => {
    const { source, queue } = open()
    queue.push(bytes('a'))
    for await (const one of queue) {
      expect(one.toString()).toBe('a')
      break
    }
    expect(source.log).toEqual(['cancel'])
  })

  test('ends its own read that still waits', async () => {
    const { source, queue } = open()
    const reading = queue.next()
    await queue.return()
    expect(await reading).toEqual(done)
    expect(source.log).toEqual(['cancel'])
  })

  test('is not told of a failure it did not wait for', async () => {
    const { source, queue } = open()
    queue.fail(new Error('broken'))
    await queue.return()
    expect(await queue.next()).toEqual(done)
    expect(source.log).toEqual([])
  })
})
