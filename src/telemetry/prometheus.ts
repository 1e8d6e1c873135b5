/**
 * Our numbers as Prometheus text, by OpenTelemetry's own serializer. It is given metric data rather than instruments:
 * an observable instrument cannot carry a histogram, and a recording instrument costs the hot path an attribute object
 * and a hash for every call, where we add to a number.
 */

import { ValueType } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  MeterProvider,
  type MetricData,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Counted, Distributed } from './series.ts'

export type MetricFamily =
  | {
      readonly kind: 'counter'
      readonly name: string
      readonly help: string
      readonly points: readonly Counted[]
    }
  | {
      readonly kind: 'gauge'
      readonly name: string
      readonly help: string
      readonly points: readonly Counted[]
    }
  | {
      readonly kind: 'histogram'
      readonly name: string
      readonly help: string
      readonly boundaries: readonly number[]
      readonly points: readonly Distributed[]
    }

/** The families that have anything to say, in the order given. */
export async function renderPrometheus(families: readonly MetricFamily[]): Promise<string> {
  resource ??= readResource()
  const metrics = families.filter((family) => family.points.length > 0).map(toMetricData)
  const text = serializer.serialize({
    resource: await resource,
    scopeMetrics: [{ scope: { name: 'holdfast' }, metrics }],
  })
  return text.endsWith('\n') ? text : `${text}\n`
}

/** Without timestamps, `target_info` and scope labels: they would say the same on every line. */
const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)

let resource: Promise<ResourceMetrics['resource']> | undefined

/** The SDK alone can make a resource, so an empty collection lends us its own. */
async function readResource(): Promise<ResourceMetrics['resource']> {
  const reader = new ResourceReader()
  const provider = new MeterProvider({ readers: [reader] })
  const { resourceMetrics } = await reader.collect()
  await provider.shutdown()
  return resourceMetrics.resource
}

class ResourceReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function toMetricData(family: MetricFamily): MetricData {
  const common = {
    descriptor: { name: family.name, description: family.help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  switch (family.kind) {
    case 'counter':
      return {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: family.points.map(toPoint),
      }
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: family.points.map(toPoint) }
    case 'histogram': {
      const dataPoints = family.points.map((point) => ({
        ...NO_TIMES,
        attributes: point.labels,
        value: {
          buckets: { boundaries: [...family.boundaries], counts: point.bucketCounts },
          sum: point.sum,
          count: point.count,
        },
      }))
      return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints }
    }
  }
}

/** Times are part of the data model and not of the text. */
const NO_TIMES: Pick<DataPoint<number>, 'startTime' | 'endTime'> = { startTime: [0, 0], endTime: [0, 0] }

function toPoint(point: Counted): DataPoint<number> {
  return { ...NO_TIMES, attributes: point.labels, value: point.value }
}
