/** A configuration of LiteLLM's proxy into one of ours, with a word on every line of it. Pure. */

import { stringify } from 'yaml'
import { formatFault } from '../config/fault.ts'
import { loadConfig } from '../config/load-config.ts'
import { addFallbacks, type RouteDraft, routeOf } from './build-routes.ts'
import { Fields, type Finding, Findings } from './findings.ts'
import type { ImportedDocument } from './imported-document.ts'
import { readLocated } from './located.ts'
import { PriceBook } from './price-book.ts'
import { ProviderBook } from './provider-book.ts'
import type { ImportContext } from './import-context.ts'
import { readModels } from './read-models.ts'
import { readOtherSettings, readRouterSettings, type RouterSettings } from './read-settings.ts'
import { isName, References } from './reference.ts'
import { withoutSecrets } from './without-secrets.ts'

export interface ImportOptions {
  readonly text: string
  /** For the line that says where it came from. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export type Imported =
  | { readonly ok: true; readonly plan: ImportPlan }
  /** The file cannot be read at all. */
  | { readonly ok: false; readonly line: number; readonly message: string }

export interface ImportPlan {
  /** By line. */
  readonly findings: readonly Finding[]
  /** `holdfast.yaml`; absent where nothing could be carried over. */
  readonly yaml?: string
  /** The same for the screen: with nothing in it that may be a secret. */
  readonly yamlWithoutSecrets?: string
  /** Variables that the written file names and that are not set here. */
  readonly missing: readonly string[]
  /** Commands that do what no file says. */
  readonly steps: readonly string[]
  /** What our own check says of the written file; it is not written then. */
  readonly faults: readonly string[]
}

export function importLitellm({ text, file, env }: ImportOptions): Imported {
  const read = readLocated(text)
  if (!read.ok) return read
  if (read.root.kind !== 'map')
    return { ok: false, line: read.root.line, message: 'the file is no set of fields' }
  const findings = new Findings()
  const references = new References()
  const root = new Fields(read.root, '', findings)
  const providers = new ProviderBook()
  const prices = new PriceBook()
  const steps: string[] = []
  const context: ImportContext = {
    findings,
    references,
    providers,
    prices,
    credentials: credentialsOf(root, findings),
    steps,
  }
  const models = readModels(root, context)
  prices.settle(providers, findings)
  const router = readRouterSettings(root, context)
  const routes = new Map(
    [...models.groups]
      .filter(([, group]) => group.length > 0)
      .map(([name, group]) => [name, routeOf(group, router.balance, findings)]),
  )
  join(routes, router, findings)
  const { keys, cache, keepsBodies, logLevel } = readOtherSettings(root, context)
  const isNothing = routes.size === 0 && !models.hasWildcard
  const document: ImportedDocument = {
    ...(keys.length > 0 && { keys }),
    ...(!providers.isEmpty && { providers: providers.entries }),
    ...(routes.size > 0 && { routes: Object.fromEntries(routes) }),
    ...(cache !== undefined && { cache }),
    ...(keepsBodies && { requests: { keepBodies: true } }),
    ...(logLevel !== undefined && { log: { level: logLevel } }),
  }
  const yaml = isNothing ? undefined : write(file, document)
  return {
    ok: true,
    plan: {
      findings: findings.sorted(),
      ...(yaml !== undefined && { yaml, yamlWithoutSecrets: write(file, withoutSecrets(document)) }),
      missing: references.missing(env),
      steps,
      faults: yaml === undefined ? [] : faultsOf(yaml, references),
    },
  }
}

function join(routes: Map<string, RouteDraft>, router: RouterSettings, findings: Findings): void {
  for (const { name, to, place } of router.aliases) {
    const isFree = !routes.has(name) && isName(name)
    if (isFree && routes.has(to)) {
      routes.set(name, { targets: [to] })
      findings.maps(place, `the route ${name} -> ${to}`)
    } else
      findings.cannot(
        place,
        routes.has(to)
          ? `${name} cannot be the name of a route`
          : `${to} is no model that could be carried over`,
      )
  }
  const named = new Set(router.fallbacks.filter(({ kind }) => kind === 'any').map(({ model }) => model))
  const every = router.fallbacks.flatMap((fallback) =>
    fallback.model === '*'
      ? [...routes.keys()]
          .filter((name) => name !== fallback.to && !named.has(name))
          .map((model) => ({ ...fallback, model }))
      : [fallback],
  )
  const defaults = router.defaultFallbacks.flatMap(({ to, place }) =>
    [...routes.keys()]
      .filter((name) => name !== to && !named.has(name))
      .map((model) => ({ model, to, place, kind: 'any' as const })),
  )
  addFallbacks(routes, [...every, ...defaults], findings)
  for (const route of routes.values()) {
    if (router.retries !== undefined) route.retries = router.retries
    if (router.deadline !== undefined) route.deadline = router.deadline
  }
}

function credentialsOf(root: Fields, findings: Findings): ReadonlyMap<string, Fields> {
  const named = new Map<string, Fields>()
  for (const { node, path } of root.list('credential_list')) {
    if (node.kind !== 'map') {
      findings.cannot({ line: node.line, path }, 'must be a set of fields')
      continue
    }
    const entry = new Fields(node, path, findings)
    const name = entry.text('credential_name')
    const values = entry.map('credential_values')
    if (name === undefined || values === undefined)
      findings.cannot(entry.place, 'needs credential_name and credential_values')
    else {
      named.set(name, values)
      findings.maps(entry.at('credential_name'), 'stands with every provider that uses it')
    }
  }
  return named
}

function write(file: string, document: ImportedDocument): string {
  const name = file.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)
  return `# Made by holdfast import litellm from ${name}.\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

/** As the gateway would read it, with something in place of every variable: what is set here is not ours to judge. */
function faultsOf(yaml: string, references: References): readonly string[] {
  const loaded = loadConfig({ text: yaml, path: 'holdfast.yaml', env: references.complete({}) })
  return loaded.ok ? [] : loaded.faults.map(formatFault)
}
