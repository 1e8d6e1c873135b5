/**
 * Links by which a person signs in once: 256 random bits, kept as a hash, good for a quarter of an hour. Where a link
 * leads, a page with a button is shown; only the button uses it up, so programs that look ahead at links burn nothing.
 */

import type { Role, UserId } from '../../keys/records.ts'
import type { Clock } from '../../std/clock.ts'
import type { IdSource } from '../../std/ids.ts'
import { beginLifetime, isOver, type Lifetime } from './lifetime.ts'
import { drawToken, hashToken, isTokenForm } from './random-token.ts'

/** How long a link is good for, ms. */
export const SIGN_IN_LINK_MS = 15 * 60_000
/** Links that wait to be used; the oldest make room. */
const LINKS_MAX = 256

/** Who signs in: a user on record, or somebody of a role who is none (the first owner). */
export type SignInGrant =
  | { readonly kind: 'user'; readonly userId: UserId }
  | { readonly kind: 'role'; readonly role: Role }

export interface SignInLink {
  /** To be put behind the address of the admin listener. Holds the token: show it to its receiver and to nobody else. */
  readonly path: string
  /** Wall clock, ms. */
  readonly expiresAtMs: number
}

/** A grant that was used; the id names the link in the audit log. */
export interface UsedLink {
  readonly id: string
  readonly grant: SignInGrant
  readonly lifetime: Lifetime
}

export class SignInLinks {
  readonly #clock: Clock
  readonly #ids: IdSource
  /** By the hash of the token. */
  readonly #waiting = new Map<string, UsedLink>()

  constructor({ clock, ids }: { readonly clock: Clock; readonly ids: IdSource }) {
    this.#clock = clock
    this.#ids = ids
  }

  make(grant: SignInGrant): SignInLink {
    const token = drawToken(this.#ids)
    const lifetime = beginLifetime(this.#clock, SIGN_IN_LINK_MS)
    this.#makeRoom()
    this.#waiting.set(hashToken(token), { id: this.#ids.next('link_'), grant, lifetime })
    return { path: `/sign-in?token=${token}`, expiresAtMs: lifetime.endsAtWallMs }
  }

  /** Uses a link up; `undefined` where there is none, or none any more. */
  use(token: string): UsedLink | undefined {
    if (!isTokenForm(token)) return undefined
    const hash = hashToken(token)
    const link = this.#waiting.get(hash)
    this.#waiting.delete(hash)
    return link === undefined || isOver(link.lifetime, this.#clock) ? undefined : link
  }

  /** Nothing came of its use: it is good again, as long as it would have been. */
  giveBack(token: string, link: UsedLink): void {
    this.#waiting.set(hashToken(token), link)
  }

  #makeRoom(): void {
    for (const [hash, { lifetime }] of this.#waiting) {
      if (this.#waiting.size < LINKS_MAX && !isOver(lifetime, this.#clock)) return
      this.#waiting.delete(hash)
    }
  }
}
