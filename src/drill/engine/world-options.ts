/** What a world is made of, and what may stand around its rooms. */

import type { HoldfastConfig } from '../../app/config/config.ts'
import type { Ground, House } from '../../app/compose.ts'
import type { Transport } from '../../std/transport.ts'
import type { History } from './history.ts'
import type { Traffic } from './traffic.ts'
import type { Weather } from './weather.ts'

export interface WorldOptions {
  readonly seed: number
  /** Loaded as a user's file is; every configured provider is played by the world. */
  readonly config: HoldfastConfig
  readonly traffic: Traffic
  readonly weather: Weather
  /** Keeps the texts that were said and received; without it only facts are kept. */
  readonly recordHistory: boolean
  /** What the operator does meanwhile. Default: nothing. */
  readonly acts?: readonly OperatorAct[]
  /** Text that must never be seen outside: every output is searched for it. */
  readonly plantedSecret?: string
  /** Numbers of stories that are left out; the others stay as they are. */
  readonly without?: ReadonlySet<number>
  /** Rooms put in front of the real ones, for tests of the tests. */
  readonly around?: Around
  /** Told now and then how many stories have ended. */
  readonly onProgress?: (ended: number) => void
}

export type OperatorAct =
  /** A new configuration comes into force. */
  | { readonly type: 'reload'; readonly atMs: number; readonly config: HoldfastConfig }
  /** The gateway drains as its configuration says, and comes up again afterwards. */
  | { readonly type: 'restart'; readonly atMs: number }

/** What stands between the world and the gateway; each returns what is used instead. */
export interface Around {
  transport?(transport: Transport): Transport
  ground?(ground: Ground): Ground
  house?(house: House): House
}

export interface World {
  /** Plays it to the end. Nothing real is waited for. Call it once. */
  run(): Promise<History>
}
