import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import { createTarget } from '../providers/target.ts'
import type { Plan, TargetNode } from '../routing/plan.ts'
import { DIRECT_POLICY } from '../routing/route.ts'
import { CREDENTIAL, ManualClock, wallProvider, wallTarget } from '../upstream/wall.ts'
import { DecisionTrace, SUMMARY_LENGTH_MAX, TRACE_STEPS_MAX } from './decision-trace.ts'

const target = wallTarget('http://127.0.0.1:1')
const open = createTarget(wallProvider('http://127.0.0.1:1', { id: 'open' }), 'brick')
const node: TargetNode = { type: 'target', target, verdict: { type: 'available' } }
const limited: TargetNode = {
  type: 'target',
  target: open,
  verdict: { type: 'limited', untilMs: 9, error: new GatewayError('rate_limited', 'private words') },
}

function createTrace(plan: Partial<Plan> = {}, costNanoUsd?: number) {
  const clock = new ManualClock()
  const arrivedAtMs = clock.nowMs()
  const trace = new DecisionTrace({
    requestId: 'req_1',
    plan: { ...DIRECT_POLICY, root: node, attemptsMax: 4, ...plan },
    clock,
    arrivedAtMs,
    totals: {
      summaries: [{ target: 'wall/brick', status: 200, durationMs: 12 }],
      costNanoUsd: costNanoUsd as NanoUsd | undefined,
    },
  })
  return { clock, trace }
}

describe('what is explained', () => {
  test('each step, with the time since arrival, its target and what it came of', () => {
    const { clock, trace } = createTrace()
    clock.advance(1.26)
    trace.note('attempt', target.id)
    clock.advance(10)
    trace.note('failed', target.id, 'upstream_error')
    trace.note('refused')
    expect(trace.explain()['steps']).toEqual([
      { atMs: 1.3, step: 'attempt', target: 'wall/brick' },
      { atMs: 11.3, step: 'failed', target: 'wall/brick', detail: 'upstream_error' },
      { atMs: 11.3, step: 'refused' },
    ])
  })

  test('the plan as it was drawn: order, scores, states and why', () => {
    const { trace } = createTrace({
      routeName: 'smart',
      root: {
        type: 'first',
        children: [{ type: 'balanced', strategy: 'latency', children: [node, limited], scores: [120] }],
      },
      skipped: [{ targetId: target.id, lacks: ['file'] }],
    })
    expect(trace.explain()).toMatchObject({
      requestId: 'req_1',
      route: 'smart',
      attemptsMax: 4,
      plan: {
        first: [
          {
            balanced: 'latency',
            candidates: [
              {
                target: 'wall/brick',
                credential: target.credential?.fingerprint,
                state: 'available',
                score: 120,
              },
              { target: 'open/brick', state: 'limited', cause: 'rate_limited', score: null },
            ],
          },
        ],
      },
      skipped: [{ target: 'wall/brick', lacks: ['file'] }],
      attempts: [{ target: 'wall/brick', status: 200, durationMs: 12 }],
    })
  })

  test('a model that was addressed directly has no route', () => {
    expect(createTrace().trace.explain()).not.toHaveProperty('route')
  })

  test('what it cost, and that nobody knows where nobody does', () => {
    expect(createTrace({}, 41_000).trace.explain()['costUsd']).toBe('0.000041')
    expect(createTrace().trace.explain()['costUsd']).toBe('unknown')
  })

  test('no secret, and no words that a provider said to somebody else', () => {
    const said = JSON.stringify(
      createTrace({ root: { type: 'first', children: [node, limited] } }).trace.explain(),
    )
    expect(said).toContain(target.credential?.fingerprint)
    expect(said).not.toContain(CREDENTIAL)
    expect(said).not.toContain('private words')
  })
})

test('a trace says the most that it comes to hold, whatever is noted in it', () => {
  const children = Array.from({ length: 100 }, () => node)
  const { trace } = createTrace({ routeName: 'smart', root: { type: 'first', children } })
  const { bytes } = trace
  for (let step = 0; step <= TRACE_STEPS_MAX; step += 1)
    trace.note(`step ${step}`, target.id, 'upstream_error')
  expect(trace.bytes).toBe(bytes)
  expect(bytes).toBeGreaterThan(JSON.stringify(trace.explain()).length)
  expect(bytes).toBeLessThan(100 * 1_024)
})

test('a request that is tried without end is explained as far as the bound', () => {
  const { trace } = createTrace()
  for (let step = 0; step <= TRACE_STEPS_MAX; step += 1) trace.note(`step ${step}`)
  const steps = trace.explain()['steps'] as readonly { readonly step: string }[]
  expect(steps.length).toBe(TRACE_STEPS_MAX)
  expect(steps[0]?.step).toBe('step 0')
})

describe('the summary', () => {
  test('is one line that a header can carry', () => {
    const { clock, trace } = createTrace()
    trace.note('attempt', target.id)
    clock.advance(1_200.4)
    trace.note('failed', target.id, 'upstream_error')
    trace.note('refused\r\nx-evil: ü')
    expect(trace.summary()).toBe(
      '0ms attempt wall/brick; 1200ms failed wall/brick upstream_error; 1200ms refused??x-evil: ?',
    )
  })

  test('is cut at its bound, and says so', () => {
    const { trace } = createTrace()
    trace.note('x'.repeat(SUMMARY_LENGTH_MAX))
    expect(trace.summary().length).toBe(SUMMARY_LENGTH_MAX)
    expect(trace.summary().endsWith('x...')).toBe(true)
  })

  test('is empty where nothing was decided', () => {
    expect(createTrace().trace.summary()).toBe('')
  })
})
