/** Who calls the admin API, and how that is found out: an admin key, or the session of a browser. */

import type { IncomingMessage } from 'node:http'
import { clientKeyOf } from '../../keys/client-key.ts'
import type { Directory, Role, UserId } from '../../keys/records.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { AdminProblem } from './problem.ts'
import { areEqualTokens, isTokenForm } from './random-token.ts'
import type { AdminRooms } from './rooms.ts'
import type { Session, Sessions } from './sessions.ts'

export interface Caller {
  /** As the audit log says it: `user:<id>`, `token:<id of a key or of a link>`. */
  readonly actor: string
  readonly role: Role
  readonly userId?: UserId
  /** Absent where a key was presented. */
  readonly session?: Session
}

/** Throws `unauthenticated` in the same words for everything that is not good, and `too_many_attempts` (SEC-18, SEC-19). */
export async function identify(
  request: IncomingMessage,
  rooms: AdminRooms,
  sessions: Sessions,
): Promise<Caller> {
  const presented = clientKeyOf(request.headers)
  if (presented !== undefined) return await callerOfKey(presented, request, rooms)
  const token = sessionTokenOf(request)
  if (token === undefined) throw unauthenticated()
  const session = sessions.find(token)
  const caller = session === undefined ? undefined : callerOfSession(session, rooms.directory.current)
  if (caller === undefined) throw failedAttempt(request, rooms)
  return caller
}

/** A change that a browser sends must show that a page of ours sent it: a page of another server of this machine counts as the same site. */
export function checkCsrf(request: IncomingMessage, caller: Caller): void {
  if (caller.session === undefined) return
  checkSameOrigin(request)
  checkCsrfToken(caller.session, request.headers['x-csrf-token'])
}

export function checkCsrfToken(session: Session, presented: unknown): void {
  if (typeof presented === 'string' && areEqualTokens(presented, session.csrfToken)) return
  throw new AdminProblem('csrf_token_missing', 'A change by a signed-in browser needs its CSRF token.')
}

export function checkSameOrigin({ headers }: IncomingMessage): void {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (!isForeign && (origin === undefined || origin === `http://${host}` || origin === `https://${host}`))
    return
  throw new AdminProblem('permission_denied', 'This comes from a page of another server.')
}

/** Counts the failure; what is to be thrown for it. */
export function failedAttempt(request: IncomingMessage, { guesses }: Pick<AdminRooms, 'guesses'>) {
  const judged = guesses.judge(
    new GatewayError('unauthenticated', 'No good credential was presented.'),
    request.socket.remoteAddress,
  )
  if (judged.code === 'unauthenticated') return unauthenticated()
  const seconds = Math.max(1, Math.ceil((judged.facts.retryAfterMs ?? 0) / 1_000))
  return new AdminProblem('too_many_attempts', 'Too many attempts failed from this address.', {
    'retry-after': String(seconds),
  })
}

/** Of its own for each port: browsers send a cookie to every port of a host. */
export function sessionCookieName(request: IncomingMessage): string {
  return `holdfast_session_${request.socket.localPort ?? 0}`
}

/** `undefined` where there is none of its form. */
export function sessionTokenOf(request: IncomingMessage): string | undefined {
  const name = `${sessionCookieName(request)}=`
  const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim())
  const token = cookies.find((cookie) => cookie.startsWith(name))?.slice(name.length)
  return token !== undefined && isTokenForm(token) ? token : undefined
}

/** `undefined` where the user is gone. */
export function callerOfSession(session: Session, directory: Directory | undefined): Caller | undefined {
  const { userId, role, linkId } = session
  if (userId === undefined)
    return role === undefined ? undefined : { actor: `token:${linkId}`, role, session }
  const user = directory?.users.find(({ id }) => id === userId)
  if (user === undefined || user.disabledAtMs !== undefined) return undefined
  return { actor: `user:${userId}`, role: user.role, userId, session }
}

async function callerOfKey(presented: string, request: IncomingMessage, rooms: AdminRooms): Promise<Caller> {
  try {
    const { keyId, role, userId } = await rooms.adminKeys.authenticateAdmin(presented)
    return { actor: `token:${keyId}`, role, ...(userId !== undefined && { userId }) }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    if (error.code === 'unauthenticated') throw failedAttempt(request, rooms)
    throw new AdminProblem(
      'store_unavailable',
      'The key is not known here, and the store of keys does not answer.',
    )
  }
}

function unauthenticated(): AdminProblem {
  return new AdminProblem(
    'unauthenticated',
    'This needs an admin key or a session, and none that is good came along.',
    {
      'www-authenticate': 'Bearer realm="holdfast admin"',
    },
  )
}
