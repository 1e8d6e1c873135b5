/** Who is signed in with a browser: in memory, for a fixed time from the sign-in on (SEC-54). */

import type { Role, UserId } from '../../keys/records.ts'
import type { Clock } from '../../std/clock.ts'
import type { IdSource } from '../../std/ids.ts'
import { beginLifetime, isOver, type Lifetime } from './lifetime.ts'
import { drawToken, hashToken } from './random-token.ts'
import type { UsedLink } from './sign-in.ts'

/** From the sign-in on, whatever is done meanwhile, ms. */
export const SESSION_MS = 12 * 3_600_000
/** The oldest make room. */
const SESSIONS_MAX = 1_000

export interface Session {
  /** Of the link it began with: what the audit log calls somebody who is no user. */
  readonly linkId: string
  /** Looked up at every request, so that a user who is disabled is out at once. */
  readonly userId?: UserId
  /** Of somebody who is no user. */
  readonly role?: Role
  /** What a change must bring along, to show that it comes from a page of ours. */
  readonly csrfToken: string
  readonly lifetime: Lifetime
}

export class Sessions {
  readonly #clock: Clock
  readonly #ids: IdSource
  /** By the hash of the token, the oldest first. */
  readonly #sessions = new Map<string, Session>()

  constructor({ clock, ids }: { readonly clock: Clock; readonly ids: IdSource }) {
    this.#clock = clock
    this.#ids = ids
  }

  /** The token goes into the cookie and is known nowhere else. */
  begin({ id, grant }: Pick<UsedLink, 'id' | 'grant'>): {
    readonly token: string
    readonly session: Session
  } {
    const token = drawToken(this.#ids)
    const session: Session = {
      linkId: id,
      ...(grant.kind === 'user' ? { userId: grant.userId } : { role: grant.role }),
      csrfToken: drawToken(this.#ids),
      lifetime: beginLifetime(this.#clock, SESSION_MS),
    }
    this.#makeRoom()
    this.#sessions.set(hashToken(token), session)
    return { token, session }
  }

  find(token: string): Session | undefined {
    const hash = hashToken(token)
    const session = this.#sessions.get(hash)
    if (session === undefined || !isOver(session.lifetime, this.#clock)) return session
    this.#sessions.delete(hash)
    return undefined
  }

  end(token: string): void {
    this.#sessions.delete(hashToken(token))
  }

  #makeRoom(): void {
    for (const [hash, { lifetime }] of this.#sessions) {
      if (this.#sessions.size < SESSIONS_MAX && !isOver(lifetime, this.#clock)) return
      this.#sessions.delete(hash)
    }
  }
}
