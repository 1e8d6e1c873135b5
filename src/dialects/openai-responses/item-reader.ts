/** One item of an answer as it grows: what its deltas say, completed by what its ends repeat, said once. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { JsonObject } from '../../std/json.ts'

/** What an item needs of the stream it stands in. */
export interface ItemSurroundings {
  emit(event: InferenceEvent): void
  nextPart(): number
  /** What an end repeats is not what was said before: words were lost, or changed. */
  contradicted(): void
}

export interface ItemReader {
  readonly type: string
  /** As it came; `''` where there is none. */
  readonly id: string
  readonly isDone: boolean
  /** An event about this item. */
  read(type: string, event: JsonObject): void
  /** The item as it is at its end. */
  done(item: JsonObject): void
  /** The stream ended without the item's end. */
  close(): void
}
