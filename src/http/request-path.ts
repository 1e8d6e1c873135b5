/**
 * The one reading of a request target: what it returns is routed, and what is routed decides who may pass, so no two
 * readings can disagree (SEC-14). Nothing is decoded and no dot segment is resolved: a strange path is no path.
 */

const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i

/** Characters a path of ours can have, percent signs included; no `;`, no backslash, no control character. */
const PLAIN_PATH = /^[A-Za-z0-9/._~%:@!$&'()*+,=-]*$/

const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i

/** The path alone, slashes single, no slash at its end except for the root; `undefined` where the target is no plain path. */
export function readPath(target: string): string | undefined {
  const absolute = target.startsWith('/') ? undefined : ABSOLUTE_FORM.exec(target)
  if (absolute === null) return undefined
  const relative = absolute === undefined ? target : target.slice(absolute[0].length)
  const queryAt = relative.indexOf('?')
  const path = queryAt === -1 ? relative : relative.slice(0, queryAt)
  if (!PLAIN_PATH.test(path)) return undefined
  const single = path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
  if (DOT_SEGMENT.test(single)) return undefined
  if (single === '' || single === '/') return '/'
  return single.endsWith('/') ? single.slice(0, -1) : single
}
