/**
 * Where log lines leave the process: a bounded queue before one write at a time, off the event loop. A pipe that is
 * blocked, closed or full costs lines, which are counted, and never time (fault 140). pino's own destination is not
 * used, since at exit it sleeps in a loop until a blocked pipe moves again.
 */

import { constants, fstatSync, openSync, write } from 'node:fs'
import type { Clock, Timer } from '../std/clock.ts'

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
  /** Makes bytes of lines. Default UTF-8 as they stand. */
  readonly encode?: (lines: string) => Buffer
  /** How long lines are gathered before they are written, ms; 0 writes at once. Default 10. */
  readonly gatherMs?: number
}

const QUEUE_BYTES_MAX = 1024 * 1024
/** One write at most, so that a slow reader sees lines as they come. */
const BATCH_BYTES_MAX = 64 * 1024
/** Lines are gathered for this long, so that a busy process writes many at a time; a write costs more than a line. */
export const GATHER_MS = 10
/** As many bytes are written without waiting for more. */
const GATHER_BYTES = 16 * 1024
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
  readonly #gatherMs: number
  readonly #encode: (lines: string) => Buffer
  #lines: string[] = []
  #gathering: Timer | undefined
  #queuedBytes = 0
  /** What is being written, and how many lines begin in it. */
  #batch: Buffer | undefined
  #batchLines = 0
  #isClosed = false
  #onIdle: (() => void) | undefined
  droppedLines = 0

  constructor(options: LogSinkOptions) {
    this.#writeBytes = options.writeBytes ?? writerFor(options.fd)
    this.#fd = options.fd
    this.#gatherMs = options.gatherMs ?? GATHER_MS
    this.#encode = options.encode ?? ((lines) => Buffer.from(lines))
    this.#clock = options.clock
    this.#queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_MAX
  }

  write(line: string): void {
    const lineBytes = Buffer.byteLength(line)
    if (this.#isClosed || this.#queuedBytes + lineBytes > this.#queueBytesMax) {
      this.droppedLines += 1
      return
    }
    this.#lines.push(line)
    this.#queuedBytes += lineBytes
    if (this.#batch === undefined) this.#writeSoon()
  }

  flush(withinMs: number): Promise<void> {
    if (this.#batch === undefined) this.#writeNext()
    if (this.#batch === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      // The clock's timers let a process end; this wait is the last thing it does and must be waited for.
      const hold = setInterval(() => {}, withinMs)
      const finish = () => {
        clearInterval(hold)
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.after(withinMs, finish)
      this.#onIdle = finish
    })
  }

  /** At once where there is much, or somebody waits for the end; else when more may have gathered. */
  #writeSoon(): void {
    if (
      this.#lines.length === 0 ||
      this.#onIdle ||
      this.#gatherMs === 0 ||
      this.#queuedBytes >= GATHER_BYTES
    ) {
      this.#writeNext()
    } else this.#gathering ??= this.#clock.after(this.#gatherMs, () => this.#writeNext())
  }

  #writeNext(): void {
    this.#gathering?.cancel()
    this.#gathering = undefined
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
    this.#batchLines = count
    const text = this.#lines.splice(0, count).join('')
    const batch = this.#encode(text)
    this.#queuedBytes += batch.length - Buffer.byteLength(text)
    this.#writeBatch(batch)
  }

  #writeBatch(batch: Buffer): void {
    this.#batch = batch
    this.#writeBytes(this.#fd, batch, (error, written) => {
      if (error) return this.#onError(error, batch)
      this.#queuedBytes -= written
      if (written < batch.length) return this.#writeBatch(batch.subarray(written))
      this.#batch = undefined
      this.#writeSoon()
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
 * A way to write that never holds one of the four threads everything else waits for, whatever stands behind the
 * descriptor: a file takes bytes at once, a socket has the event loop, and a pipe or a terminal is opened once more,
 * without blocking.
 */
function writerFor(fd: number): WriteBytes {
  try {
    const kind = fstatSync(fd)
    if (kind.isSocket() && (fd === 1 || fd === 2))
      return streamWriter(fd === 1 ? process.stdout : process.stderr)
    if (kind.isFIFO() || kind.isCharacterDevice()) return descriptorWriter(openWithoutBlocking(fd))
  } catch {
    // A descriptor that is closed: its first write says so, and that is counted.
  }
  return descriptorWriter(fd)
}

function descriptorWriter(opened: number): WriteBytes {
  return (_fd, bytes, done) => write(opened, bytes, done)
}

/** Node's own stream over the socket: a second handle on the same descriptor would confuse its event loop. */
function streamWriter(stream: NodeJS.WriteStream): WriteBytes {
  // Several gateways may write to it; one of them hears its errors, which every write is told anyway.
  if (!stream.listeners('error').includes(ignoreError)) stream.on('error', ignoreError)
  return (_fd, bytes, done) => {
    stream.write(bytes, (error) => done(error ?? null, bytes.length))
  }
}

function ignoreError(): void {}

/** Only Linux opens the same pipe anew; a file is never opened so, since it would get a second position to write at. */
function openWithoutBlocking(fd: number): number {
  if (process.platform !== 'linux') return fd
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return fd
  }
}
