import { describe, expect, test } from 'vitest'
import type { ConfiguredRoute } from '../app/config/config.ts'
import { knownProviders } from '../providers/index.ts'
import { defaultTimers } from '../providers/target.ts'
import { DIRECT_POLICY } from '../routing/route.ts'
import { advise } from './advice.ts'
import type { Advised } from './advised.ts'
import type { RouteReport, TargetReport } from './report.ts'
import { aRouteReport } from './reports.test-support.ts'
import { judge } from './verdict.ts'

const providers = ['openai', 'anthropic', 'vertex-gemini', 'vertex-anthropic'].flatMap((id) => {
  const provider = knownProviders.get(id)
  return provider === undefined
    ? []
    : [{ provider, timers: defaultTimers(provider), origin: 'file' as const }]
})
const limits: Advised['config']['limits'] = {
  bodyBytes: 1,
  formBytes: 1,
  connectionsPerAddress: false,
  responseBytes: 1,
  requestsInFlight: 400,
  bufferedBytes: 1,
  eventLoopLagMs: 200,
}

function aRoute(targets: readonly string[], more: Partial<ConfiguredRoute> = {}): ConfiguredRoute {
  const root = {
    type: 'first',
    children: targets.map((target) => ({ type: 'target', target }) as const),
  } as const
  return { ...DIRECT_POLICY, name: 'smart', targets, root, ...more }
}

const two = aRoute(['openai/gpt-5', 'anthropic/claude'])

function rulesFor(report: Partial<RouteReport>, route: ConfiguredRoute | undefined = two) {
  const whole = aRouteReport(report)
  const advice = advise({ report: whole, verdict: judge(whole, {}), route, config: { providers, limits } })
  return Object.fromEntries(advice.map(({ rule, text }) => [rule, text]))
}

/** As many failed, and were told so. */
function failed(count: number, ...codes: readonly string[]): Partial<RouteReport> {
  return {
    failed: count,
    answered: 1_000 - count,
    answeredShare: (1_000 - count) / 1_000,
    errors: codes.map((code) => ({ code, count: Math.floor(count / codes.length) })),
  }
}

function aTarget(target: string, more: Partial<TargetReport> = {}): TargetReport {
  return { target, attempts: 10, share: 0.5, completed: 5, failed: 5, cancelled: 0, errors: [], ...more }
}

