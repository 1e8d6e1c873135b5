/** Which provider is asked about what no model's name places: files, batches, and requests that leave the model to it. */

import type { DialectId } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import type { Provider, ProviderId } from '../providers/provider.ts'

export interface ProviderQuestion {
  readonly spec: OperationSpec
  readonly dialect: DialectId
  /** What the header `x-holdfast-provider` says. */
  readonly named: string | undefined
  /** Who is known to have what the request speaks of, and who serves a model it names. */
  readonly likely: readonly (ProviderId | undefined)[]
}

/** Throws `invalid_request` for a name that is not configured, `not_supported` where nobody has the operation. */
export function chooseProvider(question: ProviderQuestion, configured: readonly Provider[]): Provider {
  const { spec, named, likely } = question
  const able = configured.filter((provider) => hasOperation(provider, question))
  if (named !== undefined) {
    const provider = able.find(({ id }) => id === named)
    if (provider === undefined) throw wrongName(spec, able)
    return provider
  }
  const known = likely.flatMap((id) => able.find((provider) => provider.id === id) ?? [])
  const provider = known[0] ?? able[0]
  if (provider === undefined)
    throw new GatewayError(
      'not_supported',
      `No provider is configured that has ${sayOperation(spec)} for this API.`,
    )
  return provider
}

/** As far as is known without asking: it speaks the client's protocol, and is not known to lack the operation. */
function hasOperation(provider: Provider, { spec, dialect }: ProviderQuestion): boolean {
  const own = provider.operationPaths?.[spec.operation]
  if (own === false) return false
  const spoken = provider.alsoSpeaks?.includes(dialect) === true ? dialect : provider.dialect
  const isOfFamily = dialect === 'anthropic-messages' ? spoken === dialect : spoken !== 'anthropic-messages'
  return isOfFamily && (own !== undefined || spec.pathAt(spoken, '') !== undefined)
}

function wrongName(spec: OperationSpec, able: readonly Provider[]): GatewayError {
  const names = able.map(({ id }) => id).join(', ')
  const message = `The header x-holdfast-provider names no provider that has ${sayOperation(spec)}. Those that have: ${names || 'none'}.`
  return new GatewayError('invalid_request', message, { param: 'x-holdfast-provider' })
}

function sayOperation({ operation }: OperationSpec): string {
  return operation.replaceAll('-', ' ')
}
