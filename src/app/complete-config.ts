/** The configuration as it comes into force: what the file says, the model servers of this machine, and the simulator. */

import { parseAddress } from '../providers/target.ts'
import type { ConfiguredProvider, HoldfastConfig } from './config/config.ts'
import { findLocalServers, isSameServer, type Probe } from './find-providers.ts'
import { simulatedProvider } from './simulated-provider.ts'

export interface CompleteOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly probe: Probe
  /** Look for model servers on this machine's usual ports. */
  readonly isSearching: boolean
  /** In force until now: a server that was found once and is busy at this moment is not forgotten. */
  readonly before?: HoldfastConfig
}

/** Adds what this machine offers; where there is no provider at all, or a route wants it, the simulator answers. */
export async function completeConfig(
  config: HoldfastConfig,
  options: CompleteOptions,
): Promise<HoldfastConfig> {
  const named = config.providers
  const local = options.isSearching ? await localServers(named, options) : []
  const providers = [...named, ...local]
  const isSimulatorWanted = providers.length === 0 || config.routes.some(namesSimulator)
  return {
    ...config,
    providers: isSimulatorWanted ? [...providers, simulatedProvider] : providers,
    secrets: [...config.secrets, ...local.flatMap(({ credential }) => credential ?? [])],
  }
}

async function localServers(
  named: readonly ConfiguredProvider[],
  { env, probe, before }: CompleteOptions,
): Promise<readonly ConfiguredProvider[]> {
  const taken = named.map(({ provider }) => provider)
  const found = await findLocalServers(probe, env, taken)
  const others = [...named, ...found]
  const kept = (before?.providers ?? []).filter(
    (one) => one.origin === 'local' && !others.some((other) => isSameServer(other.provider, one.provider)),
  )
  return [...found, ...kept]
}

function namesSimulator({ targets }: HoldfastConfig['routes'][number]): boolean {
  return targets.some((target) => parseAddress(target)?.providerId === simulatedProvider.provider.id)
}
