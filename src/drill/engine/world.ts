/**
 * A world in one process under virtual time: the real gateway, providers under weather, and clients. The same seed gives
 * the same history, byte for byte.
 */

import { RunningWorld } from './running-world.ts'
import type { World, WorldOptions } from './world-options.ts'

export type { Around, OperatorAct, World, WorldOptions } from './world-options.ts'

export function createWorld(options: WorldOptions): World {
  return { run: () => new RunningWorld(options).run() }
}
