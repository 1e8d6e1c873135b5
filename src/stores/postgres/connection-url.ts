/**
 * Reads the address of a database. TLS is decided here and nowhere else: a certificate is verified, or there is no TLS
 * because the address says so in words; nothing in between, and nothing of it from the environment (SEC-8).
 */

import { readFileSync } from 'node:fs'
import { isIP, isIPv4 } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string
  readonly database: string
  /** False: bytes travel as they are. */
  readonly tls: false | ConnectionOptions
  /** For messages: without user and password. */
  readonly shown: string
}

export type ReadAddress =
  | { readonly type: 'read'; readonly address: DatabaseAddress }
  | { readonly type: 'refused'; readonly reason: string }

const PORT = 5_432
const PARAMETERS = ['sslmode', 'sslrootcert']

/** `postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem` */
export function readConnectionUrl(text: string, readFile = readText): ReadAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol))
    return refused('the address of the database is no postgres:// URL')
  if (url.hostname === '') return refused('the address of the database names no host')
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined)
    return refused(`the address of the database has "${unknown}"; known are ${PARAMETERS.join(' and ')}`)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const tls = readTls(url, host, readFile)
  if (tls.type === 'refused') return tls
  const user = decodeURIComponent(url.username) || 'holdfast'
  const database = decodeURIComponent(url.pathname.slice(1)) || user
  const port = url.port === '' ? PORT : Number(url.port)
  const password = url.password === '' ? {} : { password: decodeURIComponent(url.password) }
  const shown = `${url.hostname}:${port}/${database}`
  return { type: 'read', address: { host, port, user, ...password, database, tls: tls.tls, shown } }
}

type ReadTls =
  | { readonly type: 'read'; readonly tls: false | ConnectionOptions }
  | (ReadAddress & { type: 'refused' })

function readTls(url: URL, host: string, readFile: (path: string) => string): ReadTls {
  const mode = url.searchParams.get('sslmode') ?? (isLoopbackHost(host) ? 'disable' : 'verify-full')
  const path = url.searchParams.get('sslrootcert')
  switch (mode) {
    case 'disable':
      return { type: 'read', tls: false }
    case 'require':
    case 'verify-full':
      break
    default:
      return refused(
        `sslmode "${mode}" would take a certificate of anybody; use verify-full (require means the same here), with ` +
          'sslrootcert=/path/to/ca.pem for an authority of your own, or disable for no TLS at all',
      )
  }
  const verified = verifiedName(host)
  if (path === null) return { type: 'read', tls: verified }
  try {
    return { type: 'read', tls: { ...verified, ca: readFile(path) } }
  } catch (cause) {
    return refused(
      `sslrootcert "${path}" cannot be read (${cause instanceof Error ? cause.message : 'unknown'})`,
    )
  }
}

/**
 * Whose name a certificate must have. Over a socket that is open already, as the driver's is, Node would compare an
 * address with the name `localhost` unless it is told the host.
 */
function verifiedName(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { host, servername: host } : { host }
}

/** This machine: what is sent there passes no wire. */
function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function refused(reason: string): { readonly type: 'refused'; readonly reason: string } {
  return { type: 'refused', reason }
}
