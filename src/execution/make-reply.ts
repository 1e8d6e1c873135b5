/** What travels back to the client, put together at the commit point. */

import type { RequestBooks } from '../ledger/request-books.ts'
import type { Target } from '../providers/provider.ts'
import type { AttemptLog } from './attempt-log.ts'
import type { DecisionTrace } from './decision-trace.ts'
import type { Exchange } from './exchange.ts'
import type { Committed } from './relay-context.ts'
import type { Reply } from './reply.ts'

export interface ReplyParts {
  readonly committed: Committed
  readonly target: Target
  /** Of the provider's answer. */
  readonly headers: Readonly<Record<string, string>>
  readonly exchange: Exchange
  readonly routeName: string | undefined
  readonly log: AttemptLog
  readonly books: RequestBooks | undefined
  /** From arrival to the commit point, ms. */
  readonly firstTokenMs: number
  /** Of that, spent waiting for providers and between attempts, ms. */
  readonly waitedMs: number
  readonly rescue: Reply['rescue']
  readonly trace: DecisionTrace | undefined
}

export function makeReply(parts: ReplyParts): Reply {
  const { committed, target, headers, routeName, log, books, firstTokenMs, waitedMs, trace } = parts
  const upstreamRequestId = headers['x-request-id'] ?? headers['request-id']
  return {
    status: 200,
    contentType: committed.contentType,
    body: committed.body,
    target,
    attempts: log.summaries,
    losses: committed.losses,
    overheadMs: Math.max(0, firstTokenMs - waitedMs),
    firstTokenMs,
    settled: committed.settled,
    close: (isTaken) => committed.close(isTaken),
    ...(books === undefined ? {} : { cost: () => books.cost }),
    ...(parts.rescue === undefined ? {} : { rescue: parts.rescue }),
    ...(committed.lossesAtEnd === undefined ? {} : { lossesAtEnd: committed.lossesAtEnd }),
    ...(committed.upstreamModelId === undefined ? {} : { upstreamModelId: committed.upstreamModelId }),
    ...(committed.warnings === undefined ? {} : { warnings: committed.warnings }),
    ...(committed.writeError === undefined ? {} : { writeError: committed.writeError }),
    ...(routeName === undefined ? {} : { routeName }),
    ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
    ...(trace === undefined ? {} : { explanation: trace.summary() }),
  }
}
