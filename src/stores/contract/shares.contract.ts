/** What every store must do with the limits that nodes divide: never grant more than the whole, and take back what runs out. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NO_FILLS,
  type PartyAsk,
  type PartyGrant,
  type ShareAnswer,
} from '../../admission/limit-share-store.ts'
import type { Store } from '../store.ts'
import { type OpenFixture, withStore } from './samples.test-support.ts'

const HOLD_MS = 60_000
const party = (fields: Partial<PartyAsk> = {}): PartyAsk => ({
  party: 'key:k',
  share: 0,
  returned: NO_FILLS,
  wants: 1,
  ...fields,
})

/** A node that asks, and goes by the answers. */
class AskingNode {
  readonly #store: Store
  readonly #id: string
  readonly #holdMs: number
  #turn = 0
  share = 0

  constructor(store: Store, id: string, holdMs = HOLD_MS) {
    this.#store = store
    this.#id = id
    this.#holdMs = holdMs
  }

  renew(parties: readonly PartyAsk[], isLeaving = false): Promise<ShareAnswer> {
    this.#turn += 1
    return this.#store.renewShares({
      nodeId: this.#id,
      turn: this.#turn,
      holdMs: this.#holdMs,
      isLeaving,
      parties,
    })
  }

  async ask(fields: Partial<PartyAsk> = {}): Promise<PartyGrant> {
    const { grants } = await this.renew([party({ share: this.share, ...fields })])
    const grant = only(grants)
    this.share = grant.share
    return grant
  }

  /** Goes down to what is fair, and says so. */
  async yield(fairShare: number): Promise<PartyGrant> {
    this.share = Math.min(this.share, fairShare)
    return this.ask()
  }
}

