/** Providers: what the file says over what is known, then those that the environment offers. */

import type { TokenPricesEntry } from '../../ledger/config-schema.ts'
import type { SearchPrices, TokenPrices } from '../../ledger/prices.ts'
import { atAddress, compatibleProvider } from '../../providers/compatible.ts'
import { RESERVED_PROVIDER_IDS } from '../../providers/config-schema.ts'
import { defaultAuth } from '../../providers/define-provider.ts'
import { knownProviders } from '../../providers/index.ts'
import { isLocalAddress, isLoopbackHost } from '../../providers/local-address.ts'
import type { AttemptTimers, Provider } from '../../providers/provider.ts'
import { defaultTimers } from '../../providers/target.ts'
import { nearest } from '../../std/nearest.ts'
import { credentialFromEnvironment, findInEnvironment, locate } from '../find-providers.ts'
import type { ConfiguredProvider } from './config.ts'
import { formatPath, quote } from './fault.ts'
import type { ListenAddress } from './listen.ts'
import { resolveCredential, resolvePool } from './resolve-credentials.ts'
import { type Resolution, textAt } from './resolution.ts'
import type { ConfigDocument, ProviderEntry } from './schema.ts'

export interface ProviderContext extends Resolution {
  /** To notice a provider that is this gateway itself. */
  readonly listen?: ListenAddress
}

export function resolveProviders(
  document: Pick<ConfigDocument, 'providers' | 'discover'>,
  context: ProviderContext,
): readonly ConfiguredProvider[] {
  const named = Object.entries(document.providers).flatMap(([id, entry]) => {
    const provider = resolveProvider(id, entry ?? {}, context)
    return provider === undefined ? [] : [provider]
  })
  if (!document.discover) return named
  const isNamed = (id: string) => Object.hasOwn(document.providers, id)
  return [...named, ...findInEnvironment(context.sources.env).filter(({ provider }) => !isNamed(provider.id))]
}

/** A known provider that a route names and nobody configured; `undefined` with the reason where it cannot be used. */
export function implicitProvider(
  id: string,
  env: Readonly<Record<string, string | undefined>>,
): ConfiguredProvider | { readonly reason: string } {
  const known = knownProviders.get(id)
  if (known === undefined) return { reason: `is not a known provider` }
  const provider = locate(known, env)
  if (provider === undefined) return { reason: 'has no address: add it under providers, with its baseUrl' }
  const credential = credentialFromEnvironment(known, env)
  if (credential === undefined && !known.isLocal) {
    return {
      reason: `has no key: set ${known.environmentKeys[0]}, or add it under providers with a credential`,
    }
  }
  return {
    provider,
    ...(credential && { credential }),
    timers: defaultTimers(provider),
    origin: 'environment',
  }
}

/** Absent prices are left out. */
function pricesOf(prices: NonNullable<ProviderEntry['prices']>): NonNullable<Provider['prices']> {
  return Object.fromEntries(
    Object.entries(prices).map(([model, { classes = {}, search, ...own }]) => {
      const priced = Object.entries(classes).map(
        ([name, ofClass]) => [name, ofClass && tokenPricesOf(ofClass)] as const,
      )
      return [
        model,
        {
          ...tokenPricesOf(own),
          ...(search !== undefined && { search: searchPricesOf(search) }),
          ...(priced.length > 0 && { classes: Object.fromEntries(priced) }),
        },
      ]
    }),
  )
}

function searchPricesOf(price: number): SearchPrices {
  return { low: price, medium: price, high: price, per: 'query', usualKind: 'medium' }
}

function tokenPricesOf(entry: TokenPricesEntry): TokenPrices {
  const { cacheRead, cacheWrite, cacheWrite1h, reasoning, ...own } = entry
  return {
    ...own,
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cacheWrite !== undefined && { cacheWrite }),
    ...(cacheWrite1h !== undefined && { cacheWrite1h }),
    ...(reasoning !== undefined && { reasoning }),
  }
}

function resolveProvider(
  id: string,
  entry: ProviderEntry,
  context: ProviderContext,
): ConfiguredProvider | undefined {
  const { faults } = context
  const path = ['providers', id]
  if (RESERVED_PROVIDER_IDS.includes(id.toLowerCase())) {
    faults.atKey(path, `providers: ${quote(id)} has a meaning of its own: choose another name`)
    return undefined
  }
  const provider = resolveServer(id, entry, context)
  const headers = resolveHeaders(id, entry, context)
  const pool = resolvePool(id, entry, context)
  const credential = pool?.[0] ?? resolveCredential(id, entry, { ...context, provider })
  if (provider === undefined) return undefined
  return {
    provider: {
      ...provider,
      id,
      headers: { ...provider.headers, ...headers },
      ...(entry.prices && { prices: pricesOf(entry.prices) }),
      ...(entry.alsoSpeaks && { alsoSpeaks: entry.alsoSpeaks }),
      ...(entry.breaker === false && { hasBreaker: false }),
      ...(provider.id === id ? {} : { instanceOf: provider.id }),
    },
    ...(credential && { credential }),
    ...(pool && { pool }),
    ...(entry.slots !== undefined && { slots: entry.slots }),
    timers: mergeTimers(provider, entry.timeouts),
    ...(entry.models && { models: [...new Set(entry.models)] }),
    ...(entry.baseUrl !== undefined && { isAddressNamed: true }),
    origin: 'file',
  }
}

