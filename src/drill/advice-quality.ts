/** Advice where answers were slow, cut off, or dear. Each rule is pure and stands alone. */

import { isMissed, type Rule, targetsOf } from './advised.ts'
import { sayMs, sayShare } from './say.ts'

const slowStart: Rule = (advised) => {
  const { report, route } = advised
  if (!isMissed(advised, 'firstTokenP99Ms')) return undefined
  const slow = `One in a hundred first tokens took ${sayMs(report.firstToken?.p99Ms)} or more`
  if (targetsOf(advised).length < 2)
    return `${slow}, and there is nobody else to ask: add a second target, then "hedge: true".`
  const hedge = route?.hedge
  if (route === undefined) return `${slow}: give the model a route with a second target and "hedge: true".`
  if (hedge === undefined)
    return `${slow}: "hedge: true" asks a second target where the first is slow to begin.`
  return `${slow} although it is hedged: begin earlier than "after: ${sayMs(hedge.afterMsMin)}", or let it cost more than "share: ${sayShare(hedge.spendShare)}".`
}

const rescueOff: Rule = (advised) => {
  if (advised.route?.rescue !== 'off' || !isMissed(advised, 'truncatedShare')) return undefined
  return `${answersWere(advised.report.truncated)} cut off in the middle, and rescue is off: remove "rescue: off".`
}

const rescueFull: Rule = (advised) => {
  const { route, report } = advised
  if ((route !== undefined && route.rescue !== 'safe') || !isMissed(advised, 'truncatedShare'))
    return undefined
  return `${answersWere(report.truncated)} cut off in the middle, since no target could go on with the very same words: "rescue: full" lets a model go on from there, and says so. Targets that continue a given beginning by themselves need no such thing.`
}

const extraCost: Rule = (advised) => {
  const { report, route } = advised
  if (!isMissed(advised, 'extraCostShare')) return undefined
  const [worst] = report.targets.toSorted((one, other) => other.failed - one.failed)
  const where = worst === undefined || worst.failed === 0 ? '' : `, most of it at ${worst.target}`
  const less =
    route?.hedge === undefined ? '' : `, or hedge less ("share: ${sayShare(route.hedge.spendShare)}")`
  return `Calls that bought nothing were ${sayShare(report.cost.extraShare)} of the cost${where}: put a steadier target before it${less}.`
}

function answersWere(count: number): string {
  return count === 1 ? '1 answer was' : `${count} answers were`
}

/** By their stable names. */
export const qualityRules: Readonly<Record<string, Rule>> = {
  'slow-start': slowStart,
  'rescue-off': rescueOff,
  'rescue-full': rescueFull,
  'extra-cost': extraCost,
}
