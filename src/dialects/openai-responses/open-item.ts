/** The reader for each kind of item. */

import type { JsonObject } from '../../std/json.ts'
import { CallReader } from './call-reader.ts'
import type { ItemReader, ItemSurroundings } from './item-reader.ts'
import { MessageReader } from './message-reader.ts'
import { OpaqueReader } from './opaque-reader.ts'
import { ReasoningReader } from './reasoning-reader.ts'

export function openItem(item: JsonObject, around: ItemSurroundings): ItemReader {
  switch (item['type']) {
    case 'message':
      return new MessageReader(item, around)
    case 'reasoning':
      return new ReasoningReader(item, around)
    case 'function_call':
    case 'custom_tool_call':
      return new CallReader(item, around)
    default:
      return new OpaqueReader(item, around)
  }
}
