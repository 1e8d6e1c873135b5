/** A world as plain data: what is drawn from a seed, made smaller by the shrinker, and played. */

import { loadConfig } from '../src/app/config/load-config.ts'
import type { HoldfastConfig } from '../src/app/config/config.ts'
import type { Traffic } from '../src/drill/engine/traffic.ts'
import type { Weather } from '../src/drill/engine/weather.ts'
import type { Around, OperatorAct, WorldOptions } from '../src/drill/engine/world.ts'

/** Stands in every credential of a scene, and must not stand in any output. */
export const PLANTED_SECRET = 'PLANTED'

export interface Scene {
  readonly seed: number
  /** As a configuration file would be written. */
  readonly document: object
  readonly traffic: Traffic
  readonly weather: Weather
  readonly acts: readonly SceneAct[]
  readonly without?: ReadonlySet<number>
}

export type SceneAct =
  | { readonly type: 'reload'; readonly atMs: number; readonly document: object }
  | { readonly type: 'restart'; readonly atMs: number }

/** Throws where the document is no configuration: a mistake of the swarm. */
export function configOf(document: object): HoldfastConfig {
  const loaded = loadConfig({ text: JSON.stringify(document), env: {} })
  if (loaded.ok) return loaded.config
  throw new Error(loaded.faults.map(({ path, message }) => `${path}: ${message}`).join('\n'))
}

export function worldOf(scene: Scene, around?: Around): WorldOptions {
  const { seed, traffic, weather, acts, document, without } = scene
  return {
    seed,
    config: configOf(document),
    traffic,
    weather,
    acts: acts.map(
      (act): OperatorAct =>
        act.type === 'reload' ? { type: 'reload', atMs: act.atMs, config: configOf(act.document) } : act,
    ),
    recordHistory: true,
    plantedSecret: PLANTED_SECRET,
    ...(without === undefined ? {} : { without }),
    ...(around === undefined ? {} : { around }),
  }
}
