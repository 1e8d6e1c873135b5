/** Tokens of 256 random bits, kept as hashes: who reads the memory of what is kept cannot use it. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IdSource } from '../../std/ids.ts'

const FORM = /^[0-9a-f]{64}$/

/** Two ids of 128 bits. */
export function drawToken(ids: IdSource): string {
  return ids.next('') + ids.next('')
}

/** Whether the text can be one; nothing else is ever written into a page. */
export function isTokenForm(text: string): boolean {
  return FORM.test(text)
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** In a time that tells nothing of either (SEC-10). */
export function areEqualTokens(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(hashToken(one)), Buffer.from(hashToken(other)))
}
