import { describe, expect, test } from 'vitest'
import type { Envelope } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Provider, Target, TargetId } from '../providers/provider.ts'
import { createTargetHealth } from '../resilience/target-health.ts'
import { createModelDirectory } from './model-directory.ts'
import { targetNodes } from './plan.ts'
import { createPlanner, healthKey } from './planner.ts'
import { DIRECT_POLICY, firstOf, type Route, targetsOf } from './route.ts'
import { createSeededRandom } from '../std/ids.ts'
import { createFirstTokenTimes } from '../resilience/first-token-times.ts'

function provider(id: string, modelPrefixes: readonly string[] = []): Provider {
  return {
    id,
    name: id,
    dialect: 'openai-chat',
    baseUrl: 'http://127.0.0.1:1/v1',
    auth: { kind: 'none' },
    environmentKeys: [],
    isLocal: false,
    quirks: [],
    modelPrefixes,
  }
}

const providers = new Map(
  [provider('openai', ['gpt-']), provider('anthropic', ['claude-']), provider('local')].map((one) => [
    one.id,
    one,
  ]),
)

function target(providerId: string, modelId: string): Target | undefined {
  const known = providers.get(providerId)
  if (!known) return undefined
  return {
    // The id is made the way targets make theirs.
    id: `${providerId}/${modelId}` as TargetId,
    provider: known,
    modelId,
    timers: { connectMs: 1, firstTokenMs: 1, idleMs: 1 },
  }
}

function envelope(modelId: string): Envelope {
  return {
    dialect: 'openai-chat',
    operation: 'chat',
    modelId,
    stream: false,
    wantsStreamUsage: false,
    candidateCount: 1,
    bodyBytes: 0,
    fields: new Map(),
    bodyStart: 1,
  }
}

function routeOf(name: string, ids: readonly [string, string][], change: Partial<Route> = {}): Route {
  const targets = ids.flatMap(([providerId, modelId]) => target(providerId, modelId) ?? [])
  return { ...DIRECT_POLICY, name, root: firstOf(targets), deadlineMs: 5_000, ...change }
}

const times = createFirstTokenTimes()
const newHealth = () => createTargetHealth({ random: createSeededRandom(1) })
const balancing = { random: createSeededRandom(1), firstTokenTimes: times, gates: { isFree: () => true } }

function targets(providerId: string, modelId: string): readonly Target[] {
  const found = target(providerId, modelId)
  return found === undefined ? [] : [found]
}

function planner(routes: readonly Route[] = [], health = newHealth()) {
  return createPlanner({
    ...balancing,
    routes: new Map(routes.map((route) => [route.name, route])),
    directory: createModelDirectory(
      [...providers.values()].map((one) => ({
        provider: one,
        modelIds: one.id === 'local' ? ['qwen3'] : [],
      })),
    ),
    health,
    targets,
  })
}

const ids = (plan: { root: Parameters<typeof targetNodes>[0] }) =>
  targetNodes(plan.root).map((node) => node.target.id)

