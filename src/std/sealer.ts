/**
 * What must not be read by whoever finds the disk is sealed: AES-256-GCM under a key derived from the master secret. A
 * seal is bound to its context, so that it cannot be moved to another place, and opens whole or not at all (SEC-26).
 */

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { Secret } from './secret.ts'

/** The first is used for what is sealed from now on; the others still open what they sealed. */
export type MasterSecrets = readonly [Secret, ...(readonly Secret[])]

/** The part of a sealer that keeps bytes: what is all that most rooms need of it. */
export interface ByteSealer {
  seal(plain: Uint8Array, context: string): Uint8Array
  /** Throws where the bytes are no seal of ours, or of another context. */
  open(sealed: Uint8Array, context: string): Uint8Array
}

export interface Sealer extends ByteSealer {
  /**
   * `context` says what the bytes are and whose, by an id (`answer:resp_1`): the same one opens them. With random nonces,
   * seal at most 2^32 times under one master secret (NIST SP 800-38D, 8.3).
   */
  seal(plain: Uint8Array, context: string): Buffer
  /** Throws a `SealError` where the bytes are no seal, or of another master secret, another context, or changed. */
  open(sealed: Uint8Array, context: string): Buffer
  /**
   * The place of the master secret that the bytes were sealed under, 0 the first; `undefined` where it is not at hand, and
   * for what no seal of ours is. The first `SEAL_HEADER_BYTES` of them are enough.
   */
  placeOf(sealed: Uint8Array): number | undefined
  /** 32 bytes for another purpose, from the first master secret; nothing of another purpose can be learned from them. */
  deriveKey(purpose: string): Buffer
  /** The same from every master secret, in their order: for what must still be recognised after a rotation. */
  deriveKeys(purpose: string): readonly [Buffer, ...(readonly Buffer[])]
}

export type SealFailure =
  /** Too short, or of a version that is not known. */
  | 'not-a-seal'
  /** Sealed under a master secret that is not among those at hand. */
  | 'unknown-key'
  /** Changed since, or sealed for another context. */
  | 'not-authentic'

/** Why a seal does not open; nothing of what it holds is given away. */
export class SealError extends Error {
  override readonly name = 'SealError'
  readonly reason: SealFailure

  constructor(reason: SealFailure, message: string) {
    super(message)
    this.reason = reason
  }
}

/** version (1 byte), key id (8), nonce (12), the sealed bytes, tag (16). */
const VERSION = 1
const KEY_ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Of a seal, by which the master secret is told: bytes. */
export const SEAL_HEADER_BYTES = 1 + KEY_ID_BYTES
const NONCE_END = SEAL_HEADER_BYTES + NONCE_BYTES
/** Bytes that a seal is longer than what it holds. */
export const SEAL_OVERHEAD_BYTES = NONCE_END + TAG_BYTES

const CIPHER = 'aes-256-gcm'
const DERIVED_BYTES = 32

interface SealingKey {
  /** Version and key id, as every seal of this key begins. */
  readonly header: Buffer
  readonly key: KeyObject
}

export function createSealer(secrets: MasterSecrets): Sealer {
  const [first, ...older] = secrets
  const newest = sealingKey(first)
  const keys = [newest, ...older.map(sealingKey)]
  return {
    seal: (plain, context) => seal(plain, context, newest),
    open(sealed, context) {
      refuseOther(sealed)
      const key = keys.find((candidate) => isSealedWith(sealed, candidate))
      if (key === undefined)
        throw new SealError(
          'unknown-key',
          'It was sealed under another master secret: give that one too, after the new one, separated by a comma.',
        )
      return open(sealed, context, key)
    },
    placeOf(sealed) {
      const place = keys.findIndex((key) => isSealedWith(sealed, key))
      return place === -1 ? undefined : place
    },
    deriveKey: (purpose) => derive(first, purpose),
    deriveKeys: (purpose) => [derive(first, purpose), ...older.map((secret) => derive(secret, purpose))],
  }
}

function sealingKey(secret: Secret): SealingKey {
  const id = derive(secret, 'seal-key-id').subarray(0, KEY_ID_BYTES)
  return {
    header: Buffer.concat([Buffer.from([VERSION]), id]),
    key: createSecretKey(derive(secret, 'seal')),
  }
}

/** HKDF-SHA-256 without a salt: the secrets are random themselves (RFC 5869, 3.1). */
function derive(secret: Secret, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret.reveal(), '', `holdfast/1/${purpose}`, DERIVED_BYTES))
}

function seal(plain: Uint8Array, context: string, { header, key }: SealingKey): Buffer {
  const nonce = nextNonce()
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(authenticated(header, context))
  const body = cipher.update(plain)
  const rest = cipher.final()
  return Buffer.concat([header, nonce, body, rest, cipher.getAuthTag()])
}

/** Drawn many at a time: asking the system for twelve bytes costs more than sealing them. None is given twice. */
const NONCES = 256
let nonces = Buffer.alloc(0)

function nextNonce(): Buffer {
  if (nonces.length === 0) nonces = randomBytes(NONCES * NONCE_BYTES)
  const nonce = nonces.subarray(0, NONCE_BYTES)
  nonces = nonces.subarray(NONCE_BYTES)
  return nonce
}

function open(sealed: Uint8Array, context: string, { header, key }: SealingKey): Buffer {
  const nonce = sealed.subarray(SEAL_HEADER_BYTES, NONCE_END)
  const tagStart = sealed.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(authenticated(header, context))
  decipher.setAuthTag(sealed.subarray(tagStart))
  // What `update` gives is not trusted, and goes nowhere, before `final` has found the tag right.
  const plain = decipher.update(sealed.subarray(NONCE_END, tagStart))
  try {
    return Buffer.concat([plain, decipher.final()])
  } catch {
    plain.fill(0)
    throw new SealError('not-authentic', 'It was changed after it was sealed, or sealed for another place.')
  }
}

function authenticated(header: Buffer, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(context)])
}

function isSeal(sealed: Uint8Array): boolean {
  return sealed.length >= SEAL_OVERHEAD_BYTES && sealed[0] === VERSION
}

function refuseOther(sealed: Uint8Array): void {
  if (isSeal(sealed)) return
  throw new SealError(
    'not-a-seal',
    sealed.length < SEAL_OVERHEAD_BYTES
      ? `It is no seal: ${sealed.length} bytes, and the shortest has ${SEAL_OVERHEAD_BYTES}.`
      : `It is a seal of version ${sealed[0]}, and this program opens version ${VERSION}.`,
  )
}

function isSealedWith(sealed: Uint8Array, { header }: SealingKey): boolean {
  return header.equals(sealed.subarray(0, SEAL_HEADER_BYTES))
}
