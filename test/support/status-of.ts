/** Asks the admin listener of a running gateway, as an operator does. */

import type { StatusReport } from '../../src/http/operator-view.ts'

/** Rejects where the listener does not answer with a report. */
export async function statusOf(adminUrl: string | undefined): Promise<StatusReport> {
  const answer = await fetch(`${adminUrl}/status`)
  if (answer.status !== 200) throw new Error(`the admin listener answers ${answer.status}`)
  // What our own listener answers.
  return (await answer.json()) as StatusReport
}
