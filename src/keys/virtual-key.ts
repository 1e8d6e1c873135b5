/**
 * How a key of ours looks: `sk-hf-`, 32 characters of chance (190 bits, SEC-9), and six of checksum, so that a guess or a
 * slip of the hand is known for one without a look at any list.
 */

import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
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
  return digestKey(key, pepperKey(pepper)).toString('base64url')
}

/** A pepper as node:crypto takes it the fastest. */
export function pepperKey(pepper: Uint8Array): KeyObject {
  return createSecretKey(pepper)
}

/** The bytes of the hash. */
export function digestKey(key: string, pepper: KeyObject): Buffer {
  return createHmac('sha256', pepper).update(key).digest()
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
