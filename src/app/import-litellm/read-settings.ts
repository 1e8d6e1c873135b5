/** The sections beside `model_list`: what of them becomes a setting of routes, a key, or a command. */

import { writeDuration } from '../../std/config-values.ts'
import type { Balance, Fallback } from './build-routes.ts'
import { Fields, type Findings, type Place } from './findings.ts'
import type { ImportContext } from './import-context.ts'
import { sayBudget } from './budget-steps.ts'
import { type CacheDraft, readCache } from './read-cache.ts'
import { shown } from './read-deployment.ts'

export interface RouterSettings {
  readonly balance: Balance
  readonly retries?: number
  readonly deadline?: string
  readonly fallbacks: readonly Fallback[]
  /** Behind every route that has none of its own. */
  readonly defaultFallbacks: readonly { readonly to: string; readonly place: Place }[]
  readonly aliases: readonly { readonly name: string; readonly to: string; readonly place: Place }[]
}

export interface OtherSettings {
  readonly keys: readonly { readonly name: string; readonly key: string }[]
  readonly logLevel?: 'debug'
  readonly cache?: CacheDraft
  /** What was asked and answered is kept. */
  readonly keepsBodies: boolean
}

/** Some of it stands in `litellm_settings` as well. */
export function readRouterSettings(root: Fields, { findings }: ImportContext): RouterSettings {
  const sections = [root.map('router_settings'), root.map('litellm_settings')].filter(
    (one) => one !== undefined,
  )
  const router = sections.find((one) => one.place.path === 'router_settings')
  const [retries, deadline] = [retriesOf(sections, findings), deadlineOf(sections, findings)]
  const settings: RouterSettings = {
    balance: balanceOf(router, findings),
    ...(retries !== undefined && { retries }),
    ...(deadline !== undefined && { deadline }),
    fallbacks: sections.flatMap((section) => [
      ...fallbacksOf(section, 'fallbacks', 'any', findings),
      ...fallbacksOf(section, 'context_window_fallbacks', 'larger-context', findings),
      ...fallbacksOf(section, 'content_policy_fallbacks', 'content-policy', findings),
    ]),
    defaultFallbacks: sections.flatMap((section) =>
      section
        .list('default_fallbacks')
        .flatMap(({ node, path }) =>
          node.kind === 'scalar' && typeof node.value === 'string'
            ? [{ to: node.value, place: { line: node.line, path } }]
            : [],
        ),
    ),
    aliases: router === undefined ? [] : aliasesOf(router, findings),
  }
  if (router !== undefined) sayProviderBudgets(router, findings)
  return settings
}

function balanceOf(router: Fields | undefined, findings: Findings): Balance {
  const strategy = router?.text('routing_strategy')
  if (router === undefined || strategy === undefined) return 'weighted'
  const at = router.at('routing_strategy')
  switch (strategy) {
    case 'simple-shuffle':
      findings.maps(at, 'balance: weighted')
      return 'weighted'
    case 'latency-based-routing':
      findings.maps(at, 'balance: latency')
      return 'latency'
    case 'cost-based-routing':
      findings.maps(at, 'balance: cheapest')
      return 'cheapest'
    default:
      findings.changes(
        at,
        `${shown(strategy)} is not known here: balance: weighted; a target that is busy or limited is passed over`,
      )
      return 'weighted'
  }
}

/** Attempts of one request are bounded; more retries than that change nothing. */
const RETRIES_MAX = 3

function retriesOf(sections: readonly Fields[], findings: Findings): number | undefined {
  for (const section of sections) {
    const number = section.number('num_retries')
    if (number === undefined) continue
    const retries = Math.min(RETRIES_MAX, Math.floor(number))
    const said = `retries: ${retries} on every route`
    if (retries === number) findings.maps(section.at('num_retries'), said)
    else findings.changes(section.at('num_retries'), `${said}, the most there are: other targets come first`)
    return retries
  }
  return undefined
}

const DAY_S = 86_400

function deadlineOf(sections: readonly Fields[], findings: Findings): string | undefined {
  for (const section of sections) {
    const name = section.has('timeout') ? 'timeout' : 'request_timeout'
    const seconds = section.number(name)
    if (seconds === undefined) continue
    const bounded = Math.min(DAY_S, Math.max(1, seconds))
    const deadline = writeDuration(Math.round(bounded * 1_000))
    findings.changes(
      section.at(name),
      `deadline: ${deadline} on every route, over everything that is done for a request`,
    )
    return deadline
  }
  return undefined
}

