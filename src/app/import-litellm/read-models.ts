/** `model_list`: names and the deployments behind them, in the file's order. */

import { TARGETS_MAX } from '../../routing/config-schema.ts'
import { Fields } from './findings.ts'
import { isName } from './reference.ts'
import type { ImportContext } from './import-context.ts'
import { type Deployment, type DeploymentFields, readDeployment, shown } from './read-deployment.ts'
import { sayShares } from './shares.ts'
import { isPriceField, OTHER_PRICES } from './read-prices.ts'

/** Entries of one file. */
const DEPLOYMENTS_MAX = 5_000

export interface ReadModels {
  readonly groups: ReadonlyMap<string, readonly Deployment[]>
  /** Whether something was carried over that needs no route: any model of a provider. */
  readonly hasWildcard: boolean
}

export function readModels(root: Fields, context: ImportContext): ReadModels {
  const { findings } = context
  const groups = new Map<string, Deployment[]>()
  let hasWildcard = false
  const entries = root.list('model_list')
  if (entries.length > DEPLOYMENTS_MAX)
    findings.cannot(
      root.at('model_list'),
      `only the first ${DEPLOYMENTS_MAX} of ${entries.length} entries are read`,
    )
  for (const { node, path } of entries.slice(0, DEPLOYMENTS_MAX)) {
    if (node.kind !== 'map') {
      findings.cannot({ line: node.line, path }, 'must be a set of fields')
      continue
    }
    const entry = new Fields(node, path, findings)
    const name = entry.text('model_name')
    const params = entry.map('litellm_params')
    const info = entry.map('model_info')
    sayModelInfo({ entry, info }, context)
    if (params === undefined) {
      if (!entry.has('litellm_params')) findings.cannot(entry.place, 'has no litellm_params')
      continue
    }
    const written = name ?? params.text('model')
    if (written !== undefined && written.includes('*')) {
      hasWildcard = readWildcard(written, { entry, params, info, context }) || hasWildcard
      continue
    }
    const route = written === undefined ? undefined : routeName(written, entry, context)
    const deployment = route === undefined ? undefined : readDeployment({ params, info }, context)
    if (route === undefined || deployment === undefined) continue
    const group = groups.get(route) ?? []
    groups.set(route, group)
    if (new Set([...group, deployment].map(({ target }) => target)).size > TARGETS_MAX)
      findings.cannot(entry.place, `a route has at most ${TARGETS_MAX} targets: this one is left out`)
    else group.push(deployment)
  }
  return { groups, hasWildcard }
}

/** A route's name has no spaces. */
function routeName(written: string, entry: Fields, { findings }: ImportContext): string | undefined {
  const name = written.trim().replaceAll(/\s+/g, '-')
  if (!isName(name)) {
    findings.cannot(entry.at('model_name'), `${shown(written)} cannot be the name of a route`)
    return undefined
  }
  if (name !== written)
    findings.changes(entry.at('model_name'), `${shown(written)} is called ${name}: names have no spaces`)
  return name
}

interface WildcardEntry extends DeploymentFields {
  readonly entry: Fields
  readonly context: ImportContext
}

/** Any model of a provider can be asked for as provider/model, so that a wildcard needs its provider and nothing else. */
function readWildcard(name: string, { entry, params, info, context }: WildcardEntry): boolean {
  const { findings } = context
  const model = params.text('model') ?? ''
  const at = entry.at('model_name')
  if (!/^(?:[^*]*\/)?\*$/.test(name) || !/^(?:[^*]*\/)?\*$/.test(model)) {
    findings.cannot(at, `${shown(name)}: a pattern of names is no route; name each model`)
    return false
  }
  if (model === '*') {
    findings.maps(at, 'any known model is found by the beginning of its name, or as provider/model')
    return true
  }
  const deployment = readDeployment({ params, info }, context)
  if (deployment === undefined) return false
  sayShares([deployment], undefined, findings)
  const asked = deployment.target.replace(/\*$/, 'MODEL')
  const before = name === '*' ? 'MODEL' : name.replace(/\*$/, 'MODEL')
  if (asked === before) findings.maps(at, `any model as ${asked}; no route is needed`)
  else findings.changes(at, `${before} is asked for as ${asked}`)
  return true
}

/** Prices of tokens are read with the deployment. */
function sayModelInfo(
  { entry, info }: Pick<WildcardEntry, 'entry' | 'info'>,
  { findings }: ImportContext,
): void {
  for (const name of info?.names ?? []) {
    if (/cost/.test(name) && !isPriceField(name)) findings.cannot(info?.at(name) ?? entry.place, OTHER_PRICES)
    else if (name === 'access_groups')
      findings.cannot(
        info?.at(name) ?? entry.place,
        'which key may use which model is said of the key: holdfast key create --models',
      )
  }
  for (const name of entry.unread.filter((one) => one !== 'model_name' && one !== 'litellm_params'))
    findings.cannot(entry.at(name), 'has nothing here that it could become')
}
