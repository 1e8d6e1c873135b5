/**
 * Goes on with a stream of this dialect where the bytes that were delivered stopped. Its responses stand for themselves:
 * all that has to be kept is the answer's id, its model, and whether the array has begun that they are elements of.
 */

import { DeliveredLog } from '../delivered-log.ts'
import type { ResumedStream, ResumeStreamOptions } from '../dialect.ts'
import { primed, readDelivered } from '../resume-stream.ts'
import { GeminiStreamReader } from './stream-reader.ts'
import { GeminiStreamWriter } from './stream-writer.ts'

export function resumeStream(
  delivered: readonly Uint8Array[],
  options: ResumeStreamOptions,
): ResumedStream | undefined {
  const { candidates = 1 } = options
  const events = readDelivered(new GeminiStreamReader({ candidates }), delivered)
  if (events === undefined) return undefined
  // A thought's signature may come with its last piece.
  const log = new DeliveredLog({ signsReasoning: true })
  if (candidates > 1) log.forbid('there is more than one candidate')
  for (const event of events) log.add(event)
  const writer = new GeminiStreamWriter(options, events.length > 0)
  return { writer: primed(writer, events), delivered: log.delivered }
}