function resolveServer(id: string, entry: ProviderEntry, context: ProviderContext): Provider | undefined {
  const { faults, sources } = context
  const path = ['providers', id]
  const known = knownProviders.get(entry.provider ?? id)
  if (entry.provider !== undefined && known === undefined) {
    faults.at([...path, 'provider'], `${formatPath(path)}.provider: ${unknownProvider(entry.provider)}`)
    return undefined
  }
  const address =
    entry.baseUrl === undefined ? undefined : checkAddress(entry.baseUrl, id, { ...context, known })
  if (entry.baseUrl !== undefined && address === undefined) return undefined
  if (known !== undefined) {
    const located = address === undefined ? locate(known, sources.env) : atAddress(known, address)
    if (located === undefined) {
      faults.atKey(path, `${formatPath(path)} needs its address: add baseUrl${addressHint(known)}`)
      return undefined
    }
    warnOfMissingPath(id, located, known, context)
    return withDialect(located, entry.dialect)
  }
  if (entry.dialect !== undefined && address !== undefined) {
    const provider = compatibleProvider({ id, dialect: entry.dialect, baseUrl: address })
    warnOfMissingPath(id, provider, undefined, context)
    return provider
  }
  // What it lacks may be what was wrong with it, and that has been said.
  if (faults.hasWithin(path)) return undefined
  if (entry.dialect === undefined && entry.baseUrl === undefined) {
    faults.atKey(path, `providers: ${unknownProvider(id)}`)
  } else {
    const lacking = entry.dialect === undefined ? 'dialect (openai-chat or anthropic-messages)' : 'baseUrl'
    faults.atKey(path, `${formatPath(path)} is not known by name, so it needs its ${lacking}${meant(id)}`)
  }
  return undefined
}

function unknownProvider(id: string): string {
  return `${quote(id)} is not a known provider${meant(id)}. For a server of your own give dialect and baseUrl`
}

function meant(id: string): string {
  const hint = nearest(id, [...knownProviders.keys()])
  return hint === undefined ? '' : ` (did you mean ${quote(hint)}?)`
}

function addressHint(known: Provider): string {
  const [name] = known.environmentAddresses ?? []
  return name === undefined ? '' : `, or set ${name}`
}

function withDialect(provider: Provider, dialect: ProviderEntry['dialect']): Provider {
  if (dialect === undefined || dialect === provider.dialect) return provider
  // Another dialect is another interface of the same company: what was seen of the first does not hold for it.
  return { ...provider, dialect, auth: defaultAuth(dialect), quirks: [] }
}

function warnOfMissingPath(
  id: string,
  provider: Provider,
  known: Provider | undefined,
  { warnings }: ProviderContext,
): void {
  const isBare = (url: string) => new URL(url).pathname === '/'
  // Bedrock's paths begin at its host.
  if (provider.dialect === 'bedrock-converse') return
  if (!isBare(provider.baseUrl) || (known !== undefined && isBare(known.baseUrl))) return
  warnings.push(
    `providers.${id}.baseUrl has no path; most servers want the version segment, as in ${provider.baseUrl}/v1.`,
  )
}

interface AddressContext extends ProviderContext {
  readonly known: Provider | undefined
}

function checkAddress(text: string, id: string, context: AddressContext): string | undefined {
  const path = ['providers', id, 'baseUrl']
  const fault = whyNoAddress(text, context)
  if (fault !== undefined) {
    context.faults.at(path, `${formatPath(path)}: ${quote(text)} ${fault}`)
    return undefined
  }
  if (/^http:/i.test(text) && !isLocalAddress(text)) {
    context.warnings.push(
      `${formatPath(path)} is plain http beyond this network: the key and every prompt travel readable.`,
    )
  }
  return text
}

function whyNoAddress(text: string, { listen, known }: AddressContext): string | undefined {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    return 'is not an address: write it with http:// or https://, as in https://api.example.com/v1'
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    return 'holds a user name or password: use credential for the key'
  if (url.hash !== '') return 'has a "#" part, which no server sees: remove it'
  if (url.search !== '' && known?.at === undefined) return 'has a "?" part: a base URL ends with its path'
  if (isMetadataHost(url.hostname)) return 'is a metadata service, which is never called'
  if (
    known?.at === undefined &&
    /\/(chat\/completions|messages|responses|completions)\/?$/.test(url.pathname)
  ) {
    return `names an operation: leave off ${quote(url.pathname.replace(/^.*?(\/(chat\/completions|messages|responses|completions)\/?)$/, '$1'))}`
  }
  if (listen !== undefined && isLoopbackHost(url.hostname) && url.port === String(listen.port)) {
    return 'is this gateway itself: it would call itself for ever'
  }
  return undefined
}

/** SEC-5: what hands out a machine's own credentials. */
function isMetadataHost(host: string): boolean {
  return ['169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal', '100.100.100.200'].includes(
    host.toLowerCase().replace(/\.$/, ''),
  )
}

/** What the gateway sets itself, or what would break the framing of a request. */
const ownHeaders = [
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'accept-encoding',
  'expect',
  'upgrade',
  'te',
]

function resolveHeaders(
  id: string,
  entry: ProviderEntry,
  context: ProviderContext,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const [name, reference] of Object.entries(entry.headers ?? {})) {
    const path = ['providers', id, 'headers', name]
    const lower = name.toLowerCase()
    if (ownHeaders.includes(lower)) {
      context.faults.atKey(
        path,
        `providers.${id}.headers: ${quote(name)} is set by the gateway itself: remove it`,
      )
      continue
    }
    const value = textAt(reference, path, context)
    if (value !== undefined) headers[lower] = value.reveal()
  }
  return headers
}

function mergeTimers(provider: Provider, timeouts: ProviderEntry['timeouts']): AttemptTimers {
  const defaults = defaultTimers(provider)
  return {
    connectMs: timeouts?.connect ?? defaults.connectMs,
    firstTokenMs: timeouts?.firstToken ?? defaults.firstTokenMs,
    idleMs: timeouts?.idle ?? defaults.idleMs,
  }
}
