/** The headers of an answer that came from a target: who gave it, after how many tries, at what cost of our own. */

import type { LimitStanding } from '../admission/limit-standing.ts'
import type { DialectId } from '../canonical/envelope.ts'
import type { Loss } from '../canonical/loss.ts'
import { SUMMARY_LENGTH_MAX } from '../execution/decision-trace.ts'
import type { Reply } from '../execution/reply.ts'
import { pushCostHeaders } from './cost-headers.ts'
import { headerText } from './header-text.ts'
import { pushLimitHeaders, pushUsageNotice } from './limit-headers.ts'

const LOSSES_MAX = 32

/** Where the client stands with its limits, and how it is told so. */
export interface ClientLimits {
  readonly dialect: DialectId
  readonly standing: LimitStanding
}

/** Name and value by turns. */
export function pushReplyHeaders(headers: string[], reply: Reply, limits?: ClientLimits): void {
  headers.push(
    'content-type',
    headerText(reply.contentType),
    'x-holdfast-attempts',
    String(reply.attempts.length),
  )
  if (reply.target !== undefined) headers.push('x-holdfast-target', headerText(reply.target.id))
  if (reply.overheadMs !== undefined) {
    headers.push('x-holdfast-overhead-ms', String(Math.round(reply.overheadMs * 100) / 100))
  }
  if (reply.body instanceof Uint8Array && reply.cost !== undefined) pushCostHeaders(headers, reply.cost())
  if (reply.losses.length > 0) headers.push('x-holdfast-losses', lossNames(reply.losses))
  if (reply.upstreamModelId !== undefined)
    headers.push('x-holdfast-upstream-model', headerText(reply.upstreamModelId))
  if (reply.warnings !== undefined && reply.warnings.length > 0)
    headers.push('x-holdfast-warning', headerText(reply.warnings.join(', ')))
  if (reply.explanation !== undefined)
    headers.push('x-holdfast-explanation', headerText(reply.explanation, SUMMARY_LENGTH_MAX))
  if (reply.headers !== undefined) headers.push(...reply.headers.map((text) => headerText(text)))
  if (reply.target?.provider.isSimulated === true) headers.push('x-holdfast-simulated', 'true')
  if (limits !== undefined) {
    pushLimitHeaders(headers, limits.dialect, limits.standing)
    if (reply.status < 400) pushUsageNotice(headers, limits.dialect, limits.standing)
  }
}

/** The names, each once, comma separated; field names come from the client, so they are made safe and few. */
function lossNames(losses: readonly Loss[]): string {
  const names = new Set<string>()
  for (const loss of losses) {
    if (names.size === LOSSES_MAX) break
    names.add(headerText(loss.field).replaceAll(',', '%2C'))
  }
  return headerText([...names].join(', '))
}
