/** Signing in and out with a browser, and the page at the root. Nothing here takes or shows a key. */

import { createRoute } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import type { AdminRoute } from './access.ts'
import { rolesOf } from './access.ts'
import {
  callerOfSession,
  checkCsrfToken,
  checkSameOrigin,
  failedAttempt,
  sessionCookieName,
  sessionTokenOf,
} from './caller.ts'
import { limitBody } from './limit-body.ts'
import { type AdminEnv, type Mounting, operationIdOf } from './mount.ts'
import { refusedPage, signInPage, strangerPage, welcomePage } from './pages.ts'
import { AdminProblem } from './problem.ts'
import { SESSION_MS } from './sessions.ts'
import type { UsedLink } from './sign-in.ts'

type AdminContext = Context<AdminEnv>

export function mountSignIn(mounting: Mounting): void {
  const { app } = mounting
  app.openapi(pageRoute('GET /', 'What this listener is, and who is signed in.'), (context) =>
    context.html(rootPage(context, mounting)),
  )
  app.openapi(
    pageRoute('GET /sign-in', 'Where a sign-in link leads; looking at it uses nothing up.'),
    (context) => context.html(signInPage(context.req.query('token') ?? '')),
  )
  app.openapi(pageRoute('POST /sign-in', 'Uses a sign-in link up and begins a session.'), (context) =>
    signIn(context, mounting),
  )
  app.openapi(pageRoute('POST /sign-out', 'Ends the session.'), (context) => signOut(context, mounting))
}

/** In the document like every other route; what they take is a form, looked at by hand. */
function pageRoute(route: AdminRoute, summary: string) {
  if (rolesOf(route) !== 'open') throw new Error(`${route} is not open in access.ts.`)
  const [method = '', path = ''] = route.split(' ')
  return createRoute({
    // Sound: these routes have no other method.
    method: method.toLowerCase() as 'get' | 'post',
    path,
    operationId: operationIdOf(method.toLowerCase(), path),
    summary,
    tags: ['sign-in'],
    middleware: [limitBody],
    responses: {
      200: { description: 'A page.' },
      303: { description: 'To the page at the root.' },
      default: { description: 'A page that says why not.' },
    },
  })
}

function rootPage(context: AdminContext, { rooms, sessions }: Mounting) {
  const token = sessionTokenOf(context.env.incoming)
  const session = token === undefined ? undefined : sessions.find(token)
  const directory = rooms.directory.current
  const caller = session === undefined ? undefined : callerOfSession(session, directory)
  if (session === undefined || caller === undefined) return strangerPage()
  const user = directory?.users.find(({ id }) => id === caller.userId)
  return welcomePage({ name: user?.name ?? caller.role, role: caller.role, csrfToken: session.csrfToken })
}

async function signIn(context: AdminContext, { rooms, sessions }: Mounting): Promise<Response> {
  const request = context.env.incoming
  checkSameOrigin(request)
  const presented = await formField(context, 'token')
  const link = rooms.signInLinks.use(presented)
  const actor = link === undefined ? undefined : actorOf(link, rooms.directory.current)
  if (link === undefined || actor === undefined) return refuse(context, failedAttempt(request, rooms))
  try {
    await rooms.store.note({ atMs: rooms.clock.wallMs(), actor, action: 'sign-in', subject: link.id })
  } catch (error) {
    // Nobody is signed in without an audit line; when the store answers again, the link works.
    rooms.signInLinks.giveBack(presented, link)
    throw error
  }
  const earlier = sessionTokenOf(request)
  if (earlier !== undefined) sessions.end(earlier)
  const { token } = sessions.begin(link)
  setCookie(context, sessionCookieName(request), token, {
    path: '/',
    httpOnly: true,
    sameSite: 'Strict',
    maxAge: SESSION_MS / 1_000,
  })
  return context.redirect('/', 303)
}

async function signOut(context: AdminContext, { rooms, sessions }: Mounting): Promise<Response> {
  const request = context.env.incoming
  const token = sessionTokenOf(request)
  const session = token === undefined ? undefined : sessions.find(token)
  if (token !== undefined && session !== undefined) {
    checkSameOrigin(request)
    checkCsrfToken(session, request.headers['x-csrf-token'] ?? (await formField(context, 'csrf_token')))
    sessions.end(token)
    const actor = session.userId === undefined ? `token:${session.linkId}` : `user:${session.userId}`
    await rooms.store.note({
      atMs: rooms.clock.wallMs(),
      actor,
      action: 'sign-out',
      subject: session.linkId,
    })
  }
  deleteCookie(context, sessionCookieName(request), { path: '/' })
  return context.redirect('/', 303)
}

/** `undefined` where the user of the link is gone. */
function actorOf(
  { id, grant }: UsedLink,
  directory: Parameters<typeof callerOfSession>[1],
): string | undefined {
  if (grant.kind === 'role') return `token:${id}`
  const user = directory?.users.find((other) => other.id === grant.userId)
  return user === undefined || user.disabledAtMs !== undefined ? undefined : `user:${user.id}`
}

function refuse(context: AdminContext, problem: AdminProblem): Response | Promise<Response> {
  const message =
    problem.code === 'too_many_attempts'
      ? 'Too many sign-ins failed from this address. Wait a little.'
      : 'This sign-in link was used before, is older than a quarter of an hour, or was never made. Ask for another one.'
  return context.html(refusedPage(message), problem.row.status, { ...problem.headers })
}

async function formField(context: AdminContext, name: string): Promise<string> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded\b/i.test(type))
    throw new AdminProblem('unsupported_media_type', 'This takes the form of its page.')
  return new URLSearchParams(await context.req.text()).get(name) ?? ''
}
