/** The refusals that several operations share. */

import { refuse, type SimulatedCall } from '../call.ts'
import { plainRefusal } from '../refusal.ts'
import type { Step } from '../step.ts'

export function nothingHere(call: SimulatedCall): readonly Step[] {
  return refuse(call, plainRefusal(404, 'the simulator has nothing at this method and path'))
}

/** A field that the operation cannot do without is missing or something else. */
export function fieldMissing(call: SimulatedCall, param: string): readonly Step[] {
  return refuse(call, { ...plainRefusal(400, `Missing required parameter: '${param}'.`), param })
}
