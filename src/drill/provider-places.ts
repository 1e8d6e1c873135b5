/** Where providers are: whose machines, and in which region, as far as their addresses tell. What one outage takes at once. */

import type { Provider } from '../providers/provider.ts'

export interface ProviderPlace {
  /** `amazonaws`, `openai`, `googleapis`: the word before the last of the host's name; `local` on the own network. */
  readonly company: string
  /** `us-east-1`, `europe-west4`, `eastus2`, where the host's name says so. */
  readonly region?: string
}

export function placeOf(provider: Pick<Provider, 'baseUrl' | 'isLocal'>): ProviderPlace {
  if (provider.isLocal) return { company: 'local' }
  const { hostname: host, pathname } = new URL(provider.baseUrl)
  const region = regionIn(host) ?? LOCATION.exec(pathname)?.[1]
  return { company: companyIn(host), ...(region !== undefined && { region }) }
}

function companyIn(host: string): string {
  const words = host.split('.')
  const isTwoLetterLand = (words.at(-1)?.length ?? 0) === 2 && ['co', 'com'].includes(words.at(-2) ?? '')
  return words.at(isTwoLetterLand ? -3 : -2) ?? host
}

/** The forms of AWS (`us-east-1`), Google (`europe-west4`) and Azure (`eastus2`). */
const REGION =
  /(?<![a-z0-9])((?:us|eu|ap|ca|sa|me|af|il|cn)(?:-gov)?-[a-z]+-\d|(?:us|europe|asia|australia|northamerica|southamerica|me|africa)-[a-z]+\d|(?:east|west|north|south|central|[a-z]{2,12}(?:east|west|north|south|central))(?:us|europe|asia|uk)?\d?)(?![a-z0-9])/

/** Google's, where the host does not say it. */
const LOCATION = /\/locations\/(?!global\/)([a-z0-9-]+)\//

function regionIn(host: string): string | undefined {
  return REGION.exec(host)?.[1]
}

/** Whether a name for a region means this provider: its region, its company, or its own id. */
export function isInRegion(provider: Provider, name: string): boolean {
  const { company, region } = placeOf(provider)
  return name === region || name === company || name === provider.id
}

/** The name of what would be lost together with this provider: its region, else its company. */
export function regionOf(provider: Provider): string {
  const { company, region } = placeOf(provider)
  return region ?? company
}
