/** `holdfast status`: asks a running gateway how it and its targets are. */

import { findConfigPath } from '../../app/config/find-config.ts'
import { loadConfig } from '../../app/config/load-config.ts'
import { ADMIN_PORT, LISTEN_HOST } from '../../http/config-schema.ts'
import type { StatusReport } from '../../http/operator-view.ts'
import { fetchStatus } from '../fetch-status.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { isHealthy, statusLines } from '../status-lines.ts'

export interface StatusCommandOptions extends CommonOptions {
  /** Of the admin listener; without it, the one of the configuration. */
  readonly url?: string
}

export async function status(options: StatusCommandOptions, io: CliIo): Promise<ExitCode> {
  const address = addressOf(options, io)
  if (address.type === 'fault') {
    io.err(address.message)
    return exitCodes.configuration
  }
  const fetched = await fetchStatus(address.url)
  if (fetched.type === 'unreachable') {
    const message = `no gateway answers at ${address.url} (${fetched.reason}): is it running, and is this its admin listener?`
    if (options.json) printJson(io, { ok: false, url: address.url, message })
    else io.err(message)
    return exitCodes.unreachable
  }
  print(fetched.report, options, io)
  return isHealthy(fetched.report) ? exitCodes.ok : exitCodes.failed
}

type Address =
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'fault'; readonly message: string }

/** A file that cannot be read now may have been sound when the gateway started: the usual address is tried then. */
function addressOf({ url, config }: StatusCommandOptions, io: CliIo): Address {
  if (url !== undefined) return readUrl(url)
  const path = findConfigPath(config)
  const loaded = loadConfig({ env: io.env, tls: 'certificate', ...(path !== undefined && { path }) })
  if (!loaded.ok) return { type: 'url', url: urlOf(LISTEN_HOST, ADMIN_PORT) }
  const { admin } = loaded.config
  if (admin !== undefined) return { type: 'url', url: urlOf(admin.host, admin.port) }
  return {
    type: 'fault',
    message: `${path ?? 'the configuration'} switches the admin listener off: remove "admin: false", and start the gateway again`,
  }
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The origin of an address as people paste it, with or without the path. */
function readUrl(text: string): Address {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url?.protocol === 'http:' && url.username === '' && url.password === '')
    return { type: 'url', url: url.origin }
  return {
    type: 'fault',
    message: 'the address is not one of an admin listener: write http://127.0.0.1:4142',
  }
}

function print(report: StatusReport, { json, quiet }: CommonOptions, io: CliIo): void {
  if (json) printJson(io, report)
  else if (quiet !== true || !isHealthy(report)) io.out(statusLines(report, io.style).join('\n'))
}
