/** What execution needs beside its upstream, as a fresh process has it. */

import { createTargetGates } from '../admission/target-gates.ts'
import { createStateMakers } from '../provenance/state-makers.ts'
import { createToolCallSignatures } from '../provenance/tool-call-signatures.ts'
import { createFirstTokenTimes } from '../resilience/first-token-times.ts'
import { createRetryBudget } from '../resilience/retry-budget.ts'
import { createSpendBudgets } from '../resilience/spend-budget.ts'
import { createTargetHealth } from '../resilience/target-health.ts'
import type { Clock } from '../std/clock.ts'
import { createSeededRandom } from '../std/ids.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { HedgeBudgets } from './hedge-budgets.ts'

export function freshDeps(clock: Clock) {
  const random = createSeededRandom(1)
  const unlimited = { share: 1, windowMs: 600_000, floorNanoUsd: 1e12, floorCount: 1_000_000 }
  return {
    clock,
    random,
    telemetry: createTelemetry(),
    health: createTargetHealth({ random }),
    gates: createTargetGates({ clock }),
    firstTokenTimes: createFirstTokenTimes(),
    budgets: {
      retries: createRetryBudget(),
      retrySpend: createSpendBudgets(unlimited),
      hedges: new HedgeBudgets(),
    },
    deliveredMemory: { bytes: 0 },
    state: { makers: createStateMakers(), calls: createToolCallSignatures() },
  }
}