describe('advice', () => {
  test('is not given where nothing was missed', () => {
    expect(rulesFor({}, aRoute(['openai/gpt-5'], { rescue: 'off' }))).toEqual({})
    expect(rulesFor({ failed: 1, answeredShare: 0.999 }, aRoute(['openai/gpt-5']))).toEqual({})
  })

  test('sends to the errors where no rule fits', () => {
    expect(Object.keys(rulesFor(failed(50, 'upstream_error')))).toEqual(['look-at-errors'])
  })

  test('one target: add one of another provider, by name where there is one', () => {
    const { 'one-target': text } = rulesFor(failed(50), aRoute(['openai/gpt-5']))
    expect(text).toBe(
      'Everything goes to openai/gpt-5, so 50 requests were lost when it failed: add a target of anthropic to "targets", behind it.',
    )
  })

  test('a model asked for directly is its only target', () => {
    const report = aRouteReport({ ...failed(50), route: 'openai/gpt-5' })
    const advice = advise({
      report,
      verdict: judge(report, {}),
      route: undefined,
      config: { providers: providers.slice(0, 1), limits },
    })
    expect(advice).toEqual([
      { rule: 'one-target', text: expect.stringContaining('add a target of another provider') },
    ])
  })

  test('one provider, one place', () => {
    const one = rulesFor(failed(50), aRoute(['openai/gpt-5', 'openai/gpt-5-mini']))
    expect(one).toEqual({ 'one-provider': expect.stringContaining('All 2 targets are of openai') })
    const place = rulesFor(failed(50), aRoute(['vertex-gemini/g', 'vertex-anthropic/c']))
    expect(place).toEqual({ 'one-place': expect.stringContaining('in one place, googleapis') })
    expect(rulesFor(failed(50))).not.toHaveProperty('one-place')
  })

  test('a deadline that leaves no time to ask another', () => {
    const short = aRoute(two.targets, { deadlineMs: 8_000 })
    expect(rulesFor(failed(50), short)['deadline']).toContain(
      'The deadline of 8.00 s is no longer than openai/gpt-5 may keep silent before another is asked (10.0 s)',
    )
    expect(rulesFor({ truncatedShare: 0.1, truncated: 100 }, short)).not.toHaveProperty('deadline')
    expect(rulesFor(failed(50), aRoute(['openai/gpt-5'], { deadlineMs: 8_000 }))).not.toHaveProperty(
      'deadline',
    )
    const long = aRoute(two.targets, { deadlineMs: 70_000 })
    expect(rulesFor(failed(50, 'deadline_exceeded'), long)['deadline']).toContain('50 requests were not done')
    expect(rulesFor(failed(50, 'upstream_error'), long)).not.toHaveProperty('deadline')
  })

  test.each([
    ['rate_limited', 'rate-limits', 'add keys'],
    ['overloaded', 'gateway-limits', 'raise limits.requestsInFlight (400)'],
    ['retry_budget_spent', 'retry-budget', 'fails apart from the others'],
  ])('requests that were told %s', (code, rule, words) => {
    expect(rulesFor(failed(50, code))[rule]).toContain(words)
    expect(rulesFor(failed(50, 'upstream_error'))).not.toHaveProperty(rule)
  })

  test('does not speak of a code that explains nothing', () => {
    const rare = { ...failed(100), errors: [{ code: 'rate_limited', count: 9 }] }
    expect(rulesFor(rare)).not.toHaveProperty('rate-limits')
    expect(rulesFor({ ...rare, errors: [{ code: 'rate_limited', count: 10 }] })).toHaveProperty('rate-limits')
  })

  test('accounts, where all of them were refused or spent', () => {
    const spent = { errors: [{ code: 'insufficient_quota', count: 5 }] }
    const targets = [aTarget('openai/gpt-5', spent), aTarget('anthropic/claude', spent)]
    expect(rulesFor({ ...failed(50), targets })['accounts']).toContain('(openai/gpt-5, anthropic/claude)')
    const [first] = targets
    const other = aTarget('anthropic/claude')
    expect(
      rulesFor({ ...failed(50), targets: first === undefined ? [] : [first, other] }),
    ).not.toHaveProperty('accounts')
  })

  test('a first target that was left alone for long, and a steadier one', () => {
    const quiet = (target: string, hours: number) => ({
      target,
      key: 1,
      spans: [{ state: 'open', fromMs: 0, untilMs: hours * 3_600_000, cause: 'upstream_reset' }],
    })
    const breakers = [quiet('openai/gpt-5', 5), quiet('anthropic/claude', 1)]
    expect(rulesFor({ ...failed(50), breakers })['quiet-first']).toBe(
      'openai/gpt-5 was left alone for 5 h in all, anthropic/claude for 60 min: consider to put anthropic/claude first.',
    )
    expect(rulesFor({ ...failed(50), breakers: [quiet('openai/gpt-5', 0.2)] })).not.toHaveProperty(
      'quiet-first',
    )
    expect(
      rulesFor({ ...failed(50), breakers: [quiet('openai/gpt-5', 5), quiet('anthropic/claude', 5)] }),
    ).not.toHaveProperty('quiet-first')
  })

  test('slow first tokens: a second target, then hedging, then hedging more', () => {
    const slow = { firstToken: { p50Ms: 500, p99Ms: 21_000 } }
    expect(rulesFor(slow, aRoute(['openai/gpt-5']))['slow-start']).toContain('nobody else to ask')
    expect(rulesFor(slow)['slow-start']).toBe(
      'One in a hundred first tokens took 21.0 s or more: "hedge: true" asks a second target where the first is slow to begin.',
    )
    const hedged = aRoute(two.targets, { hedge: { afterMsMin: 2_000, spendShare: 0.02 } })
    expect(rulesFor(slow, hedged)['slow-start']).toContain('begin earlier than "after: 2.00 s"')
    expect(rulesFor(failed(50))).not.toHaveProperty('slow-start')
  })

  test('answers that were cut off: switch the rescue on, then let it go further', () => {
    const cut = { truncated: 40, truncatedShare: 0.04, answeredShare: 0.96 }
    expect(Object.keys(rulesFor(cut, aRoute(two.targets, { rescue: 'off' })))).toEqual(['rescue-off'])
    expect(Object.keys(rulesFor(cut))).toEqual(['rescue-full'])
    expect(Object.keys(rulesFor(cut, aRoute(two.targets, { rescue: 'full' })))).toEqual(['look-at-errors'])
  })

  test('cost that bought nothing: where most of it was, and how to hedge less', () => {
    const dear = {
      cost: { basis: 'money', total: 100, waste: 30, extraShare: 0.3 } as const,
      targets: [aTarget('openai/gpt-5', { failed: 3 }), aTarget('anthropic/claude', { failed: 30 })],
    }
    expect(rulesFor(dear)['extra-cost']).toContain('30.0 % of the cost, most of it at anthropic/claude')
    const hedged = aRoute(two.targets, { hedge: { afterMsMin: 2_000, spendShare: 0.02 } })
    expect(rulesFor(dear, hedged)['extra-cost']).toContain('hedge less ("share: 2.0 %")')
  })
})
