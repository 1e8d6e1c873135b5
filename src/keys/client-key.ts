/** Where a client's key travels: every place real clients put it, on every route. */

/** Lower-case names, as Node's HTTP server gives them. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Anthropic's, Azure's and Google's headers, in the order in which they count after a bearer token. */
const KEY_HEADERS = ['x-api-key', 'api-key', 'x-goog-api-key'] as const
const BEARER_SCHEME = /^bearer[ \t]+/i

/**
 * The key a request carries, or `undefined`. An empty one is none: some SDKs send a blank token beside the real one.
 * `target` is the request's path and query: Google's older clients put the key there (`?key=`).
 */
export function clientKeyOf(headers: Headers, target = ''): string | undefined {
  return (
    bearerToken(headers['authorization']) ??
    KEY_HEADERS.map((name) => textOf(headers[name])).find(isPresent) ??
    keyInQuery(target)
  )
}

function keyInQuery(target: string): string | undefined {
  const at = target.indexOf('?')
  if (at === -1 || !target.includes('key=', at)) return undefined
  return textOf(new URLSearchParams(target.slice(at + 1)).get('key') ?? undefined)
}

function bearerToken(header: string | readonly string[] | undefined): string | undefined {
  const value = textOf(header)
  if (value === undefined || !BEARER_SCHEME.test(value)) return undefined
  return value.replace(BEARER_SCHEME, '')
}

/** The header without surrounding space; `undefined` where it is blank or came more than once. */
function textOf(header: string | readonly string[] | undefined): string | undefined {
  const text = typeof header === 'string' ? header.trim() : ''
  return text === '' ? undefined : text
}

function isPresent(text: string | undefined): boolean {
  return text !== undefined
}
