/** One structured line for every attempt, exchange and notice: what happened, never what was said (SEC-25). */

import { isAscii } from 'node:buffer'
import { pino } from 'pino'
import type { Usage } from '../canonical/usage.ts'
import type { Clock } from '../std/clock.ts'
import { createLogSink, type LogSink, type WriteBytes } from './log-sink.ts'
import type {
  AttemptRecord,
  ExchangeRecord,
  NoticeRecord,
  Telemetry,
  TerminalState,
  TransitionRecord,
} from './records.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** One JSON object a line for programs, or a short line for people. */
export type LogFormat = 'json' | 'pretty'

export interface LogWriterOptions {
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** Default `json`. */
  readonly format?: LogFormat
  /** Lines below it are not written. Default `info`. */
  readonly level?: LogLevel
  /** Where lines go. Default 1, standard output. */
  readonly fd?: number
  readonly queueBytesMax?: number
  readonly writeBytes?: WriteBytes
  readonly gatherMs?: number
  /** What was noticed before there was a log, in order. */
  readonly before?: readonly NoticeRecord[]
}

export interface LogWriter {
  readonly droppedLines: number
  /** Writes what is waiting, for `withinMs` at most, and takes no more. */
  close(withinMs: number): Promise<void>
}

/** Subscribes to everything the house publishes and writes it down. */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const sink = createLogSink({
    fd: options.fd ?? 1,
    clock: options.clock,
    encode: encodeLines,
    ...(options.queueBytesMax === undefined ? {} : { queueBytesMax: options.queueBytesMax }),
    ...(options.writeBytes === undefined ? {} : { writeBytes: options.writeBytes }),
    ...(options.gatherMs === undefined ? {} : { gatherMs: options.gatherMs }),
  })
  const log = createLogger(options, sink)
  const { attempts, exchanges, notices, transitions } = options.telemetry
  const writeNotice = (record: NoticeRecord) => {
    if (log.isLevelEnabled(record.level)) log[record.level](noticeFields(record), bounded(record.message))
  }
  for (const record of options.before ?? []) writeNotice(record)
  const leave = [
    attempts.subscribe((record) => {
      const level = record.outcome === 'failed' ? 'warn' : 'info'
      if (log.isLevelEnabled(level)) log[level](attemptFields(record), 'attempt')
    }),
    exchanges.subscribe((record) => {
      const level = isAlarming(record.state) ? 'warn' : 'info'
      if (log.isLevelEnabled(level)) log[level](exchangeFields(record), 'exchange')
    }),
    notices.subscribe(writeNotice),
    transitions.subscribe((record) => {
      const level = record.to === 'closed' || record.to === 'half-open' ? 'info' : 'warn'
      if (log.isLevelEnabled(level)) log[level](transitionFields(record), 'target')
    }),
  ]
  return {
    get droppedLines() {
      return sink.droppedLines
    },
    close(withinMs) {
      for (const leaveChannel of leave) leaveChannel()
      return sink.flush(withinMs)
    },
  }
}

/** What JSON leaves as it is and a terminal obeys or hides: DEL, C1 controls, line separators, direction marks (SEC-39). */
const TERMINAL_CONTROLS = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

function createLogger(options: LogWriterOptions, sink: LogSink) {
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: createTimestamp(options.clock),
      formatters: { level: (label) => ({ level: label }) },
      ...(options.format === 'pretty' ? { hooks: { streamWrite: prettyLine } } : {}),
    },
    sink,
  )
}

/** Many lines are written within one millisecond: its text is made once. */
function createTimestamp(clock: Clock): () => string {
  let lastMs = Number.NaN
  let text = ''
  return () => {
    const nowMs = Math.floor(clock.wallMs())
    if (nowMs !== lastMs) {
      lastMs = nowMs
      text = `,"time":"${new Date(nowMs).toISOString()}"`
    }
    return text
  }
}

const DELETE = 0x7f

/**
 * Many lines at once, what a terminal would obey escaped. Inside a JSON line these characters can only stand in strings,
 * where an escape says the same; nearly all lines are plain ASCII, which two native looks can tell.
 */
