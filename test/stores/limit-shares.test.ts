/** Nodes that divide limits over one store, under a clock of the test: whatever is asked, dies or is cut off. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createCallerLimits,
  type LimitedCaller,
  type LimitPermit,
} from '../../src/admission/caller-limits.ts'
import type { LimitShareStore, ShareAsk } from '../../src/admission/limit-share-store.ts'
import type { LimitAsk } from '../../src/admission/limit-terms.ts'
import { NODES_UNKNOWN, SHARE_HOLD_MS, ShareRenewal } from '../../src/admission/share-renewal.ts'
import type { RateLimits } from '../../src/keys/records.ts'
import { ManualClock } from '../../src/std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../../src/std/store-error.ts'
import { ShareBook } from '../../src/stores/share-book.ts'

const MINUTE_MS = 60_000
const STEP_MS = 50
/** What fractions may miss whole numbers by. */
const SLACK = 1e-3
const one: LimitAsk = { inputTokens: 1, outputTokens: 0 }

interface Granted {
  readonly atMs: number
  readonly requests: number
  readonly tokens: number
}

/** What may go wrong between a node and the store. */
type Line = 'open' | 'cut' | 'deaf'

class Node {
  readonly id: string
  readonly limits
  readonly renewal: ShareRenewal
  /** `deaf`: the store hears it, and it does not hear the store. */
  line: Line = 'open'
  isAlive = true

  constructor(id: string, clock: ManualClock, store: LimitShareStore) {
    this.id = id
    this.limits = createCallerLimits({
      clock,
      sharing: { ownShare: 1 / NODES_UNKNOWN, onWant: () => this.renewal.soon() },
    })
    this.renewal = new ShareRenewal({
      clock,
      nodeId: id,
      limits: this.limits,
      store: { renewShares: (ask) => this.#ask(store, ask) },
    })
  }

  async #ask(store: LimitShareStore, ask: ShareAsk) {
    // A dead node asks nothing.
    if (!this.isAlive) return new Promise<never>(() => {})
    if (this.line === 'cut') throw new StoreUnavailable('cut')
    const answer = await store.renewShares(ask)
    if (this.line === 'deaf') throw new StoreUnavailable('deaf')
    return answer
  }
}

class World {
  readonly clock = new ManualClock()
  readonly store = new ShareBook(this.clock)
  readonly nodes: Node[] = []
  readonly granted: Granted[] = []
  readonly #caller: LimitedCaller
  #begun = 0

  constructor(limits: RateLimits) {
    this.#caller = { key: { id: 'k', limits } }
  }

  async add(line: Line = 'open'): Promise<Node> {
    this.#begun += 1
    const node = new Node(`node_${this.#begun}`, this.clock, this.store)
    node.line = line
    this.nodes.push(node)
    await node.renewal.start()
    return node
  }

