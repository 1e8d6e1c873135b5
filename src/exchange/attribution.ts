/**
 * Whom a request is for, as its client says it in headers, and where none does in the body: the end user, the session,
 * tags. Programs that come from another gateway keep saying it in that one's words. What is said is bounded, and plain text
 * wherever it shows up later.
 */

import type { BodyAttribution } from '../dialects/dialect.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Attribution } from '../ledger/entry.ts'
import { endUserName, sessionName, tagName } from '../ledger/said-names.ts'
import { headerText } from '../std/header-text.ts'
import { isJsonObject, parseJson } from '../std/json.ts'
import { sessionOf } from './session.ts'

/** The part of an attribution that the client itself says. */
export type SaidAttribution = Pick<Attribution, 'endUser' | 'sessionId' | 'tags'>

/** Tags of a request; the first ones said count. */
export const TAGS_MAX = 16
/** Characters of a header that holds JSON; a longer one is not read. */
const METADATA_LENGTH_MAX = 4_096

const NO_TAGS: readonly string[] = Object.freeze([])
/** Of a request that says nothing. */
export const NOTHING_SAID: SaidAttribution = Object.freeze({ tags: NO_TAGS })

type Headers = Exchange['headers']

/** The most telling first. The last ones are LiteLLM's and Helicone's. */
const USER_HEADERS = [
  'x-holdfast-user',
  'x-litellm-end-user-id',
  'x-litellm-customer-id',
  'helicone-user-id',
] as const
const OWN_SESSION_HEADERS = ['x-holdfast-session', 'helicone-session-id'] as const
/**
 * Portkey's: its client gives one id to all calls of one task, and at times one to each, so that whatever else names a session
 * counts before it. (https://portkey.ai/docs/product/observability/traces)
 */
const TRACE_HEADERS = ['x-portkey-trace-id'] as const
const TAG_HEADERS = ['x-holdfast-tags', 'x-litellm-tags'] as const
/** Cloudflare's and Portkey's: a JSON object of short texts, of which `_user` is the user. */
const METADATA_HEADERS = ['cf-aig-metadata', 'x-portkey-metadata'] as const
const METADATA_USER = '_user'
/** Helicone's: the name of the header goes on with the name of the tag. */
const PROPERTY_PREFIX = 'helicone-property-'

/** `inBody`: what the body says, where it says something; a header counts before it. */
export function attributionOf(headers: Headers, inBody?: BodyAttribution): SaidAttribution {
  if (inBody === undefined && !saysSomething(headers)) {
    const sessionId = sessionOf(headers)
    return sessionId === undefined ? NOTHING_SAID : { sessionId, tags: NO_TAGS }
  }
  const sessionId = firstName(headers, OWN_SESSION_HEADERS, sessionName) ?? sessionOf(headers)
  const session =
    sessionId ?? nameIn(inBody?.sessionId, sessionName) ?? firstName(headers, TRACE_HEADERS, sessionName)
  const metadata = readMetadata(headers)
  const endUser = endUserOf(headers, metadata) ?? nameIn(inBody?.endUser, endUserName)
  const tags = tagsOf(headers, metadata)
  if (session === undefined && endUser === undefined && tags === NO_TAGS) return NOTHING_SAID
  return {
    ...(endUser !== undefined && { endUser }),
    ...(session !== undefined && { sessionId: session }),
    tags,
  }
}

/** One walk over the names, since most requests have none of these: cheaper than a look for each. */
function saysSomething(headers: Headers): boolean {
  for (const name in headers) {
    const first = name.charCodeAt(0)
    if (first !== LETTER_X && first !== LETTER_H && first !== LETTER_C) continue
    if (name.startsWith(PROPERTY_PREFIX) || WORDS.has(name)) return true
  }
  return false
}

const LETTER_C = 0x63
const LETTER_H = 0x68
const LETTER_X = 0x78
const WORDS: ReadonlySet<string> = new Set([
  ...USER_HEADERS,
  ...OWN_SESSION_HEADERS,
  ...TRACE_HEADERS,
  ...TAG_HEADERS,
  ...METADATA_HEADERS,
])

type Metadata = readonly (readonly [name: string, value: string])[]
const NO_METADATA: Metadata = []

function endUserOf(headers: Headers, metadata: Metadata): string | undefined {
  return (
    firstName(headers, USER_HEADERS, endUserName) ??
    nameIn(metadata.find(([name]) => name === METADATA_USER)?.[1], endUserName)
  )
}

type NameOf = (said: string) => string

function firstName(headers: Headers, names: readonly string[], nameOf: NameOf): string | undefined {
  for (const header of names) {
    const value = headers[header]
    const name = value === undefined ? undefined : nameIn(textOf(value), nameOf)
    if (name !== undefined) return name
  }
  return undefined
}

/** `undefined` where nothing is said, or nothing but space. */
function nameIn(said: string | undefined, nameOf: NameOf): string | undefined {
  return said === undefined ? undefined : nameOf(said) || undefined
}

function readMetadata(headers: Headers): Metadata {
  const values = METADATA_HEADERS.map((name) => headers[name])
  if (values.every((value) => value === undefined)) return NO_METADATA
  return values.flatMap((value) => parseMetadata(textOf(value)))
}

function parseMetadata(text: string): Metadata {
  if (text === '' || text.length > METADATA_LENGTH_MAX) return NO_METADATA
  const parsed = parseJson(text)
  if (!isJsonObject(parsed)) return NO_METADATA
  return Object.entries(parsed).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[name, String(value)] as const]
      : [],
  )
}

function tagsOf(headers: Headers, metadata: Metadata): readonly string[] {
  let tags: Set<string> | undefined
  const add = (text: string) => {
    const tag = tagName(text)
    if (tag === '') return
    tags ??= new Set()
    if (tags.size < TAGS_MAX) tags.add(tag)
  }
  for (const name of TAG_HEADERS) {
    const value = headers[name]
    if (value !== undefined) textOf(value).split(',').forEach(add)
  }
  for (const name in headers) {
    if (!name.startsWith(PROPERTY_PREFIX) || name.length === PROPERTY_PREFIX.length) continue
    add(nameAndValue(name.slice(PROPERTY_PREFIX.length), textOf(headers[name])))
  }
  for (const [name, value] of metadata) if (name !== METADATA_USER) add(nameAndValue(name, value))
  return tags === undefined ? NO_TAGS : [...tags].sort()
}

function nameAndValue(name: string, value: string): string {
  return value.trim() === '' ? name.trim() : `${name.trim()}:${value.trim()}`
}

/** Node gives a header that came several times as one text, or as a list. */
function textOf(value: Headers[string]): string {
  if (value === undefined) return ''
  return headerText(typeof value === 'string' ? value : value.join(','))
}
