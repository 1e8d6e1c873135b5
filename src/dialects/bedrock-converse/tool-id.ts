/** Converse takes tool-call ids of at most 64 characters; other dialects know longer ones. */

import { createHash } from 'node:crypto'

const TOOL_ID_LENGTH_MAX = 64

/** The id itself, or where it is too long a short one that is always the same for it. */
export function boundedToolId(id: string): string {
  if (id.length <= TOOL_ID_LENGTH_MAX) return id
  return `tooluse_${createHash('sha256').update(id).digest('hex').slice(0, 40)}`
}
