/** A gateway cannot be looked into by Node's inspector unless whoever starts it says so. */

import { describe, expect, test, vi } from 'vitest'
import { runToEnd, simulated, startProcess } from '../support/gateway-process.ts'

const OPENED = 'Debugger listening'

describe('SEC-28: the inspector', () => {
  test.each([
    ['on the command line', { nodeArguments: ['--inspect=127.0.0.1:0'] }],
    ['in the environment', { env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } }],
  ])('asked for %s keeps the gateway from starting', async (_where, how) => {
    const { code, stdout, stderr } = await runToEnd({ config: simulated, ...how })
    expect(code).toBe(4)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/inspector is open on 127\.0\.0\.1:\d+: .*HOLDFAST_ALLOW_INSPECTOR=1/)
  })

  test('is open for whoever says so by name', async () => {
    await using gateway = await startProcess({
      config: simulated,
      nodeArguments: ['--inspect=127.0.0.1:0'],
      env: { HOLDFAST_ALLOW_INSPECTOR: '1' },
    })
    expect(gateway.printed()).toContain(OPENED)
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200)
  })

  test('is not opened by SIGUSR1, whatever the flags, and the gateway goes on', async () => {
    await using gateway = await startProcess({ config: simulated })
    const before = gateway.linesLike({ notice: 'config_reloaded' }).length
    for (let times = 0; times < 3; times += 1) gateway.kill('SIGUSR1')
    // A signal that was sent later has been heard: so have those before it.
    gateway.kill('SIGHUP')
    await vi.waitFor(
      () => expect(gateway.linesLike({ notice: 'config_reloaded' }).length).toBeGreaterThan(before),
      { timeout: 10_000 },
    )
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200)
    expect(gateway.printed()).not.toContain(OPENED)
  })
})
