/** `outage:provider=openai,for=10m`: a built-in scenario and its parameters, as one word of a command line. Pure. */

import type { z } from 'zod'
import { nearest } from '../std/nearest.ts'
import {
  type BuiltInScenario,
  builtInScenarios,
  OBJECTIVE_PARAMETERS,
  type Surroundings,
} from './built-in-scenarios.ts'
import { type KnownNames, misnamed } from './misnamed.ts'
import type { Scenario } from './scenario.ts'

export type ReadExpression =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Whether a word is meant as a file: it has a folder or an ending. */
export function isScenarioFile(word: string): boolean {
  const [before = ''] = word.split(':', 1)
  return /\.ya?ml$/i.test(word) || /[\\/]/.test(before)
}

export function readExpression(
  word: string,
  { names, surroundings }: { readonly names: KnownNames; readonly surroundings: Surroundings },
): ReadExpression {
  const colon = word.indexOf(':')
  const name = colon < 0 ? word : word.slice(0, colon)
  const builtIn = builtInScenarios.get(name)
  if (builtIn === undefined) return { ok: false, problems: [unknownScenario(name)] }
  const parameters = colon < 0 ? {} : readParameters(word.slice(colon + 1))
  if (parameters === undefined)
    return { ok: false, problems: [`${word}: write parameters as ${name}:name=value,name=value`] }
  const judged = builtIn.schema.safeParse(parameters)
  if (!judged.success)
    return {
      ok: false,
      problems: judged.error.issues.flatMap((issue) => describe(issue, builtIn, parameters)),
    }
  const scenario = judged.data(surroundings)
  const problems = misnamed(scenario, names).map(({ message }) => `${name}: ${message}`)
  return problems.length === 0 ? { ok: true, scenario } : { ok: false, problems }
}

function unknownScenario(name: string): string {
  const known = [...builtInScenarios.keys()]
  const hint = nearest(name, known)
  const meant = hint === undefined ? '' : `; did you mean ${hint}?`
  return `there is no scenario ${JSON.stringify(name)}${meant} (there are ${known.join(', ')}, and files that end in .yaml)`
}

function readParameters(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = text.split(',').map((pair) => /^\s*([\w-]+)\s*=\s*(.+?)\s*$/.exec(pair))
  if (pairs.some((pair) => pair === null)) return undefined
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))
}

function describe(
  issue: z.core.$ZodIssue,
  { name, parameters }: BuiltInScenario,
  given: Readonly<Record<string, string>>,
): readonly string[] {
  const known = [...Object.keys(parameters), ...OBJECTIVE_PARAMETERS]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const hint = nearest(key, known)
      const meant = hint === undefined ? '' : `; did you mean ${hint}?`
      return `${name} has no parameter ${JSON.stringify(key)}${meant} (there are ${known.join(', ')})`
    })
  const key = String(issue.path[0])
  return [`${name}: ${key}=${given[key] ?? ''} ${issue.message}`]
}
