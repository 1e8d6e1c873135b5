import { describe, expect, test, vi } from 'vitest'
import type { Envelope } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Prices } from '../ledger/prices.ts'
import { anthropic } from '../providers/anthropic.ts'
import { groq } from '../providers/groq.ts'
import { openai } from '../providers/openai.ts'
import type { Provider, Target } from '../providers/provider.ts'
import { createTarget } from '../providers/target.ts'
import { createFirstTokenTimes } from '../resilience/first-token-times.ts'
import { createTargetHealth } from '../resilience/target-health.ts'
import { createSeededRandom } from '../std/ids.ts'
import { Secret } from '../std/secret.ts'
import { type Condition, compileCondition } from './condition.ts'
import { type ConditionFacts, conditionFacts } from './condition-facts.ts'
import { createModelDirectory } from './model-directory.ts'
import { type Plan, type PlanNode, targetNodes } from './plan.ts'
import { createPlanner, FAULT_NOTICE_MS, healthKey, type PlannerOptions, type PlanWishes } from './planner.ts'
import { poolNode } from './pool.ts'
import { preferTarget } from './prefer-target.ts'
import { type BalanceStrategy, DIRECT_POLICY, firstOf, type RouteNode } from './route.ts'

const [a, b, c] = [createTarget(openai, 'a'), createTarget(anthropic, 'b'), createTarget(groq, 'c')] as const
const leaf = (target: Target, weight?: number): RouteNode => {
  return { type: 'target', target, ...(weight === undefined ? {} : { weight }) }
}
const balanced = (strategy: BalanceStrategy, ...children: readonly RouteNode[]): RouteNode => {
  return { type: 'balanced', strategy, children }
}

function when(source: string, ...children: readonly RouteNode[]): RouteNode {
  return { type: 'first', children, when: condition(source) }
}

function condition(source: string): Condition {
  const compiled = compileCondition(source)
  if (compiled.type === 'fault') throw new Error(compiled.message)
  return compiled.condition
}

const envelope: Envelope = {
  dialect: 'openai-chat',
  operation: 'chat',
  modelId: 'route',
  stream: false,
  wantsStreamUsage: false,
  candidateCount: 1,
  bodyBytes: 400,
  fields: new Map(),
  bodyStart: 1,
}

function setUp(root: RouteNode, change: Partial<PlannerOptions> = {}, seed = 1) {
  const firstTokenTimes = createFirstTokenTimes()
  const health = createTargetHealth({ random: createSeededRandom(9) })
  const planner = createPlanner({
    routes: new Map([['route', { ...DIRECT_POLICY, name: 'route', root }]]),
    directory: createModelDirectory([]),
    health,
    targets: () => [],
    random: createSeededRandom(seed),
    firstTokenTimes,
    gates: { isFree: () => true },
    ...change,
  })
  return {
    firstTokenTimes,
    health,
    plan: (wishes?: PlanWishes, bodyBytes = 400) => planner.plan({ ...envelope, bodyBytes }, 1_000, wishes),
    planAt: (nowMs: number, wishes?: PlanWishes) => planner.plan(envelope, nowMs, wishes),
  }
}

const ids = (plan: Plan) => targetNodes(plan.root).map(({ target }) => target.modelId)
const name = (target: Target) => healthKey(target).target

/** The tree in short: models, and strategies around them. */
function shape(node: PlanNode): unknown {
  if (node.type === 'target') return node.target.modelId
  const children = node.children.map(shape)
  return node.type === 'first' ? children : { [node.strategy]: children }
}

function facts(inputTokens: number, headers: Readonly<Record<string, string>> = {}): () => ConditionFacts {
  return () =>
    conditionFacts({
      envelope: { ...envelope, bodyBytes: inputTokens * 4 },
      headers,
      keyName: undefined,
      priority: 'normal',
      wallMs: 0,
    })
}

