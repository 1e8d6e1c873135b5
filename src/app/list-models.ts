/** Everything that can be written as `model`: routes, configured models, and what providers list when they are asked. */

import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Clock } from '../std/clock.ts'
import type { ConfiguredProvider, HoldfastConfig } from './config/config.ts'

export interface AddressableModel {
  /** What a client writes. */
  readonly id: string
  /** `route`, or the provider's id. */
  readonly from: string
  /** For a route: what serves it, best first. */
  readonly targets?: readonly string[]
  readonly isSimulated: boolean
}

export interface ModelListing {
  readonly models: readonly AddressableModel[]
  /** Providers that could not be asked, and why; their models can be addressed all the same. */
  readonly silent: readonly { readonly provider: string; readonly reason: string }[]
}

export interface ModelLister {
  readonly clock: Clock
  listModels(configured: ConfiguredProvider, signal: AbortSignal): Promise<readonly string[]>
}

export async function listAddressable(
  config: Pick<HoldfastConfig, 'providers' | 'routes'>,
  lister: ModelLister,
  timeoutMs: number,
): Promise<ModelListing> {
  const asked = await Promise.all(
    config.providers.map((configured) => modelsOf(configured, lister, timeoutMs)),
  )
  const routes = config.routes.map(({ name, targets }) => ({
    id: name,
    from: 'route',
    targets,
    isSimulated: false,
  }))
  return {
    models: [...routes, ...asked.flatMap((one) => one.models)],
    silent: asked.flatMap((one) => one.silent),
  }
}

async function modelsOf(
  configured: ConfiguredProvider,
  lister: ModelLister,
  timeoutMs: number,
): Promise<ModelListing> {
  const { provider, models } = configured
  const entries = (names: readonly string[]): readonly AddressableModel[] =>
    names.map((name) => ({
      id: `${provider.id}/${name}`,
      from: provider.id,
      isSimulated: provider.isSimulated === true,
    }))
  if (models !== undefined) return { models: entries(models), silent: [] }
  if (provider.modelsPath === undefined) {
    return { models: [], silent: [{ provider: provider.id, reason: 'it has no model list' }] }
  }
  const controller = new AbortController()
  const timer = lister.clock.after(timeoutMs, () => controller.abort(tooLate(timeoutMs)))
  try {
    return { models: entries(await lister.listModels(configured, controller.signal)), silent: [] }
  } catch (error) {
    return { models: [], silent: [{ provider: provider.id, reason: toGatewayError(error).message }] }
  } finally {
    timer.cancel()
  }
}

function tooLate(timeoutMs: number): GatewayError {
  return new GatewayError('upstream_timeout', `It did not answer within ${timeoutMs / 1_000} s.`)
}
