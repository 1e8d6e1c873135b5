/** Changed code is instrumented and slower: what measures time finds it too slow, whatever was changed. */

import { beforeEach } from 'vitest'

const timed = [/time grows with the bytes/]

beforeEach(({ task, skip }) => {
  if (timed.some((name) => name.test(task.name))) skip()
})
