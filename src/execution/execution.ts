/** What execution needs of the house, and what it offers. */

import type { Priority } from '../admission/priority.ts'
import type { TargetGates } from '../admission/target-gates.ts'
import type { TargetDialectId } from '../canonical/envelope.ts'
import type { Usage } from '../canonical/usage.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { CostOptions } from '../ledger/cost-of.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import type { Provider, Target } from '../providers/provider.ts'
import type { FirstTokenTimes } from '../resilience/first-token-times.ts'
import type { TargetHealth } from '../resilience/target-health.ts'
import type { Plan } from '../routing/plan.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/ids.ts'
import type { Telemetry } from '../telemetry/records.ts'
import type { UpstreamRequest, UpstreamResponse } from '../upstream/attempt.ts'
import type { RequestBooks } from '../ledger/request-books.ts'
import type { TargetFacts } from './attempt-money.ts'
import type { Explanation } from './decision-trace.ts'
import type { DeliveredMemory } from './delivered-bytes.ts'
import type { SharedBudgets } from './effort.ts'
import type { Exchange } from './exchange.ts'
import type { Reply } from './reply.ts'

export interface ExecutionDeps {
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly health: TargetHealth
  readonly gates: TargetGates
  readonly firstTokenTimes: FirstTokenTimes
  readonly budgets: SharedBudgets
  readonly deliveredMemory: DeliveredMemory
  readonly state: StateMemory
  /** What an answer cost to a request that asked to be served so; `undefined` where a price or a count is not known. */
  readonly costOf?: (target: Target, usage: Usage, asked?: CostOptions) => NanoUsd | undefined
  readonly dialects: ReadonlyMap<TargetDialectId, TargetDialect>
  send(request: UpstreamRequest): Promise<UpstreamResponse>
  /** Takes secrets out of an error that holds a provider's words (SEC-22). */
  redact(error: GatewayError): GatewayError
  /** Told the ids of files and batches that a provider's answer names. */
  readonly onIds?: (ids: readonly string[], provider: Provider) => void
  /** What is known of a target's model. */
  readonly factsOf?: (target: Target) => TargetFacts | undefined
}

/** How a request stands among the others. */
export interface Standing {
  readonly priority: Priority
  /** Given where somebody asked why what is done is done: told at the start who says it. */
  readonly onTrace?: (trace: Explanation) => void
  /** Who pays, attempt by attempt; absent: nobody keeps books. */
  readonly books?: RequestBooks
}

export interface Execution {
  /** Resolves at the commit point. Throws the GatewayError the client is told when no target could answer. */
  run(plan: Plan, exchange: Exchange, standing?: Standing): Promise<Reply>
}