function encodeLines(lines: string): Buffer {
  const bytes = Buffer.from(lines)
  if (isAscii(bytes) && !bytes.includes(DELETE)) return bytes
  return Buffer.from(lines.replace(TERMINAL_CONTROLS, escapeCharacter))
}

/** The same line for people: time, level, message, then what was said, each string as JSON has it. */
function prettyLine(line: string): string {
  // pino made this line from an object of ours a moment ago.
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: string; time: string; msg: string }
  const told = Object.entries(fields).map(([name, value]) => `${name}=${prettyValue(value)}`)
  const message = JSON.stringify(msg).slice(1, -1)
  return `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${[message, ...told].join(' ')}\n`
}

function prettyValue(value: unknown): string {
  const text = JSON.stringify(value)
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : text
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function isAlarming(state: TerminalState): boolean {
  return state === 'failed' || state === 'truncated' || state === 'shed'
}

const TEXT_LENGTH_MAX = 512

/** Names and messages come from clients and providers: they are cut before they fill the log. */
function bounded<Text extends string | undefined>(text: Text): Text | string {
  return text !== undefined && text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text
}

function roundMs(durationMs: number | undefined): number | undefined {
  return durationMs === undefined ? undefined : Math.round(durationMs * 100) / 100
}

/** The counts alone: the provider's raw object could hold anything. */
function usageFields(usage: Usage | undefined): Omit<Usage, 'raw'> | undefined {
  if (usage === undefined) return undefined
  const { raw: _raw, ...counts } = usage
  return counts
}

function attemptFields(record: AttemptRecord): object {
  return {
    exchangeId: record.exchangeId,
    attempt: record.number,
    target: bounded(record.target),
    outcome: record.outcome,
    code: record.code,
    upstreamStatus: record.upstreamStatus,
    reason: bounded(record.message),
    durationMs: roundMs(record.durationMs),
    firstTokenMs: roundMs(record.firstTokenMs),
    usage: usageFields(record.usage),
    costNanoUsd: record.costNanoUsd,
    usageSource: record.usageSource,
    isWaste: record.isWaste,
    flags: record.flags.length === 0 ? undefined : record.flags,
  }
}

const LOSSES_MAX = 32

function transitionFields({ label, fingerprint, from, to, cause, nowMs, untilMs }: TransitionRecord): object {
  return {
    target: bounded(label),
    credential: fingerprint,
    from,
    to,
    cause,
    ...(untilMs === undefined ? {} : { forMs: roundMs(untilMs - nowMs) }),
  }
}

function exchangeFields(record: ExchangeRecord): object {
  return {
    exchangeId: record.exchangeId,
    state: record.state,
    dialect: record.dialect,
    operation: record.operation,
    model: bounded(record.modelId),
    route: record.route,
    keyName: record.keyName,
    sessionId: record.sessionId,
    target: bounded(record.target),
    skipped: record.skipped?.slice(0, LOSSES_MAX).map((one) => bounded(one)),
    attempts: record.attempts,
    rescueRung: record.rescueRung,
    stream: record.stream,
    status: record.status,
    code: record.code,
    reason: bounded(record.message),
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    durationMs: roundMs(record.durationMs),
    firstTokenMs: roundMs(record.firstTokenMs),
    overheadMs: roundMs(record.overheadMs),
    usage: usageFields(record.usage),
    costNanoUsd: record.costNanoUsd,
    costBasis: record.costBasis,
    losses:
      record.losses.length === 0
        ? undefined
        : record.losses.slice(0, LOSSES_MAX).map((loss) => bounded(loss.field)),
    isSimulated: record.isSimulated,
  }
}

function noticeFields(record: NoticeRecord): object {
  const facts = Object.entries(record.facts ?? {}).map(
    ([name, value]) => [name, typeof value === 'string' ? bounded(value) : value] as const,
  )
  return { notice: record.name, facts: facts.length === 0 ? undefined : Object.fromEntries(facts) }
}