describe('a list of groups', () => {
  test('is tried in its order, each group in the order drawn, and the plan keeps what it was drawn by', () => {
    const { plan } = setUp({
      type: 'first',
      children: [leaf(a), balanced('weighted', leaf(b, 0), leaf(c, 5))],
    })
    const made = plan()
    expect(shape(made.root)).toEqual(['a', { weighted: ['c', 'b'] }])
    expect(made.root).toMatchObject({ children: [{}, { type: 'balanced', scores: [5, 0] }] })
    expect(ids(made)).toEqual(['a', 'c', 'b'])
  })

  test('a group within a group is drawn by what it would try first', () => {
    const root = balanced('latency', balanced('weighted', leaf(a, 1), leaf(b, 0)), leaf(c))
    const { plan, firstTokenTimes } = setUp(root)
    firstTokenTimes.note(name(a), 0, 50, 1_000)
    firstTokenTimes.note(name(b), 0, 9_000, 1_000)
    firstTokenTimes.note(name(c), 0, 100, 1_000)
    expect(shape(plan().root)).toEqual({ latency: [{ weighted: ['a', 'b'] }, 'c'] })
  })

  test('a target that stands in several groups is tried once', () => {
    const { plan } = setUp({
      type: 'first',
      children: [leaf(a), balanced('cheapest', leaf(a), leaf(b), leaf(a))],
    })
    expect(ids(plan())).toEqual(['a', 'b'])
  })

  test('the same seed decides the same', () => {
    const root = balanced('weighted', leaf(a), leaf(b), leaf(c))
    const draws = (seed: number) => {
      const { plan } = setUp(root, {}, seed)
      return Array.from({ length: 50 }, () => ids(plan()).join(''))
    }
    expect(draws(4)).toEqual(draws(4))
    expect(draws(4)).not.toEqual(draws(5))
  })
})

describe('latency', () => {
  const root = balanced('latency', leaf(a), leaf(b))

  test('goes to the quicker one, until the calls it has now make it the slower one', () => {
    const { plan, firstTokenTimes } = setUp(root)
    firstTokenTimes.note(name(a), 0, 100, 1_000)
    firstTokenTimes.note(name(b), 0, 250, 1_000)
    expect(plan().root).toMatchObject({ children: [{ target: a }, { target: b }], scores: [100, 250] })
    for (let call = 0; call < 2; call += 1) firstTokenTimes.begin(name(a))
    expect(ids(plan())).toEqual(['b', 'a'])
  })

  test('goes away from one that refused, however quick its refusal', () => {
    const { plan, firstTokenTimes } = setUp(root)
    firstTokenTimes.note(name(a), 0, 100, 1_000)
    firstTokenTimes.note(name(b), 0, 250, 1_000)
    firstTokenTimes.penalise(name(a), 1_000)
    expect(ids(plan())).toEqual(['b', 'a'])
  })

  test('tries one that was never seen, and goes by calls in flight where none was', () => {
    const { plan, firstTokenTimes } = setUp(root)
    firstTokenTimes.note(name(a), 0, 100, 1_000)
    const firsts = Array.from({ length: 200 }, () => ids(plan())[0])
    expect(firsts.filter((one) => one === 'b').length).toBeGreaterThan(60)
    const unseen = setUp(root)
    unseen.firstTokenTimes.begin(name(a))
    expect(ids(unseen.plan())).toEqual(['b', 'a'])
  })

  test('goes to one that could be called at once before one that is full', () => {
    const gates = { isFree: (target: string) => target !== name(a) }
    const { plan, firstTokenTimes } = setUp(root, { gates })
    firstTokenTimes.note(name(a), 0, 100, 1_000)
    firstTokenTimes.note(name(b), 0, 9_000, 1_000)
    expect(ids(plan())).toEqual(['b', 'a'])
  })
})

describe('cheapest', () => {
  const perToken = (input: number, output: number): Prices => ({ input, output })
  const prices = new Map<Target, Prices>([
    [a, perToken(10, 1_000)],
    [b, perToken(100, 100)],
  ])

  test('goes by what a request of this length costs, unknown prices last', () => {
    const { plan } = setUp(balanced('cheapest', leaf(c), leaf(a), leaf(b)), {
      pricesOf: (target) => prices.get(target),
    })
    // 1,000 tokens of output are reckoned with: 100 of input are little beside them, 100,000 are not.
    expect(ids(plan(undefined, 400))).toEqual(['b', 'a', 'c'])
    expect(ids(plan(undefined, 400_000))).toEqual(['a', 'b', 'c'])
  })
})

