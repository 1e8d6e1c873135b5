/** What resuming a stream is in every dialect: reading what was delivered, and bringing a writer to where it stopped. */

import type { InferenceEvent } from '../canonical/event.ts'
import type { StreamReader, StreamWriter } from './dialect.ts'

/** The events that were delivered; `undefined` where an error stands among them, or nothing is left to be said. */
export function readDelivered(
  reader: StreamReader,
  delivered: readonly Uint8Array[],
): readonly InferenceEvent[] | undefined {
  const events = delivered.flatMap((chunk) => [...reader.read(chunk)])
  const isOver = reader.isComplete || events.some(({ type }) => type === 'error' || type === 'finish')
  return isOver ? undefined : events
}

/**
 * A writer that has said these events already. What it says of them is dropped: the client has it. What it lost of them
 * was known when they were delivered.
 */
export function primed(writer: StreamWriter, events: readonly InferenceEvent[]): StreamWriter {
  for (const event of events) writer.write(event)
  const lost = writer.losses.length
  return {
    write: (event) => writer.write(event),
    end: () => writer.end(),
    get losses() {
      return writer.losses.slice(lost)
    },
    ...(writer.writeError === undefined
      ? {}
      : { writeError: (error, context) => writer.writeError?.(error, context) ?? '' }),
  }
}
