/**
 * A log of lines to which one process only adds, in files of a bounded size. A line is in the hands of the system when
 * `append` returns, so it outlives the process, however that ends; a line that was cut in the middle, or changed since,
 * is told by its checksum and left out when the log is read.
 */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'

/** Bytes of one file before the next one is begun. */
const SEGMENT_BYTES_MAX = 16 * 1024 ** 2
const NEWLINE = 0x0a
/** Most writes fit into it. */
const SCRATCH_BYTES = 64 * 1024
/** Of one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3

export interface AppendLogOptions {
  /** Made where it is not there. */
  readonly folder: string
  readonly segmentBytesMax?: number
}

export interface AppendLog {
  /** Number of the file that `append` writes to. */
  readonly segment: number
  /** Throws Node's error where the disk does not take them; then none of them counts. */
  append(lines: readonly string[]): void
  /** What is in its files, oldest first, also while it is appended to; a file that was dropped meanwhile is passed over. Throws Node's error. */
  read(): Iterable<string>
  /** Calls `callback` once what came in together has been read: so that all of it can be appended together. */
  whenTurnEnds(callback: () => void): void
  /** Removes a file that is no longer written to; where that cannot be, later, or it is left to the next start. Never throws. */
  drop(segment: number): void
  close(): void
}

export function openAppendLog(options: AppendLogOptions): AppendLog {
  return new FileLog(options)
}

class FileLog implements AppendLog {
  readonly #folder: string
  readonly #bytesMax: number
  #fd: number | undefined
  #bytes = 0
  /** Where a write failed half-way, the rest of its line is no line. */
  #isTorn = false
  /** Files that could not be removed yet. */
  readonly #unneeded = new Set<number>()
  readonly #scratch = Buffer.allocUnsafe(SCRATCH_BYTES)
  segment = 0

  constructor({ folder, segmentBytesMax = SEGMENT_BYTES_MAX }: AppendLogOptions) {
    this.#folder = folder
    this.#bytesMax = segmentBytesMax
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.segment = Math.max(0, ...segmentsOf(folder))
  }

  append(lines: readonly string[]): void {
    const bytes = this.#encode(lines)
    if (this.#fd === undefined || this.#bytes >= this.#bytesMax) this.#begin()
    try {
      this.#write(bytes)
      this.#isTorn = false
    } catch (error) {
      this.#isTorn = true
      throw error
    }
  }

  *read(): Generator<string> {
    for (const segment of segmentsOf(this.#folder)) {
      const path = segmentPath(this.#folder, segment)
      if (existsSync(path)) yield* readSegment(path)
    }
  }

  whenTurnEnds(callback: () => void): void {
    setImmediate(callback)
  }

  drop(segment: number): void {
    if (segment === this.segment) return
    this.#unneeded.add(segment)
    for (const one of this.#unneeded) this.#remove(one)
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #remove(segment: number): void {
    try {
      rmSync(segmentPath(this.#folder, segment), { force: true })
      this.#unneeded.delete(segment)
    } catch {
      // It goes with the next one.
    }
  }

  #begin(): void {
    const next = this.segment + 1
    const fd = openSync(segmentPath(this.#folder, next), 'ax', 0o600)
    this.close()
    this.#fd = fd
    this.segment = next
    this.#bytes = 0
    this.#isTorn = false
  }

  /** Into the same bytes each time where it fits: nobody has them when `append` returns. */
  #encode(lines: readonly string[]): Buffer {
    let bytesMax = 1
    for (const line of lines) bytesMax += line.length * UTF8_BYTES_MAX + SEAL_BYTES
    const bytes = bytesMax > this.#scratch.length ? Buffer.allocUnsafe(bytesMax) : this.#scratch
    let end = 0
    if (this.#isTorn) bytes[end++] = NEWLINE
    for (const line of lines) end = sealLine(bytes, end, line)
    return bytes.subarray(0, end)
  }

  #write(bytes: Buffer): void {
    let written = 0
    // Sound: `append` opened it.
    while (written < bytes.length) written += writeSync(this.#fd as number, bytes, written)
    this.#bytes += bytes.length
  }
}

/** The lines of every file, oldest first, each with the number of its file; what is torn is passed over. */
export function* readAppendLog(
  folder: string,
): Generator<{ readonly segment: number; readonly line: string }> {
  for (const segment of segmentsOf(folder)) {
    for (const line of readSegment(segmentPath(folder, segment))) yield { segment, line }
  }
}

function* readSegment(file: string): Generator<string> {
  const bytes = readFileSync(file)
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(NEWLINE, start)
    if (end === -1) return
    const line = openLine(bytes.toString('utf8', start, end))
    if (line !== undefined) yield line
    start = end + 1
  }
}

const CHECKSUM_CHARS = 8
/** Its checksum, a space and the end of the line. */
const SEAL_BYTES = CHECKSUM_CHARS + 2
const SPACE = 0x20

/** Puts it into `bytes` from `start` on; where it ends. The text is made bytes of once, and these are what is summed. */
function sealLine(bytes: Buffer, start: number, line: string): number {
  const from = start + CHECKSUM_CHARS + 1
  const end = from + bytes.write(line, from)
  bytes.write(checksumOf(bytes.subarray(from, end)), start, 'latin1')
  bytes[from - 1] = SPACE
  bytes[end] = NEWLINE
  return end + 1
}

function openLine(sealed: string): string | undefined {
  const line = sealed.slice(CHECKSUM_CHARS + 1)
  return sealed.slice(0, CHECKSUM_CHARS) === checksumOf(line) ? line : undefined
}

function checksumOf(line: string | Uint8Array): string {
  return crc32(line).toString(16).padStart(CHECKSUM_CHARS, '0')
}

function segmentPath(folder: string, segment: number): string {
  return path.join(folder, `${String(segment).padStart(8, '0')}.log`)
}

function segmentsOf(folder: string): readonly number[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const digits = /^(\d{8})\.log$/.exec(name)?.[1]
      return digits === undefined ? [] : [Number(digits)]
    })
    .sort((one, other) => one - other)
}
