/** A scenario file: YAML into a checked scenario, every mistake with its line and column, as for the configuration. */

import { addIssue } from '../app/config/describe-issue.ts'
import { type ConfigFault, formatPath } from '../app/config/fault.ts'
import { readYaml } from '../app/config/read-yaml.ts'
import { misnamed, type KnownNames } from './misnamed.ts'
import type { Scenario } from './scenario.ts'
import { scenarioSchema, toScenario } from './scenario-schema.ts'

export type ReadScenario =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }

export interface ScenarioText {
  readonly text: string
  /** As the user named it. */
  readonly file: string
  /** What the scenario may name. */
  readonly names: KnownNames
}

export function readScenario({ text, file, names }: ScenarioText): ReadScenario {
  const { value, source, faults } = readYaml({ file, text, env: {}, schema: scenarioSchema })
  const isBroken = !faults.isEmpty
  const judged = scenarioSchema.safeParse(value)
  // What is not YAML is not judged further: what stands after the break was not meant as it was read.
  if (!judged.success && !isBroken)
    for (const issue of judged.error.issues)
      addIssue(issue, { schema: scenarioSchema, value, source, faults })
  if (!judged.success || isBroken) return { ok: false, faults: faults.sorted().map(asScenario) }
  const scenario = toScenario(judged.data)
  for (const { path, isKey, message } of misnamed(scenario, names)) {
    const said = `${formatPath(path)}: ${message}`
    if (isKey) faults.atKey(path, said)
    else faults.at(path, said)
  }
  return faults.isEmpty ? { ok: true, scenario } : { ok: false, faults: faults.sorted() }
}

/** The reader speaks of configurations; this is none. */
function asScenario(fault: ConfigFault): ConfigFault {
  const message = fault.message.startsWith('the file is empty')
    ? 'the file is empty: write weather, traffic or objectives into it'
    : fault.message.replace(/^the configuration\b/, 'the scenario')
  return { ...fault, message }
}
