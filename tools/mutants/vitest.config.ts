/** The tests that mutants of the rules, the readers and the rescue must not survive; no server is started for them. */

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    include: [
      'src/resilience/**/*.test.ts',
      'src/execution/**/*.test.ts',
      'src/wire/**/*.test.ts',
      'src/dialects/**/*.test.ts',
      'src/upstream/{classify-failure,refusal}.test.ts',
    ],
    setupFiles: ['tools/mutants/skip-timed.ts'],
    testTimeout: 15_000,
  },
})
