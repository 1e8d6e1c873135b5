/** What the steps of turning a document into a configuration share. */

import type { FaultList } from './fault-list.ts'
import type { Path } from './fault.ts'
import { formatPath } from './fault.ts'
import type { Secret } from '../../std/secret.ts'
import type { SecretReference } from '../../std/config-values.ts'
import { resolveSecret, type SecretSources } from './resolve-secret.ts'

export interface Resolution {
  readonly faults: FaultList
  readonly sources: SecretSources
  readonly warnings: string[]
  /** Every secret met on the way. */
  readonly secrets: Secret[]
}

/** The secret at `path`, or a fault there; a literal is allowed, and remarked on. */
export function secretAt(reference: SecretReference, path: Path, resolution: Resolution): Secret | undefined {
  const secret = textAt(reference, path, resolution)
  if (secret !== undefined && reference.kind === 'literal') {
    resolution.warnings.push(
      `${formatPath(path)} stands in the file as plain text; \${NAME} or file:name keeps it out of backups and version control.`,
    )
  }
  return secret
}

/** The same for what is as often plain text as it is secret: a header's value. */
export function textAt(reference: SecretReference, path: Path, resolution: Resolution): Secret | undefined {
  const resolved = resolveSecret(reference, resolution.sources)
  if (resolved.type === 'fault') {
    if (!resolution.faults.has(path)) resolution.faults.at(path, `${formatPath(path)}: ${resolved.message}`)
    return undefined
  }
  resolution.secrets.push(resolved.secret)
  return resolved.secret
}
