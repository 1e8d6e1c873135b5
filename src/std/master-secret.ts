/**
 * Where the master secret comes from: the environment, a file that the operator names, or a file beside the database
 * that is made at the first start. Everything at rest hangs on it, so a weak one is refused (SEC-17).
 */

import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import type { MasterSecrets } from './sealer.ts'
import { Secret } from './secret.ts'

export const MASTER_SECRET_VARIABLE = 'HOLDFAST_MASTER_KEY'

/** The shortest master secret, characters: 32 hex digits are 128 bits. */
export const MASTER_SECRET_LENGTH_MIN = 32
/** Master secrets at one time: a rotation needs two. */
const SECRETS_MAX = 8
const GENERATED_BYTES = 32
const FILE_BYTES_MAX = 8_192

export interface MasterSecretSources {
  /** The value of `HOLDFAST_MASTER_KEY`, where it is set: one or several, separated by commas, the newest first. */
  readonly env: string | undefined
  /** What the configuration says (`master_key`), where it does; counts after the environment. */
  readonly configured?: Secret
  /** The file that is read where nobody said anything, and made where it does not exist. */
  readonly path: string
  /** What makes a secret easy to guess, as the end of a sentence; `undefined` for a good one. */
  readonly describeWeakness: (text: string) => string | undefined
}

export interface MasterSecret {
  readonly secrets: MasterSecrets
  readonly source: 'environment' | 'configuration' | 'file' | 'made'
  /** Others on this machine may read the file; absent where they may not, or where it is no file. */
  readonly isExposed?: true
}

/** The secret cannot be used; the message says where it stands, what is wrong and how to mend it. */
export class MasterSecretError extends Error {
  override readonly name = 'MasterSecretError'
}

export function readMasterSecret(sources: MasterSecretSources): MasterSecret {
  const { env, configured, path } = sources
  if (env !== undefined && env.trim() !== '')
    return { secrets: parse(env, MASTER_SECRET_VARIABLE, sources), source: 'environment' }
  if (configured !== undefined)
    return { secrets: parse(configured.reveal(), 'masterKey', sources), source: 'configuration' }
  const isMade = makeFile(sources)
  const secrets = parse(readFile(path), path, sources)
  return { secrets, source: isMade ? 'made' : 'file', ...(isReadableByOthers(path) && { isExposed: true }) }
}

function parse(text: string, where: string, { describeWeakness }: MasterSecretSources): MasterSecrets {
  const parts = text
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
  for (const [index, part] of parts.entries()) {
    const weakness =
      part.length < MASTER_SECRET_LENGTH_MIN
        ? `is only ${part.length} characters long, at least ${MASTER_SECRET_LENGTH_MIN} are needed`
        : describeWeakness(part)
    const which = parts.length === 1 ? 'the master secret' : `the master secret number ${index + 1}`
    if (weakness !== undefined) throw new MasterSecretError(`${where}: ${which} ${weakness}: ${HOW_TO_MAKE}`)
  }
  if (parts.length > SECRETS_MAX)
    throw new MasterSecretError(`${where}: ${parts.length} master secrets, at most ${SECRETS_MAX} are read.`)
  const [first, ...others] = [...new Set(parts)].map((part) => new Secret(part))
  if (first === undefined) throw new MasterSecretError(`${where}: no master secret is in it: ${HOW_TO_MAKE}`)
  return [first, ...others]
}

const HOW_TO_MAKE =
  'make one with: node -p "crypto.randomBytes(32).toString(\'base64url\')", and keep the old one behind it, after a comma, if it was ever in use'

/**
 * Makes the file where it does not exist; whether it did. It appears whole or not at all, so two processes that start at
 * once use the same secret: the one that comes second finds the file of the first.
 */
function makeFile({ path, describeWeakness }: MasterSecretSources): boolean {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return false
  const secret = `${drawSecret(describeWeakness)}\n`
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    writeNew(draft, secret)
    return publish(draft, path, secret)
  } catch (error) {
    throw new MasterSecretError(
      `${path}: the master secret cannot be written there (${codeOf(error)}): make the folder writable, or set ${MASTER_SECRET_VARIABLE}.`,
      { cause: error },
    )
  } finally {
    rmSync(draft, { force: true })
  }
}

/** One in a million spells a word that its own check would refuse. */
function drawSecret(describeWeakness: MasterSecretSources['describeWeakness']): string {
  for (;;) {
    const drawn = randomBytes(GENERATED_BYTES).toString('base64url')
    if (describeWeakness(drawn) === undefined) return drawn
  }
}

/** A link never replaces what is there. */
function publish(draft: string, path: string, secret: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
  }
  // Some file systems know no links.
  try {
    writeNew(path, secret)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function writeNew(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  chmodSync(path, 0o600)
}

function readFile(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > FILE_BYTES_MAX)
      throw new MasterSecretError(`${path}: ${size} bytes are no master secret: ${HOW_TO_MAKE}`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof MasterSecretError) throw error
    throw new MasterSecretError(
      `${path}: the master secret cannot be read (${codeOf(error)}): give this user the right to, or set ${MASTER_SECRET_VARIABLE}.`,
      { cause: error },
    )
  }
}

function isReadableByOthers(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
