/** `holdfast simulate`: the simulator as a server of its own, in every dialect, with faults on demand. */

import { readFileSync } from 'node:fs'
import { formatFault } from '../../app/config/fault.ts'
import { readScenario } from '../../app/read-scenario.ts'
import { faults } from '../../simulator/faults.ts'
import { simulatedModels } from '../../simulator/models.ts'
import { parseScenario, type Scenario } from '../../simulator/scenario.ts'
import { type SimulatorServer, startSimulator } from '../../simulator/server.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'

export interface SimulateCommandOptions extends CommonOptions {
  readonly port: number
  readonly host: string
  readonly scenario?: string
  readonly fault?: string
  readonly listFaults?: boolean
  readonly firstTokenMs?: number
  readonly perTokenMs?: number
}

export async function simulate(options: SimulateCommandOptions, io: CliIo): Promise<ExitCode> {
  if (options.listFaults) return listFaults(options, io)
  const scenario = chooseScenario(options, io)
  if (scenario === undefined) return exitCodes.configuration
  const { firstTokenMs, perTokenMs } = options
  let server: SimulatorServer
  try {
    server = await startSimulator({
      port: options.port,
      host: options.host,
      scenario,
      pace: {
        ...(firstTokenMs !== undefined && { firstTokenMs }),
        ...(perTokenMs !== undefined && { perTokenMs }),
      },
    })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    io.err(`${options.host}:${options.port} cannot be listened on (${code}); choose another with --port`)
    return exitCodes.address
  }
  announce(server.origin, options, io)
  await interrupted(io)
  await server.close()
  return exitCodes.ok
}

function listFaults({ json }: SimulateCommandOptions, io: CliIo): ExitCode {
  if (json)
    printJson(
      io,
      [...faults.values()].map(({ name, description, parameters }) => ({ name, description, parameters })),
    )
  else
    for (const { name, description } of faults.values())
      io.out(`${name.padEnd(32)} ${io.style('dim', description)}`)
  return exitCodes.ok
}

/** The file's scenario, with the fault for every call added; `undefined` once its mistakes are printed. */
function chooseScenario(
  { scenario: file, fault, json }: SimulateCommandOptions,
  io: CliIo,
): Scenario | undefined {
  const complain = (lines: readonly string[]): undefined => {
    if (json) printJson(io, { ok: false, faults: lines })
    else io.err(lines.join('\n'))
    return undefined
  }
  const forced = parseScenario(fault === undefined ? {} : { faults: [{ fault, operation: 'any' }] })
  if (forced.type === 'problems') return complain(forced.problems.map(({ message }) => `--fault: ${message}`))
  if (file === undefined) return forced.scenario
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return complain([`${file}: the scenario cannot be read`])
  }
  const read = readScenario(text, file)
  if (!read.ok) return complain(read.faults.map(formatFault))
  return { ...read.scenario, rules: [...forced.scenario.rules, ...read.scenario.rules] }
}

function announce(origin: string, { json, quiet }: SimulateCommandOptions, io: CliIo): void {
  const names = simulatedModels.map((model) => model.id)
  if (json) io.out(JSON.stringify({ type: 'listening', url: origin, models: names }))
  if (json || quiet) return
  const body = JSON.stringify({ model: names[0], messages: [{ role: 'user', content: 'Say hello' }] })
  io.out(
    [
      `The simulator is listening on ${io.style('cyan', origin)}; every answer is made up.`,
      `  OpenAI     ${origin}/v1`,
      `  Anthropic  ${origin}`,
      `  Gemini     ${origin}`,
      `  models     ${names.join(', ')}`,
      '',
      `  curl ${origin}/v1/chat/completions -H "content-type: application/json" -d '${body}'`,
    ].join('\n'),
  )
}

function interrupted({ signals }: CliIo): Promise<void> {
  return new Promise((resolve) => {
    signals.on('SIGINT', () => resolve())
    signals.on('SIGTERM', () => resolve())
  })
}
