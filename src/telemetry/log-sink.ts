/**
 * Where log lines leave the process: a bounded queue before one write at a time, off the event loop. A pipe that is
 * blocked, closed or full costs lines, which are counted, and never time (fault 140). pino's own destination is not
 * used, since at exit it sleeps in a loop until a blocked pipe moves again.
 */

import { constants, fstatSync, openSync, write } from 'node:fs'
import type { Clock } from '../std/clock.ts'

/** Writes bytes to a file descriptor: `fs.write` in life, a test's own in tests. */
export type WriteBytes = (
  fd: number,
  bytes: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void

export interface LogSink {
  /** Takes a whole line, its newline included. */
  write(line: string): void
  /** Resolves when everything taken is written, or cannot be, or after `withinMs`. */
  flush(withinMs: number): Promise<void>
  /** Lines that never left. */
  readonly droppedLines: number
}

export interface LogSinkOptions {
  readonly fd: number
  readonly clock: Clock
  /** Bytes that may wait for a slow reader. Default 1 MiB. */
  readonly queueBytesMax?: number
  readonly writeBytes?: WriteBytes
}

const QUEUE_BYTES_MAX = 1024 * 1024
/** One write at most, so that a slow reader sees lines as they come. */
const BATCH_BYTES_MAX = 64 * 1024
/** After a write that failed for now (a full pipe, a full disk), the next is tried this much later. */
const RETRY_MS = 100

/** Errors after which nobody will ever read again. */
const FINAL_CODES: ReadonlySet<string> = new Set(['EPIPE', 'EBADF', 'ECONNRESET', 'ENOTCONN'])
/** Errors after which the same bytes may be tried again. */
const PASSING_CODES: ReadonlySet<string> = new Set([
  'EAGAIN',
  'EWOULDBLOCK',
  'EBUSY',
  'EINTR',
  'ENOSPC',
  'EDQUOT',
])

export function createLogSink(options: LogSinkOptions): LogSink {
  return new QueueSink(options)
}

class QueueSink implements LogSink {
  readonly #fd: number
  readonly #clock: Clock
  readonly #queueBytesMax: number
  readonly #writeBytes: WriteBytes
  #lines: Buffer[] = []
  #queuedBytes = 0
  /** What is being written, and how many lines begin in it. */
  #batch: Buffer | undefined
  #batchLines = 0
  #isClosed = false
  #onIdle: (() => void) | undefined
  droppedLines = 0

  constructor(options: LogSinkOptions) {
    this.#writeBytes = options.writeBytes ?? ((fd, bytes, done) => write(fd, bytes, done))
    this.#fd = options.writeBytes === undefined ? openWithoutBlocking(options.fd) : options.fd
    this.#clock = options.clock
    this.#queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_MAX
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#isClosed || this.#queuedBytes + bytes.length > this.#queueBytesMax) {
      this.droppedLines += 1
      return
    }
    this.#lines.push(bytes)
    this.#queuedBytes += bytes.length
    if (this.#batch === undefined) this.#writeNext()
  }

  flush(withinMs: number): Promise<void> {
    if (this.#batch === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#clock.after(withinMs, resolve)
      this.#onIdle = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #writeNext(): void {
    if (this.#lines.length === 0) {
      this.#onIdle?.()
      return
    }
    let bytes = 0
    let count = 0
    for (const line of this.#lines) {
      if (count > 0 && bytes + line.length > BATCH_BYTES_MAX) break
      bytes += line.length
      count += 1
    }
    const taken = this.#lines.splice(0, count)
    const [first] = taken
    this.#batch = taken.length === 1 && first !== undefined ? first : Buffer.concat(taken, bytes)
    this.#batchLines = count
    this.#writeBatch(this.#batch)
  }

  #writeBatch(batch: Buffer): void {
    this.#batch = batch
    this.#writeBytes(this.#fd, batch, (error, written) => {
      if (error !== null) return this.#onError(error, batch)
      this.#queuedBytes -= written
      if (written < batch.length) return this.#writeBatch(batch.subarray(written))
      this.#batch = undefined
      this.#writeNext()
    })
  }

  #onError(error: NodeJS.ErrnoException, batch: Buffer): void {
    const code = error.code ?? ''
    if (PASSING_CODES.has(code)) {
      this.#clock.after(RETRY_MS, () => this.#writeBatch(batch))
      return
    }
    this.droppedLines += this.#batchLines
    this.#queuedBytes -= batch.length
    this.#batch = undefined
    if (FINAL_CODES.has(code)) {
      this.#isClosed = true
      this.droppedLines += this.#lines.length
      this.#lines = []
      this.#queuedBytes = 0
    }
    this.#writeNext()
  }
}

/**
 * The same pipe or terminal through a descriptor of our own that does not block: a write to a full pipe then fails at
 * once instead of holding one of the four threads that everything else waits for. Only Linux can reopen a descriptor so;
 * elsewhere, and for sockets, the descriptor is used as it is. A file never blocks, and reopened it would have a second
 * position in which the process's other output were overwritten.
 */
function openWithoutBlocking(fd: number): number {
  if (process.platform !== 'linux') return fd
  try {
    const kind = fstatSync(fd)
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return fd
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return fd
  }
}
