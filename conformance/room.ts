/** The dialects under judgement: the gateway's own, or broken ones that a test puts in their place. */

import type { DialectId, TargetDialectId } from '../src/canonical/envelope.ts'
import type { Dialect, TargetDialect } from '../src/dialects/dialect.ts'
import { dialects, targetDialects } from '../src/dialects/index.ts'

export interface Room {
  readonly dialects: ReadonlyMap<DialectId, Dialect>
  readonly targetDialects: ReadonlyMap<TargetDialectId, TargetDialect>
}

export const gateway: Room = { dialects, targetDialects }

/** The four dialects every answer is written in. */
export const clientDialects: readonly DialectId[] = [
  'openai-chat',
  'openai-responses',
  'anthropic-messages',
  'gemini',
]

/** Those whose requests are recorded as a client of ours would send them. */
export const askingDialects: readonly DialectId[] = [...clientDialects, 'openai-completions']

/** The dialect of a target, where clients speak it too. */
export function clientDialectOf(room: Room, id: TargetDialectId): Dialect | undefined {
  // Every client dialect's id is a target dialect's id, and a map answers any other with nothing.
  return room.dialects.get(id as DialectId)
}
