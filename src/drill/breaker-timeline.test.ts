import { expect, test } from 'vitest'
import { breakerTimelines } from './breaker-timeline.ts'
import type { TransitionRecord } from '../telemetry/records.ts'
import { quietTimes } from './quiet-times.ts'

function change(to: string, nowMs: number, more: Partial<TransitionRecord> = {}): TransitionRecord {
  return {
    label: 'openai/gpt-5',
    fingerprint: 'f1',
    from: 'closed',
    to,
    nowMs,
    cause: 'rate_limited',
    ...more,
  }
}
const END_MS = 100_000

test('an open breaker lasts until a call finds out, whatever its time was', () => {
  const changes = [
    change('open', 1_000, { untilMs: 6_000, cause: 'upstream_unreachable' }),
    change('half-open', 9_000, { cause: 'cooldown_over' }),
    change('closed', 9_500),
  ]
  expect(breakerTimelines(changes, ['openai/gpt-5'], END_MS)).toEqual([
    {
      target: 'openai/gpt-5',
      key: 1,
      spans: [
        { state: 'open', fromMs: 1_000, untilMs: 9_000, cause: 'upstream_unreachable' },
        { state: 'half-open', fromMs: 9_000, untilMs: 9_500, cause: 'cooldown_over' },
      ],
    },
  ])
})

test('a limit is over by itself', () => {
  const [timeline] = breakerTimelines(
    [change('limited', 1_000, { untilMs: 3_000 })],
    ['openai/gpt-5'],
    END_MS,
  )
  expect(timeline?.spans).toEqual([
    { state: 'limited', fromMs: 1_000, untilMs: 3_000, cause: 'rate_limited' },
  ])
})

test('what never ended lasts to the end', () => {
  const [timeline] = breakerTimelines([change('open', 1_000, { untilMs: 6_000 })], ['openai/gpt-5'], END_MS)
  expect(timeline?.spans).toEqual([{ state: 'open', fromMs: 1_000, untilMs: END_MS, cause: 'rate_limited' }])
})

test('keys of one target are told apart, other targets are not shown, and what stayed closed neither', () => {
  const changes = [
    change('open', 1, { fingerprint: 'f2' }),
    change('open', 2),
    change('open', 3, { label: 'own/other' }),
    change('closed', 4, { label: 'anthropic/claude' }),
  ]
  const timelines = breakerTimelines(changes, ['openai/gpt-5', 'anthropic/claude'], END_MS)
  expect(timelines.map(({ target, key }) => [target, key])).toEqual([
    ['openai/gpt-5', 1],
    ['openai/gpt-5', 2],
  ])
})

test('quiet times join what follows without a pause, and count the probes', () => {
  const spans = [
    { state: 'open', fromMs: 0, untilMs: 10, cause: 'upstream_timeout' },
    { state: 'half-open', fromMs: 10, untilMs: 12, cause: 'cooldown_over' },
    { state: 'open', fromMs: 12, untilMs: 30, cause: 'upstream_reset' },
    { state: 'half-open', fromMs: 30, untilMs: 31, cause: 'cooldown_over' },
    { state: 'limited', fromMs: 50, untilMs: 60, cause: 'rate_limited' },
  ]
  expect(quietTimes(spans)).toEqual([
    { fromMs: 0, untilMs: 31, states: ['open'], probes: 2, cause: 'upstream_timeout' },
    { fromMs: 50, untilMs: 60, states: ['limited'], probes: 0, cause: 'rate_limited' },
  ])
})
