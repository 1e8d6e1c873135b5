/**
 * Keeps bytes that are too many for memory and must be read more than once: the first in memory, the rest in a file
 * that has no name from the moment it exists, so that nothing is left of it however the process ends.
 */

import { randomBytes } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface SpoolOptions {
  /** Bytes kept in memory; those beyond it go to the file. */
  readonly memoryBytesMax: number
  /** Default: the system's folder for temporary files. */
  readonly folder?: string
}

/** The disk would not take a piece; `cause` is Node's error. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError'
}

/** Bytes read from the file at a time. */
const READ_BYTES = 65_536

export class Spool {
  readonly #options: SpoolOptions
  readonly #head: Uint8Array[] = []
  #headBytes = 0
  #file: FileHandle | undefined
  #fileBytes = 0
  #isClosed = false
  /** The write that is under way: pieces are written in the order they came. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: SpoolOptions) {
    this.#options = options
  }

  /** Bytes in all. */
  get length(): number {
    return this.#headBytes + this.#fileBytes
  }

  /** Of those: in the file. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  /** Takes a piece; resolves when there is room for the next. Rejects with a `SpoolError` where the disk refuses. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    const room = this.#options.memoryBytesMax - this.#headBytes
    if (room > 0) {
      const kept = chunk.subarray(0, room)
      this.#head.push(kept)
      this.#headBytes += kept.length
    }
    if (chunk.length <= room) return undefined
    const rest = chunk.subarray(Math.max(0, room))
    const at = this.#fileBytes
    this.#fileBytes += rest.length
    this.#writing = this.#writing.then(() => this.#append(rest, at))
    return this.#writing
  }

  /** The bytes from `start` up to `end`, as often as they are wanted. */
  async *read(start: number, end: number): AsyncGenerator<Uint8Array, undefined> {
    let position = 0
    for (const chunk of this.#head) {
      const from = Math.max(start - position, 0)
      const to = Math.min(end - position, chunk.length)
      if (from < to) yield chunk.subarray(from, to)
      position += chunk.length
    }
    let at = Math.max(start, position) - position
    const last = end - position
    while (at < last) {
      const bytes = await this.#readFile(at, Math.min(READ_BYTES, last - at))
      yield bytes
      at += bytes.length
    }
    return undefined
  }

  /** Gives memory and disk back; calling it again does nothing. A read that is under way fails. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#head.length = 0
    await this.#writing.catch(() => undefined)
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
  }

  async #append(bytes: Uint8Array, at: number): Promise<void> {
    try {
      if (this.#isClosed) return
      this.#file ??= await openNameless(this.#options.folder ?? tmpdir())
      let written = 0
      while (written < bytes.length) {
        const part = await this.#file.write(bytes, written, bytes.length - written, at + written)
        written += part.bytesWritten
      }
    } catch (cause) {
      throw new SpoolError('The temporary file could not be written.', { cause })
    }
  }

  async #readFile(at: number, length: number): Promise<Uint8Array> {
    if (this.#file === undefined) throw new SpoolError('The temporary file is closed.')
    // Fresh for each read: whoever takes it may keep it until a socket has sent it.
    const buffer = Buffer.allocUnsafeSlow(length)
    const { bytesRead } = await this.#file.read(buffer, 0, length, at)
    if (bytesRead === 0) throw new SpoolError('The temporary file is shorter than what was written to it.')
    return buffer.subarray(0, bytesRead)
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  const name = path.join(folder, `holdfast-${randomBytes(12).toString('hex')}.part`)
  const file = await open(name, 'wx+', 0o600)
  try {
    await unlink(name)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}
