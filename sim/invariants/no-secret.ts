/** I11: no planted secret stands in anything that a client, a log or a metric gets to see. */

import type { Invariant } from './invariant.ts'

export const noSecret: Invariant = {
  id: 'I11',
  title: 'no planted secret in any output',
  check: ({ history }) => history.sightings.map((text) => `a secret was seen: ${JSON.stringify(text)}`),
}
