/** An answer read to its end. The response bound of `upstream/` limits what can pile up here. */

import type { UpstreamResponse } from '../upstream/attempt.ts'
import { joinBytes } from './join-bytes.ts'

export async function readWhole(response: UpstreamResponse): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return joinBytes(chunks)
}
