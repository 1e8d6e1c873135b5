/** The keys of a provider: as the file says, else as the environment offers; one, or a pool of several. */

import type { Provider } from '../../providers/provider.ts'
import type { Secret } from '../../std/secret.ts'
import { credentialFromEnvironment } from '../find-providers.ts'
import { formatPath } from './fault.ts'
import { type Resolution, secretAt } from './resolution.ts'
import type { ProviderEntry } from './schema.ts'

interface CredentialContext extends Resolution {
  readonly provider: Provider | undefined
}

/** Every key of a pool; `undefined` where there is none, or where something is wrong with it. */
export function resolvePool(
  id: string,
  entry: ProviderEntry,
  context: Resolution,
): readonly Secret[] | undefined {
  if (entry.keys === undefined) return undefined
  const { faults } = context
  const path = ['providers', id, 'keys']
  if (entry.credential !== undefined) {
    faults.atKey(
      path,
      `${formatPath(path)} stands beside credential: write all keys into keys, or one into credential`,
    )
    return undefined
  }
  const pool = entry.keys.map((reference, at) => secretAt(reference, [...path, at], context))
  const known = pool.filter((key) => key !== undefined)
  for (const [at, key] of pool.entries()) {
    const first = pool.findIndex((one) => one !== undefined && one.fingerprint === key?.fingerprint)
    if (first !== -1 && first < at)
      faults.at(
        [...path, at],
        `${formatPath([...path, at])} is the same key as ${formatPath([...path, first])}: remove it`,
      )
  }
  return known.length === pool.length ? known : undefined
}

export function resolveCredential(
  id: string,
  entry: ProviderEntry,
  context: CredentialContext,
): Secret | undefined {
  const { provider, faults, sources } = context
  const path = ['providers', id]
  if (entry.credential !== undefined) return secretAt(entry.credential, [...path, 'credential'], context)
  if (provider === undefined) return undefined
  const found = credentialFromEnvironment(provider, sources.env)
  if (found !== undefined || provider.isLocal || provider.auth.kind === 'none') return found
  // A misspelt credential, or key of a pool, has been reported where it stands.
  if (faults.hasWithin(path)) return undefined
  if (provider.environmentKeys.length > 0) {
    faults.atKey(
      path,
      `${formatPath(path)} has no key: set ${provider.environmentKeys.join(' or ')} in the environment, or add credential`,
    )
  } else if (entry.headers === undefined) {
    context.warnings.push(`${formatPath(path)} has no credential; it will be called without a key.`)
  }
  return undefined
}
