/**
 * The directory in a file beside the database, so that the gateway starts and knows its keys while the store is away
 * (faults 128, 130 and 148). It holds hashes and names, no keys.
 */

import { z } from 'zod'
import { readFileIfThere, replaceFile } from '../std/replace-file.ts'
import type { Directory } from './records.ts'

/** Where the last known directory is kept. */
export interface DirectorySnapshot {
  /** `undefined` where there is none. Rejects where there is one that cannot be read. */
  read(): Promise<Directory | undefined>
  write(directory: Directory): Promise<void>
}

/** The file is no directory, or of a version that is not known. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

const VERSION = 1

export function createSnapshotFile(path: string): DirectorySnapshot {
  return {
    async read() {
      const text = await readFileIfThere(path)
      return text === undefined ? undefined : parseSnapshot(text, path)
    },
    write: (directory) => replaceFile(path, `${JSON.stringify({ version: VERSION, directory })}\n`),
  }
}

function parseSnapshot(text: string, path: string): Directory {
  const parsed = snapshotSchema.safeParse(parse(text))
  if (!parsed.success)
    throw new SnapshotError(
      `${path} is not a snapshot of keys that this version can read: it is made anew when the store answers.`,
    )
  // Sound: the schema holds every field of the records; ids are brands of strings, and operations words of a scope that
  // match nothing where they are not known.
  return parsed.data.directory as unknown as Directory
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const time = z.number().optional()
const limits = z
  .object({
    requestsPerMinute: z.number().optional(),
    inputTokensPerMinute: z.number().optional(),
    outputTokensPerMinute: z.number().optional(),
    tokensPerMinute: z.number().optional(),
    concurrentRequests: z.number().optional(),
  })
  .optional()
const role = z.enum(['owner', 'admin', 'member', 'viewer'])
const names = z.array(z.string()).optional()

const snapshotSchema = z.object({
  version: z.literal(VERSION),
  directory: z.object({
    revision: z.number(),
    users: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        email: z.string().optional(),
        role,
        isService: z.boolean(),
        teamId: z.string().optional(),
        createdAtMs: z.number(),
        disabledAtMs: time,
      }),
    ),
    teams: z.array(
      z.object({ id: z.string(), name: z.string(), createdAtMs: z.number(), archivedAtMs: time }),
    ),
    projects: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        teamId: z.string().optional(),
        limits,
        createdAtMs: z.number(),
        archivedAtMs: time,
      }),
    ),
    keys: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(['data', 'admin']),
        name: z.string(),
        hash: z.string(),
        hashedUnder: z.string().optional(),
        otherHashes: z.array(z.object({ hash: z.string(), hashedUnder: z.string() })).optional(),
        hint: z.string(),
        projectId: z.string().optional(),
        userId: z.string().optional(),
        role: role.optional(),
        scopes: z.object({ routes: names, models: names, operations: names }),
        limits,
        keepBodies: z.boolean().optional(),
        createdAtMs: z.number(),
        expiresAtMs: time,
        revokedAtMs: time,
        replacedBy: z.string().optional(),
      }),
    ),
  }),
})
