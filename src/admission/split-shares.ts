/** The rule by which a store divides the limits of one party among nodes: pure, and the same in every store. */

import {
  type Fills,
  mapFills,
  NO_FILLS,
  type PartyAsk,
  type PartyGrant,
  type PlacesAsk,
} from './limit-share-store.ts'

/** How long a node that does not ask any more still counts among the nodes, ms. */
export const NODE_MS = 30_000
/** When a party that nobody holds anything of is forgotten, ms: the worst debt is paid by then. */
export const PARTY_MS = 300_000

/** How the limits of one party are divided. */
export interface PartyShares {
  /** When `spare` was so. */
  readonly atMs: number
  /** What is in the part that no node holds. */
  readonly spare: Fills
  readonly holders: readonly ShareHolding[]
}

export interface ShareHolding {
  readonly nodeId: string
  readonly turn: number
  readonly share: number
  readonly wants: number
  readonly places: number
  readonly placesWanted: number
  readonly expiresAtMs: number
}

export interface SplitAsk extends PartyAsk {
  readonly nodeId: string
  readonly turn: number
  readonly holdMs: number
  readonly nodes: number
}

export interface SharesSplit {
  readonly shares: PartyShares
  readonly grant: PartyGrant
}

const MINUTE_MS = 60_000
/** The deepest debt that what nobody holds may have, of a whole limit. */
const SPARE_DEBT_MAX = 1
/** Every node in use wants so much at least, so that it can begin. */
const WANTS_MIN = 0.01
/** Sums of fractions miss whole numbers by a little. */
const TOLERANCE = 1e-9

/** `known` is `undefined` where nobody asked of late: the whole limit is there. */
export function splitShares(known: PartyShares | undefined, ask: SplitAsk, nowMs: number): SharesSplit {
  const { others, mine, refill } = atMoment(known, ask.nodeId, nowMs)
  // Spoken before what is known of the node already: nobody waits for the answer.
  if (known !== undefined && mine !== undefined && ask.turn <= mine.turn)
    return {
      shares: known,
      grant: { isKept: true, share: mine.share, added: NO_FILLS, fairShare: mine.share },
    }
  const held = mine === undefined ? 0 : Math.min(ask.share, mine.share)
  const unheld = Math.max(0, 1 - sumOf(others) - held)
  const before = known?.spare ?? ALL_FILLS
  // What comes from a node that the store had given up was given up with it.
  const returned = mine === undefined ? NO_FILLS : ask.returned
  const spare = mapFills((kind) =>
    Math.max(-SPARE_DEBT_MAX, Math.min(unheld, before[kind] + refill + returned[kind])),
  )
  const isKept = mine !== undefined
  if (ask.wants === undefined)
    return {
      shares: { atMs: nowMs, spare, holders: others },
      grant: { isKept, share: 0, added: NO_FILLS, fairShare: 0 },
    }
  const wants = Math.min(1, Math.max(WANTS_MIN, ask.wants))
  const fairShare = fairPart(
    1,
    wants,
    others.map((other) => other.wants),
  )
  // Who comes new starts with what it would have without a store, so that others who come with it find theirs.
  const aim = mine === undefined ? Math.min(fairShare, 1 / ask.nodes) : fairShare
  const growth = Math.max(0, Math.min(unheld, aim - held))
  const part = unheld > 0 ? growth / unheld : 0
  const added = mapFills((kind) => spare[kind] * part)
  const places = ask.places && splitPlaces(ask.places, mine, others)
  const { nodeId, turn } = ask
  const holding: ShareHolding = {
    nodeId,
    turn,
    share: held + growth,
    wants,
    places: places?.held ?? 0,
    placesWanted: ask.places?.wanted ?? 0,
    expiresAtMs: nowMs + ask.holdMs,
  }
  return {
    shares: {
      atMs: nowMs,
      spare: mapFills((kind) => spare[kind] - added[kind]),
      holders: [...others, holding],
    },
    grant: {
      isKept,
      share: holding.share,
      added,
      fairShare,
      ...(places && { places: places.usable }),
    },
  }
}

/** Whether nothing is lost with it: who asks next finds the whole limit either way. */
export function isForgettable({ atMs, holders }: PartyShares, nowMs: number): boolean {
  return nowMs - atMs > PARTY_MS && holders.every(({ expiresAtMs }) => nowMs - expiresAtMs > PARTY_MS)
}

interface Moment {
  readonly others: readonly ShareHolding[]
  /** What the node that asks holds; `undefined` where it holds nothing, or not any more. */
  readonly mine: ShareHolding | undefined
  /** What came into the part that nobody holds since it was looked at last. */
  readonly refill: number
}

/** What a dead node held counts as used up, and is refilled from the moment it ran out. */
function atMoment(known: PartyShares | undefined, nodeId: string, nowMs: number): Moment {
  if (known === undefined) return { others: [], mine: undefined, refill: 0 }
  const { atMs, holders } = known
  let shareMs = Math.max(0, 1 - sumOf(holders)) * Math.max(0, nowMs - atMs)
  const live: ShareHolding[] = []
  for (const one of holders) {
    if (one.expiresAtMs > nowMs) live.push(one)
    else shareMs += one.share * (nowMs - Math.max(atMs, one.expiresAtMs))
  }
  return {
    others: live.filter((one) => one.nodeId !== nodeId),
    mine: live.find((one) => one.nodeId === nodeId),
    refill: shareMs / MINUTE_MS,
  }
}

interface PlacesSplit {
  /** What the node keeps others from having. */
  readonly held: number
  /** What it may fill from now on; fewer than are held while it gives some up. */
  readonly usable: number
}

function splitPlaces(
  { limit, held, wanted }: PlacesAsk,
  mine: ShareHolding | undefined,
  others: readonly ShareHolding[],
): PlacesSplit {
  const left = limit - others.reduce((sum, { places }) => sum + places, 0)
  const unheld = Math.max(0, left - held)
  const fair = fairPart(
    limit,
    wanted,
    others.map(({ placesWanted }) => placesWanted),
  )
  const whole = Math.floor(fair + TOLERANCE)
  // Somebody who could use a place has not even what is his: nobody keeps more than that of his own.
  const isShort = others.some((one) => one.places < Math.min(one.placesWanted, Math.max(1, whole)))
  const due = isShort ? Math.max(whole, held === 0 ? 1 : 0) : Math.ceil(fair - TOLERANCE)
  // Nodes that began without the store may hold more than there is: each goes back to what the others leave, or to what is fair.
  const target = held > left ? Math.min(due, Math.max(whole, left)) : due
  // What was just given up is for others to take.
  const isGiving = mine !== undefined && held < mine.places
  const growth = isGiving ? 0 : Math.max(0, Math.min(unheld, target - held))
  return { held: held + growth, usable: Math.min(held + growth, target) }
}

/** What is left when all have what they want goes round; where it is not enough, who wants little gets all of it. */
function fairPart(total: number, own: number, others: readonly number[]): number {
  const all = [own, ...others].sort((one, other) => one - other)
  const wanted = all.reduce((sum, one) => sum + one, 0)
  if (wanted <= total) return own + (total - wanted) / all.length
  let left = total
  for (const [at, one] of all.entries()) {
    const each = left / (all.length - at)
    if (one >= each) return Math.min(own, each)
    if (one === own) return own
    left -= one
  }
  return own
}

function sumOf(holders: readonly ShareHolding[]): number {
  return holders.reduce((sum, { share }) => sum + share, 0)
}

const ALL_FILLS: Fills = mapFills(() => 1)
