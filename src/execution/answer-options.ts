/** How the client's dialect says what a target answers. */

import type { Envelope } from '../canonical/envelope.ts'
import type { WriteAnswerOptions } from '../dialects/dialect.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import { StateWatch } from '../provenance/watch-state.ts'
import type { Target } from '../providers/provider.ts'
import { stateOriginOf } from '../providers/target.ts'
import type { Clock } from '../std/clock.ts'
import type { Exchange } from './exchange.ts'

export interface AnswerContext {
  readonly exchange: Exchange
  readonly target: Target
  readonly clock: Clock
  readonly state: StateMemory
}

export type AnswerOptions = WriteAnswerOptions & { readonly watch: StateWatch }

export function answerOptions({ exchange, target, clock, state }: AnswerContext): AnswerOptions {
  const origin = stateOriginOf(target.provider)
  return {
    watch: new StateWatch(state, origin),
    responseId: exchange.id,
    modelId: exchange.envelope.modelId,
    createdAtS: Math.floor(clock.wallMs() / 1_000),
    wantsUsage: exchange.envelope.wantsStreamUsage,
    origin,
    ...streamFormOf(exchange.envelope),
    ...echoOf(exchange),
  }
}

export function streamFormOf({ streamForm }: Envelope): Pick<Envelope, 'streamForm'> {
  return streamForm === undefined ? {} : { streamForm }
}

/** Read anew for each answer that needs it: the body is at hand, and few are written twice. */
function echoOf({ dialect, body }: Exchange): Pick<WriteAnswerOptions, 'echo'> {
  const echo = dialect.readEcho?.(body)
  return echo === undefined ? {} : { echo }
}
