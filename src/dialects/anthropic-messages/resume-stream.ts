/** Goes on with a stream of this dialect where the bytes that were delivered stopped. */

import { DeliveredLog } from '../delivered-log.ts'
import type { ResumedStream, ResumeStreamOptions } from '../dialect.ts'
import { primed, readDelivered } from '../resume-stream.ts'
import { createStreamReader } from './stream-reader.ts'
import { type BlockPosition, MessagesWriter } from './stream-writer.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

export function resumeStream(
  delivered: readonly Uint8Array[],
  options: ResumeStreamOptions,
): ResumedStream | undefined {
  const events = readDelivered(createStreamReader(), delivered)
  if (events === undefined) return undefined
  const wire = new WireEvents()
  const wireEvents = delivered.flatMap((chunk) => [...wire.read(chunk)])
  const position = positionAfter(wireEvents)
  const log = new DeliveredLog({ signsReasoning: true })
  if (position === undefined) log.forbid('its blocks overlap')
  for (const event of events) log.add(event)
  const writer = new MessagesWriter(options)
  const said = primed(writer, events)
  if (events.length > 0) writer.goOnAt(position ?? { index: 0, isOpen: false })
  return { writer: said, delivered: log.delivered }
}

/** `undefined` where more than one block is open, which only a broken server does. */
function positionAfter(wireEvents: readonly WireEvent[]): BlockPosition | undefined {
  const open = new Set<number>()
  const seen = new Set<number>()
  let last = -1
  for (const { type, value } of wireEvents) {
    const named = typeof value['index'] === 'number' ? value['index'] : undefined
    const index = named ?? (type === 'content_block_start' ? last + 1 : last)
    if (type === 'content_block_stop') open.delete(index)
    // A delta of a block that was never started starts it.
    const isStart = type === 'content_block_start' || (type === 'content_block_delta' && !seen.has(index))
    if (!isStart) continue
    open.add(index)
    seen.add(index)
    last = Math.max(last, index)
  }
  const [index] = open
  if (open.size > 1) return undefined
  return index === undefined ? { index: last + 1, isOpen: false } : { index, isOpen: true }
}
