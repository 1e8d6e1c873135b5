/** From a file, or from nothing but the environment, to a configuration in force, or to all that is wrong with it at once. */

import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { z } from 'zod'
import type { Secret } from '../../std/secret.ts'
import { addIssue } from './describe-issue.ts'
import type { HoldfastConfig, OwnCertificate, ShownCertificate } from './config.ts'
import { type ConfigFault, formatPath, type Path, quote } from './fault.ts'
import { type FaultList, isWithin } from './fault-list.ts'
import { type ListenAddress, parseListen, whyNotListen } from './listen.ts'
import { resolveAdmin } from './resolve-admin.ts'
import { type Environment, readYaml, type YamlSource } from './read-yaml.ts'
import { type Resolution, secretAt } from './resolution.ts'
import { resolveKeys } from './resolve-keys.ts'
import { resolveProviders } from './resolve-providers.ts'
import { resolveStore } from './resolve-store.ts'
import { resolveTls, shownCertificate } from './resolve-tls.ts'
import { type DeclaredNames, resolveRoutes } from './resolve-routes.ts'
import { type ConfigDocument, configSchema } from './schema.ts'

export interface LoadConfigOptions {
  /** The file; without it and without `text` only the environment speaks. */
  readonly path?: string
  /** The file's text, where it has been read already. */
  readonly text?: string
  readonly env: Environment
  /** Reads the configuration and the secrets it names; throws where it cannot. */
  readonly readFile?: (path: string) => string
  /** Wins over what the file says, as from `--listen`. */
  readonly listen?: string
  /** The same for the admin listener, as from `--admin`; `off` for none. */
  readonly admin?: string
  /**
   * What is read of `tls`. Default `pair`: all of it, and all must be right. `certificate` is for whoever serves nobody: what
   * clients are shown where that can be read, never the key, and no fault of `tls` is one. `apart` is for whoever has a pair
   * already: faults of `tls` alone leave the configuration without one.
   */
  readonly tls?: 'pair' | 'apart' | 'certificate'
}

export type LoadedConfig =
  | {
      readonly ok: true
      readonly config: HoldfastConfig
      /** Where they stand apart: why the configuration is without its certificate. */
      readonly tlsFaults?: readonly ConfigFault[]
    }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }

export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const readFile = options.readFile ?? readTextFile
  const file = options.path ?? 'holdfast.yaml'
  let text = options.text
  if (text === undefined && options.path !== undefined) {
    try {
      text = readFile(options.path)
    } catch (error) {
      return { ok: false, faults: [unreadable(file, error)] }
    }
  }
  // No file is a file that says nothing, and an empty one a file that was meant to say something.
  const yaml = readYaml({ file, text: text ?? '{}', env: options.env, schema: configSchema })
  const document = judge(yaml)
  const config = document && resolve(document, yaml, { ...options, readFile })
  const all = trusted(yaml)
  const tlsFaults = all.filter((fault) => !isTlsNeeded(options) && isWithin(fault, ['tls']))
  const faults = all.filter((fault) => !tlsFaults.includes(fault))
  if (config === undefined || faults.length > 0)
    return { ok: false, faults: options.tls === 'certificate' ? faults : all }
  return { ok: true, config, ...(options.tls === 'apart' && { tlsFaults }) }
}

function isTlsNeeded({ tls = 'pair' }: LoadConfigOptions): boolean {
  return tls === 'pair'
}

function readTextFile(file: string): string {
  return readFileSync(file, 'utf8')
}

