/** Reads `/status` of an admin listener. */

import type { StatusReport } from '../http/operator-view.ts'
import { isJsonObject, parseJson } from '../std/json.ts'
import { askOwn } from '../upstream/ask-own.ts'

export type FetchedStatus =
  | { readonly type: 'report'; readonly report: StatusReport }
  | { readonly type: 'unreachable'; readonly reason: string }

/** Of the listener at this origin. Never rejects. */
export async function fetchStatus(origin: string): Promise<FetchedStatus> {
  const answer = await askOwn(`${origin}/status`)
  if (answer.type === 'unreachable') return answer
  if (answer.status !== 200) return { type: 'unreachable', reason: `it answers ${answer.status}` }
  const value = parseJson(answer.text)
  return isReport(value)
    ? { type: 'report', report: value }
    : { type: 'unreachable', reason: 'what answers is no Holdfast' }
}

/** Enough to tell our own listener from anything else that may answer there. */
function isReport(value: unknown): value is StatusReport {
  return (
    isJsonObject(value) &&
    typeof value['version'] === 'string' &&
    typeof value['state'] === 'string' &&
    isJsonObject(value['process']) &&
    isJsonObject(value['config']) &&
    Array.isArray(value['targets']) &&
    Array.isArray(value['gates'])
  )
}
