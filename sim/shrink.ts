/** Makes a failing scene as small as it can be while it still fails in the same way: fewer faults, acts and requests. */

import type { InvariantId } from './invariants/invariant.ts'
import type { Scene } from './scene.ts'

/** Scenes that are played for it at most. */
const PLAYS_MAX = 400

export interface Shrunk {
  readonly scene: Scene
  readonly plays: number
}

/** `breaks`: the invariants that a scene breaks when it is played. */
export async function shrink(
  scene: Scene,
  wanted: InvariantId,
  breaks: (scene: Scene) => Promise<readonly InvariantId[]>,
): Promise<Shrunk> {
  let smallest = scene
  let plays = 0
  const stillFails = async (candidate: Scene): Promise<boolean> => {
    if (plays >= PLAYS_MAX) return false
    plays += 1
    const fails = (await breaks(candidate)).includes(wanted)
    if (fails) smallest = candidate
    return fails
  }
  await dropEach(smallest.acts.length, (kept) => stillFails(withActs(smallest, kept)))
  await dropEach(smallest.weather.spells.length, (kept) => stillFails(withSpells(smallest, kept)))
  await dropEach(smallest.weather.allowances.length, (kept) => stillFails(withAllowances(smallest, kept)))
  await dropStories(smallest, stillFails, () => smallest)
  return { scene: smallest, plays }
}

type Kept = (index: number) => boolean

/** Tries to do without each thing, from the last to the first. */
async function dropEach(count: number, stillFailsWith: (kept: Kept) => Promise<boolean>): Promise<void> {
  for (let index = count - 1; index >= 0; index -= 1) await stillFailsWith((other) => other !== index)
}

function withActs(scene: Scene, kept: Kept): Scene {
  return { ...scene, acts: scene.acts.filter((_, index) => kept(index)) }
}

function withSpells(scene: Scene, kept: Kept): Scene {
  const spells = scene.weather.spells.filter((_, index) => kept(index))
  return { ...scene, weather: { ...scene.weather, spells } }
}

function withAllowances(scene: Scene, kept: Kept): Scene {
  const allowances = scene.weather.allowances.filter((_, index) => kept(index))
  return { ...scene, weather: { ...scene.weather, allowances } }
}

/** Leaves stories out in ever smaller blocks; those that stay keep their numbers, and with them what was drawn for them. */
async function dropStories(
  scene: Scene,
  stillFails: (scene: Scene) => Promise<boolean>,
  smallest: () => Scene,
): Promise<void> {
  const { requests } = scene.traffic
  for (let size = Math.ceil(requests / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < requests; from += size) {
      const without = new Set(smallest().without)
      const before = without.size
      for (let number = from; number < Math.min(from + size, requests); number += 1) without.add(number)
      if (without.size > before && without.size < requests) await stillFails({ ...smallest(), without })
    }
  }
}

/** What is left of it, for people. */
export function describeScene({ traffic, weather, acts, without }: Scene): string {
  const left = Array.from({ length: traffic.requests }, (_, number) => number).filter(
    (number) => without?.has(number) !== true,
  )
  return JSON.stringify(
    {
      faults: weather.spells,
      ...(weather.allowances.length === 0 ? {} : { allowances: weather.allowances }),
      ...(acts.length === 0 ? {} : { acts: acts.map(({ type, atMs }) => ({ type, atMs })) }),
      requests: left.length > REQUESTS_SHOWN_MAX ? `${left.length} of ${traffic.requests}` : left,
    },
    undefined,
    2,
  )
}

const REQUESTS_SHOWN_MAX = 20
