/** What the file says of where things are kept. */

import { z } from 'zod'
import { secretSchema } from '../std/config-values.ts'

/** Beside the configuration file, unless it says otherwise. */
export const SQLITE_FILE = 'holdfast.db'

export const storeSchema = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('memory').describe('Which store.') })
      .describe('Nothing outlives the process.'),
    z
      .strictObject({
        kind: z.literal('sqlite').describe('Which store.'),
        path: z
          .string()
          .min(1)
          .default(SQLITE_FILE)
          .describe('The file, from the folder of this one. Default holdfast.db.'),
      })
      .describe('One file, for one node.'),
    z
      .strictObject({
        kind: z.literal('postgres').describe('Which store.'),
        url: secretSchema.describe('postgres://user:password@host:port/database, best as ${DATABASE_URL}.'),
        folder: z
          .string()
          .min(1)
          .default('holdfast-data')
          .describe('Where this node keeps what the database does not have yet. Default holdfast-data.'),
      })
      .describe('PostgreSQL 15 or later, for one node or many.'),
  ])
  .optional()
  .describe('Where keys, budgets and the books are kept. Default: SQLite, in holdfast.db beside this file.')
