/** What to change, in plain sentences, from what was measured and how the route is set up. Pure; each rule stands alone. */

import type { ConfiguredRoute } from '../app/config/config.ts'
import type { Advice, RouteReport, Verdict } from './report.ts'

export interface Advised {
  readonly report: RouteReport
  readonly verdict: Verdict
  /** Absent where a model was asked for directly. */
  readonly route: ConfiguredRoute | undefined
}

type Rule = (advised: Advised) => Advice | undefined

export function advise(advised: Advised): readonly Advice[] {
  if (advised.verdict.result !== 'missed') return []
  const found = rules.flatMap((rule) => rule(advised) ?? [])
  return found.length > 0 ? found : [NOTHING_FITS]
}

const NOTHING_FITS: Advice = {
  rule: 'look-at-errors',
  text: 'No single setting explains it: look at the errors and at the timeline of the targets below.',
}

/** A step from the limit that nobody would call missed. */
const RARE_SHARE = 0.001

const oneTarget: Rule = ({ report, route }) => {
  const [only, ...others] = route?.targets ?? [report.route]
  if (others.length > 0 || report.failed === 0) return undefined
  return {
    rule: 'one-target',
    text: `Everything goes to ${only}: add a target of another provider, so that there is somebody to ask when it fails.`,
  }
}

const oneProvider: Rule = ({ report, route }) => {
  const targets = route?.targets ?? []
  const providers = new Set(targets.map(providerOf))
  if (targets.length < 2 || providers.size > 1 || report.failed === 0) return undefined
  return {
    rule: 'one-provider',
    text: `All targets are of ${[...providers].join('')}: what takes one of them takes the others too. Add a target of another provider.`,
  }
}

const rescueOff: Rule = ({ report, route }) => {
  if (route?.rescue !== 'off' || (report.truncatedShare ?? 0) <= RARE_SHARE) return undefined
  return {
    rule: 'rescue-off',
    text: `${report.truncated} answers ended in the middle, and rescue is off: remove "rescue: off".`,
  }
}

const rescueFull: Rule = ({ report, route }) => {
  const isSafe = route === undefined || route.rescue === 'safe'
  if (!isSafe || (report.truncatedShare ?? 0) <= RARE_SHARE) return undefined
  return {
    rule: 'rescue-full',
    text: `${report.truncated} answers ended in the middle, since no other answer began with the same words: "rescue: full" lets a model go on from there; targets that continue a given beginning by themselves do so anyway.`,
  }
}

const slowStart: Rule = ({ verdict, report, route }) => {
  const missed = verdict.objectives.find(({ objective }) => objective === 'firstTokenP99Ms')
  if (missed === undefined || missed.isMet || route?.hedge !== undefined) return undefined
  if ((route?.targets.length ?? 1) < 2) {
    return {
      rule: 'slow-start-alone',
      text: `First tokens took up to ${seconds(report.firstToken?.p99Ms)} (p99), and there is nobody else to ask: add a second target.`,
    }
  }
  return {
    rule: 'hedge',
    text: `First tokens took up to ${seconds(report.firstToken?.p99Ms)} (p99): "hedge: true" asks a second target when the first is slow to begin.`,
  }
}

const shortDeadline: Rule = ({ report, route }) => {
  const expired = report.errors.find(({ code }) => code === 'deadline_exceeded')
  if (route === undefined || expired === undefined || expired.count * 10 < report.failed) return undefined
  return {
    rule: 'deadline',
    text: `${expired.count} requests ran into the deadline of ${seconds(route.deadlineMs)}: raise it, or shorten the timeouts of the providers, so that there is time to ask another target.`,
  }
}

const limitedEverywhere: Rule = ({ report }) => {
  const limited = report.errors.find(({ code }) => code === 'rate_limited')
  if (limited === undefined || limited.count * 4 < report.failed) return undefined
  return {
    rule: 'rate-limits',
    text: `${limited.count} requests were refused since every target was limited: raise the limits at the providers, add keys ("keys") or another provider.`,
  }
}

const costly: Rule = ({ verdict, report }) => {
  const missed = verdict.objectives.find(({ objective }) => objective === 'extraCostShare')
  if (missed === undefined || missed.isMet) return undefined
  const [worst] = [...report.targets].sort((one, other) => other.failed - one.failed)
  return {
    rule: 'extra-cost',
    text: `Calls that bought nothing were ${percent(report.cost.extraShare)} of the cost${worst === undefined ? '' : `, most of them at ${worst.target}`}: put a steadier target before it, or "rescue: off" where a broken answer need not be finished.`,
  }
}

const rules: readonly Rule[] = [
  oneTarget,
  oneProvider,
  rescueOff,
  rescueFull,
  slowStart,
  shortDeadline,
  limitedEverywhere,
  costly,
]

function providerOf(target: string): string {
  return target.slice(0, Math.max(0, target.indexOf('/')))
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? 'an unknown time' : `${Math.round(ms / 100) / 10} s`
}

function percent(share: number | undefined): string {
  return share === undefined ? 'an unknown share' : `${Math.round(share * 1_000) / 10} %`
}
