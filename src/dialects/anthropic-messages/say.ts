/** One event of this dialect as text. Its name is its type: clients drop events without an event line. */

import type { JsonObject } from '../../std/json.ts'
import { encodeSse } from '../../wire/sse.ts'

export function say(event: JsonObject & { readonly type: string }): string {
  return encodeSse(JSON.stringify(event), event.type)
}
