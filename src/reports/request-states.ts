/** How a request may have ended, as reports tell it and are asked for it. */

import { TERMINAL_STATES } from '../telemetry/records.ts'

/** `orphaned`: the gateway died with it. */
export const REQUEST_STATES = [...TERMINAL_STATES, 'orphaned'] as const