  ask(node: Node, ask: LimitAsk = one): LimitPermit | undefined {
    const verdict = node.limits.reserve(this.#caller, ask)
    if (verdict.type !== 'granted') return undefined
    this.granted.push({ atMs: this.clock.nowMs(), requests: 1, tokens: ask.inputTokens })
    return verdict.permit
  }

  /** Asks for all that there is, and gives the places back at once. */
  drain(node: Node, ask: LimitAsk = one, most = Number.MAX_SAFE_INTEGER): void {
    for (let count = 0; count < most; count += 1) {
      const permit = this.ask(node, ask)
      if (permit === undefined) return
      permit.release()
    }
  }

  async pass(ms: number, each: () => void = () => {}): Promise<void> {
    for (const untilMs = this.clock.nowMs() + ms; this.clock.nowMs() < untilMs; ) {
      this.clock.advance(Math.min(STEP_MS, untilMs - this.clock.nowMs()))
      await settled()
      each()
    }
  }

  die(node: Node): void {
    node.isAlive = false
    this.nodes.splice(this.nodes.indexOf(node), 1)
  }

  grantedSince(fromMs: number): number {
    return this.granted.filter(({ atMs }) => atMs > fromMs).length
  }

  /** The most in any minute that begins with a grant. */
  worstMinute(of: 'requests' | 'tokens'): number {
    let worst = 0
    let sum = 0
    let last = 0
    for (const [at, first] of this.granted.entries()) {
      while (last < this.granted.length && (this.granted[last]?.atMs ?? 0) <= first.atMs + MINUTE_MS) {
        sum += this.granted[last]?.[of] ?? 0
        last += 1
      }
      worst = Math.max(worst, sum)
      sum -= this.granted[at]?.[of] ?? 0
    }
    return worst
  }
}

/** As many turns as an asking takes. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve()
}

async function worldOf(nodes: number, limits: RateLimits) {
  const world = new World(limits)
  for (let count = 0; count < nodes; count += 1) await world.add()
  await world.pass(1_100)
  return world
}

function all(world: World): () => void {
  return () => {
    for (const node of world.nodes) world.drain(node)
  }
}

describe('nodes that share a limit', () => {
  test('give out together what one alone would', async () => {
    const world = await worldOf(3, { requestsPerMinute: 600 })
    const beganMs = world.clock.nowMs()
    await world.pass(MINUTE_MS, all(world))
    // A full bucket, and what comes back in a minute.
    expect(world.grantedSince(beganMs)).toBeLessThanOrEqual(1_200)
    expect(world.grantedSince(beganMs)).toBeGreaterThan(1_150)
    const laterMs = world.clock.nowMs()
    await world.pass(2 * MINUTE_MS, all(world))
    expect(world.grantedSince(laterMs)).toBeLessThanOrEqual(1_203)
    expect(world.grantedSince(laterMs)).toBeGreaterThan(1_190)
  })

  test('give all of it to the one that is asked', async () => {
    const world = await worldOf(3, { requestsPerMinute: 600 })
    const [node] = world.nodes
    if (node === undefined) throw new Error('no node')
    world.drain(node)
    // Its part is there at once, before the store was asked for anything.
    expect(world.granted).toHaveLength(200)
    await world.pass(1_000, () => world.drain(node))
    expect(world.granted.length).toBeGreaterThanOrEqual(600)
    await world.pass(MINUTE_MS, () => world.drain(node))
    expect(world.granted.length).toBeGreaterThan(1_190)
    expect(world.granted.length).toBeLessThanOrEqual(1_210)
  })

  test('move it to where it is asked for, with what is in it and no more', async () => {
    const world = await worldOf(2, { requestsPerMinute: 600 })
    const [first, second] = world.nodes
    if (first === undefined || second === undefined) throw new Error('no nodes')
    for (let turn = 0; turn < 12; turn += 1) {
      const node = turn % 2 === 0 ? first : second
      await world.pass(5_000, () => world.drain(node))
    }
    // Its own part is what the second begins with before the store hears of it.
    expect(world.worstMinute('requests')).toBeLessThanOrEqual(1_200 + 300)
    const laterMs = world.clock.nowMs()
    await world.pass(MINUTE_MS, () => world.drain(second))
    await world.pass(MINUTE_MS, () => world.drain(first))
    expect(world.grantedSince(laterMs)).toBeLessThanOrEqual(1_203 + 300)
    expect(world.grantedSince(laterMs)).toBeGreaterThan(1_000)
  })

  test('split it by what each could use', async () => {
    const world = await worldOf(2, { requestsPerMinute: 600 })
    const [modest, greedy] = world.nodes
    if (modest === undefined || greedy === undefined) throw new Error('no nodes')
    let asked = 0
    let given = 0
    const both = () => {
      world.drain(greedy)
      // 100 a minute.
      if (world.clock.nowMs() % 600 >= STEP_MS) return
      asked += 1
      if (world.ask(modest) !== undefined) given += 1
    }
    await world.pass(2 * MINUTE_MS, both)
    asked = 0
    given = 0
    await world.pass(MINUTE_MS, both)
    expect(given).toBeGreaterThan(0.95 * asked)
  })

  test('give the share of one that died to the others when it runs out', async () => {
    const world = await worldOf(2, { requestsPerMinute: 600 })
    await world.pass(MINUTE_MS, all(world))
    const [first] = world.nodes
    if (first === undefined) throw new Error('no node')
    world.die(first)
    const diedMs = world.clock.nowMs()
    await world.pass(SHARE_HOLD_MS, all(world))
    // Half of it, while the dead one's may still be in use.
    expect(world.grantedSince(diedMs)).toBeLessThanOrEqual(26 + SLACK)
    await world.pass(2_000, all(world))
    const laterMs = world.clock.nowMs()
    await world.pass(MINUTE_MS, all(world))
    expect(world.grantedSince(laterMs)).toBeGreaterThan(590)
    expect(world.grantedSince(laterMs)).toBeLessThanOrEqual(602)
  })

  test('have a part each while the store is away, and all of them no more than the whole', async () => {
    const world = await worldOf(3, { requestsPerMinute: 600 })
    await world.pass(MINUTE_MS, all(world))
    for (const node of world.nodes) node.line = 'cut'
    const cutMs = world.clock.nowMs()
    await world.pass(10 * MINUTE_MS, all(world))
    expect(world.grantedSince(cutMs)).toBeLessThanOrEqual(6_003)
    expect(world.grantedSince(cutMs)).toBeGreaterThan(5_900)
    for (const node of world.nodes) node.line = 'open'
    const backMs = world.clock.nowMs()
    await world.pass(MINUTE_MS, all(world))
    // What the store took for refilled meanwhile was used up here: one bucket is there twice, and for two seconds, until
    // all are back, the parts of those that are not.
    expect(world.grantedSince(backMs)).toBeLessThanOrEqual(1_203 + 20)
  })

  test('have a part of what they had whole, once they are cut off for longer than a share holds', async () => {
    const world = await worldOf(2, { requestsPerMinute: 600 })
    const [first, second] = world.nodes
    if (first === undefined || second === undefined) throw new Error('no nodes')
    await world.pass(MINUTE_MS, () => world.drain(first))
    first.line = 'cut'
    await world.pass(SHARE_HOLD_MS + 2_000, all(world))
    const laterMs = world.clock.nowMs()
    await world.pass(MINUTE_MS, () => world.drain(first))
    expect(world.grantedSince(laterMs)).toBeLessThanOrEqual(302)
    expect(world.grantedSince(laterMs)).toBeGreaterThan(290)
    // The other has the whole meanwhile: a minute of it, and what came back before.
    const otherMs = world.clock.nowMs()
    await world.pass(MINUTE_MS, () => world.drain(second))
    expect(world.grantedSince(otherMs)).toBeGreaterThan(900)
    expect(world.grantedSince(otherMs)).toBeLessThanOrEqual(1_203)
  })

  test('have at once what one that stops gives back', async () => {
    const world = await worldOf(2, { requestsPerMinute: 600 })
    const [first, second] = world.nodes
    if (first === undefined || second === undefined) throw new Error('no nodes')
    world.drain(first, one, 10)
    await world.pass(2_000)
    await first.renewal.stop()
    world.drain(second)
    await world.pass(1_200, () => world.drain(second))
    // All but what was used.
    expect(world.granted.length).toBeGreaterThanOrEqual(600)
    expect(world.granted.length).toBeLessThanOrEqual(600 + 33)
  })

  test('begin with a quarter where the store never said how many there are', async () => {
    const world = new World({ requestsPerMinute: 600 })
    const node = await world.add('cut')
    world.drain(node)
    expect(world.granted).toHaveLength(150)
    node.line = 'open'
    await world.pass(1_200)
    world.drain(node)
    expect(world.granted.length).toBeGreaterThan(590)
  })

  test('let through what the whole limit allows, and a share does not hold', async () => {
    const world = await worldOf(3, { inputTokensPerMinute: 9_000 })
    const large: LimitAsk = { inputTokens: 8_000, outputTokens: 0 }
    const beganMs = world.clock.nowMs()
    await world.pass(10 * MINUTE_MS, () => {
      for (const node of world.nodes) world.drain(node, large)
    })
    const tokens = world.grantedSince(beganMs) * large.inputTokens
    // The bucket of each may be overdrawn by one request, once.
    expect(tokens).toBeLessThanOrEqual(9_000 * 11 + 3 * 8_000)
    expect(tokens).toBeGreaterThan(9_000 * 9)
  })

  test('divide requests at one time in whole numbers, and let each have some', async () => {
    const world = await worldOf(3, { concurrentRequests: 4 })
    const held = new Map<Node, LimitPermit[]>(world.nodes.map((node) => [node, []]))
    const given = new Map<Node, number>(world.nodes.map((node) => [node, 0]))
    let most = 0
    let turn = 0
    const crowd = () => {
      turn += 1
      for (const [node, permits] of held) {
        if (turn % 7 === 0) permits.shift()?.release()
        for (let permit = world.ask(node); permit !== undefined; permit = world.ask(node)) {
          permits.push(permit)
          given.set(node, (given.get(node) ?? 0) + 1)
        }
      }
      most = Math.max(most, [...held.values()].flat().length)
    }
    await world.pass(10_000, crowd)
    most = 0
    await world.pass(MINUTE_MS, crowd)
    expect(most).toBe(4)
    for (const count of given.values()) expect(count).toBeGreaterThan(20)
  })

  test('take turns where only one request at a time is allowed', async () => {
    const world = await worldOf(2, { concurrentRequests: 1 })
    const counts = world.nodes.map(() => 0)
    let most = 0
    const crowd = () => {
      const permits = world.nodes.map((node) => world.ask(node))
      most = Math.max(most, permits.filter((permit) => permit !== undefined).length)
      for (const [at, permit] of permits.entries()) {
        permit?.release()
        if (permit !== undefined) counts[at] = (counts[at] ?? 0) + 1
      }
    }
    await world.pass(10_000, crowd)
    most = 0
    await world.pass(MINUTE_MS, crowd)
    expect(most).toBe(1)
    for (const count of counts) expect(count).toBeGreaterThan(100)
  })

  test('tell the whole limit, and what may be used here at once', async () => {
    const world = await worldOf(2, { requestsPerMinute: 600 })
    const [first] = world.nodes
    const caller = { key: { id: 'k', limits: { requestsPerMinute: 600 } } }
    expect(first?.limits.standing(caller)?.requests).toEqual({ limit: 600, remaining: 300, resetMs: 0 })
  })
})

type Step =
  | { readonly type: 'ask'; readonly node: number; readonly count: number; readonly tokens: number }
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'line'; readonly node: number; readonly line: Line }
  | { readonly type: 'line-of-all'; readonly line: Line }
  | { readonly type: 'die'; readonly node: number }
  | { readonly type: 'begin' }

const anyLine = fc.constantFrom<Line>('open', 'open', 'cut', 'deaf')
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('ask' as const),
      node: fc.nat(2),
      count: fc.integer({ min: 1, max: 200 }),
      tokens: fc.integer({ min: 1, max: 400 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.nat(12_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('line' as const), node: fc.nat(2), line: anyLine }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('line-of-all' as const), line: anyLine }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('die' as const), node: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'begin' as const }) },
)

const REQUESTS = 60
const TOKENS = 3_000

/** All nodes began before the first request: their parts make a whole. */
test('fault 146: whatever is asked, dies or is cut off, no minute sees more than the bound', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
      const world = await worldOf(3, { requestsPerMinute: REQUESTS, inputTokensPerMinute: TOKENS })
      let begun = 3
      for (const step of steps) {
        if (step.type === 'begin' && world.nodes.length < 3) {
          await world.add()
          begun += 1
        }
        await take(world, step)
      }
      // One bucket of the whole; and for each node that began, its part, one request beyond it, and its part once more
      // for a minute without the store.
      const parts = begun
      const most = (limit: number, request: number) => 2 * limit + parts * ((2 * limit) / 3 + request)
      expect(world.worstMinute('requests')).toBeLessThanOrEqual(most(REQUESTS, 1) + SLACK)
      expect(world.worstMinute('tokens')).toBeLessThanOrEqual(most(TOKENS, 400) + SLACK)
    }),
    { numRuns: 150 },
  )
})

