/** A status report as a person reads it: one line of the whole, then one a target. Pure. */

import type { GateStatus, StatusReport, TargetStatus } from '../http/operator-view.ts'
import type { CliIo, Style } from './io.ts'

/** Nothing is open or limited, the gateway takes requests, and clients can believe its certificate. */
export function isHealthy(report: StatusReport): boolean {
  const { state, targets } = report
  return state === 'serving' && targets.every((target) => target.state === 'closed') && !hasEnded(report)
}

function hasEnded({ certificate, at }: StatusReport): boolean {
  return certificate !== undefined && Date.parse(certificate.endsAt) <= Date.parse(at)
}

export function statusLines(report: StatusReport, style: CliIo['style']): readonly string[] {
  const { process, config, at } = report
  return [
    `${style('bold', 'Holdfast')} ${plain(report.version)} is ${style(stateStyle(report.state), report.state)}`,
    `up ${span(report.startedAt, at)}, configuration ${config.generation} in force for ${span(config.inForceSince, at)}${config.path === undefined ? '' : ` (${plain(config.path)})`}`,
    ...certificateLines(report, style),
    `${process.requestsInFlight} of ${process.requestsInFlightMax} requests in flight, ${mebibytes(process.bufferedBytes)} of ${mebibytes(process.bufferedBytesMax)} MiB buffered, ${mebibytes(process.memoryBytes)} MiB resident, event loop ${Math.round(process.eventLoopLagMs)} ms late`,
    '',
    ...targetLines(report.targets.toSorted(troubledFirst), style),
    ...gateLines(report.gates.filter(isBusy)),
    ...retryLines(report),
  ]
}

function certificateLines(report: StatusReport, style: CliIo['style']): readonly string[] {
  if (report.certificate === undefined) return []
  const { at } = report
  const { endsAt, isDue } = report.certificate
  if (hasEnded(report)) return [style('red', `certificate ended ${span(endsAt, at)} ago, ${plain(endsAt)}`)]
  const line = `certificate good for ${span(at, endsAt)}, until ${plain(endsAt)}`
  return [isDue ? style('yellow', line) : line]
}

function troubledFirst(one: TargetStatus, other: TargetStatus): number {
  return Number(one.state === 'closed') - Number(other.state === 'closed')
}

function targetLines(targets: readonly TargetStatus[], style: CliIo['style']): readonly string[] {
  if (targets.length === 0) return ['No target has been called yet.']
  const head = ['TARGET', 'CREDENTIAL', 'STATE', 'SINCE', 'UNTIL', 'CAUSE']
  const rows = targets.map((one) => [
    plain(one.target),
    plain(one.credential) || '-',
    one.isProbed ? `${one.state}, probed` : one.state,
    clock(one.since),
    one.until === undefined ? '-' : clock(one.until),
    one.cause === undefined ? '-' : `${plain(one.cause.code)}: ${plain(one.cause.message)}`,
  ])
  const [title = '', ...lines] = table([head, ...rows])
  return [
    style('dim', title),
    ...lines.map((line, row) =>
      targets[row]?.state === 'closed' ? line : style(cellStyle(targets[row]), line),
    ),
  ]
}

function gateLines(gates: readonly GateStatus[]): readonly string[] {
  if (gates.length === 0) return []
  const rows = gates.map((gate) => [
    plain(gate.target),
    plain(gate.credential),
    String(gate.inFlight),
    String(gate.queued),
    String(gate.slots ?? gate.limit ?? '-'),
    gate.pacedUntil === undefined ? '-' : clock(gate.pacedUntil),
  ])
  return ['', ...table([['GATE', 'CREDENTIAL', 'IN FLIGHT', 'QUEUED', 'LIMIT', 'PACED UNTIL'], ...rows])]
}

function retryLines({ retryBudgets }: StatusReport): readonly string[] {
  const spent = retryBudgets.filter(({ retries }) => retries > 0)
  if (spent.length === 0) return []
  const rows = spent.map(({ key, route, requests, retries }) => [
    plain(route),
    plain(key) || '-',
    String(requests),
    String(retries),
  ])
  return ['', ...table([['RETRIES OF', 'KEY', 'REQUESTS', 'RETRIES'], ...rows])]
}

function isBusy({ inFlight, queued, slots, limit, pacedUntil }: GateStatus): boolean {
  return inFlight > 0 || queued > 0 || slots !== undefined || limit !== undefined || pacedUntil !== undefined
}

/** Every column as wide as its widest cell, but for the last. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  '),
  )
}

/** Characters of one cell. */
const CELL_LENGTH_MAX = 120

/** Names and messages come from elsewhere: what could steer a terminal is shown as a question mark. */
function plain(text: string): string {
  const safe = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
  return safe.length > CELL_LENGTH_MAX ? `${safe.slice(0, CELL_LENGTH_MAX)}…` : safe
}

/** The time of day, UTC. */
function clock(iso: string): string {
  return /^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)/.exec(iso)?.[1] ?? plain(iso)
}

const MINUTE_S = 60
const HOUR_S = 3_600
const DAY_S = 86_400

function span(fromIso: string, toIso: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(toIso) - Date.parse(fromIso)) / 1_000))
  if (seconds < 2 * MINUTE_S) return `${seconds} s`
  if (seconds < 2 * HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min`
  if (seconds < 2 * DAY_S) return `${Math.floor(seconds / HOUR_S)} h`
  return `${Math.floor(seconds / DAY_S)} days`
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 && bytes > 0 ? 1 : 0)
}

function stateStyle(state: StatusReport['state']): Style {
  return state === 'serving' ? 'green' : 'yellow'
}

function cellStyle(target: TargetStatus | undefined): Style {
  return target?.state === 'limited' || target?.state === 'half-open' ? 'yellow' : 'red'
}
