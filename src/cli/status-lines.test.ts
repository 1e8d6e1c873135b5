import { describe, expect, test } from 'vitest'
import type { StatusReport, TargetStatus } from '../http/operator-view.ts'
import { isHealthy, statusLines } from './status-lines.ts'

const report = (parts: Partial<StatusReport> = {}): StatusReport => ({
  version: '1.2.3',
  at: '2026-01-02T12:00:00.000Z',
  startedAt: '2026-01-02T09:00:00.000Z',
  state: 'serving',
  config: { generation: 3, inForceSince: '2026-01-02T11:59:00.000Z', path: 'holdfast.yaml' },
  process: {
    requestsInFlight: 4,
    requestsInFlightMax: 5_000,
    bufferedBytes: 1_572_864,
    bufferedBytesMax: 512 * 1024 ** 2,
    eventLoopLagMs: 1.6,
    isOverloaded: false,
    memoryBytes: 120 * 1024 ** 2,
  },
  targets: [],
  gates: [],
  retryBudgets: [],
  ...parts,
})
const target = (parts: Partial<TargetStatus> = {}): TargetStatus => ({
  target: 'openai/gpt-5',
  credential: '0a1b2c3d',
  state: 'closed',
  since: '2026-01-02T11:00:00.000Z',
  consecutiveFailures: 0,
  window: { calls: 5, failures: 0 },
  isProbed: false,
  ...parts,
})
const open = target({
  target: 'anthropic/claude',
  state: 'open',
  since: '2026-01-02T11:58:01.000Z',
  until: '2026-01-02T12:00:09.000Z',
  cause: { code: 'upstream_error', message: 'It answered 500.' },
})
const textOf = (one: StatusReport) => statusLines(one, (_, text) => text).join('\n')

describe('the lines of a status report', () => {
  test('say how the process is', () => {
    expect(textOf(report())).toBe(`Holdfast 1.2.3 is serving
up 3 h, configuration 3 in force for 60 s (holdfast.yaml)
4 of 5000 requests in flight, 1.5 of 512 MiB buffered, 120 MiB resident, event loop 2 ms late

No target has been called yet.`)
  })

  test('fault 143: say until when the certificate is good; one that has ended is not well', () => {
    const until = (endsAt: string, isDue: boolean) => report({ certificate: { endsAt, isDue } })
    const [good, due, ended] = [
      until('2026-04-02T12:00:00.000Z', false),
      until('2026-01-03T11:00:00.000Z', true),
      until('2026-01-02T11:30:00.000Z', true),
    ]
    expect(textOf(good)).toContain('\ncertificate good for 90 days, until 2026-04-02T12:00:00.000Z\n')
    const coloured = statusLines(due, (colour, text) => `<${colour}>${text}`).join('\n')
    expect(coloured).toContain('<yellow>certificate good for 23 h, until 2026-01-03')
    expect(textOf(ended)).toContain('certificate ended 30 min ago, 2026-01-02T11:30:00.000Z')
    expect([good, due, ended].map(isHealthy)).toEqual([true, true, false])
  })

  test('say of every target, the troubled ones first, its credential, its state, since when and until when, and why', () => {
    expect(
      textOf(report({ targets: [target(), open] }))
        .split('\n')
        .slice(4),
    ).toEqual([
      'TARGET            CREDENTIAL  STATE   SINCE     UNTIL     CAUSE',
      'anthropic/claude  0a1b2c3d    open    11:58:01  12:00:09  upstream_error: It answered 500.',
      'openai/gpt-5      0a1b2c3d    closed  11:00:00  -         -',
    ])
  })

  test('say who waits where, and who has retried', () => {
    const text = textOf(
      report({
        gates: [
          { target: 'a/idle', credential: 'none', inFlight: 0, queued: 0 },
          { target: 'a/m', credential: '0a1b2c3d', inFlight: 2, queued: 7, slots: 2 },
        ],
        retryBudgets: [
          { key: '', route: 'smart', requests: 50, retries: 4 },
          { key: '', route: 'calm', requests: 50, retries: 0 },
        ],
      }),
    )
    expect(text).toMatch(
      /GATE +CREDENTIAL +IN FLIGHT +QUEUED +LIMIT +PACED UNTIL\na\/m +0a1b2c3d +2 +7 +2 +-/,
    )
    expect(text).not.toContain('a/idle')
    expect(text).toMatch(/smart +- +50 +4/)
    expect(text).not.toContain('calm')
  })

  test('hold nothing that could steer a terminal', () => {
    const evil = target({
      target: 'a/\u001b[2J\u202em',
      state: 'open',
      cause: { code: 'x', message: `one\ntwo\u001b]0;title\u0007${'z'.repeat(500)}` },
    })
    const text = textOf(report({ targets: [evil] }))
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(text.split('\n')).toHaveLength(6)
    expect(text).not.toContain('z'.repeat(130))
  })
})

test('is healthy only where it serves and every cell is closed', () => {
  expect(isHealthy(report({ targets: [target()] }))).toBe(true)
  expect(isHealthy(report({ targets: [target(), open] }))).toBe(false)
  for (const state of ['half-open', 'limited', 'exhausted', 'auth-dead'] as const)
    expect(isHealthy(report({ targets: [target({ state })] }))).toBe(false)
  expect(isHealthy(report({ state: 'degraded' }))).toBe(false)
  expect(isHealthy(report({ state: 'draining' }))).toBe(false)
})
