/** The configuration as a gateway would run with it: the file, the environment, and the model servers of this machine. */

import { completeConfig } from '../../app/complete-config.ts'
import type { HoldfastConfig } from '../../app/config/config.ts'
import { formatFault } from '../../app/config/fault.ts'
import { findConfigPath } from '../../app/config/find-config.ts'
import { type LoadConfigOptions, loadConfig } from '../../app/config/load-config.ts'
import type { OpenedInstruments } from '../../app/doctor/instruments.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'

export type Loaded =
  | { readonly ok: true; readonly config: HoldfastConfig }
  | { readonly ok: false; readonly exitCode: ExitCode }

/** Prints the faults where there are any. The key of the gateway's own certificate is read for a `pair` only. */
export function loadOrPrint(
  options: CommonOptions,
  io: CliIo,
  { tls }: Required<Pick<LoadConfigOptions, 'tls'>> = { tls: 'certificate' },
): Loaded {
  const path = findConfigPath(options.config)
  const loaded = loadConfig({ env: io.env, tls, ...(path !== undefined && { path }) })
  if (loaded.ok) return loaded
  if (options.json) printJson(io, { ok: false, faults: loaded.faults })
  else io.err(loaded.faults.map(formatFault).join('\n'))
  return { ok: false, exitCode: exitCodes.configuration }
}

/** Adds what `start` would add. */
export function withLocalServers(
  config: HoldfastConfig,
  instruments: OpenedInstruments,
  env: CliIo['env'],
): Promise<HoldfastConfig> {
  return completeConfig(config, {
    env,
    probe: (request) => instruments.probe(request),
    isSearching: config.discover,
  })
}
