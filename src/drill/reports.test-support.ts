/** Hand-made stories and reports, for tests of what is made of them. */

import type { AttemptRecord, ExchangeRecord } from '../telemetry/records.ts'
import type { ClientStory, ClientTry, History } from './engine/history.ts'
import type { DrillReport, JudgedRoute, RouteReport } from './report.ts'

export function aTry(exchangeId: string, more: Partial<ClientTry> = {}): ClientTry {
  return {
    outcome: 'answered',
    exchangeId,
    tag: exchangeId,
    startMs: 0,
    endMs: 1_000,
    deadlineAtMs: 600_000,
    isAccepted: true,
    text: '',
    toolCalls: [],
    hasSuccessMarker: true,
    dawdledMs: 0,
    ...more,
  }
}

export function aStory(tries: readonly ClientTry[], more: Partial<ClientStory> = {}): ClientStory {
  return {
    number: 1,
    client: 0,
    dialect: 'openai-chat',
    model: 'smart',
    isStream: true,
    startMs: tries[0]?.startMs ?? 0,
    endMs: tries.at(-1)?.endMs ?? 0,
    outcome: tries.at(-1)?.outcome ?? 'answered',
    tries,
    ...more,
  }
}

export function anAttempt(exchangeId: string, more: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    exchangeId,
    number: 1,
    target: 'openai/gpt-5',
    provider: 'openai',
    outcome: 'completed',
    durationMs: 900,
    usageSource: 'reported',
    costNanoUsd: 1_000,
    isWaste: false,
    flags: [],
    ...more,
  }
}

export function anExchange(exchangeId: string, more: Partial<ExchangeRecord> = {}): ExchangeRecord {
  return {
    exchangeId,
    state: 'completed',
    dialect: 'openai-chat',
    operation: 'chat',
    attempts: 1,
    stream: true,
    status: 200,
    requestBytes: 10,
    responseBytes: 10,
    durationMs: 1_000,
    losses: [],
    isSimulated: false,
    ...more,
  }
}

export function aHistory(parts: Partial<History>): History {
  return {
    seed: 1,
    requests: [],
    calls: [],
    attempts: [],
    exchanges: [],
    transitions: [],
    notices: [],
    turns: [],
    endMs: 0,
    held: {
      timers: 0,
      requestsInFlight: 0,
      bufferedBytes: 0,
      upstreamCalls: 0,
      listeners: 0,
      slots: 0,
      queued: 0,
      deliveredBytes: 0,
    },
    sightings: [],
    ...parts,
  }
}

/** All is well, until told otherwise. */
export function aRouteReport(more: Partial<RouteReport> = {}): RouteReport {
  return {
    route: 'smart',
    requests: 1_000,
    left: 0,
    answered: 1_000,
    rescued: 0,
    savedByOthers: 0,
    truncated: 0,
    failed: 0,
    errors: [],
    answeredShare: 1,
    truncatedShare: 0,
    firstToken: { p50Ms: 400, p99Ms: 2_000 },
    attempts: { total: 1_000, perRequest: 1, most: 1 },
    cost: { basis: 'money', total: 2_000_000_000, waste: 0, extraShare: 0 },
    targets: [],
    breakers: [],
    course: [],
    ...more,
  }
}

export function aReport(route: Partial<JudgedRoute> = {}, more: Partial<DrillReport> = {}): DrillReport {
  const judged: JudgedRoute = {
    ...aRouteReport(),
    verdict: { result: 'passed', objectives: [] },
    advice: [],
    ...route,
  }
  return {
    format: 1,
    scenario: { name: 'outage', about: 'A provider is down.', weather: [] },
    seed: 1,
    requests: judged.requests,
    dayMs: 24 * 3_600_000,
    isPassed: true,
    routes: [judged],
    placeholders: [],
    ...more,
  }
}
