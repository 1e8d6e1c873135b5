/** Numbers and events of a report as people read them, the same in text and page. */

import { formatUsd } from '../ledger/usd.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { QuietTime } from './quiet-times.ts'
import type { CostReport, JudgedObjective, JudgedRoute } from './report.ts'
import type { WeatherEvent } from './scenario.ts'

/** Never rounded to all where it was not all: what is almost 100 % takes as many digits as that needs, four at most. */
export function sayShare(share: number | undefined): string {
  if (share === undefined) return '-'
  for (const digits of [1, 2, 3]) {
    const said = (share * 100).toFixed(digits)
    if (share === 1 || share < 0.99 || Number(said) < 100) return `${said} %`
  }
  return `${(Math.floor(share * 1_000_000) / 10_000).toFixed(4)} %`
}

export function sayMs(ms: number | undefined): string {
  if (ms === undefined) return '-'
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`
  const minutes = Math.round(ms / 60_000)
  return minutes < 120 ? `${minutes} min` : `${Math.round(ms / 360_000) / 10} h`
}

/** `14:05` of the played day. */
export function sayMoment(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

export function sayCost({ basis, total, waste, extraShare }: CostReport): string {
  const said = basis === 'calls' ? `${waste} of ${total} calls` : `${usd(waste)} of ${usd(total)} USD`
  return `${sayShare(extraShare)} (${said})`
}

/** Tenths of a cent: a day's sum is an estimate. */
function usd(nanoUsd: number): string {
  // Sound: a whole number of nano-dollars.
  return formatUsd((Math.round(nanoUsd / 1e6) * 1e6) as NanoUsd)
}

const OBJECTIVE_NAMES: Readonly<Record<JudgedObjective['objective'], string>> = {
  answeredShare: 'answered',
  firstTokenP99Ms: 'first token p99',
  extraCostShare: 'extra cost',
  truncatedShare: 'truncated',
}

/** `answered 99.95 % (at least 99.9 %)`. */
export function sayObjective({ objective, limit, measured }: JudgedObjective): string {
  const say = objective === 'firstTokenP99Ms' ? sayMs : sayShare
  const bound = objective === 'answeredShare' ? 'at least' : 'at most'
  return `${OBJECTIVE_NAMES[objective]} ${say(measured)} (${bound} ${say(limit)})`
}

/** `10:00, 10 min: outage of 60.0 % of the calls to provider openai`. */
export function sayWeather({ atMs, forMs, where, fault, share, ...more }: WeatherEvent): string {
  const place =
    where.kind === 'everywhere'
      ? 'all providers'
      : where.kind === 'provider'
        ? `provider ${where.provider}`
        : where.kind === 'target'
          ? `target ${where.target}`
          : `region ${where.region}`
  const part = share === 1 ? 'all' : sayShare(share)
  const wait = more.firstTokenMs ?? more.retryAfterMs
  const said = wait === undefined ? fault : `${fault} (${sayMs(wait)})`
  return `${sayMoment(atMs)}, ${sayMs(forMs)}: ${said} for ${part} of the calls to ${place}`
}

/** `10:00 to 10:10 open, 10 probes, began with upstream_unreachable`. */
export function sayQuietTime({ fromMs, untilMs, states, probes, cause }: QuietTime): string {
  const when =
    untilMs - fromMs < 60_000
      ? `${sayMoment(fromMs)} for ${sayMs(untilMs - fromMs)}`
      : `${sayMoment(fromMs)} to ${sayMoment(untilMs)}`
  return [
    `${when} ${states.join(', ')}`,
    ...(probes === 0 ? [] : [`${probes} ${probes === 1 ? 'probe' : 'probes'}`]),
    `began with ${cause}`,
  ].join(', ')
}

export function sayErrors({ errors }: Pick<JudgedRoute, 'errors'>): string {
  return errors.map(({ code, count }) => `${count} ${code}`).join(', ')
}

/** `openai/gpt-5`, or which of its keys where there are several. */
export function sayBreaker(
  { target, key }: { readonly target: string; readonly key: number },
  { breakers }: Pick<JudgedRoute, 'breakers'>,
): string {
  const isOne = breakers.filter((other) => other.target === target).length === 1 && key === 1
  return isOne ? target : `${target}, key ${key}`
}
