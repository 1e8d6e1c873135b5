/** `holdfast doctor`: examines this machine and every provider, and says what to do. */

import { runDoctor } from '../../app/doctor.ts'
import type { CheckResult, CheckStatus, DoctorReport } from '../../app/doctor/check.ts'
import { openInstruments } from '../../app/doctor/instruments.ts'
import { nearest } from '../../std/nearest.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson, type Style } from '../io.ts'
import { count } from '../words.ts'
import { loadOrPrint, withLocalServers } from './load-everything.ts'

export interface DoctorCommandOptions extends CommonOptions {
  /** Only these. */
  readonly provider?: readonly string[]
  /** Limit of each check, seconds. */
  readonly timeout?: number
}

export async function doctor(options: DoctorCommandOptions, io: CliIo): Promise<ExitCode> {
  const loaded = loadOrPrint(options, io, { tls: 'pair' })
  if (!loaded.ok) return loaded.exitCode
  const { secrets, providers } = loaded.config
  const instruments = openInstruments({ env: io.env, secrets, providers })
  const abort = new AbortController()
  const onSignal = () => abort.abort(new Error('interrupted'))
  io.signals.on('SIGINT', onSignal)
  try {
    const config = await withLocalServers(loaded.config, instruments, io.env)
    const unknown = unknownProvider(
      options.provider,
      config.providers.map(({ provider }) => provider.id),
    )
    if (unknown !== undefined) {
      io.err(unknown)
      return exitCodes.configuration
    }
    const report = await runDoctor({
      config,
      instruments,
      directory: io.directory,
      signal: abort.signal,
      ...(options.provider && { only: options.provider }),
      ...(options.timeout !== undefined && { timeoutMs: options.timeout * 1_000 }),
      ...(!options.json && { onChecks: (checks) => printChecks(checks, options, io) }),
    })
    printEnd(report, options, io)
    if (abort.signal.aborted) return exitCodes.interrupted
    return report.isHealthy ? exitCodes.ok : exitCodes.failed
  } finally {
    io.signals.off('SIGINT', onSignal)
    await instruments.close()
  }
}

function unknownProvider(
  wanted: readonly string[] | undefined,
  known: readonly string[],
): string | undefined {
  const unknown = wanted?.find((id) => !known.includes(id))
  if (unknown === undefined) return undefined
  const hint = nearest(unknown, known)
  return `there is no provider "${unknown}" here${hint === undefined ? '' : `; did you mean "${hint}"?`} (there are ${known.join(', ')})`
}

const marks: Readonly<Record<CheckStatus, { readonly mark: string; readonly style: Style }>> = {
  ok: { mark: 'ok  ', style: 'green' },
  warn: { mark: 'warn', style: 'yellow' },
  fail: { mark: 'FAIL', style: 'red' },
  skip: { mark: 'skip', style: 'dim' },
}

function printChecks(checks: readonly CheckResult[], { quiet }: DoctorCommandOptions, io: CliIo): void {
  for (const { subject, check, status, message, nextStep, durationMs } of checks) {
    if (quiet && (status === 'ok' || status === 'skip')) continue
    const { mark, style } = marks[status]
    const took = durationMs > 0 ? io.style('dim', ` (${durationMs} ms)`) : ''
    io.out(`${io.style(style, mark)} ${subject.padEnd(12)} ${check.padEnd(11)} ${message}${took}`)
    if (nextStep !== undefined) io.out(`     ${''.padEnd(24)} -> ${nextStep}`)
  }
}

function printEnd(report: DoctorReport, { json, quiet }: DoctorCommandOptions, io: CliIo): void {
  if (json) {
    printJson(io, report)
    return
  }
  if (quiet) return
  const failed = report.checks.filter((one) => one.status === 'fail').length
  const warned = report.checks.filter((one) => one.status === 'warn').length
  const verdict = failed > 0 ? `${count(failed, 'check')} failed` : 'All is well'
  io.out(`${verdict}${warned > 0 ? `, ${count(warned, 'warning')}` : ''}.`)
}
