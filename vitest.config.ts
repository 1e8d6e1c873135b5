/**
 * Two projects: `rooms` are the tests beside the code, short and many; `whole` are those of the running gateway, which
 * start servers and child processes and may take longer.
 */

import { defineConfig } from 'vitest/config'

const shared = {
  environment: 'node',
  globals: false,
  pool: 'forks',
  isolate: true,
  // Vitest's own second is too little for what crosses processes on a busy machine; what comes sooner waits no longer.
  expect: { poll: { timeout: 10_000 } },
} as const

export default defineConfig({
  test: {
    // Two cores are what the smallest CI machine has; sockets and timers suffer when more workers share them.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'rooms',
          include: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'sim/**/*.test.ts'],
          testTimeout: 15_000,
          hookTimeout: 15_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'whole',
          include: ['test/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
})
