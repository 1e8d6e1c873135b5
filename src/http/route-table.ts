/** Every route in one table with what it needs (SEC-13): the method, who may pass, how large a body may be, what answers. */

import type { DialectId, Operation } from '../canonical/envelope.ts'
import { operationSpecs } from '../operations/index.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import type { HttpLimits } from './http-limits.ts'

export type Endpoint =
  | {
      readonly kind: 'inference'
      readonly operation: Operation
      readonly dialect: DialectId
      /** Whether the answer streams, where the path says it (Gemini) and not the body. */
      readonly streams?: boolean
    }
  | { readonly kind: 'kept-answer'; readonly act: KeptAnswerAct }
  | { readonly kind: 'operation'; readonly spec: OperationSpec }
  | { readonly kind: 'models' }
  | { readonly kind: 'model' }
  | { readonly kind: 'explanation' }
  | { readonly kind: 'metrics' }
  | { readonly kind: 'livez' }
  | { readonly kind: 'readyz' }
  | { readonly kind: 'greeting' }

/** What a client may do with an answer that is kept. */
export type KeptAnswerAct = 'read' | 'list-input' | 'cancel' | 'delete'

export interface HttpRoute {
  /** `GET` answers `HEAD` too. */
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** The path it is documented under. `*` is one segment, `**` one or more. */
  readonly path: string
  /** Other spellings that real clients send. */
  readonly aliases: readonly string[]
  /** `key`: only with a client key, where keys are configured. */
  readonly access: 'open' | 'key'
  /** 0: a body is not read. */
  readonly bodyBytesMax: number
  readonly endpoint: Endpoint
}

export type RouteMatch =
  | { readonly type: 'found'; readonly route: HttpRoute; readonly parameter?: string }
  | { readonly type: 'wrong-method'; readonly allow: string }
  | { readonly type: 'unknown' }

/** Where the API is looked for: a forgotten or a doubled version, and the prefixes of other gateways. */
const API_BASES = ['', '/v1/v1', '/openai/v1', '/openai', '/anthropic/v1', '/anthropic/v1/v1', '/anthropic']

/** Where Google's clients look for a model's methods; `v1` is the newer SDK's choice, and the last two are Vertex's. */
const GEMINI_BASES = [
  '/v1beta',
  '/v1',
  '/v1alpha',
  '/v1beta/v1beta',
  '/gemini/v1beta',
  '/gemini',
  '',
  '/v1beta1/publishers/google',
  '/v1/publishers/google',
]

const AZURE_DEPLOYMENT = '/openai/deployments/*'

/** The table. */
export function createRoutes(limits: HttpLimits): readonly HttpRoute[] {
  const inference = (path: string, dialect: DialectId, operation: Operation): HttpRoute => ({
    method: 'POST',
    ...apiPaths(path),
    access: 'key',
    bodyBytesMax: limits.bodyBytes,
    endpoint: { kind: 'inference', operation, dialect },
  })
  const reading = { method: 'GET', access: 'key', bodyBytesMax: 0 } as const
  const probe = { method: 'GET', access: 'open', bodyBytesMax: 0 } as const
  const inDeployment = (path: string, dialect: DialectId): HttpRoute => {
    const route = inference(path, dialect, 'chat')
    return { ...route, aliases: [...route.aliases, AZURE_DEPLOYMENT + path] }
  }
  const method = (name: string, operation: Operation, streams: boolean): HttpRoute => {
    const [path = '', ...bases] = GEMINI_BASES.map((base) => `${base}/models/**:${name}`)
    // Google's older SDK takes a model name with a slash for a whole path.
    const aliases = [...bases, `/v1beta/**:${name}`, `/v1/**:${name}`]
    const endpoint: Endpoint = { kind: 'inference', operation, dialect: 'gemini', streams }
    return { method: 'POST', path, aliases, access: 'key', bodyBytesMax: limits.bodyBytes, endpoint }
  }
  const keptAnswer = (verb: HttpRoute['method'], path: string, act: KeptAnswerAct): HttpRoute => ({
    ...reading,
    method: verb,
    ...apiPaths(path),
    endpoint: { kind: 'kept-answer', act },
  })
  return [
    inDeployment('/chat/completions', 'openai-chat'),
    inDeployment('/completions', 'openai-completions'),
    inference('/responses', 'openai-responses', 'chat'),
    inference('/responses/input_tokens', 'openai-responses', 'count-tokens'),
    inference('/messages', 'anthropic-messages', 'chat'),
    inference('/messages/count_tokens', 'anthropic-messages', 'count-tokens'),
    method('generateContent', 'chat', false),
    method('streamGenerateContent', 'chat', true),
    method('countTokens', 'count-tokens', false),
    keptAnswer('GET', '/responses/*/input_items', 'list-input'),
    keptAnswer('POST', '/responses/*/cancel', 'cancel'),
    keptAnswer('GET', '/responses/*', 'read'),
    keptAnswer('DELETE', '/responses/*', 'delete'),
    ...operationSpecs.map((spec) => operationRoute(spec, limits)),
    { ...reading, ...modelPaths('/models'), endpoint: { kind: 'models' } },
    { ...reading, ...modelPaths('/models/**'), endpoint: { kind: 'model' } },
    { ...reading, path: '/explain/*', aliases: [], endpoint: { kind: 'explanation' } },
    { ...reading, path: '/metrics', aliases: [], endpoint: { kind: 'metrics' } },
    { ...probe, path: '/livez', aliases: [], endpoint: { kind: 'livez' } },
    { ...probe, path: '/readyz', aliases: [], endpoint: { kind: 'readyz' } },
    { ...probe, path: '/', aliases: ['/api/hello', '/v1'], endpoint: { kind: 'greeting' } },
  ]
}

