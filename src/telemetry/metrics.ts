/**
 * What the house publishes, counted. The hot path adds plain numbers; OpenTelemetry is loaded at the first scrape. Names
 * follow the GenAI semantic conventions where those have one for the fact, and are ours (`holdfast_`) elsewhere.
 */

import type { Usage } from '../canonical/usage.ts'
import { subscriberFaults } from './telemetry.ts'
import type { MetricFamily } from './prometheus.ts'
import { createProcessReadings, type ProcessReadings } from './process-readings.ts'
import type { AttemptRecord, ExchangeRecord, Telemetry, TransitionRecord } from './records.ts'
import { Counter, Distribution } from './series.ts'

export interface MetricsOptions {
  readonly telemetry: Telemetry
  /** Requests being served now. */
  readonly inFlight?: () => number
  /** Log lines that never left the process. */
  readonly droppedLogLines?: () => number
  /** When the gateway's own certificate ends, ms since the Unix epoch; absent where it has none. */
  readonly certificateEndsAtMs?: () => number | undefined
}

export interface Metrics {
  /** The Prometheus text of now. */
  render(): Promise<string>
  close(): void
}

/** Subscribes to everything the house publishes and counts it. */
export function createMetrics(options: MetricsOptions): Metrics {
  const tallies = new Tallies()
  const { attempts, exchanges, notices, transitions } = options.telemetry
  const leave = [
    attempts.subscribe((record) => tallies.addAttempt(record)),
    exchanges.subscribe((record) => tallies.addExchange(record)),
    notices.subscribe((record) => tallies.notices.add(1, [record.level, record.name])),
    transitions.subscribe((record) => tallies.addTransition(record)),
  ]
  let readings: ProcessReadings | undefined
  return {
    async render() {
      readings ??= createProcessReadings()
      const { renderPrometheus } = await import('./prometheus.ts')
      return renderPrometheus([...tallies.families(), ...houseFamilies(options), ...readings.families()])
    },
    close() {
      for (const leaveChannel of leave) leaveChannel()
      readings?.close()
    },
  }
}

/** Boundaries the GenAI conventions advise for durations, s. */
const DURATION_BOUNDARIES_S = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68,
  655.36,
]
/** For what the gateway adds, s: a few tenths of a millisecond are the aim. */
const OVERHEAD_BOUNDARIES_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
/** Boundaries the GenAI conventions advise for token counts. */
const TOKEN_BOUNDARIES = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
]

const MS_PER_S = 1_000

class Tallies {
  readonly #exchanges = new Counter(['dialect', 'operation', 'route', 'state', 'code'])
  readonly #exchangeSeconds = new Distribution(['dialect', 'operation', 'state'], DURATION_BOUNDARIES_S)
  readonly #exchangeFirstToken = new Distribution(['dialect', 'operation'], DURATION_BOUNDARIES_S)
  readonly #overhead = new Distribution(['dialect', 'operation'], OVERHEAD_BOUNDARIES_S)
  readonly #losses = new Counter(['dialect', 'operation'])
  readonly #attempts = new Counter(['gen_ai.provider.name', 'outcome', 'code'])
  readonly #wasted = new Counter(['gen_ai.provider.name'])
  readonly #attemptSeconds = new Distribution(['gen_ai.provider.name', 'error.type'], DURATION_BOUNDARIES_S)
  readonly #attemptFirstToken = new Distribution(['gen_ai.provider.name'], DURATION_BOUNDARIES_S)
  readonly #tokens = new Counter(['gen_ai.provider.name', 'kind'])
  readonly #tokenUsage = new Distribution(['gen_ai.provider.name', 'gen_ai.token.type'], TOKEN_BOUNDARIES)
  readonly #rescues = new Counter(['dialect', 'route', 'rung'])
  readonly #transitions = new Counter(['gen_ai.provider.name', 'state', 'cause'])
  readonly notices = new Counter(['level', 'notice'])

  addExchange(record: ExchangeRecord): void {
    const { dialect, operation, route, state, code } = record
    this.#exchanges.add(1, [dialect, operation, route, state, code])
    this.#exchangeSeconds.record(record.durationMs / MS_PER_S, [dialect, operation, state])
    if (record.firstTokenMs !== undefined) {
      this.#exchangeFirstToken.record(record.firstTokenMs / MS_PER_S, [dialect, operation])
    }
    if (record.overheadMs !== undefined)
      this.#overhead.record(record.overheadMs / MS_PER_S, [dialect, operation])
    if (record.rescueRung !== undefined) this.#rescues.add(1, [dialect, route, String(record.rescueRung)])
    if (record.losses.length > 0) this.#losses.add(record.losses.length, [dialect, operation])
  }

