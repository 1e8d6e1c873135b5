/**
 * Whose names must lead to the public network: those of the built-in addresses, which no operator wrote. Whoever can
 * answer for a name server would else have a key sent to a machine of ours (SEC-2).
 */

import { knownProviders } from '../providers/index.ts'
import type { Provider } from '../providers/provider.ts'
import { plainHost } from '../upstream/blocked-address.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** A file that writes such an address as a `baseUrl` names it, and may mean a private end of it. `hostname` is plain. */
export function mustBePublic(hostname: string, providers: readonly ConfiguredProvider[]): boolean {
  return (
    builtIn.has(hostname) &&
    !providers.some((one) => one.isAddressNamed === true && hostOf(one.provider) === hostname)
  )
}

/** Where the customer says the address (`at`), what stands there is an example. */
const builtIn: ReadonlySet<string> = new Set(
  [...knownProviders.values()].filter(({ isLocal, at }) => !isLocal && at === undefined).map(hostOf),
)

function hostOf({ baseUrl }: Pick<Provider, 'baseUrl'>): string {
  return plainHost(new URL(baseUrl).hostname)
}
