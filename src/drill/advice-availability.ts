/** Advice where requests were not answered. Each rule is pure and stands alone. */

import {
  type Advised,
  isMissed,
  isPartOfFailures,
  providerOf,
  requestsWere,
  type Rule,
  targetsOf,
  toldCount,
} from './advised.ts'
import { FIRST_TOKEN_SOFT_MS } from '../resilience/timers.ts'
import { regionOf } from './provider-places.ts'
import { sayMs } from './say.ts'
import { DAY_MS } from './scenario.ts'

/** Part of the failures from which on one code explains them. */
const EXPLAINING = 0.1
/** Part of the day for which a target is left alone before it is worth a word. */
const LONG_QUIET = 0.02

const oneTarget: Rule = (advised) => {
  const [only, ...others] = targetsOf(advised)
  if (only === undefined || others.length > 0 || advised.report.failed === 0) return undefined
  const other = advised.config.providers.find(({ provider }) => provider.id !== providerOf(only))
  const example = other === undefined ? 'a target of another provider' : `a target of ${other.provider.id}`
  return `Everything goes to ${only}, so ${requestsWere(advised.report.failed)} lost when it failed: add ${example} to "targets", behind it.`
}

const oneProvider: Rule = (advised) => {
  const targets = targetsOf(advised)
  const [provider, ...others] = new Set(targets.map(providerOf))
  if (targets.length < 2 || others.length > 0 || advised.report.failed === 0) return undefined
  return `All ${targets.length} targets are of ${provider}: what takes one of them takes the others too. Add a target of another provider.`
}

const onePlace: Rule = (advised) => {
  const providers = new Set(targetsOf(advised).map(providerOf))
  if (providers.size < 2 || advised.report.failed === 0) return undefined
  const places = advised.config.providers.flatMap(({ provider }) =>
    providers.has(provider.id) && !provider.isLocal ? [regionOf(provider)] : [],
  )
  const [place, ...others] = new Set(places)
  if (place === undefined || places.length < providers.size || others.length > 0) return undefined
  return `All targets are in one place, ${place}: one outage there takes them all. Add a target elsewhere.`
}

const spentBudget: Rule = (advised) => {
  if (targetsOf(advised).length < 2 || !isPartOfFailures(advised, 'retry_budget_spent', EXPLAINING))
    return undefined
  const told = requestsWere(toldCount(advised, 'retry_budget_spent'))
  return `${told} given up since second tries had spent their budget, a fifth of the requests of 10 s: too many targets failed at once. Put one first that fails apart from the others.`
}

const shortDeadline: Rule = (advised) => {
  const { route, config } = advised
  const [first, ...others] = targetsOf(advised)
  if (route === undefined || first === undefined || !isMissed(advised, 'answeredShare')) return undefined
  const timers = config.providers.find(({ provider }) => provider.id === providerOf(first))?.timers
  const patienceMs = Math.min(FIRST_TOKEN_SOFT_MS, timers?.firstTokenMs ?? FIRST_TOKEN_SOFT_MS)
  if (others.length > 0 && route.deadlineMs <= patienceMs)
    return `The deadline of ${sayMs(route.deadlineMs)} is no longer than ${first} may keep silent before another is asked (${sayMs(patienceMs)}): when it hangs, no time is left. Raise the deadline, or shorten "timeouts: { firstToken: ... }" of ${providerOf(first)}.`
  if (!isPartOfFailures(advised, 'deadline_exceeded', EXPLAINING)) return undefined
  return `${requestsWere(toldCount(advised, 'deadline_exceeded'))} not done within the deadline of ${sayMs(route.deadlineMs)}: raise it, or shorten the timeouts of the providers, so that there is time to ask another target.`
}

const rateLimits: Rule = (advised) => {
  if (!isPartOfFailures(advised, 'rate_limited', EXPLAINING)) return undefined
  const told = requestsWere(toldCount(advised, 'rate_limited'))
  return `${told} refused since every target was limited: add keys ("keys: [...]" at the provider), a target of another provider, or raise the limits there.`
}

const gatewayLimits: Rule = (advised) => {
  const told = toldCount(advised, 'overloaded')
  if (told === 0) return undefined
  return `${requestsWere(told)} turned away by the gateway itself: raise limits.requestsInFlight (${advised.config.limits.requestsInFlight}), or the provider's "slots".`
}

/** Codes that only an operator can mend, as they stand at targets. */
const ACCOUNT_CODES = ['insufficient_quota', 'model_quota_exhausted', 'upstream_auth', 'upstream_forbidden']

const accounts: Rule = ({ report }) => {
  const ill = report.targets.filter(({ errors }) => errors.some(({ code }) => ACCOUNT_CODES.includes(code)))
  if (ill.length === 0 || ill.length < report.targets.length) return undefined
  return `The accounts of all targets were refused or spent (${ill.map(({ target }) => target).join(', ')}): keep a second account behind them.`
}

const quietFirst: Rule = (advised) => {
  const { report } = advised
  const [first, ...others] = targetsOf(advised)
  if (first === undefined || others.length === 0 || report.failed === 0) return undefined
  const quietMs = quietMsOf(advised, first)
  const steadier = others.find((target) => quietMsOf(advised, target) * 2 < quietMs)
  if (steadier === undefined || quietMs < LONG_QUIET * DAY_MS) return undefined
  return `${first} was left alone for ${sayMs(quietMs)} in all, ${steadier} for ${sayMs(quietMsOf(advised, steadier))}: consider to put ${steadier} first.`
}

function quietMsOf({ report }: Advised, target: string): number {
  return report.breakers
    .filter((breaker) => breaker.target === target)
    .flatMap(({ spans }) => spans)
    .reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0)
}

/** By their stable names, the most telling first. */
export const availabilityRules: Readonly<Record<string, Rule>> = {
  'one-target': oneTarget,
  'one-provider': oneProvider,
  'one-place': onePlace,
  deadline: shortDeadline,
  'rate-limits': rateLimits,
  accounts,
  'gateway-limits': gatewayLimits,
  'retry-budget': spentBudget,
  'quiet-first': quietFirst,
}
