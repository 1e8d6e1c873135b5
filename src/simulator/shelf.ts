/** What the simulated provider keeps between calls: uploaded files and ordered batches, the latest of them. */

export interface KeptFile {
  readonly id: string
  readonly filename: string
  readonly mediaType: string
  readonly purpose: string
  readonly createdSeconds: number
  readonly bytes: Uint8Array
}

export interface KeptBatch {
  readonly id: string
  readonly createdSeconds: number
  /** The body of the order. */
  readonly order: Readonly<Record<string, unknown>>
  /** Requests in it. */
  readonly count: number
  readonly outputFileId?: string
  readonly isCancelled: boolean
}

/** Things kept of each kind; the oldest are forgotten beyond it. */
const KEPT_MAX = 200
/** Bytes of files kept in all. */
const KEPT_BYTES_MAX = 67_108_864

export class Shelf {
  readonly files = new Map<string, KeptFile>()
  readonly batches = new Map<string, KeptBatch>()
  #bytes = 0

  keepFile(file: KeptFile): void {
    this.files.set(file.id, file)
    this.#bytes += file.bytes.length
    while (this.files.size > KEPT_MAX || (this.#bytes > KEPT_BYTES_MAX && this.files.size > 1)) {
      const [oldest] = this.files.keys()
      if (oldest === undefined) return
      this.dropFile(oldest)
    }
  }

  /** True where there was such a file. */
  dropFile(id: string): boolean {
    this.#bytes -= this.files.get(id)?.bytes.length ?? 0
    return this.files.delete(id)
  }

  keepBatch(batch: KeptBatch): void {
    this.batches.set(batch.id, batch)
    const [oldest] = this.batches.keys()
    if (this.batches.size > KEPT_MAX && oldest !== undefined) this.batches.delete(oldest)
  }
}