/** Google's clients look below versions of their own. */
function modelPaths(path: string): Pick<HttpRoute, 'path' | 'aliases'> {
  const known = apiPaths(path)
  const aliases = new Set([...known.aliases, ...GEMINI_BASES.map((base) => base + path)])
  return { ...known, aliases: [...aliases].filter((alias) => alias !== known.path) }
}

function operationRoute(spec: OperationSpec, limits: HttpLimits): HttpRoute {
  const { paths, aliases } = operationPaths(spec)
  const [path = '', ...others] = paths
  return {
    method: spec.method,
    path,
    aliases: [...others, ...aliases],
    access: 'key',
    bodyBytesMax: { json: limits.bodyBytes, form: limits.formBytes, none: 0 }[spec.body],
    endpoint: { kind: 'operation', spec },
  }
}

function operationPaths(spec: OperationSpec) {
  const isGoogles = spec.dialects[0] === 'gemini'
  if (isGoogles)
    return { paths: spec.clientPaths.flatMap((path) => GEMINI_BASES.map((base) => base + path)), aliases: [] }
  const known = spec.clientPaths.map(apiPaths)
  const isAzures = spec.placedBy === 'model'
  return {
    paths: known.map(({ path }) => path),
    aliases: [
      ...known.flatMap(({ aliases }) => aliases),
      ...(isAzures ? spec.clientPaths.map((path) => AZURE_DEPLOYMENT + path) : []),
    ],
  }
}

function apiPaths(path: string): Pick<HttpRoute, 'path' | 'aliases'> {
  return { path: `/v1${path}`, aliases: API_BASES.map((base) => base + path) }
}

export interface Router {
  /** Whether a request target is, as it stands, a path of the table: nothing about it needs to be read. */
  isPath(target: string): boolean
  match(method: string, path: string): RouteMatch
}

interface Pattern {
  readonly prefix: string
  readonly suffix: string
  readonly isDeep: boolean
  readonly route: HttpRoute
}

/** Finds a route by its exact spelling first, then by the few patterns. */
export function createRouter(routes: readonly HttpRoute[]): Router {
  const exact = new Map<string, readonly HttpRoute[]>()
  const patterns: Pattern[] = []
  for (const route of routes) {
    for (const path of [route.path, ...route.aliases]) {
      if (path.includes('*')) patterns.push(readPattern(path, route))
      else exact.set(path, [...(exact.get(path) ?? []), route])
    }
  }
  return {
    isPath: (target) => exact.has(target),
    match(method, path) {
      const named = exact.get(path)
      if (named !== undefined) return choose(method, named)
      const found = patterns.find((pattern) => parameterOf(pattern, path) !== undefined)
      if (found === undefined) return { type: 'unknown' }
      const same = patterns.filter(({ prefix, suffix }) => prefix === found.prefix && suffix === found.suffix)
      return choose(
        method,
        same.map(({ route }) => route),
        parameterOf(found, path),
      )
    },
  }
}

function choose(method: string, routes: readonly HttpRoute[], parameter?: string): RouteMatch {
  for (const route of routes) {
    if (route.method === method || (route.method === 'GET' && method === 'HEAD')) {
      return parameter === undefined ? { type: 'found', route } : { type: 'found', route, parameter }
    }
  }
  const allowed = routes.map((route) => (route.method === 'GET' ? 'GET, HEAD' : route.method))
  return { type: 'wrong-method', allow: [...allowed, 'OPTIONS'].join(', ') }
}

function readPattern(path: string, route: HttpRoute): Pattern {
  const isDeep = path.includes('**')
  const [prefix = '', suffix = ''] = path.split(isDeep ? '**' : '*')
  return { prefix, suffix, isDeep, route }
}

/** What stands for the star, decoded once: it is only ever looked up as a name, never read as a path. */
function parameterOf(pattern: Pattern, path: string): string | undefined {
  const end = path.length - pattern.suffix.length
  if (end <= pattern.prefix.length) return undefined
  if (!path.startsWith(pattern.prefix) || !path.endsWith(pattern.suffix)) return undefined
  const raw = path.slice(pattern.prefix.length, end)
  if (!pattern.isDeep && raw.includes('/')) return undefined
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined
  }
}
