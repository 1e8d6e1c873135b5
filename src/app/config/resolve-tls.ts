/**
 * The gateway's own certificate and its key: read, and judged to belong together. The files may stand anywhere: what is in
 * them is for handshakes and for nothing else, so that a wrong path gives nothing away (SEC-53 is of what travels).
 */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import { secureContextOf } from '../../http/front.ts'
import { Secret } from '../../std/secret.ts'
import type { OwnCertificate, ShownCertificate } from './config.ts'
import { quote } from './fault.ts'
import type { Resolution } from './resolution.ts'
import type { ConfigDocument } from './schema.ts'

/** What a client is shown, for whoever only asks: the key is not theirs to read, and a certificate at fault no fault of theirs. */
export function shownCertificate(
  tls: NonNullable<ConfigDocument['tls']>,
  { sources: { directory = process.cwd(), readFile } }: Pick<Resolution, 'sources'>,
): ShownCertificate {
  try {
    const chain = readFile(path.resolve(directory, tls.cert))
    const [own] = certificatesIn(chain)
    return own === undefined ? { names: [] } : { names: namesOf(own), chain }
  } catch {
    return { names: [] }
  }
}

/** `undefined` where none is configured, or where it is at fault. */
export function resolveTls(tls: ConfigDocument['tls'], resolution: Resolution): OwnCertificate | undefined {
  if (tls === undefined) return undefined
  const { sources, faults, secrets } = resolution
  const certificate = readPair(tls, {
    ...sources,
    onFault(field, message) {
      const where = ['tls', field]
      if (!faults.has(where)) faults.at(where, `${where.join('.')}: ${message}`)
    },
  })
  if (certificate !== undefined) secrets.push(certificate.pair.key)
  return certificate
}

/** What stands in the files of a pair now; `undefined` where that is none. */
export function rereadPair(
  { certPath, keyPath }: Pick<OwnCertificate, 'certPath' | 'keyPath'>,
  readFile: (path: string) => string,
): OwnCertificate | undefined {
  return readPair({ cert: certPath, key: keyPath }, { readFile, onFault() {} })
}

type PairFiles = NonNullable<ConfigDocument['tls']>

interface Reading {
  readonly directory?: string
  /** Throws where it cannot. */
  readonly readFile: (path: string) => string
  readonly onFault: (field: keyof PairFiles, message: string) => void
}

function readPair(names: PairFiles, reading: Reading): OwnCertificate | undefined {
  const chain = readAt('cert', names, reading)
  const keyText = readAt('key', names, reading)
  const certificates = chain && certificatesAt(names.cert, chain.text, reading)
  const key = keyText && privateKeyAt(names.key, keyText.text, reading)
  const [own] = certificates ?? []
  if (!chain || !keyText || !certificates || !own || !key) return undefined
  if (!own.checkPrivateKey(key)) {
    reading.onFault(
      'key',
      `${quote(names.key)} is not the key of ${quote(names.cert)}: put the two of one certificate there`,
    )
    return undefined
  }
  const pair = { chain: chain.text, key: new Secret(keyText.text) }
  const refusal = whyNotServed(pair)
  if (refusal !== undefined) {
    reading.onFault('cert', `${quote(names.cert)} cannot be served (${refusal}): make a newer certificate`)
    return undefined
  }
  return {
    pair,
    certPath: chain.path,
    keyPath: keyText.path,
    fingerprint: own.fingerprint256,
    names: namesOf(own),
    endsAtMs: Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())),
  }
}

function readAt(
  field: keyof PairFiles,
  names: PairFiles,
  { directory = process.cwd(), readFile, onFault }: Reading,
): { readonly path: string; readonly text: string } | undefined {
  const full = path.resolve(directory, names[field])
  try {
    return { path: full, text: readFile(full) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    onFault(field, `${quote(names[field])} cannot be read (${code}): put the file there, or name another`)
    return undefined
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** The gateway's own first, as a handshake sends them. Throws where one is garbled. */
function certificatesIn(text: string): readonly X509Certificate[] {
  return (text.match(PEM_CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem))
}

function certificatesAt(
  name: string,
  text: string,
  { onFault }: Reading,
): readonly X509Certificate[] | undefined {
  try {
    const found = certificatesIn(text)
    if (found.length > 0) return found
  } catch {
    // Told below: OpenSSL's own words help nobody here.
  }
  onFault('cert', `${quote(name)} holds no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----`)
  return undefined
}

function privateKeyAt(name: string, text: string, { onFault }: Reading): KeyObject | undefined {
  try {
    return createPrivateKey(text)
  } catch {
    onFault(
      'key',
      `${quote(name)} holds no private key in PEM without a passphrase: it begins with -----BEGIN PRIVATE KEY-----`,
    )
    return undefined
  }
}

/** OpenSSL's code where it would not serve them: too short a key, too weak a signature. */
function whyNotServed(pair: OwnCertificate['pair']): string | undefined {
  try {
    createSecureContext(secureContextOf(pair))
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no reason is given'
  }
}

const NAMES_MAX = 10

/** The host names that it proves, of its alternative names, which alone count. */
function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName
    .split(', ')
    .flatMap((entry) => /^DNS:([A-Za-z0-9.*_-]+)$/.exec(entry)?.[1] ?? [])
    .slice(0, NAMES_MAX)
}
