import { describe, expect, test } from 'vitest'
import { createAdmission } from '../admission/admission.ts'
import type { HealthCell } from '../resilience/target-health.ts'
import type { Clock } from '../std/clock.ts'
import { loadConfig } from './config/load-config.ts'
import { createOperatorView, STATUS_ROWS_MAX, type StatusSources } from './status-report.ts'

/** A process that has run for ten seconds of monotonic time at this moment of the wall. */
const WALL_MS = Date.parse('2026-01-02T12:00:00.000Z')
const clock: Clock = { wallMs: () => WALL_MS, nowMs: () => 10_000, after: () => ({ cancel() {} }) }

const CONFIG = 'discover: false\nlimits: { requestsInFlight: 9, bufferedBytes: 1MiB }\n'

function sources(parts: Partial<StatusSources> = {}): StatusSources {
  const loaded = loadConfig({ text: CONFIG, env: {} })
  if (!loaded.ok) throw new Error('the configuration is sound')
  return {
    version: '1.2.3',
    clock,
    startedAtWallMs: WALL_MS - 10_000,
    config: () => loaded.config,
    generation: () => ({ number: 4, sinceWallMs: WALL_MS - 1_000 }),
    isDraining: () => false,
    certificateEndsAtMs: () => undefined,
    lag: () => ({ isOverloaded: false, lagMs: 3.14159 }),
    admissions: () => [],
    cells: () => [],
    gates: () => [],
    retryBudgets: () => [],
    explain: () => undefined,
    ...parts,
  }
}
const report = (parts: Partial<StatusSources> = {}) => createOperatorView(sources(parts)).status()

const cell: HealthCell = {
  label: 'openai/gpt-5',
  fingerprint: '0a1b2c3d',
  state: 'open',
  sinceMs: 4_000,
  untilMs: 12_500,
  cause: { code: 'upstream_error', message: 'It answered 500.' },
  consecutiveFailures: 3,
  window: { calls: 5, failures: 3.5 },
  isProbed: true,
}

describe('a status report', () => {
  test('says of each cell by the wall what is remembered in monotonic time', () => {
    expect(report({ cells: () => [cell] }).targets).toEqual([
      {
        target: 'openai/gpt-5',
        credential: '0a1b2c3d',
        state: 'open',
        since: '2026-01-02T11:59:54.000Z',
        until: '2026-01-02T12:00:02.500Z',
        cause: { code: 'upstream_error', message: 'It answered 500.' },
        consecutiveFailures: 3,
        window: { calls: 5, failures: 3.5 },
        isProbed: true,
      },
    ])
  })

  test('fault 143: says until when the certificate is good, and that it is due 30 days before', () => {
    const until = (endsAtMs: number) => report({ certificateEndsAtMs: () => endsAtMs }).certificate
    const days = (count: number) => WALL_MS + count * 86_400_000
    expect(until(days(30))).toEqual({ endsAt: '2026-02-01T12:00:00.000Z', isDue: true })
    expect(until(days(30) + 1)?.isDue).toBe(false)
    expect(report()).not.toHaveProperty('certificate')
  })

  test('says who waits at which gate, and until when', () => {
    const gates = [{ target: 't:a/m:8b:0a1b2c3d', inFlight: 2, queued: 1, slots: 2, pacedUntilMs: 11_000 }]
    expect(report({ gates: () => gates }).gates).toEqual([
      {
        target: 'a/m:8b',
        credential: '0a1b2c3d',
        inFlight: 2,
        queued: 1,
        slots: 2,
        pacedUntil: '2026-01-02T12:00:01.000Z',
      },
    ])
  })

  test('counts what every configuration that still serves holds', () => {
    const admissions = [1, 2].map((bytes) => {
      const admission = createAdmission({ requestsInFlightMax: 9, bufferedBytesMax: 9 })
      admission.enter().hold(bytes)
      return admission
    })
    expect(report({ admissions: () => admissions }).process).toMatchObject({
      requestsInFlight: 2,
      requestsInFlightMax: 9,
      bufferedBytes: 3,
      bufferedBytesMax: 1024 ** 2,
      eventLoopLagMs: 3.1,
      isOverloaded: false,
    })
  })

  test('is serving, degraded or draining, and draining before all', () => {
    const behind = () => ({ isOverloaded: true, lagMs: 500 })
    expect(report()).toMatchObject({
      state: 'serving',
      at: '2026-01-02T12:00:00.000Z',
      startedAt: '2026-01-02T11:59:50.000Z',
      config: { generation: 4, inForceSince: '2026-01-02T11:59:59.000Z' },
    })
    expect(report({ lag: behind }).state).toBe('degraded')
    expect(report({ lag: behind, isDraining: () => true }).state).toBe('draining')
  })

  test('has a bound, and a time for a wait without an end', () => {
    const cells = Array.from({ length: STATUS_ROWS_MAX + 5 }, () => ({ ...cell, untilMs: Infinity }))
    const { targets } = report({ cells: () => cells })
    expect(targets).toHaveLength(STATUS_ROWS_MAX)
    expect(targets[0]?.until).toMatch(/^\+275760-/)
  })
})
