/** The real instruments: the same dialer, resolver and sender that serve requests, and this machine. */

import { access, constants, readFile, statfs } from 'node:fs/promises'
import { createServer, type LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { targetDialects as dialects } from '../../dialects/index.ts'
import { systemClock } from '../../std/clock.ts'
import type { Secret } from '../../std/secret.ts'
import { Dialer } from '../../upstream/dial.ts'
import { listModels, probe } from '../../upstream/models.ts'
import { createRedactor } from '../../upstream/redact.ts'
import { createResolver } from '../../upstream/resolver.ts'
import { createAuthorizers } from '../../upstream/authorize/authorizers.ts'
import { createSender } from '../../upstream/send.ts'
import { createUndiciTransport } from '../../upstream/undici-transport.ts'
import type { ConfiguredProvider } from '../config/config.ts'
import type { DoctorInstruments } from '../doctor.ts'
import type { Probe } from '../find-providers.ts'
import { mustBePublic } from '../public-hosts.ts'
import type { Door } from './provider-checks.ts'

/** Longest a door may take to open, ms; the signal may end it sooner. */
const KNOCK_MS = 5_000
/** Limit of a whole model list, ms; the signal may end it sooner. */
const LIST_MS = 20_000

export interface OpenedInstruments extends DoctorInstruments {
  readonly probe: Probe
  close(): Promise<void>
}

export interface InstrumentOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What must not appear in any message. */
  readonly secrets: readonly Secret[]
  /** Whose addresses the file may name. Default: it names none. */
  readonly providers?: readonly ConfiguredProvider[]
}

export function openInstruments({ env, secrets, providers = [] }: InstrumentOptions): OpenedInstruments {
  const clock = systemClock
  const lookup = createResolver(clock, { mustBePublic: (hostname) => mustBePublic(hostname, providers) })
  const transport = createUndiciTransport({ clock, lookup })
  const sender = createSender({
    transport,
    clock,
    dialects,
    redactor: createRedactor(secrets),
    authorizerOf: createAuthorizers({ transport, clock }),
  })
  return {
    clock,
    dialects,
    env,
    resolve: (host) => resolveName(lookup, host),
    knock: (origin, signal) => knock(new Dialer(origin, { clock, lookup }), signal),
    send: (request) => sender.send(request),
    listModels: ({ provider, credential }, signal) =>
      listModels(
        { provider, ...(credential && { credential }) },
        { sender, clock },
        { timeoutMs: LIST_MS, signal },
      ),
    probe: (request) => probe(request, { sender, clock }),
    tryListening,
    inspectDirectory,
    descriptorLimit,
    close: () => transport.close(),
  }
}

function resolveName(lookup: LookupFunction, host: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error) reject(error)
      else if (typeof addresses === 'string') resolve([addresses])
      else resolve(addresses.map(({ address }) => address))
    })
  })
}

function knock(dialer: Dialer, signal: AbortSignal): Promise<Door> {
  return new Promise((resolve, reject) => {
    const socket = dialer.dial(KNOCK_MS, (error, opened) => {
      if (error || !opened) reject(error ?? new Error('no connection'))
      else resolve(doorOf(opened))
      socket.destroy()
    })
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
  })
}

function doorOf(socket: object): Door {
  if (!(socket instanceof TLSSocket)) return {}
  const endsAtMs = Date.parse(socket.getPeerCertificate().valid_to)
  return Number.isNaN(endsAtMs) ? {} : { certificateEndsAtMs: endsAtMs }
}

function tryListening(host: string, port: number): Promise<{ readonly code?: string }> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve({ code: 'code' in error ? String(error.code) : error.message }))
    server.listen(port, host, () => server.close(() => resolve({})))
  })
}

async function inspectDirectory(
  path: string,
): Promise<{ readonly isWritable: boolean; readonly freeBytes?: number }> {
  const isWritable = await access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
  const freeBytes = await statfs(path).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  )
  return { isWritable, ...(freeBytes !== undefined && { freeBytes }) }
}

async function descriptorLimit(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8')
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