test('fault 146: while the store is there, no minute sees more than one bucket, the parts of nodes, and a request of each', async () => {
  const calm = fc.array(
    anyStep.filter(({ type }) => type === 'ask' || type === 'time'),
    { maxLength: 80 },
  )
  await fc.assert(
    fc.asyncProperty(calm, async (steps) => {
      const world = await worldOf(3, { requestsPerMinute: REQUESTS, inputTokensPerMinute: TOKENS })
      for (const step of steps) await take(world, step)
      expect(world.worstMinute('requests')).toBeLessThanOrEqual(3 * REQUESTS + 3 + SLACK)
      expect(world.worstMinute('tokens')).toBeLessThanOrEqual(3 * TOKENS + 3 * 400 + SLACK)
    }),
    { numRuns: 150 },
  )
})

async function take(world: World, step: Step): Promise<void> {
  if (step.type === 'time') return world.pass(step.ms)
  if (step.type === 'line-of-all') {
    for (const node of world.nodes) node.line = step.line
    return
  }
  if (step.type === 'begin') return
  const node = world.nodes[step.node]
  if (node === undefined) return
  if (step.type === 'line') node.line = step.line
  else if (step.type === 'die') world.die(node)
  else {
    world.drain(node, { inputTokens: step.tokens, outputTokens: 0 }, step.count)
    await settled()
  }
}