function unreadable(file: string, error: unknown): ConfigFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
  const reason = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`
  return { file, line: 1, column: 1, path: '', message: `${reason}: check the path given with --config` }
}

/** The document with its defaults, or what of it can be judged where parts are wrong. */
function judge({ value, source, faults }: YamlSource): ConfigDocument | undefined {
  if (value === undefined) return undefined
  const whole = configSchema.safeParse(value)
  if (whole.success) return whole.data
  for (const issue of whole.error.issues) addIssue(issue, { schema: configSchema, value, source, faults })
  // What is wrong is reported; judged without it, the rest shows what else is wrong, all in one go.
  return judgeRest(value)
}

/** Drops what is complained of, then what stands around it, until the rest can be read. */
function judgeRest(value: unknown): ConfigDocument | undefined {
  let rest: unknown = structuredClone(value)
  for (let depth = 0; depth <= REST_DEPTH_MAX; depth += 1) {
    const judged = configSchema.safeParse(rest)
    if (judged.success) return judged.data
    rest = without(rest, judged.error.issues, depth)
  }
  return undefined
}

/** No field stands deeper: `providers.<id>.headers.<name>`. */
const REST_DEPTH_MAX = 4

function without(value: unknown, issues: readonly z.core.$ZodIssue[], depth: number): unknown {
  const copy: unknown = structuredClone(value)
  // From the back, so that places in lists stay what they are.
  for (const issue of [...issues].reverse()) {
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) remove(copy, [...issue.path, key])
    else remove(copy, issue.path.slice(0, Math.max(1, issue.path.length - depth)))
  }
  return copy
}

function remove(value: unknown, where: readonly PropertyKey[]): void {
  const last = where.at(-1)
  const parent = where
    .slice(0, -1)
    .reduce<unknown>((current, step) => (isIndexable(current) ? current[step] : undefined), value)
  if (!isIndexable(parent) || last === undefined) return
  if (Array.isArray(parent)) parent.splice(Number(last), 1)
  else delete parent[last]
}

function isIndexable(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

function resolve(
  document: ConfigDocument,
  yaml: YamlSource,
  options: LoadConfigOptions & { readonly readFile: (path: string) => string },
): HoldfastConfig | undefined {
  const { faults, value } = yaml
  const warnings: string[] = []
  const secrets: Secret[] = []
  const resolution: Resolution = {
    faults,
    warnings,
    secrets,
    sources: {
      env: options.env,
      readFile: options.readFile,
      ...(options.path !== undefined && { directory: path.dirname(path.resolve(options.path)) }),
    },
  }
  const keys = resolveKeys(document.keys, resolution)
  const listen = resolveListen(document, options.listen, faults)
  const { tls, shown } = tlsOf(document, { value, resolution, reads: options.tls })
  const admin = resolveAdmin(document.admin, options.admin, faults)
  const store = resolveStore(document.store, resolution)
  const masterKey =
    document.masterKey === undefined ? undefined : secretAt(document.masterKey, ['masterKey'], resolution)
  const providers = resolveProviders(document, { ...resolution, ...(listen && { listen }) })
  const { routes, added } = resolveRoutes({ ...resolution, document, providers, declared: namesIn(value) })
  const isSound = isTlsNeeded(options) ? faults.isEmpty : faults.isEmptyBeside(['tls'])
  if (listen === undefined || !isSound) return undefined
  const all = [...providers, ...added]
  for (const { credential } of all) if (credential) secrets.push(credential)
  const { eventLoopLag, ...limits } = document.limits
  return {
    listen,
    ...(tls && { tls }),
    ...(shown && { shown }),
    ...(admin && { admin }),
    keys,
    providers: all,
    secrets,
    routes,
    limits: { ...limits, eventLoopLagMs: eventLoopLag },
    requests: document.requests,
    journal: document.journal,
    cache: document.cache,
    ...(store && { store }),
    ...(masterKey && { masterKey }),
    atLimit: document.budgets.atLimit,
    ...(document.budgets.unknownPrice !== 'refuse' && { unknownPrice: document.budgets.unknownPrice }),
    log: { level: document.log.level, ...(document.log.format && { format: document.log.format }) },
    shutdown: { waitMs: document.shutdown.wait, drainMs: document.shutdown.drain },
    discover: document.discover,
    warnings,
    ...(options.path !== undefined && { path: options.path, lines: linesIn(yaml) }),
  }
}

interface ReadingTls {
  /** Of the whole file, where the section may be too wrong to stand in the document. */
  readonly value: unknown
  readonly resolution: Resolution
  readonly reads: LoadConfigOptions['tls']
}

function tlsOf(
  document: ConfigDocument,
  { value, resolution, reads }: ReadingTls,
): { readonly tls?: OwnCertificate | undefined; readonly shown?: ShownCertificate } {
  if (document.tls === undefined) return isIndexable(value) && 'tls' in value ? { shown: { names: [] } } : {}
  if (reads === 'certificate') return { shown: shownCertificate(document.tls, resolution) }
  const tls = resolveTls(document.tls, resolution)
  return tls === undefined ? {} : { tls, shown: { names: tls.names, chain: tls.pair.chain } }
}

/** Where a person changes what programs cannot: by section, and by section and name. */
function linesIn({ value, source }: YamlSource): ReadonlyMap<string, number> {
  const lineOf = (path: Path) => source.position(source.keyOffset(path)).line
  return new Map(
    ['routes', 'providers'].flatMap((section) => {
      const entries = isIndexable(value) ? value[section] : undefined
      if (!isIndexable(entries)) return []
      const names = Object.keys(entries)
      return [
        [section, lineOf([section])] as const,
        ...names.map((name) => [`${section}.${name}`, lineOf([section, name])] as const),
      ]
    }),
  )
}

/** The names the file gives to providers and routes, also those whose entries are faulty. */
function namesIn(value: unknown): DeclaredNames {
  const names = (field: string) => {
    const entries = isIndexable(value) ? value[field] : undefined
    return new Set(isIndexable(entries) ? Object.keys(entries) : [])
  }
  return { providers: names('providers'), routes: names('routes') }
}

function resolveListen(
  document: ConfigDocument,
  override: string | undefined,
  faults: FaultList,
): ListenAddress | undefined {
  const written = override ?? document.listen
  const subject = override === undefined ? formatPath(['listen']) : '--listen'
  const parsed = parseListen(written)
  // Keys that are there but faulty are still keys: one fault is enough.
  // With a store, keys can be made later, and nobody is let in before.
  const isKept = document.store !== undefined && document.store.kind !== 'memory'
  const keyCount = document.keys.length + (isKept || faults.hasWithin(['keys']) ? 1 : 0)
  const fault = parsed.type === 'fault' ? parsed.message : whyNotListen(parsed.address, keyCount)
  if (fault === undefined && parsed.type === 'address') return parsed.address
  if (!faults.has(['listen'])) faults.at(['listen'], `${subject}: ${quote(String(written))} ${fault}`)
  return undefined
}

/**
 * Where the text itself is broken, what stands after the break is not judged: it was not meant as it was read. Faults
 * without a path are those of the text.
 */
function trusted({ faults, source, trustedUntil }: YamlSource): readonly ConfigFault[] {
  const all = faults.sorted()
  if (trustedUntil === Number.POSITIVE_INFINITY) return all
  const { line, column } = source.position(trustedUntil)
  return all.filter(
    (fault) => fault.path === '' || fault.line < line || (fault.line === line && fault.column <= column),
  )
}
