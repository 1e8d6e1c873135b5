/** The agents' tests, apart from `npm test`: they need hundreds of megabytes of other people's programs. */

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['test/agents/*.agent.ts'], testTimeout: 120_000, hookTimeout: 60_000, maxWorkers: 1 },
})
