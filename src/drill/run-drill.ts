/** One drill: a configuration and a scenario in, a judged report out. Nothing is dialled; a day takes seconds. */

import type { HoldfastConfig } from '../app/config/config.ts'
import { advise } from './advice.ts'
import { createWorld } from './engine/world.ts'
import { measure, type MeasuredRoute } from './measure.ts'
import { type DrillReport, REPORT_FORMAT } from './report.ts'
import { DAY_MS, type Scenario } from './scenario.ts'
import { trafficFromScenario } from './traffic-from-scenario.ts'
import { isStatedMissed, judge } from './verdict.ts'
import { weatherFromScenario } from './weather-from-scenario.ts'

export interface DrillOptions {
  readonly config: HoldfastConfig
  readonly scenario: Scenario
  readonly seed: number
  /** Only these; absent: all. */
  readonly routes?: readonly string[]
  readonly placeholders?: readonly string[]
}

export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const { config, scenario, seed, placeholders = [] } = options
  const measured = routesOf(config, options.routes)
  const [key] = config.keys
  const history = await createWorld({
    seed,
    config,
    recordHistory: false,
    traffic: trafficFromScenario(scenario.traffic, {
      routes: measured.map(({ name }) => name),
      ...(key !== undefined && { clientKey: key.key.reveal() }),
    }),
    weather: weatherFromScenario(
      scenario,
      config.providers.map(({ provider }) => provider),
    ),
  }).run()
  const routes = measure(history, measured).map((report) => {
    const verdict = judge(report, scenario.objectives)
    const route = config.routes.find(({ name }) => name === report.route)
    return { ...report, verdict, advice: advise({ report, verdict, route, config }) }
  })
  return {
    format: REPORT_FORMAT,
    scenario: { name: scenario.name, about: scenario.about, weather: scenario.weather },
    seed,
    requests: history.requests.length,
    dayMs: DAY_MS,
    isPassed: !routes.some(({ verdict }) => isStatedMissed(verdict)),
    routes,
    placeholders,
  }
}

/** What clients can ask for: the routes, or, where there is none, a model of each provider. */
export function routesOf(
  config: HoldfastConfig,
  only: readonly string[] | undefined,
): readonly MeasuredRoute[] {
  const routes = config.routes.map(({ name, targets }) => ({ name, targets }))
  const all = routes.length > 0 ? routes : config.providers.flatMap(modelOf)
  return only === undefined ? all : all.filter(({ name }) => only.includes(name))
}

function modelOf({ provider, models }: HoldfastConfig['providers'][number]): readonly MeasuredRoute[] {
  const model = models?.[0] ?? provider.exampleModel
  if (model === undefined) return []
  const name = `${provider.id}/${model}`
  return [{ name, targets: [name] }]
}