function fallbacksOf(
  section: Fields,
  name: string,
  kind: Fallback['kind'],
  findings: Findings,
): readonly Fallback[] {
  return section.list(name).flatMap(({ node, path }) => {
    if (node.kind !== 'map') {
      findings.cannot({ line: node.line, path }, 'must be a model and the list of what follows it')
      return []
    }
    return [...node.fields].flatMap(([model, list]) => {
      if (list.kind !== 'list') {
        findings.cannot({ line: list.line, path: `${path}.${model}` }, 'must be a list of models')
        return []
      }
      return list.items.flatMap((item, at): readonly Fallback[] => {
        const place = { line: item.line, path: `${path}.${model}[${at}]` }
        if (item.kind === 'scalar' && typeof item.value === 'string')
          return [{ model, to: item.value, place, kind }]
        findings.cannot(place, 'must be the name of a model: what is asked of it is what its client asks')
        return []
      })
    })
  })
}

function aliasesOf(router: Fields, findings: Findings) {
  const aliases = router.map('model_group_alias')
  return (aliases?.names ?? []).flatMap((name) => {
    const node = aliases?.node(name)
    const to = node?.kind === 'map' ? new Fields(node, '', findings).text('model') : aliases?.text(name)
    return to === undefined || aliases === undefined ? [] : [{ name, to, place: aliases.at(name) }]
  })
}

function sayProviderBudgets(router: Fields, findings: Findings): void {
  const budgets = router.map('provider_budget_config')
  for (const name of budgets?.names ?? [])
    findings.cannot(
      budgets?.at(name) ?? router.place,
      'budgets are of keys, projects, teams, users, tags and models, not of providers',
    )
}

export function readOtherSettings(root: Fields, context: ImportContext): OtherSettings {
  const general = root.map('general_settings')
  const keys = general === undefined ? [] : keysOf(general, context)
  const level = root.map('litellm_settings')?.flag('set_verbose') === true ? ('debug' as const) : undefined
  const keepsBodies = general !== undefined && readKeepBodies(general, context.findings)
  const settings = root.map('litellm_settings')
  if (settings !== undefined) {
    sayBudget({ fields: settings, scope: 'all' }, context)
    sayTagBudgets(settings, context)
  }
  const cache = settings && readCache(settings, context.findings)
  for (const section of ['router_settings', 'litellm_settings', 'general_settings'])
    saySection(root.map(section), context.findings)
  sayEnvironment(root, context.findings)
  for (const name of root.unread) {
    const message = Object.hasOwn(sections, name) ? sections[name] : 'has nothing here that it could become'
    context.findings.cannot(root.at(name), message ?? '')
  }
  return {
    keys,
    keepsBodies,
    ...(cache !== undefined && { cache }),
    ...(level !== undefined && { logLevel: level }),
  }
}

function sayTagBudgets(settings: Fields, context: ImportContext): void {
  const budgets = settings.map('tag_budget_config')
  for (const tag of budgets?.names ?? []) {
    const fields = budgets?.map(tag)
    if (fields?.has('max_budget') === true) sayBudget({ fields, scope: `tag:${tag}` }, context)
    else if (fields !== undefined) context.findings.cannot(fields.place, 'is no budget without max_budget')
  }
}

function keysOf(general: Fields, { findings, references }: ImportContext): OtherSettings['keys'] {
  const master = general.text('master_key')
  if (master === undefined || master === '') return []
  const at = general.at('master_key')
  const read = references.read(master, 'key')
  if (!read.ok) {
    findings.cannot(at, read.message)
    return []
  }
  if (read.text === master) {
    findings.cannot(
      at,
      'a key that stands in a file as text is not carried over: make one with holdfast key create',
    )
    return []
  }
  findings.changes(
    at,
    `a client key by the name "litellm-master": it asks models, and must have 16 characters; for the admin API: holdfast key create --admin`,
  )
  return [{ name: 'litellm-master', key: read.text }]
}

function readKeepBodies(general: Fields, findings: Findings): boolean {
  const isWanted = general.flag('store_prompts_in_spend_logs')
  if (isWanted !== undefined)
    findings.maps(
      general.at('store_prompts_in_spend_logs'),
      isWanted
        ? 'requests.keepBodies: true: what was asked and answered is kept, sealed, for 7 days (docs/kept-bodies.md)'
        : 'what was asked and answered is not kept unless requests.keepBodies says so',
    )
  return isWanted === true
}

