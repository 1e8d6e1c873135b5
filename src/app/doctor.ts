/** Examines the machine and every provider, all at once and each within a limit, and says what to do about what it finds. */

import type { ConfiguredProvider, HoldfastConfig } from './config/config.ts'
import type { CheckResult, DoctorReport } from './doctor/check.ts'
import { checkMachine, type MachineInstruments } from './doctor/machine-checks.ts'
import { checkProvider, type ProviderInstruments } from './doctor/provider-checks.ts'

/** Default limit of one check, ms. */
export const CHECK_MS = 20_000

export type DoctorInstruments = ProviderInstruments & MachineInstruments

export interface DoctorOptions {
  readonly config: HoldfastConfig
  readonly instruments: DoctorInstruments
  /** Where the gateway would run. */
  readonly directory: string
  /** Only these providers; all of them by default. */
  readonly only?: readonly string[]
  /** Limit of each check, ms. Default 20 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Told of each provider's checks as soon as they are done. */
  readonly onChecks?: (checks: readonly CheckResult[]) => void
}

export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const { config, instruments, directory, timeoutMs = CHECK_MS, onChecks } = options
  const signal = options.signal ?? new AbortController().signal
  const told = async (checks: Promise<readonly CheckResult[]>) => {
    const done = await checks
    onChecks?.(done)
    return done
  }
  const groups = await Promise.all([
    told(checkMachine({ instruments, config, directory })),
    ...examined(config, options.only).map((configured) =>
      told(checkProvider({ instruments, configured, routes: config.routes, timeoutMs, signal })),
    ),
  ])
  const checks = groups.flat()
  return { isHealthy: checks.every((check) => check.status !== 'fail'), checks }
}

function examined(
  config: HoldfastConfig,
  only: readonly string[] | undefined,
): readonly ConfiguredProvider[] {
  return config.providers.filter(({ provider }) => only === undefined || only.includes(provider.id))
}
