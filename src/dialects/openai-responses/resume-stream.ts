/** Goes on with a stream of this dialect where the bytes that were delivered stopped: same items, numbers running on. */

import { DeliveredLog } from '../delivered-log.ts'
import type { ResumedStream, ResumeStreamOptions } from '../dialect.ts'
import { readDelivered } from '../resume-stream.ts'
import { DeliveredItems } from './delivered-items.ts'
import { ResponsesStreamReader } from './stream-reader.ts'
import { ResponsesStreamWriter } from './stream-writer.ts'

export function resumeStream(
  delivered: readonly Uint8Array[],
  options: ResumeStreamOptions,
): ResumedStream | undefined {
  const events = readDelivered(new ResponsesStreamReader(), delivered)
  if (events === undefined) return undefined
  const items = new DeliveredItems(delivered)
  // Reasoning gets its encrypted form with its end.
  const log = new DeliveredLog({ signsReasoning: true })
  for (const event of events) log.add(event)
  const { open } = items
  if (open === 'broken' && log.delivered.isRescuable)
    log.forbid('an item of it is open that cannot be gone on with')
  const message = open === 'broken' ? undefined : open
  const openText = message?.open?.isTextWhole === false ? log.openText : undefined
  // A text that was said in full is over, though the reader still waits for its item's end.
  if (openText === undefined && log.openText !== undefined)
    log.add({ type: 'text-end', candidate: 0, part: log.openText })
  const writer = new ResponsesStreamWriter(options, { items, message, openText })
  return { writer, delivered: log.delivered }
}
