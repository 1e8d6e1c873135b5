/** The provider of last resort: the simulator in process, so that the first answer needs no account. */

import type { Provider } from '../providers/provider.ts'
import { defaultTimers } from '../providers/target.ts'
import { simulatedModels } from '../simulator/models.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** Names the simulator as a place to send requests to; no name server knows it, and none is asked. */
export const SIMULATOR_ORIGIN = 'http://simulator.invalid'

const provider: Provider = {
  id: 'simulator',
  name: 'Simulator',
  dialect: 'openai-chat',
  baseUrl: `${SIMULATOR_ORIGIN}/v1`,
  auth: { kind: 'none' },
  environmentKeys: [],
  isLocal: true,
  quirks: [],
  isSimulated: true,
  // Dear enough that a budget of a cent can be seen to be spent.
  prices: { '*': { input: 10_000_000, output: 50_000_000 } },
}

export const simulatedProvider: ConfiguredProvider = {
  provider,
  timers: defaultTimers(provider),
  models: simulatedModels.map((model) => model.id),
  origin: 'simulator',
}
