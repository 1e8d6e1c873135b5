/** The same dialect on both sides: the provider's bytes reach the client, and a fold of them is the same answer. */

import { givesSeveralAnswers, differences } from '../expectation.ts'
import type { Reading } from '../oracle/reading.ts'
import { isStreamed, verdictOf } from '../oracle/verdict.ts'
import { serverEvents } from '../oracle/server-events.ts'
import { cuttingsOf } from '../cuts.ts'
import { clientDialectOf } from '../room.ts'
import { readPlainAnswer } from '../read-answer.ts'
import { readingOfResult } from '../result-reading.ts'
import { wireBytes } from '../wire-bytes.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import type { AnswerCase } from './check-answer.ts'

export async function checkPassthrough(answer: AnswerCase, said: Reading): Promise<void> {
  const { recording, room, random, outcomes } = answer
  const dialect = clientDialectOf(room, answer.dialect.id)
  if (dialect === undefined || !isStreamed(recording)) return
  const { bytes } = wireBytes(recording.response.bytes, dialect.streamFraming)
  const whole = passed(dialect, [bytes])
  outcomes.check('passthrough.bytes', () => faultsOfPassed(bytes.toString(), whole))
  outcomes.check('passthrough.meaning', () => {
    const verdict = verdictOf(
      { ...recording, response: { ...recording.response, bytes: Buffer.from(whole) } },
      dialect.id,
    )
    return verdict.kind === 'whole' ? differences(said, verdict.reading, dialect.id) : [`is ${verdict.kind}`]
  })
  for (const { name, chunks } of cuttingsOf(bytes, { random })) {
    outcomes.check(`passthrough.cut.${name}`, () =>
      passed(dialect, chunks) === whole ? [] : ['cut like this, other bytes pass than whole'],
    )
  }
  outcomes.check('folder', () => faultsOfFolder(dialect, bytes, said))
}

function passed(dialect: Dialect, chunks: readonly Uint8Array[]): string {
  const passthrough = dialect.createPassthrough({ hidesUsage: false })
  const out = chunks.map((chunk) => Buffer.from(passthrough.read(chunk)))
  return Buffer.concat([...out, passthrough.end()]).toString()
}

/**
 * Bytes out are the bytes in, but for what is documented: blank lines too many, a last event whose blank line never came,
 * the marker a dialect lacks or a provider left out, and what follows the end.
 */
function faultsOfPassed(recorded: string, out: string): readonly string[] {
  if (out === recorded) return []
  const due = eventsIn(recorded)
  const found = eventsIn(out)
  const at = due.findIndex((data, index) => found[index] !== data)
  if (at < 0) return found.length <= due.length ? [] : ['more events come out than went in']
  const rest = due.slice(at)
  return found.length === at && isAfterEnd(due, at)
    ? []
    : [`event ${at} of ${due.length} changed or is missing (${rest.length} left)`]
}

function eventsIn(text: string): readonly string[] {
  return serverEvents(text)
    .map(({ data }) => data)
    .filter((data) => data !== '[DONE]')
}

/** Whether the last word stands before this event. */
function isAfterEnd(events: readonly string[], at: number): boolean {
  return /"message_stop"|"response\.(completed|incomplete)"/.test(events[at - 1] ?? '')
}

function faultsOfFolder(dialect: Dialect, bytes: Buffer, said: Reading): readonly string[] {
  const folder = dialect.createFolder()
  folder.read(bytes)
  folder.end()
  if (!folder.facts.isComplete) return ['the folder calls a whole stream broken']
  const { result, error } = readPlainAnswer(dialect, folder.result())
  if (error !== undefined) return [`the folded answer is read as ${error.code}`]
  const seen = readingOfResult(result)
  const due = givesSeveralAnswers(dialect.id) ? said : { ...said, candidates: said.candidates.slice(0, 1) }
  return differences(due, seen, 'canonical')
}
