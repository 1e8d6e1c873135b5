/** `holdfast check`: reads the configuration and says all that is wrong with it, without starting anything. */

import { describeConfig, type HoldfastConfig } from '../../app/config/config.ts'
import { formatFault } from '../../app/config/fault.ts'
import { findConfigPath } from '../../app/config/find-config.ts'
import { loadConfig } from '../../app/config/load-config.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { count } from '../words.ts'

export interface CheckCommandOptions extends CommonOptions {
  readonly listen?: string
}

export async function check(options: CheckCommandOptions, io: CliIo): Promise<ExitCode> {
  const path = findConfigPath(options.config)
  const loaded = loadConfig({
    env: io.env,
    ...(path !== undefined && { path }),
    ...(options.listen !== undefined && { listen: options.listen }),
  })
  if (options.json) {
    printJson(
      io,
      loaded.ok
        ? {
            ok: true,
            file: path ?? null,
            faults: [],
            warnings: loaded.config.warnings,
            config: describeConfig(loaded.config),
          }
        : { ok: false, file: path ?? null, faults: loaded.faults, warnings: [] },
    )
  } else if (loaded.ok) {
    if (!options.quiet) io.out(io.style('green', summary(path, loaded.config)))
    for (const warning of loaded.config.warnings) io.err(`${io.style('yellow', 'note:')} ${warning}`)
  } else {
    io.err(loaded.faults.map(formatFault).join('\n'))
    if (!options.quiet) io.err(`${count(loaded.faults.length, 'fault')} in ${path ?? 'the environment'}`)
  }
  return loaded.ok ? exitCodes.ok : exitCodes.configuration
}

function summary(path: string | undefined, { providers, routes }: HoldfastConfig): string {
  const what = `${count(providers.length, 'provider')}, ${count(routes.length, 'route')}`
  return path === undefined
    ? `no holdfast.yaml here; the environment offers ${what}`
    : `${path} is fine: ${what}`
}
