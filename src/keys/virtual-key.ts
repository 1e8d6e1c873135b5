/**
 * How a key of ours looks: `sk-hf-`, 32 characters of chance (190 bits, SEC-9), and six of checksum, so that a guess or a
 * slip of the hand is known for one without a look at any list.
 */

import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Secret } from '../std/secret.ts'
import type { KeyRecord } from './records.ts'

export type KeyKind = KeyRecord['kind']

/** Those of the admin API begin so that nobody takes one for the other. */
export const KEY_PREFIXES = { data: 'sk-hf-', admin: 'sk-hf-admin-' } as const satisfies Record<
  KeyKind,
  string
>

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHANCE_LENGTH = 32
/** 62^6 is more than 2^32. */
const CHECKSUM_LENGTH = 6
const HINT_LENGTH = 4
const FORM = new RegExp(`^sk-hf-(admin-)?[0-9A-Za-z]{${CHANCE_LENGTH + CHECKSUM_LENGTH}}$`)
const LENGTH_MAX = KEY_PREFIXES.admin.length + CHANCE_LENGTH + CHECKSUM_LENGTH

/** A key nobody has had before. `draw` gives that many bytes of chance. */
export function mintKey(kind: KeyKind, draw: (bytes: number) => Uint8Array = randomBytes): Secret {
  const unchecked = KEY_PREFIXES[kind] + drawText(draw)
  return new Secret(unchecked + checksumOf(unchecked))
}

/** What kind of key the text is by its form; `undefined` where it cannot be one of ours. */
export function kindOfKey(text: string): KeyKind | undefined {
  if (text.length > LENGTH_MAX) return undefined
  const form = FORM.exec(text)
  if (form === null) return undefined
  const end = text.length - CHECKSUM_LENGTH
  if (text.slice(end) !== checksumOf(text.slice(0, end))) return undefined
  return form[1] === undefined ? 'data' : 'admin'
}

/** Whether the text has the form of a key of ours. Chance has it once in four thousand million times. */
export function isWellFormed(text: string): boolean {
  return kindOfKey(text) !== undefined
}

/** The end of a key, by which people tell theirs apart: characters of its checksum. */
export function hintOf(key: Secret): string {
  return key.reveal().slice(-HINT_LENGTH)
}

/** What a key record holds of its key: HMAC-SHA-256 under the pepper, base64url. */
export function hashKey(key: string, pepper: Uint8Array): string {
  return new KeyHasher(pepper).hash(key).toString('base64url')
}

const HASH_BYTES = 32
/** Of SHA-256; no pepper is longer. */
const BLOCK_BYTES = 64
/** Longer ones are no keys of ours, and get bytes of their own. */
const KEY_BYTES_KEPT = 256
/** What the mark of a pepper is the hash of: no key of ours looks like it. */
const MARK_OF = 'mark of this pepper'
const MARK_BYTES = 8
/** Of one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3

/**
 * HMAC-SHA-256 (RFC 2104) under one pepper, for the key of every request: two digests of one call each cost half of what
 * an object of `createHmac` does, and leave nothing to the garbage collector.
 */
export class KeyHasher {
  /** By which hashes under this pepper are told from those under another; it tells nothing of the pepper. */
  readonly mark: string
  readonly #inner = Buffer.alloc(BLOCK_BYTES + KEY_BYTES_KEPT)
  readonly #outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES)

  constructor(pepper: Uint8Array) {
    if (pepper.length > BLOCK_BYTES) throw new RangeError(`A pepper has ${BLOCK_BYTES} bytes at most.`)
    for (let place = 0; place < BLOCK_BYTES; place += 1) {
      const byte = pepper[place] ?? 0
      this.#inner[place] = byte ^ 0x36
      this.#outer[place] = byte ^ 0x5c
    }
    this.mark = this.hash(MARK_OF).subarray(0, MARK_BYTES).toString('hex')
  }

  hash(key: string): Buffer {
    this.#outer.write(hash('sha256', this.#innerOf(key), 'latin1'), BLOCK_BYTES, 'latin1')
    return hash('sha256', this.#outer, 'buffer')
  }

  #innerOf(key: string): Buffer {
    if (key.length * UTF8_BYTES_MAX > KEY_BYTES_KEPT)
      return Buffer.concat([this.#inner.subarray(0, BLOCK_BYTES), Buffer.from(key)])
    return this.#inner.subarray(0, BLOCK_BYTES + this.#inner.write(key, BLOCK_BYTES))
  }
}

/** A byte that would favour the first letters of the alphabet is drawn again. */
function drawText(draw: (bytes: number) => Uint8Array): string {
  const fairBelow = 256 - (256 % ALPHABET.length)
  let text = ''
  while (text.length < CHANCE_LENGTH) {
    for (const byte of draw(CHANCE_LENGTH)) {
      if (byte < fairBelow && text.length < CHANCE_LENGTH) text += ALPHABET.charAt(byte % ALPHABET.length)
    }
  }
  return text
}

function checksumOf(text: string): string {
  let rest = crc32(text)
  let checksum = ''
  for (let count = 0; count < CHECKSUM_LENGTH; count += 1) {
    checksum = ALPHABET.charAt(rest % ALPHABET.length) + checksum
    rest = Math.floor(rest / ALPHABET.length)
  }
  return checksum
}