export function describeShares(open: OpenFixture): void {
  describe('shares of limits', () => {
    test('count the nodes that ask, and not those that left', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        const second = new AskingNode(store, 'node_2')
        expect(await first.renew([])).toEqual({ nodes: 1, grants: [] })
        expect((await second.renew([])).nodes).toBe(2)
        expect((await first.renew([])).nodes).toBe(2)
        await second.renew([], true)
        expect((await first.renew([])).nodes).toBe(1)
      }))

    test('are all there is for the only node, with all that is in them', () =>
      withStore(open, async (store) => {
        const grant = await new AskingNode(store, 'node_1').ask()
        expect(grant).toEqual({
          isKept: false,
          share: 1,
          added: { requests: 1, 'input-tokens': 1, 'output-tokens': 1, tokens: 1 },
          fairShare: 1,
        })
      }))

    test('are granted of what is not held, and told of what is fair', () =>
      withStore(open, async (store, { openAnother }) => {
        const first = new AskingNode(store, 'node_1')
        const other = store.isShared ? await openAnother?.() : undefined
        const second = new AskingNode(other ?? store, 'node_2')
        await first.ask()
        expect(await second.ask()).toMatchObject({ isKept: false, share: 0, fairShare: 0.5 })
        expect(await first.ask()).toMatchObject({ isKept: true, share: 1, fairShare: 0.5 })
        await first.yield(0.5)
        expect((await second.ask()).share).toBeCloseTo(0.5, 9)
        expect((await first.ask()).share).toBeCloseTo(0.5, 9)
      }))

    test('come with what was left in them, and not twice', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        const second = new AskingNode(store, 'node_2')
        await first.ask()
        await second.ask()
        first.share = 0.5
        await first.ask({ returned: { ...NO_FILLS, requests: 0.2 } })
        const { added } = await second.ask()
        expect(added.requests).toBeGreaterThanOrEqual(0.2)
        expect(added.requests).toBeLessThan(0.25)
        expect(added.tokens).toBeLessThan(0.05)
        expect((await second.ask()).added.requests).toBeLessThan(0.05)
      }))

    test('that run out go back, with nothing in them', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1', 0)
        const second = new AskingNode(store, 'node_2')
        await first.ask()
        const grant = await second.ask()
        expect(grant.share).toBeCloseTo(0.5, 9)
        expect(grant.added.requests).toBeLessThan(0.05)
        // It says that it holds all of it, and holds nothing.
        expect(await first.ask()).toMatchObject({ isKept: false })
        expect(first.share + second.share).toBeLessThanOrEqual(1 + 1e-9)
      }))

    test('go back when they are not needed any more, and an ask from before changes nothing', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        await first.ask()
        const late = { nodeId: 'node_1', turn: 1, holdMs: HOLD_MS, parties: [party({ share: 0 })] }
        expect(only((await store.renewShares(late)).grants)).toMatchObject({ isKept: true, share: 1 })
        await first.renew([
          party({ share: 0, wants: undefined, returned: { ...NO_FILLS, requests: 1, tokens: 0.5 } }),
        ])
        const { share, added } = await new AskingNode(store, 'node_2').ask()
        expect(share).toBeCloseTo(0.5, 9)
        expect(added.requests).toBeCloseTo(0.5, 1)
        expect(added.tokens).toBeCloseTo(0.25, 1)
      }))

    test('of requests at one time are whole numbers, and never more than the limit', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        const second = new AskingNode(store, 'node_2')
        const places = (held: number) => ({ places: { limit: 3, held, wanted: 3 } })
        expect(await first.ask(places(0))).toMatchObject({ places: 3 })
        expect(await second.ask(places(0))).toMatchObject({ places: 0 })
        // Three are under way there: one of them is the last above what is fair.
        expect(await first.ask(places(3))).toMatchObject({ places: 1 })
        expect(await second.ask(places(0))).toMatchObject({ places: 0 })
        expect(await first.ask(places(1))).toMatchObject({ places: 1 })
        expect(await second.ask(places(0))).toMatchObject({ places: 2 })
      }))

    test('of requests at one time that nodes began with before they were told are given up, and go round', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        const second = new AskingNode(store, 'node_2')
        const places = (held: number) => ({ places: { limit: 1, held, wanted: 1 } })
        expect(await first.ask(places(1))).toMatchObject({ places: 1 })
        // One is under way at each of them, and there is one.
        expect(await second.ask(places(1))).toMatchObject({ places: 0 })
        expect(await first.ask(places(1))).toMatchObject({ places: 0 })
        expect(await second.ask(places(0))).toMatchObject({ places: 0 })
        expect(await first.ask(places(0))).toMatchObject({ places: 0 })
        expect(await second.ask(places(0))).toMatchObject({ places: 1 })
        expect(await first.ask(places(0))).toMatchObject({ places: 0 })
      }))

    test('of requests at one time that are more than the limit go back to it', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        const second = new AskingNode(store, 'node_2')
        const places = (held: number) => ({ places: { limit: 5, held, wanted: 9 } })
        expect(await first.ask(places(5))).toMatchObject({ places: 5 })
        expect(await second.ask(places(5))).toMatchObject({ places: 2 })
        expect(await first.ask(places(5))).toMatchObject({ places: 2 })
        expect(await second.ask(places(2))).toMatchObject({ places: 2 })
        // What it just gave up is for others to take; nobody does.
        expect(await first.ask(places(2))).toMatchObject({ places: 2 })
        expect(await first.ask(places(2))).toMatchObject({ places: 3 })
      }))

    test('of each party are apart, and answered in the order asked', () =>
      withStore(open, async (store) => {
        const first = new AskingNode(store, 'node_1')
        const second = new AskingNode(store, 'node_2')
        await second.renew([])
        const parties = ['project:p', 'key:a', 'key:ä\u{1f511}'].map((name) => party({ party: name }))
        expect((await first.renew(parties)).grants.map(({ share }) => share)).toEqual([0.5, 0.5, 0.5])
        const again = parties.map((one, at) => ({ ...one, share: 0.1 * (at + 1), wants: 0.01 }))
        const { grants } = await first.renew(again)
        expect(grants.map(({ share }) => share)).toEqual([1, 1, 1])
        expect((await second.renew([party({ party: 'key:b' })])).grants).toMatchObject([{ share: 0.5 }])
      }))

    test('of all nodes together never pass the whole, whatever is asked at the same time', () =>
      withStore(open, async (store) => {
        const wants = fc.array(
          fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
          { maxLength: 6 },
        )
        let run = 0
        await fc.assert(
          fc.asyncProperty(wants, async (rounds) => {
            run += 1
            const name = `key:${run}`
            const nodes = ['a', 'b', 'c'].map((id) => new AskingNode(store, `${id}_${run}`))
            for (const round of rounds) {
              const grants = await Promise.all(
                nodes.map((node, at) => node.ask({ party: name, wants: round[at] ?? 0 })),
              )
              expect(nodes.reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-6)
              for (const [at, node] of nodes.entries())
                node.share = Math.min(node.share, grants[at]?.fairShare ?? 0)
            }
          }),
          { numRuns: 15 },
        )
      }))
  })
}

function only<One>(all: readonly One[]): One {
  const [one] = all
  if (one === undefined) throw new Error('nothing was answered')
  return one
}
