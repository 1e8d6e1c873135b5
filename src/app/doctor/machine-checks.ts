/** Examines the machine itself: the port, the disk, the descriptors, and what the environment would switch off. */

import type { Clock } from '../../std/clock.ts'
import { CERTIFICATE_SOON_MS } from '../certificate-watch.ts'
import type { HoldfastConfig, OwnCertificate } from '../config/config.ts'
import { type CheckResult, fail, type Finding, ok, skip, warn } from './check.ts'

export interface MachineInstruments {
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  /** Node's own error code where the address cannot be listened on. */
  tryListening(host: string, port: number): Promise<{ readonly code?: string }>
  /** Whether a file can be written there, and how many bytes are free. */
  inspectDirectory(path: string): Promise<{ readonly isWritable: boolean; readonly freeBytes?: number }>
  /** The soft limit of open files; absent where the system has none to tell. */
  descriptorLimit(): Promise<number | undefined>
}

export interface MachineCheckOptions {
  readonly instruments: MachineInstruments
  readonly config: HoldfastConfig
  /** Where the gateway would run. */
  readonly directory: string
}

const FREE_BYTES_MIN = 100 * 1024 ** 2
/** Two descriptors a stream, and some to spare. */
const DESCRIPTORS_MIN = 4_096

export async function checkMachine({
  instruments,
  config,
  directory,
}: MachineCheckOptions): Promise<readonly CheckResult[]> {
  const { clock, env } = instruments
  const { tls } = config
  const timed = async (check: string, examine: () => Promise<Finding> | Finding): Promise<CheckResult> => {
    const startedAtMs = clock.nowMs()
    const finding = await examine()
    return { subject: 'machine', check, ...finding, durationMs: Math.round(clock.nowMs() - startedAtMs) }
  }
  return Promise.all([
    timed('port', () => checkPort(instruments, config)),
    timed('disk', () => checkDisk(instruments, directory)),
    timed('descriptors', () => checkDescriptors(instruments)),
    timed('tls', () => checkTls(env)),
    ...(tls ? [timed('certificate', () => checkCertificate(clock, tls))] : []),
    timed('providers', () => checkProviders(config)),
  ])
}

async function checkPort(instruments: MachineInstruments, { listen }: HoldfastConfig): Promise<Finding> {
  const address = `${listen.host}:${listen.port}`
  const { code } = await instruments.tryListening(listen.host, listen.port)
  switch (code) {
    case undefined:
      return ok(`${address} is free`)
    case 'EADDRINUSE':
      return warn(
        `${address} is in use`,
        'Right if Holdfast runs there already; else set listen to a free port.',
      )
    case 'EACCES':
      return fail(`${address} is not allowed to this user`, 'Set listen to a port above 1023.')
    default:
      return fail(`${address} cannot be listened on (${code})`, 'Set listen to an address of this machine.')
  }
}

async function checkDisk(instruments: MachineInstruments, directory: string): Promise<Finding> {
  const { isWritable, freeBytes } = await instruments.inspectDirectory(directory)
  if (!isWritable)
    return warn(`${directory} cannot be written to`, 'Start the gateway where it may keep its files.')
  if (freeBytes === undefined) return ok(`${directory} can be written to`)
  if (freeBytes < FREE_BYTES_MIN) {
    return warn(
      `only ${writeRoom(freeBytes)} are free at ${directory}`,
      'Make room, or start the gateway elsewhere.',
    )
  }
  return ok(`${writeRoom(freeBytes)} free at ${directory}`)
}

async function checkDescriptors(instruments: MachineInstruments): Promise<Finding> {
  const limit = await instruments.descriptorLimit()
  if (limit === undefined) return skip('this system does not tell its limit of open files')
  if (limit >= DESCRIPTORS_MIN) return ok(`${limit} files may be open`)
  const streams = Math.floor(limit / 2)
  return warn(
    `${limit} files may be open, enough for about ${streams} streams`,
    'Raise the limit: ulimit -n 65536.',
  )
}

function checkTls(env: MachineInstruments['env']): Finding {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return ok('certificates are checked')
  return fail(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 would switch off the checking of certificates',
    'Unset it; the gateway refuses to start with it.',
  )
}

function checkCertificate(clock: Clock, { certPath, endsAtMs }: OwnCertificate): Finding {
  const leftMs = endsAtMs - clock.wallMs()
  const day = new Date(endsAtMs).toISOString().slice(0, 10)
  const nextStep = `Put a newer one in place of ${certPath}, and its key beside it.`
  if (leftMs <= 0) return fail(`its own certificate ended on ${day}`, nextStep)
  if (leftMs <= CERTIFICATE_SOON_MS) return warn(`its own certificate ends on ${day}`, nextStep)
  return ok(`its own certificate is good until ${day}`)
}

function checkProviders({ providers }: HoldfastConfig): Finding {
  const real = providers.filter(({ provider }) => provider.isSimulated !== true)
  if (real.length > 0) return ok(`${real.length === 1 ? '1 provider' : `${real.length} providers`} to be had`)
  return warn(
    'no provider is configured, so the simulator answers',
    'Set a key such as OPENAI_API_KEY, start a local server such as Ollama, or write holdfast.yaml.',
  )
}

function writeRoom(bytes: number): string {
  const GiB = 1024 ** 3
  return bytes >= GiB ? `${(bytes / GiB).toFixed(1)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`
}
