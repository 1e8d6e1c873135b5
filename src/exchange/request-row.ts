/** A request as the books keep it: whom it is charged to, and how it ended. */

import type { Exchange } from '../execution/exchange.ts'
import type { Attribution, RequestRow } from '../ledger/entry.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { ExchangeRecord } from '../telemetry/records.ts'
import { attributionOf, NOTHING_SAID, type SaidAttribution } from './attribution.ts'
import type { Caller } from './gateway.ts'

/** The same object for the same holder, as long as requests say nothing of themselves. */
export function attributionFor(
  { headers, inBody }: Pick<Exchange, 'headers' | 'inBody'>,
  caller: Caller,
): Attribution {
  const said = attributionOf(headers, inBody)
  if (said !== NOTHING_SAID) return charged(said, caller)
  const known = ofHolders.get(caller)
  if (known !== undefined) return known
  const made = charged(said, caller)
  ofHolders.set(caller, made)
  return made
}

const ofHolders = new WeakMap<Caller, Attribution>()

function charged(said: SaidAttribution, caller: Caller): Attribution {
  const { keyId, keyName, projectId, teamId, userId } = caller
  return {
    ...said,
    ...(keyId === undefined ? {} : { keyId }),
    ...(keyName === undefined ? {} : { keyName }),
    ...(projectId === undefined ? {} : { projectId }),
    ...(teamId === undefined ? {} : { teamId }),
    ...(userId === undefined ? {} : { userId }),
  }
}

export interface RowContext {
  readonly attribution: Attribution
  /** When it arrived, ms since 1970. */
  readonly atMs: number
  readonly costNanoUsd: NanoUsd | undefined
}

export function rowOf(record: ExchangeRecord, { attribution, atMs, costNanoUsd }: RowContext): RequestRow {
  const { usage, firstTokenMs, overheadMs } = record
  return {
    exchangeId: record.exchangeId,
    atMs,
    attribution,
    state: record.state,
    dialect: record.dialect,
    operation: record.operation,
    ...(record.modelId === undefined ? {} : { modelId: record.modelId }),
    ...(record.route === undefined ? {} : { route: record.route }),
    ...(record.target === undefined ? {} : { target: record.target }),
    status: record.status,
    ...(record.code === undefined ? {} : { code: record.code }),
    ...(record.message === undefined ? {} : { message: record.message }),
    stream: record.stream,
    attempts: record.attempts,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    durationMs: Math.round(record.durationMs),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(firstTokenMs) }),
    // To the hundredth, as its client is told.
    ...(overheadMs === undefined ? {} : { overheadMs: Math.round(overheadMs * 100) / 100 }),
    ...(usage?.inputTokens === undefined ? {} : { inputTokens: usage.inputTokens }),
    ...(usage?.outputTokens === undefined ? {} : { outputTokens: usage.outputTokens }),
    ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
    ...(record.recall === undefined ? {} : { recall: recallWord(record.recall) }),
    isSimulated: record.isSimulated,
  }
}

/** Whoever shares an answer under a key and whoever asks the same are alike in the books. */
function recallWord(recall: NonNullable<ExchangeRecord['recall']>): NonNullable<RequestRow['recall']> {
  return recall === 'attached' ? 'coalesced' : recall
}
