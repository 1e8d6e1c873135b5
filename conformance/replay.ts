/** Replays one recorded exchange through every check that concerns it. */

import { createSeededRandom } from '../src/std/ids.ts'
import { checkAnswer } from './checks/check-answer.ts'
import { checkRefusal } from './checks/check-error.ts'
import { checkRequest } from './checks/check-request.ts'
import type { Recording } from './corpus.ts'
import { dialectOfFile } from './oracle/verdict.ts'
import { type Outcome, Outcomes } from './outcome.ts'
import { askingDialects, clientDialectOf, gateway, type Room } from './room.ts'

export interface ReplayOptions {
  readonly seed: number
  /** Absent: the gateway's own dialects. */
  readonly room?: Room
}

export async function replay(
  recording: Recording,
  { seed, room = gateway }: ReplayOptions,
): Promise<readonly Outcome[]> {
  const id = dialectOfFile(recording.file)
  const dialect = id === undefined ? undefined : room.targetDialects.get(id)
  if (dialect === undefined) return []
  const outcomes = new Outcomes()
  const { request, response } = recording
  const asking = clientDialectOf(room, dialect.id)
  if (request?.body !== undefined && asking !== undefined && askingDialects.includes(asking.id)) {
    const { body } = request
    checkRequest({ recording, request: { ...request, body }, dialect: asking, room, outcomes })
  }
  const answer = { recording, dialect, room, outcomes, random: createSeededRandom(seed ^ hash(recording.id)) }
  try {
    if (response.status >= 400) await checkRefusal(answer)
    else if (response.status >= 200 && response.status < 300) await checkAnswer(answer)
  } catch (error) {
    // What no check caught is a failure too: the exchange could not be replayed.
    outcomes.check('replay', () => {
      throw error
    })
  }
  return outcomes.list
}

/** So that an exchange is cut at the same bytes whether it is replayed alone or with all others. */
function hash(text: string): number {
  let state = 0x811c_9dc5
  for (const char of text) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x0100_0193) >>> 0
  return state
}
