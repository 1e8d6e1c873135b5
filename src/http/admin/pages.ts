/** The few pages that people see before there is a dashboard: plain HTML without script, every text escaped (SEC-54). */

import { html } from 'hono/html'
import { isTokenForm } from './random-token.ts'

type Page = ReturnType<typeof html>

/** Where a sign-in link leads. Only its button uses the link up. */
export function signInPage(token: string): Page {
  if (!isTokenForm(token))
    return frame(
      'Sign in',
      html`<p>This is no whole sign-in link. Copy all of it, up to its last character.</p>`,
    )
  return frame(
    'Sign in',
    html`<p>Sign in to this gateway with the link you followed. It works once.</p>
      <form method="post" action="/sign-in">
        <input type="hidden" name="token" value="${token}" />
        <button type="submit">Sign in</button>
      </form>`,
  )
}

export function refusedPage(message: string): Page {
  return frame('Not signed in', html`<p>${message}</p>`)
}

export function strangerPage(): Page {
  return frame(
    'Holdfast',
    html`<p>This is the admin listener of a Holdfast gateway.</p>
      <p>
        To sign in, open the sign-in link that the gateway printed at its first start, or ask an administrator for
        one. Programs send an admin key: <code>Authorization: Bearer sk-hf-admin-...</code>
      </p>
      <p><a href="/openapi.json">The API</a> · <a href="/status">Status</a> · <a href="/metrics">Metrics</a></p>`,
  )
}

export interface Welcome {
  readonly name: string
  readonly role: string
  readonly csrfToken: string
}

export function welcomePage({ name, role, csrfToken }: Welcome): Page {
  return frame(
    'Holdfast',
    html`<p>You are signed in as ${name} (${role}).</p>
      <ul>
        <li><a href="/openapi.json">The API</a></li>
        <li><a href="/api/v1/usage?by=model,day">Usage by model and day</a></li>
        <li><a href="/api/v1/keys">Keys</a></li>
        <li><a href="/api/v1/budgets">Budgets</a></li>
        <li><a href="/api/v1/requests">Requests</a></li>
        <li><a href="/api/v1/audit">Audit log</a></li>
        <li><a href="/api/v1/health">Health</a></li>
      </ul>
      <form method="post" action="/sign-out">
        <input type="hidden" name="csrf_token" value="${csrfToken}" />
        <button type="submit">Sign out</button>
      </form>`,
  )
}

function frame(title: string, content: Page): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html> `
}
