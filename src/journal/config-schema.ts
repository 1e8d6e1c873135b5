/** What the file says of the journal. */

import { z } from 'zod'
import { byteSizeSchema, durationSchema } from '../std/config-values.ts'

/** An answer is given again for so long after its end under its key, ms. */
export const JOURNAL_TTL_MS = 24 * 3_600_000
/** Bytes of one answer that is kept under a key. */
export const JOURNAL_ANSWER_BYTES = 8 * 1024 ** 2
/** Bytes of all kept answers together. */
export const JOURNAL_BYTES = 1024 ** 3

export const journalSchema = z
  .strictObject({
    ttl: durationSchema({ minMs: 60_000, maxMs: 30 * 24 * 3_600_000 })
      .default(JOURNAL_TTL_MS)
      .describe('How long an Idempotency-Key keeps its answer. Default 24h.'),
    answerBytes: byteSizeSchema({ minBytes: 64 * 1024, maxBytes: 256 * 1024 ** 2 })
      .default(JOURNAL_ANSWER_BYTES)
      .describe(
        'The largest answer that is kept; one beyond it is given once and never again. Default 8MiB.',
      ),
    bytes: byteSizeSchema({ minBytes: 1024 ** 2, maxBytes: 1024 ** 4 })
      .default(JOURNAL_BYTES)
      .describe('All kept answers together; the oldest make room. Default 1GiB.'),
  })
  .prefault({})
  .describe('Answers to requests with an Idempotency-Key, kept to be given again.')

export type JournalSettings = z.output<typeof journalSchema>