describe('affinity', () => {
  const root = balanced('affinity', leaf(a), leaf(b), leaf(c))

  test('keeps what belongs together together, and gives way where one has more than its share of the calls', () => {
    const { plan, firstTokenTimes } = setUp(root)
    const first = (key: string) => ids(plan({ affinityKey: () => key }))[0]
    const home = first('k')
    expect(Array.from({ length: 20 }, () => first('k'))).toEqual(Array.from({ length: 20 }, () => home))
    expect(new Set(Array.from({ length: 50 }, (_, at) => first(`k${at}`))).size).toBe(3)
    const target = [a, b, c].find(({ modelId }) => modelId === home) ?? a
    for (let call = 0; call < 3; call += 1) firstTokenTimes.begin(name(target))
    expect(first('k')).not.toBe(home)
    expect(ids(plan({ affinityKey: () => 'k' })).at(-1)).toBe(home)
  })

  test('what belongs with nothing is spread', () => {
    const { plan } = setUp(root)
    expect(new Set(Array.from({ length: 50 }, () => ids(plan())[0])).size).toBe(3)
  })
})

describe('a condition', () => {
  const root: RouteNode = { type: 'first', children: [when('request.inputTokens > 1000', leaf(a)), leaf(b)] }

  test('brings its group into the plan where it holds, and is named where it does not', () => {
    const { plan } = setUp(root)
    const long = plan({ facts: facts(2_000) })
    expect(ids(long)).toEqual(['a', 'b'])
    expect(long.unmet).toBeUndefined()
    const short = plan({ facts: facts(10) })
    expect(ids(short)).toEqual(['b'])
    expect(short.unmet).toEqual([{ source: 'request.inputTokens > 1000' }])
    expect(ids(plan())).toEqual(['b'])
  })

  test('of a balanced group counts before the draw, and that of a group inside after its own', () => {
    const { plan } = setUp({
      type: 'first',
      children: [
        { type: 'balanced', strategy: 'weighted', children: [when('request.stream', leaf(a)), leaf(b)] },
        {
          type: 'balanced',
          strategy: 'weighted',
          children: [leaf(a, 1), leaf(c, 0)],
          when: condition('request.inputTokens > 5'),
        },
      ],
    })
    expect(shape(plan({ facts: facts(10) }).root)).toEqual(['b', { weighted: ['a', 'c'] }])
    expect(shape(plan({ facts: facts(1) }).root)).toEqual('b')
  })

  test('the request is refused where a route has nothing for it, with what the route asks for', () => {
    const { plan } = setUp(when('request.inputTokens > 1000', leaf(a)))
    try {
      plan({ facts: facts(10) })
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({
        code: 'capability_missing',
        message: expect.stringContaining('inputTokens > 1000'),
      })
    }
  })

  test('that cannot be evaluated does not hold, and is told of now and then', () => {
    const onConditionFault = vi.fn()
    const source = 'request.headers["x-team"] == "search"'
    const { planAt } = setUp(
      { type: 'first', children: [when(source, leaf(a)), leaf(b)] },
      { onConditionFault },
    )
    const made = planAt(0, { facts: facts(1) })
    expect(ids(made)).toEqual(['b'])
    expect(made.unmet).toEqual([{ source, fault: 'No such key: x-team' }])
    expect(onConditionFault).toHaveBeenCalledWith({
      routeName: 'route',
      source,
      reason: 'No such key: x-team',
    })
    for (let nowMs = 1; nowMs < FAULT_NOTICE_MS; nowMs += 7_000) planAt(nowMs, { facts: facts(1) })
    expect(onConditionFault).toHaveBeenCalledTimes(1)
    planAt(FAULT_NOTICE_MS, { facts: facts(1) })
    expect(onConditionFault).toHaveBeenCalledTimes(2)
    expect(ids(planAt(1, { facts: facts(1, { 'X-Team': 'search' }) }))).toEqual(['a', 'b'])
  })

  test('facts are not asked for where a route has no condition', () => {
    const asked = vi.fn(facts(1))
    setUp(firstOf([a, b])).plan({ facts: asked })
    expect(asked).not.toHaveBeenCalled()
  })
})

