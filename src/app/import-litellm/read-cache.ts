/** `cache` and `cache_params`: whether every route gives answers again, and for how long. */

import { CACHE_TTL_MAX_MS, CACHE_TTL_MS } from '../../cache/config-schema.ts'
import { writeDuration } from '../../std/config-values.ts'
import type { Fields, Findings } from './findings.ts'

export interface CacheDraft {
  readonly default: true | { readonly ttl: string }
}

/** `undefined` where no answer is given again unless a request asks for it. */
export function readCache(settings: Fields, findings: Findings): CacheDraft | undefined {
  const isOn = settings.flag('cache')
  const params = settings.map('cache_params')
  if (isOn !== true) {
    if (isOn === false) findings.maps(settings.at('cache'), UNASKED)
    for (const name of params?.names ?? [])
      findings.cannot(params?.at(name) ?? settings.place, 'means nothing while cache is not true')
    return undefined
  }
  const isAsked = params?.text('mode') === 'default_off'
  const ttl = params === undefined ? undefined : ttlOf(params, findings)
  if (params !== undefined) sayParams(params, findings)
  if (isAsked) {
    findings.changes(settings.at('cache'), UNASKED)
    return undefined
  }
  const draft: CacheDraft = { default: ttl === undefined ? true : { ttl } }
  const said = ttl === undefined ? 'true' : `{ ttl: ${ttl} }`
  const length = ttl === undefined ? `, for ${writeDuration(CACHE_TTL_MS)}` : ''
  findings.changes(
    settings.at('cache'),
    `cache: { default: ${said} }: every route gives an answer again to the client key that paid for it${length}`,
  )
  return draft
}

const UNASKED = 'answers are given again where a route says so (cache), or a request: x-holdfast-cache: on'

const ttls = ['ttl', 'default_in_redis_ttl', 'default_in_memory_ttl']
const TTL_MIN_MS = 1_000

function ttlOf(params: Fields, findings: Findings): string | undefined {
  let found: string | undefined
  for (const name of ttls) {
    const seconds = params.number(name)
    if (seconds === undefined) continue
    if (found !== undefined) {
      findings.cannot(params.at(name), `there is one time for all that is kept: ${found}`)
      continue
    }
    const ms = seconds * 1_000
    const bounded = Math.round(Math.min(CACHE_TTL_MAX_MS, Math.max(TTL_MIN_MS, ms)))
    found = writeDuration(bounded)
    if (bounded === ms) findings.maps(params.at(name), `ttl: ${found}`)
    else findings.changes(params.at(name), `ttl: ${found}, the nearest there is`)
  }
  return found
}

const STORE = 'what is kept is in the store of the gateway: nothing else is needed'
const SEMANTIC =
  'questions in other words get the same answer where a route or cache.default says semantic, with embeddings and verify (docs/idempotency-and-cache.md)'

function sayParams(params: Fields, findings: Findings): void {
  for (const name of params.names) {
    if (ttls.includes(name) || !params.has(name)) continue
    const at = params.at(name)
    if (name === 'mode') findings.maps(at, 'whether it is on unless a request says otherwise')
    else if (name === 'type' && params.text(name)?.includes('semantic') === true)
      findings.cannot(at, SEMANTIC)
    else if (name.startsWith('similarity') || name.includes('semantic')) findings.cannot(at, SEMANTIC)
    else if (name === 'supported_call_types')
      findings.cannot(at, 'is not chosen by operation: write cache: false at a route that is to have none')
    else findings.cannot(at, STORE)
  }
}