describe('planning', () => {
  test('a route gives its targets in order, with its own limits', () => {
    const plan = planner([
      routeOf('smart', [
        ['anthropic', 'claude-x'],
        ['openai', 'gpt-y'],
      ]),
    ]).plan(envelope('smart'), 0)
    expect(ids(plan)).toEqual(['anthropic/claude-x', 'openai/gpt-y'])
    expect(plan).toMatchObject({ routeName: 'smart', deadlineMs: 5_000, retries: 2 })
  })

  test('provider/model is addressable without configuration, slashes in the model kept', () => {
    const plan = planner().plan(envelope('openai/org/model-1'), 0)
    expect(ids(plan)).toEqual(['openai/org/model-1'])
    expect(plan.routeName).toBeUndefined()
  })

  test('a bare model name goes to the provider that lists it, or whose makers call theirs so', () => {
    expect(ids(planner().plan(envelope('qwen3'), 0))).toEqual(['local/qwen3'])
    expect(ids(planner().plan(envelope('claude-new'), 0))).toEqual(['anthropic/claude-new'])
  })

  test('an unknown model is refused with what was meant', () => {
    const plan = () => planner([routeOf('smart', [['openai', 'x']])]).plan(envelope('smrt'), 0)
    expect(plan).toThrow(/Did you mean smart\?/)
    expect(plan).toThrow(GatewayError)
  })

  test('a mistyped provider is told with the model that was asked of it', () => {
    const plan = () => planner().plan(envelope('antropic/claude-sonnet-4-5'), 0)
    expect(plan).toThrow(/Did you mean anthropic\/claude-sonnet-4-5\?/)
  })

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'fault 95: the model name %s is just unknown',
    (name) => {
      expect(() => planner().plan(envelope(name), 0)).toThrow(/No route or provider/)
    },
  )

  test('a rate-limited target goes behind one that is free, a spent credential last', () => {
    const health = newHealth()
    const route = routeOf('smart', [
      ['anthropic', 'a'],
      ['openai', 'b'],
      ['local', 'c'],
    ])
    const [first, second] = targetsOf(route.root)
    if (!first || !second) throw new Error('the route has three targets')
    health.recordFailure(healthKey(first), new GatewayError('insufficient_quota', 'spent'), 0)
    health.recordFailure(
      healthKey(second),
      new GatewayError('rate_limited', 'slow', { retryAfterMs: 9_000 }),
      0,
    )
    const plan = planner([route], health).plan(envelope('smart'), 1)
    expect(ids(plan)).toEqual(['local/c', 'openai/b', 'anthropic/a'])
  })

  test('a request that asks to be strict is, and one that does not loosens no route', () => {
    const targets: readonly [string, string][] = [['openai', 'x']]
    const loose = planner([routeOf('smart', targets)])
    expect(loose.plan(envelope('smart'), 0).isStrict).toBe(false)
    expect(loose.plan(envelope('smart'), 0, { isStrict: true }).isStrict).toBe(true)
    expect(loose.plan(envelope('openai/x'), 0, { isStrict: true }).isStrict).toBe(true)
    const strict = planner([routeOf('smart', targets, { isStrict: true })])
    expect(strict.plan(envelope('smart'), 0, { isStrict: false }).isStrict).toBe(true)
  })

  test('targets that lack what the request needs are not in the plan, which names them', () => {
    const route = routeOf('smart', [
      ['anthropic', 'blind'],
      ['openai', 'seeing'],
    ])
    const plan = createPlanner({
      routes: new Map([['smart', route]]),
      directory: createModelDirectory([]),
      ...balancing,
      health: newHealth(),
      targets,
      factsOf: ({ modelId }) => (modelId === 'blind' ? { inputs: ['text'] } : undefined),
    }).plan(envelope('smart'), 0, {
      needs: {
        mayNeed: () => true,
        mayNameFiles: () => false,
        bodyBytes: 9,
        get: () => ({ abilities: new Set(['vision']), inputTokensMin: 0, fileIds: [] }),
      },
    })
    expect(ids(plan)).toEqual(['openai/seeing'])
    expect(plan.skipped).toEqual([{ targetId: 'anthropic/blind', lacks: ['vision'] }])
  })
})

test('what serves a name holds as much input as the roomiest of it, where that is known of all', () => {
  const rooms: Readonly<Record<string, number>> = { small: 8_000, large: 200_000 }
  const known = routeOf('known', [
    ['anthropic', 'small'],
    ['openai', 'large'],
  ])
  const partly = routeOf('partly', [
    ['anthropic', 'small'],
    ['openai', 'new'],
  ])
  const { inputRoom } = createPlanner({
    routes: new Map([known, partly].map((route) => [route.name, route])),
    directory: createModelDirectory([]),
    ...balancing,
    health: newHealth(),
    targets,
    factsOf: ({ modelId }) => {
      const contextTokens = rooms[modelId]
      return contextTokens === undefined ? undefined : { contextTokens }
    },
  })
  expect(['known', 'partly', 'openai/small', 'openai/new', 'nobody/x'].map(inputRoom)).toEqual([
    200_000,
    undefined,
    8_000,
    undefined,
    undefined,
  ])
})
