import { describe, expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import type { AttemptRecord, ExchangeRecord } from './records.ts'
import { createTelemetry } from './telemetry.ts'

const exchange: ExchangeRecord = {
  exchangeId: 'req_1',
  state: 'completed',
  dialect: 'openai-chat',
  operation: 'chat',
  modelId: 'client-spelled-model',
  route: 'smart',
  keyName: 'laptop',
  target: 'fake/client-spelled-model',
  attempts: 1,
  stream: true,
  status: 200,
  requestBytes: 10,
  responseBytes: 20,
  durationMs: 100,
  firstTokenMs: 50,
  overheadMs: 0.4,
  losses: [],
  isSimulated: false,
}

const attempt: AttemptRecord = {
  exchangeId: 'req_1',
  number: 1,
  target: 'fake/client-spelled-model',
  provider: 'fake',
  outcome: 'completed',
  durationMs: 90,
  firstTokenMs: 40,
  usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 60, reasoningTokens: 5 },
  usageSource: 'reported',
  isWaste: false,
  flags: [],
}

function start() {
  const telemetry = createTelemetry()
  const metrics = createMetrics({ telemetry, inFlight: () => 7, droppedLogLines: () => 9 })
  return { telemetry, metrics }
}

/** The value of one line, found by its name and labels. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('metrics', () => {
  test('count exchanges, attempts and tokens', async () => {
    const { telemetry, metrics } = start()
    telemetry.exchanges.publish(exchange)
    telemetry.exchanges.publish({ ...exchange, state: 'failed', code: 'rate_limited', durationMs: 2_000 })
    telemetry.attempts.publish(attempt)
    telemetry.attempts.publish({ ...attempt, outcome: 'failed', code: 'rate_limited', isWaste: true })
    telemetry.notices.publish({ level: 'warn', name: 'credential_rejected', message: 'No.' })
    const text = await metrics.render()
    const all = 'dialect="openai-chat",operation="chat"'
    const values = {
      [`holdfast_exchanges_total{${all},route="smart",state="completed"}`]: 1,
      [`holdfast_exchanges_total{${all},route="smart",state="failed",code="rate_limited"}`]: 1,
      [`holdfast_exchange_duration_seconds_bucket{${all},state="completed",le="0.08"}`]: 0,
      [`holdfast_exchange_duration_seconds_bucket{${all},state="completed",le="0.16"}`]: 1,
      [`holdfast_exchange_duration_seconds_bucket{${all},state="completed",le="+Inf"}`]: 1,
      [`holdfast_exchange_duration_seconds_sum{${all},state="failed"}`]: 2,
      [`holdfast_exchange_first_token_seconds_count{${all}}`]: 2,
      [`holdfast_exchange_overhead_seconds_bucket{${all},le="0.0005"}`]: 2,
      'holdfast_attempts_total{gen_ai_provider_name="fake",outcome="completed"}': 1,
      'holdfast_attempts_total{gen_ai_provider_name="fake",outcome="failed",code="rate_limited"}': 1,
      'holdfast_attempts_wasted_total{gen_ai_provider_name="fake"}': 1,
      'holdfast_tokens_total{gen_ai_provider_name="fake",kind="input"}': 200,
      'holdfast_tokens_total{gen_ai_provider_name="fake",kind="cache_read"}': 120,
      'holdfast_tokens_total{gen_ai_provider_name="fake",kind="reasoning"}': 10,
      'gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name="fake",error_type="rate_limited"}': 1,
      'gen_ai_client_token_usage_sum{gen_ai_provider_name="fake",gen_ai_token_type="output"}': 40,
      'holdfast_notices_total{level="warn",notice="credential_rejected"}': 1,
      holdfast_exchanges_in_flight: 7,
      holdfast_log_dropped_lines_total: 9,
      holdfast_telemetry_subscriber_faults_total: 0,
    }
    const found = Object.fromEntries(Object.keys(values).map((series) => [series, valueOf(text, series)]))
    expect(found).toEqual(values)
    expect(
      valueOf(text, 'holdfast_tokens_total{gen_ai_provider_name="fake",kind="cache_write"}'),
    ).toBeUndefined()
    metrics.close()
  })

  test('tell how the process fares', async () => {
    const { metrics } = start()
    const text = await metrics.render()
    expect(valueOf(text, 'process_memory_usage_bytes')).toBeGreaterThan(1_000_000)
    expect(valueOf(text, 'process_cpu_time_seconds_total{cpu_mode="user"}')).toBeGreaterThan(0)
    expect(valueOf(text, 'nodejs_eventloop_delay_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0)
    metrics.close()
  })

  test('tell how late the event loop ran, not how often that is looked at', async () => {
    const { metrics } = start()
    await metrics.render()
    await new Promise((resolve) => setTimeout(resolve, 250))
    const text = await metrics.render()
    expect(valueOf(text, 'nodejs_eventloop_delay_seconds{quantile="0.5"}')).toBeLessThan(0.04)
    metrics.close()
  })

  test('SEC-45: never show what a client spelled', async () => {
    const { telemetry, metrics } = start()
    telemetry.exchanges.publish(exchange)
    telemetry.attempts.publish(attempt)
    const text = await metrics.render()
    expect(text).not.toMatch(/client-spelled-model|laptop|req_1/)
    metrics.close()
  })

  test('are valid Prometheus text', async () => {
    const { telemetry, metrics } = start()
    telemetry.exchanges.publish({ ...exchange, route: 'a "quoted"\n\\route' })
    telemetry.attempts.publish(attempt)
    const text = await metrics.render()
    const sample =
      /^[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (?:[-+0-9.e]+|[+-]Inf|NaN)$/
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines.filter((line) => !sample.test(line))).toEqual([])
    expect(lines.length).toBeGreaterThan(50)
    expect(text.endsWith('\n')).toBe(true)
    const types = text.split('\n').filter((line) => line.startsWith('# TYPE '))
    expect(new Set(types).size).toBe(types.length)
    metrics.close()
  })

  test('stop counting when closed', async () => {
    const { telemetry, metrics } = start()
    metrics.close()
    telemetry.exchanges.publish(exchange)
    expect(await metrics.render()).not.toContain('holdfast_exchanges_total')
    metrics.close()
  })
})

test('fault 136: an observer that throws is counted and reaches neither traffic nor the other observers', async () => {
  const telemetry = createTelemetry()
  telemetry.exchanges.subscribe(() => {
    throw new Error('a defect')
  })
  const metrics = createMetrics({ telemetry })
  telemetry.exchanges.publish(exchange)
  const text = await metrics.render()
  expect(valueOf(text, 'holdfast_telemetry_subscriber_faults_total')).toBe(1)
  expect(text).toContain('holdfast_exchanges_total')
  metrics.close()
})
