/** `holdfast start`: serves until it is told to stop. */

import { flushCompileCache } from 'node:module'
import { formatFault } from '../../app/config/fault.ts'
import { storeBeside } from '../../app/config/resolve-store.ts'
import { findConfigPath } from '../../app/config/find-config.ts'
import type { RunningGateway, StartOptions } from '../../app/lifecycle.ts'
import { startGateway } from '../../app/lifecycle.ts'
import { runObeying } from '../../app/signals.ts'
import { StartError } from '../../app/start-error.ts'
import { readVersion } from '../../app/version.ts'
import { systemClock } from '../../std/clock.ts'
import { bannerLines, exampleModel } from '../banner.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { whyNotInspected } from '../inspector.ts'
import { type CliIo, type CommonOptions } from '../io.ts'
import { setV8Flags } from '../v8-flags.ts'

export interface StartCommandOptions extends CommonOptions {
  readonly listen?: string
  readonly admin?: string
  /** Where the file says nothing of it, keep nothing beyond the end of the process. */
  readonly memory?: boolean
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

export async function start(options: StartCommandOptions, io: CliIo): Promise<ExitCode> {
  try {
    const reason = whyNotInspected(io.inspectorUrl?.(), io.env)
    if (reason !== undefined) throw new StartError('environment', reason)
    const ending = await runObeying({
      source: io.signals,
      clock: systemClock,
      start: () => startGateway(startOptions(options, io)),
      onRunning: (running) => {
        announce(running, options, io)
        // Node writes it at an orderly end, which a gateway that is killed never has: its next start would compile all again.
        flushCompileCache()
        setV8Flags()
      },
    })
    return ending === 'cut' ? exitCodes.interrupted : exitCodes.ok
  } catch (error) {
    if (error instanceof StartError) return refuse(error, options, io)
    throw error
  }
}

function startOptions(options: StartCommandOptions, io: CliIo): StartOptions {
  const configPath = findConfigPath(options.config)
  return {
    env: io.env,
    store: options.memory === true ? { kind: 'memory' } : storeBeside(configPath),
    ...(configPath !== undefined && { configPath }),
    ...(options.listen !== undefined && { listen: options.listen }),
    ...(options.admin !== undefined && { admin: options.admin }),
    ...(options.logLevel !== undefined && { logLevel: options.logLevel }),
    // Both are of a whole process.
    ...(io.faults && { faults: io.faults, hasWatchdog: true }),
  }
}

function refuse(error: StartError, { json }: StartCommandOptions, io: CliIo): ExitCode {
  if (json)
    io.out(
      JSON.stringify({ type: 'refused', reason: error.reason, message: error.message, faults: error.faults }),
    )
  else io.err(error.faults.length > 0 ? error.faults.map(formatFault).join('\n') : error.message)
  return exitCodes[error.reason]
}

/** One line of JSON for programs, since log lines follow on the same stream. */
function announce(running: RunningGateway, { json, quiet }: StartCommandOptions, io: CliIo): void {
  const { url, adminUrl, signInUrl, config, isSimulated } = running
  if (json) {
    const model = exampleModel(config)
    io.out(
      JSON.stringify({
        type: 'listening',
        url,
        ...(adminUrl !== undefined && { adminUrl }),
        ...(signInUrl !== undefined && { signInUrl }),
        version: readVersion(),
        isSimulated,
        providers: config.providers.map(({ provider }) => provider.id),
        routes: config.routes.map((route) => route.name),
        ...(model !== undefined && { exampleModel: model }),
        warnings: config.warnings,
      }),
    )
    return
  }
  if (quiet) return
  const { providers, routes, warnings, path } = config
  const facts = {
    url,
    version: readVersion(),
    providers,
    routes,
    isSimulated,
    hasKeys: config.keys.length > 0,
    warnings,
    ...(adminUrl !== undefined && { adminUrl }),
    ...(signInUrl !== undefined && { signInUrl }),
    ...(path !== undefined && { configPath: path }),
  }
  io.out(bannerLines(facts, io.style).join('\n'))
}
