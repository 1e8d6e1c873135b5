/** Which of a client's headers travel on to a target of the same dialect: an allow-list, each with a length cap (SEC-33). */

/** A longer value is left behind. */
export const FORWARDED_HEADER_LENGTH_MAX = 4_096

/** Whatever a dialect may allow, these never travel: they are the client's secrets, or belong to one connection (SEC-24, fault 102). */
const neverForwarded = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'host',
  'connection',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'content-encoding',
  'forwarded',
])

export type HeaderFilter = (
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
) => Record<string, string>

/** Compiles an allow-list; an entry that ends in `*` matches a prefix. */
export function createHeaderFilter(allowed: readonly string[]): HeaderFilter {
  const names = new Set(allowed.filter((name) => !name.endsWith('*')))
  const prefixes = allowed.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  const isAllowed = (name: string) =>
    !neverForwarded.has(name) && (names.has(name) || prefixes.some((prefix) => name.startsWith(prefix)))
  return (headers) => {
    const forwarded: Record<string, string> = {}
    for (const name in headers) {
      const value = headers[name]
      if (typeof value === 'string' && value.length <= FORWARDED_HEADER_LENGTH_MAX && isAllowed(name)) {
        forwarded[name] = value
      }
    }
    return forwarded
  }
}
