/** How the process itself fares: CPU, memory and how late the event loop runs, named as OpenTelemetry names them. */

import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { MetricFamily } from './prometheus.ts'

export interface ProcessReadings {
  families(): readonly MetricFamily[]
  close(): void
}

/** The delay is sampled this often; a finer grain would wake an idle process for nothing. */
const DELAY_RESOLUTION_MS = 50
const NS_PER_S = 1e9
const US_PER_S = 1e6
const MS_PER_S = 1e3

export function createProcessReadings(): ProcessReadings {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  delay.enable()
  return {
    families() {
      const cpu = process.cpuUsage()
      const memory = process.memoryUsage()
      const delays = [
        { labels: { quantile: '0.5' }, value: lateBy(delay.percentile(50)) },
        { labels: { quantile: '0.99' }, value: lateBy(delay.percentile(99)) },
        { labels: { quantile: '1' }, value: lateBy(delay.max) },
      ]
      delay.reset()
      return [
        {
          kind: 'counter',
          name: 'process.cpu.time_seconds',
          help: 'CPU time of the process.',
          points: [
            { labels: { 'cpu.mode': 'user' }, value: cpu.user / US_PER_S },
            { labels: { 'cpu.mode': 'system' }, value: cpu.system / US_PER_S },
          ],
        },
        gauge('process.memory.usage_bytes', 'Resident memory of the process.', memory.rss),
        gauge('v8js.memory.heap.used_bytes', 'Heap in use.', memory.heapUsed),
        gauge(
          'nodejs.eventloop.utilization',
          'Share of time the event loop was busy, since the start.',
          performance.eventLoopUtilization().utilization,
        ),
        {
          kind: 'gauge',
          name: 'nodejs.eventloop.delay_seconds',
          help: 'How late the event loop ran since the last scrape.',
          points: delays,
        },
      ]
    },
    close: () => void delay.disable(),
  }
}

/** The histogram holds the time between two samples, which is never shorter than the grain, s. */
function lateBy(betweenNs: number): number {
  return Math.max(0, betweenNs / NS_PER_S - DELAY_RESOLUTION_MS / MS_PER_S)
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { kind: 'gauge', name, help, points: [{ labels: {}, value }] }
}