/** Fields that were read for something else above. */
const readElsewhere: ReadonlySet<string> = new Set([
  'router_settings.routing_strategy',
  'router_settings.fallbacks',
  'router_settings.context_window_fallbacks',
  'router_settings.content_policy_fallbacks',
  'router_settings.default_fallbacks',
  'router_settings.num_retries',
  'router_settings.timeout',
  'router_settings.request_timeout',
  'router_settings.model_group_alias',
  'router_settings.provider_budget_config',
  'litellm_settings.fallbacks',
  'litellm_settings.context_window_fallbacks',
  'litellm_settings.content_policy_fallbacks',
  'litellm_settings.default_fallbacks',
  'litellm_settings.num_retries',
  'litellm_settings.timeout',
  'litellm_settings.request_timeout',
  'litellm_settings.cache',
  'litellm_settings.cache_params',
  'litellm_settings.tag_budget_config',
  'litellm_settings.max_budget',
  'litellm_settings.budget_duration',
  'general_settings.master_key',
  'general_settings.store_prompts_in_spend_logs',
])

function saySection(section: Fields | undefined, findings: Findings): void {
  for (const name of section?.names ?? []) {
    const at = section?.at(name)
    if (at === undefined || readElsewhere.has(at.path)) continue
    const said = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (said?.maps !== undefined) findings.maps(at, said.maps)
    else findings.cannot(at, said?.cannot ?? 'has nothing here that it could become')
  }
}

function sayEnvironment(root: Fields, findings: Findings): void {
  const variables = root.map('environment_variables')
  for (const name of variables?.names ?? [])
    findings.cannot(variables?.at(name) ?? root.place, `set ${shown(name)} in the environment of the gateway`)
}

const database =
  'keys, teams and spending in its database are not carried over: make keys anew with holdfast key create'
const elsewhereLogs =
  'requests and spending are kept here and asked for with holdfast logs and holdfast usage; metrics are at /metrics'

const fields: Readonly<Record<string, { readonly maps?: string; readonly cannot?: string }>> = {
  drop_params: { maps: 'what a target cannot express is left out anyway, and x-holdfast-losses says so' },
  modify_params: { maps: 'requests are made fit for each target anyway' },
  enable_pre_call_checks: { maps: 'targets too small for a prompt are passed over anyway' },
  allowed_fails: { maps: 'a target that fails again and again is left in peace for a while' },
  cooldown_time: { maps: 'a target that fails again and again is left in peace for 5 s to 2 min' },
  disable_cooldowns: { cannot: 'write breaker: false on the provider' },
  set_verbose: { maps: 'log.level: debug' },
  json_logs: { maps: 'log lines are JSON where nobody watches' },
  turn_off_message_logging: { maps: 'prompts and answers are not logged' },
  cache_responses: { cannot: 'write cache: { default: true }, or cache: true at a route' },
  callbacks: { cannot: elsewhereLogs },
  success_callback: { cannot: elsewhereLogs },
  failure_callback: { cannot: elsewhereLogs },
  service_callbacks: { cannot: elsewhereLogs },
  redis_host: { cannot: 'no Redis is needed: one node keeps everything itself' },
  redis_port: { cannot: 'no Redis is needed: one node keeps everything itself' },
  redis_password: { cannot: 'no Redis is needed: one node keeps everything itself' },
  redis_url: { cannot: 'no Redis is needed: one node keeps everything itself' },
  database_url: { cannot: database },
  store_model_in_db: { cannot: 'models made in its interface are in its database, not in this file' },
  database_connection_pool_limit: { cannot: database },
  salt_key: { cannot: database },
  max_internal_user_budget: { cannot: 'say it of each key: holdfast key create --budget' },
  default_internal_user_params: { cannot: 'say it of each key: holdfast key create --budget --models' },
  upperbound_key_generate_params: { cannot: 'say it of each key: holdfast key create --budget --models' },
  default_team_settings: {
    cannot: 'make teams and their budgets by command: holdfast budget create --for team:NAME',
  },
  max_parallel_requests: { cannot: 'say it of each key' },
  global_max_parallel_requests: { cannot: 'limits.requestsInFlight bounds the whole gateway' },
  custom_auth: { cannot: 'code of LiteLLM cannot run here' },
  custom_key_generate: { cannot: 'code of LiteLLM cannot run here' },
  ui_username: { cannot: 'the admin listener has sign-in links and admin keys' },
  ui_password: { cannot: 'the admin listener has sign-in links and admin keys' },
  alerting: { cannot: 'alerts are made from /metrics' },
  retry_policy: { cannot: 'whether a failure is tried again follows from its kind' },
  model_group_retry_policy: { cannot: 'whether a failure is tried again follows from its kind' },
}

const sections: Readonly<Record<string, string>> = {
  include: 'included files are not read: import each, or put them into one',
  guardrails: 'guardrails are not carried over',
  mcp_servers: 'tools of MCP servers are not called by the gateway',
  vector_store_registry: 'vector stores are not carried over',
  files_settings: 'files go to the provider that is asked',
  finetune_settings: 'fine-tuning is not served',
  assistant_settings: 'assistants are not served',
  callback_settings: elsewhereLogs,
  prompts: 'prompts are not kept by the gateway',
}
