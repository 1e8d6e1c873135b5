/**
 * What the admin API answers where it does not do what it was asked: a code, what was wrong, and the next step. These
 * codes are for people who run the gateway; the table of `errors/` is for the path of requests and decides retries.
 */

interface ProblemRow {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 503 | 504
  readonly nextStep: string
}

/** Codes are stable and never reused. */
export const adminProblems = {
  invalid_request: { status: 400, nextStep: 'Correct the named field; /openapi.json describes each.' },
  unauthenticated: {
    status: 401,
    nextStep: 'Send an admin key as "Authorization: Bearer sk-hf-admin-...", or sign in with a sign-in link.',
  },
  permission_denied: { status: 403, nextStep: 'Ask somebody whose role allows it.' },
  csrf_token_missing: {
    status: 403,
    nextStep: 'Send the "csrf_token" of GET /api/v1/me as the header x-csrf-token.',
  },
  not_found: { status: 404, nextStep: 'List what there is, and use an id from there.' },
  path_not_found: { status: 404, nextStep: 'See /openapi.json for every path.' },
  method_not_allowed: { status: 405, nextStep: 'Use a method named in the Allow header.' },
  conflict: { status: 409, nextStep: 'Read what is there now, and decide anew.' },
  managed_by_file: { status: 409, nextStep: 'Change the file; a running gateway takes it over by itself.' },
  body_too_large: { status: 413, nextStep: 'Send a smaller body.' },
  unsupported_media_type: { status: 415, nextStep: 'Send JSON with "content-type: application/json".' },
  too_many_attempts: { status: 429, nextStep: 'Wait for the time in Retry-After, then use a good key.' },
  gateway_error: { status: 500, nextStep: 'See the log of the gateway, and report it if it stays.' },
  busy: { status: 503, nextStep: 'Try again when the reports that run are done.' },
  store_unavailable: { status: 503, nextStep: 'Try again; GET /api/v1/health says how the store is.' },
  too_slow: { status: 504, nextStep: 'Ask for less: a shorter time, fewer rows, fewer dimensions.' },
} as const satisfies Record<string, ProblemRow>

export type AdminProblemCode = keyof typeof adminProblems

/** Refuses a call of the admin API. The message holds no secrets and nothing a stranger could not know. */
export class AdminProblem extends Error {
  override readonly name = 'AdminProblem'
  readonly code: AdminProblemCode
  readonly headers: Readonly<Record<string, string>>

  constructor(code: AdminProblemCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.headers = headers
  }

  get row(): ProblemRow {
    return adminProblems[this.code]
  }
}

/** In the same words for what does not exist and for what the caller may not see (SEC-19). */
export function notFound(kind: string): AdminProblem {
  return new AdminProblem('not_found', `There is no such ${kind}.`)
}

export function invalid(field: string, what: string): AdminProblem {
  return new AdminProblem('invalid_request', `${field}: ${what}`)
}

export function problemBody(problem: AdminProblem) {
  return {
    error: { code: problem.code, message: problem.message, next_step: problem.row.nextStep },
  }
}
