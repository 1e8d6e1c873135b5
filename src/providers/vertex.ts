/** What the models of Google's Vertex AI have in common: the address made of project and location, and the key. */

import type { Provider, ReadVariable } from './provider.ts'

/** Who made the models: a part of the address. */
export type Publisher = 'google' | 'anthropic'

/** A project's address in a location; every region has a host of its own, and so have the two unions of regions. */
export function vertexAddress(project: string, location: string, publisher: Publisher): string {
  return `https://${hostOf(location)}/v1/projects/${project}/locations/${location}/publishers/${publisher}`
}

function hostOf(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com'
  if (location === 'us' || location === 'eu') return `aiplatform.${location}.rep.googleapis.com`
  return `${location}-aiplatform.googleapis.com`
}

/** Takes what Google's pages offer for copying: up to the location, up to the publisher, or a model's whole address. */
export function vertexBaseUrl(address: string, publisher: Publisher): string {
  const url = new URL(address)
  const place = /^.*?\/locations\/[^/]+/.exec(url.pathname)?.[0]
  if (place !== undefined) return `${url.origin}${place}/publishers/${publisher}`
  return url.origin + url.pathname.replace(/\/models\/.*$/, '').replace(/\/+$/, '')
}

/** The variables that Google's, Anthropic's and Vercel's SDKs read. */
export const vertexEnvironment: Pick<
  Provider,
  'environmentKeys' | 'environmentCredential' | 'environmentAddresses'
> = {
  environmentKeys: ['GOOGLE_CREDENTIALS'],
  environmentCredential: keyInEnvironment,
  environmentAddresses: ['GOOGLE_CLOUD_PROJECT'],
}

export function vertexAddressInEnvironment(read: ReadVariable, publisher: Publisher): string | undefined {
  const project =
    read('GOOGLE_CLOUD_PROJECT') ?? read('GOOGLE_VERTEX_PROJECT') ?? read('ANTHROPIC_VERTEX_PROJECT_ID')
  const location =
    read('GOOGLE_CLOUD_LOCATION') ?? read('GOOGLE_VERTEX_LOCATION') ?? read('CLOUD_ML_REGION') ?? 'global'
  if (project === undefined || !/^[a-z0-9.:-]{1,100}$/.test(project)) return undefined
  return /^[a-z0-9-]{1,40}$/.test(location) ? vertexAddress(project, location, publisher) : undefined
}

/** A key file's content as it stands (its line breaks and spaces make it no header), or its two fields that matter. */
function keyInEnvironment(read: ReadVariable): string | undefined {
  const whole = read('GOOGLE_CREDENTIALS')
  if (whole?.startsWith('{')) return whole
  const email = read('GOOGLE_CLIENT_EMAIL')
  const key = read('GOOGLE_PRIVATE_KEY')
  if (email === undefined || key === undefined) return undefined
  return JSON.stringify({ type: 'service_account', client_email: email, private_key: key })
}