  addAttempt(record: AttemptRecord): void {
    const { provider, outcome, code } = record
    this.#attempts.add(1, [provider, outcome, code])
    if (record.isWaste) this.#wasted.add(1, [provider])
    this.#attemptSeconds.record(record.durationMs / MS_PER_S, [provider, code])
    if (record.firstTokenMs !== undefined) {
      this.#attemptFirstToken.record(record.firstTokenMs / MS_PER_S, [provider])
    }
    if (record.usage !== undefined) this.#addUsage(provider, record.usage)
  }

  addTransition({ label, to, cause }: TransitionRecord): void {
    // A label is `provider/model`, and providers are few.
    this.#transitions.add(1, [label.slice(0, Math.max(0, label.indexOf('/'))), to, cause])
  }

  #addUsage(provider: string, usage: Usage): void {
    for (const [kind, count] of tokenKinds(usage)) {
      if (count !== undefined) this.#tokens.add(count, [provider, kind])
    }
    if (usage.inputTokens !== undefined) this.#tokenUsage.record(usage.inputTokens, [provider, 'input'])
    if (usage.outputTokens !== undefined) this.#tokenUsage.record(usage.outputTokens, [provider, 'output'])
  }

  families(): readonly MetricFamily[] {
    return [
      counter('holdfast.exchanges', 'Client requests by how they ended.', this.#exchanges),
      histogram(
        'holdfast.exchange.duration_seconds',
        'Client requests, first byte to last.',
        this.#exchangeSeconds,
      ),
      histogram(
        'holdfast.exchange.first_token_seconds',
        'Client requests, to the first token.',
        this.#exchangeFirstToken,
      ),
      histogram(
        'holdfast.exchange.overhead_seconds',
        'Time spent in the gateway before an answer began.',
        this.#overhead,
      ),
      counter('holdfast.exchange.losses', 'Request fields a target could not express.', this.#losses),
      counter('holdfast.attempts', 'Requests to providers by how they ended.', this.#attempts),
      counter(
        'holdfast.attempts.wasted',
        'Requests to providers that may have cost and were not delivered.',
        this.#wasted,
      ),
      counter(
        'holdfast.tokens',
        'Tokens as providers reported them; cached and reasoning tokens are part of input and output.',
        this.#tokens,
      ),
      histogram('gen_ai.client.operation.duration_seconds', 'Requests to providers.', this.#attemptSeconds),
      histogram(
        'gen_ai.client.operation.time_to_first_chunk_seconds',
        'Requests to providers, to the first token.',
        this.#attemptFirstToken,
      ),
      histogram('gen_ai.client.token.usage', 'Tokens a request to a provider used.', this.#tokenUsage),
      counter(
        'holdfast.rescues',
        'Streams that broke off and were finished, by rung of the ladder.',
        this.#rescues,
      ),
      counter('holdfast.target.transitions', 'Changes of the health of targets.', this.#transitions),
      counter('holdfast.notices', 'Things an operator should know.', this.notices),
    ]
  }
}

function tokenKinds(usage: Usage): readonly (readonly [string, number | undefined])[] {
  return [
    ['input', usage.inputTokens],
    ['output', usage.outputTokens],
    ['cache_read', usage.cacheReadTokens],
    ['cache_write', usage.cacheWriteTokens],
    ['reasoning', usage.reasoningTokens],
  ]
}

function counter(name: string, help: string, source: Counter): MetricFamily {
  return { kind: 'counter', name, help, points: source.entries() }
}

function histogram(name: string, help: string, source: Distribution): MetricFamily {
  return { kind: 'histogram', name, help, boundaries: source.boundaries, points: source.entries() }
}

function houseFamilies(options: MetricsOptions): readonly MetricFamily[] {
  const single = (value: number) => [{ labels: {}, value }]
  const endsAtMs = options.certificateEndsAtMs?.()
  return [
    {
      kind: 'gauge',
      name: 'holdfast.tls.certificate.end_timestamp_seconds',
      help: 'When the certificate that clients are shown ends, seconds since 1970.',
      points: endsAtMs === undefined ? [] : single(endsAtMs / MS_PER_S),
    },
    {
      kind: 'gauge',
      name: 'holdfast.exchanges.in_flight',
      help: 'Client requests being served now, the one that reads this among them.',
      points: single(options.inFlight?.() ?? 0),
    },
    {
      kind: 'counter',
      name: 'holdfast.log.dropped_lines',
      help: 'Log lines that never left the process.',
      points: single(options.droppedLogLines?.() ?? 0),
    },
    {
      kind: 'counter',
      name: 'holdfast.telemetry.subscriber_faults',
      help: 'Observers that threw; traffic was not affected.',
      points: single(subscriberFaults(options.telemetry)),
    },
  ]
}
