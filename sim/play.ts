/** Plays a scene and judges its history. */

import { createHash } from 'node:crypto'
import type { History } from '../src/drill/engine/history.ts'
import { type Around, createWorld } from '../src/drill/engine/world.ts'
import { coverageOf, type Coverage } from './coverage.ts'
import { factsOf } from './facts.ts'
import { checkAll } from './invariants/index.ts'
import type { Breach } from './invariants/invariant.ts'
import { type Scene, worldOf } from './scene.ts'

export interface Played {
  readonly seed: number
  readonly requests: number
  readonly calls: number
  readonly breaches: readonly Breach[]
  readonly coverage: Coverage
  /** Of all that happened: equal for equal runs. */
  readonly hash: string
}

export async function play(scene: Scene, around?: Around): Promise<Played> {
  const world = worldOf(scene, around)
  const history = await createWorld(world).run()
  const facts = factsOf(history, world.config)
  return {
    seed: scene.seed,
    requests: history.requests.reduce((sum, { tries }) => sum + tries.length, 0),
    calls: history.calls.length,
    breaches: checkAll(facts),
    coverage: coverageOf(facts),
    hash: hashOf(history),
  }
}

function hashOf(history: History): string {
  return createHash('sha256').update(JSON.stringify(history)).digest('hex').slice(0, 16)
}