describe('a key pool', () => {
  const secrets = ['key-one', 'key-two', 'key-three'].map((text) => new Secret(text))
  const pool = (provider: Provider, model: string) =>
    secrets.map((secret) => createTarget(provider, model, secret))
  const openaiPool = pool(openai, 'm')
  const keysOf = (plan: Plan) => targetNodes(plan.root).map(({ target }) => target.credential?.reveal())

  test('is one balanced group under one name, for a route and for a model addressed directly', () => {
    const { plan } = setUp({ type: 'first', children: [poolNode(openaiPool), leaf(b)] })
    const made = plan()
    expect(shape(made.root)).toEqual([{ latency: ['m', 'm', 'm'] }, 'b'])
    expect(new Set(keysOf(made).slice(0, 3))).toEqual(new Set(['key-one', 'key-two', 'key-three']))
    const planner = createPlanner({
      routes: new Map(),
      directory: createModelDirectory([]),
      health: createTargetHealth({ random: createSeededRandom(1) }),
      targets: (providerId) => (providerId === 'openai' ? openaiPool : []),
      random: createSeededRandom(1),
      firstTokenTimes: createFirstTokenTimes(),
      gates: { isFree: () => true },
    })
    expect(shape(planner.plan({ ...envelope, modelId: 'openai/m' }, 0).root)).toEqual({
      latency: ['m', 'm', 'm'],
    })
  })

  test.each([
    ['exhausted', new GatewayError('insufficient_quota', 'spent')],
    ['auth-dead', new GatewayError('upstream_auth', 'refused')],
    ['limited', new GatewayError('rate_limited', 'slow', { retryAfterMs: 9_000 })],
  ])('goes on with the others where one credential is %s', (_state, error) => {
    const { plan, health } = setUp(poolNode(openaiPool))
    const [first] = openaiPool
    if (first === undefined) throw new Error('the pool has targets')
    health.recordFailure(healthKey(first), error, 1_000)
    for (let draw = 0; draw < 50; draw += 1) {
      const made = plan()
      expect(keysOf(made).at(-1)).toBe('key-one')
      expect(targetNodes(made.root).map(({ verdict }) => verdict.type === 'available')).toEqual([
        true,
        true,
        false,
      ])
    }
  })

  test('is one model to the capability filter: alone it is never left out, and it is named once', () => {
    const needs = {
      mayNeed: () => true,
      mayNameFiles: () => false,
      bodyBytes: 9,
      get: () => ({ abilities: new Set(['vision'] as const), inputTokensMin: 0, fileIds: [] }),
    }
    const factsOf = ({ modelId }: Target) => (modelId === 'm' ? { inputs: ['text'] as const } : undefined)
    expect(ids(setUp(poolNode(openaiPool), { factsOf }).plan({ needs }))).toEqual(['m', 'm', 'm'])
    const made = setUp({ type: 'first', children: [poolNode(openaiPool), leaf(b)] }, { factsOf }).plan({
      needs,
    })
    expect(ids(made)).toEqual(['b'])
    expect(made.skipped).toEqual([{ targetId: 'openai/m', lacks: ['vision'] }])
  })

  test('a request that names a file goes to the first credential, which has it', () => {
    const needs = {
      mayNeed: () => false,
      mayNameFiles: () => true,
      bodyBytes: 9,
      get: () => ({ abilities: new Set<never>(), inputTokensMin: 0, fileIds: ['file_1'] }),
    }
    const root: RouteNode = { type: 'first', children: [leaf(b), poolNode(openaiPool)] }
    const made = setUp(root, { ownerOf: () => 'openai' }).plan({ needs })
    expect(keysOf(made)).toEqual(['key-one'])
    expect(made.skipped).toEqual([{ targetId: 'anthropic/b', lacks: ['file'] }])
  })

  test('is preferred as a whole, in the order drawn, and the rest of the tree stays as it is', () => {
    const root: RouteNode = {
      type: 'first',
      children: [balanced('weighted', leaf(a, 2), leaf(b, 0), leaf(c, 0)), poolNode(openaiPool)],
    }
    const { plan, health } = setUp(root)
    const made = plan()
    const preferred = preferTarget(made, 'openai/m')
    expect(shape(preferred.root)).toEqual(['m', 'm', 'm', [{ weighted: ['a', 'b', 'c'] }]])
    expect(keysOf(preferred).slice(0, 3)).toEqual(keysOf(made).slice(3))
    expect(preferTarget(made, 'openai/a')).toBe(made)
    expect(preferTarget(made, 'openai/none')).toBe(made)
    expect(preferTarget(made, undefined)).toBe(made)
    const moved = preferTarget(made, 'groq/c')
    expect(shape(moved.root)).toEqual(['c', [{ weighted: ['a', 'b'] }, { latency: ['m', 'm', 'm'] }]])
    expect(moved.root).toMatchObject({ children: [{}, { children: [{ scores: [2, 0] }, {}] }] })
    health.recordFailure(
      healthKey(c),
      new GatewayError('rate_limited', 'slow', { retryAfterMs: 9_000 }),
      1_000,
    )
    expect(ids(preferTarget(plan(), 'groq/c')).at(-1)).toBe('c')
  })
})
