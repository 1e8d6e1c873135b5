/** `holdfast drill`: plays a day with something going wrong against the user's own configuration, and judges each route. */

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { HoldfastConfig } from '../../app/config/config.ts'
import { formatFault } from '../../app/config/fault.ts'
import { findConfigPath } from '../../app/config/find-config.ts'
import { builtInScenarios } from '../../drill/built-in-scenarios.ts'
import { loadForDrill } from '../../drill/load-for-drill.ts'
import { regionOf } from '../../drill/provider-places.ts'
import { readScenario } from '../../drill/read-scenario.ts'
import type { MeasuredRoute } from '../../drill/measure.ts'
import type { DrillReport } from '../../drill/report.ts'
import { reportHtml } from '../../drill/report-html.ts'
import { reportText } from '../../drill/report-text.ts'
import { routesOf, runDrill } from '../../drill/run-drill.ts'
import type { Scenario } from '../../drill/scenario.ts'
import { isScenarioFile, readExpression } from '../../drill/scenario-expression.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'

export interface DrillCommandOptions extends CommonOptions {
  /** Only this route. */
  readonly route?: string
  /** Instead of what the scenario says. */
  readonly requests?: number
  readonly seed: number
  /** Where to write the page. */
  readonly html?: string
  readonly list?: boolean
}

type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly string[] }

export async function drill(word: string, options: DrillCommandOptions, io: CliIo): Promise<ExitCode> {
  if (options.list === true) return list(options, io)
  const path = findConfigPath(options.config)
  const loaded = loadForDrill({ env: io.env, ...(path !== undefined && { path }) })
  if (!loaded.ok) return refuse(loaded.faults.map(formatFault), options, io)
  const { config, placeholders } = loaded
  const routes = routesOf(config, options.route === undefined ? undefined : [options.route])
  if (routes.length === 0) return refuse([noRoute(config, options.route)], options, io)
  const read = scenarioOf(word, { config, routes }, io)
  if (!read.ok) return refuse(read.problems, options, io)
  const report = await runDrill({
    config,
    placeholders,
    scenario: withRequests(read.value, options.requests),
    seed: options.seed,
    ...(options.route !== undefined && { routes: [options.route] }),
  })
  const unwritten = options.html === undefined ? undefined : writePage(options.html, report, io)
  if (unwritten !== undefined) return refuse([unwritten], options, io)
  if (options.json) printJson(io, report)
  else if (options.quiet !== true || !report.isPassed) io.out(reportText(report, io.style))
  return report.isPassed ? exitCodes.ok : exitCodes.failed
}

function list({ json }: DrillCommandOptions, io: CliIo): ExitCode {
  const scenarios = [...builtInScenarios.values()].map(({ name, about, parameters }) => ({
    name,
    about,
    parameters,
  }))
  if (json) printJson(io, scenarios)
  else
    for (const { name, about, parameters } of scenarios) {
      const said = Object.entries(parameters).map(([key, value]) => `${key}=${value}`)
      io.out(`${io.style('bold', name)}: ${about}${said.length === 0 ? '' : ` (${said.join(', ')})`}`)
    }
  return exitCodes.ok
}

/** What kept the page from being written. */
function writePage(file: string, report: DrillReport, io: CliIo): string | undefined {
  try {
    writeFileSync(resolve(io.directory, file), reportHtml(report))
    return undefined
  } catch (error) {
    return `${file} cannot be written (${codeOf(error)}): choose another with --html`
  }
}

interface Stage {
  readonly config: HoldfastConfig
  readonly routes: readonly MeasuredRoute[]
}

function scenarioOf(word: string, { config, routes }: Stage, io: CliIo): Read<Scenario> {
  const providers = config.providers.map(({ provider }) => provider)
  // Who is asked first is missed most.
  const [asked = ''] = routes.flatMap(({ targets }) => targets)
  const first = providers.find(({ id }) => asked.startsWith(`${id}/`)) ?? providers[0]
  const names = { providers, routes: routesOf(config, undefined).map(({ name }) => name) }
  if (first === undefined) return { ok: false, problems: ['there is no provider that could fail'] }
  if (!isScenarioFile(word)) {
    const read = readExpression(word, {
      names,
      surroundings: { provider: first.id, region: regionOf(first) },
    })
    return read.ok ? { ok: true, value: read.scenario } : read
  }
  const file = resolve(io.directory, word)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return {
      ok: false,
      problems: [`${word} cannot be read (${codeOf(error)}): is it there?`],
    }
  }
  const read = readScenario({ text, file: word, names })
  return read.ok ? { ok: true, value: read.scenario } : { ok: false, problems: read.faults.map(formatFault) }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
}

function withRequests(scenario: Scenario, requests: number | undefined): Scenario {
  return requests === undefined ? scenario : { ...scenario, traffic: { ...scenario.traffic, requests } }
}

function noRoute(config: HoldfastConfig, name: string | undefined): string {
  const known = routesOf(config, undefined).map((route) => route.name)
  if (name === undefined) return 'there is nothing to ask for: add routes, or models to a provider'
  return `there is no route ${JSON.stringify(name)} (there are ${known.join(', ') || 'none'})`
}

function refuse(problems: readonly string[], { json }: DrillCommandOptions, io: CliIo): ExitCode {
  if (json) printJson(io, { ok: false, problems })
  else io.err(problems.join('\n'))
  return exitCodes.configuration
}
