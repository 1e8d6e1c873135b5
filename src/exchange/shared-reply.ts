/** The replies of one run: of the request that pays for it, and of those that share it. */

import type { Exchange } from '../execution/exchange.ts'
import type { Reply, Settlement } from '../execution/reply.ts'
import { NO_COST } from '../ledger/cost.ts'
import { type GivenAgain, type KeptReply, replyOfKept } from './kept-reply.ts'
import type { LiveAnswer, LiveReader } from './live-answer.ts'
import type { Presence, RunOutcome } from './shared-run.ts'

/** For the request that began the run; its body may be read until the run is over. */
export function replyOfRunner(
  live: LiveAnswer,
  exchange: Exchange,
  { presence, headers }: { readonly presence: Presence; readonly headers: readonly string[] },
): Reply {
  const reader = live.join(exchange, () => presence.leave())
  const settled = Promise.all([reader.settled, live.over]).then(([settlement]) => ({
    ...settlement,
    ...usageOf(live.ended?.settlement),
  }))
  return { ...live.reply, ...readerParts(reader), headers, settled }
}

/** What it cost, though its client may have left before that was known. */
function usageOf(settlement: Settlement | undefined): Pick<Settlement, 'usage'> {
  return settlement?.usage === undefined ? {} : { usage: settlement.usage }
}

/** For a request that shares what another one pays for. */
export function replyOfSharer(
  outcome: RunOutcome,
  exchange: Exchange,
  { presence, again }: { readonly presence: Presence; readonly again: (made: MadeFor) => GivenAgain },
): Reply {
  if (outcome.type === 'kept') {
    presence.leave()
    return replyOfKept(outcome.kept, again(outcome.kept))
  }
  const { live } = outcome
  const { status, contentType, losses, target, upstreamModelId, warnings } = live.reply
  const reader = live.join(exchange, () => presence.leave())
  return {
    status,
    contentType,
    losses,
    attempts: [],
    ...(target === undefined ? {} : { target }),
    ...(upstreamModelId === undefined ? {} : { upstreamModelId }),
    ...(warnings === undefined ? {} : { warnings }),
    ...again({ exchangeId: live.exchangeId }),
    ...readerParts(reader),
    cost: () => NO_COST,
    settled: reader.settled,
  }
}

export type MadeFor = Pick<KeptReply, 'exchangeId'>

function readerParts(reader: LiveReader): Pick<Reply, 'body' | 'writeError' | 'close'> {
  return {
    body: reader,
    writeError: (error) => reader.writeError(error),
    close: (isTaken) => {
      if (!isTaken) void reader.return()
    },
  }
}
