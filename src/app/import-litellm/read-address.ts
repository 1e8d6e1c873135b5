/** Where a provider of the imported file is, said as the configuration here says it. */

import { LISTEN_PORT } from '../../http/config-schema.ts'
import { isLocalAddress, isLoopbackHost } from '../../providers/local-address.ts'
import { vertexAddress } from '../../providers/vertex.ts'
import type { Fields } from './findings.ts'
import type { ProviderMatch } from './litellm-providers.ts'
import type { ImportContext } from './import-context.ts'

export interface AddressContext extends ImportContext {
  /** Where connection fields are looked for, the first that has one. */
  readonly sources: readonly Fields[]
}

export interface Address {
  readonly provider?: string
  readonly dialect?: string
  /** Absent: where the provider is anyway. */
  readonly baseUrl?: string
  readonly isLocal?: boolean
}

/** The fields of the source that has one of these names, or those of the first. */
export function sourceOf(names: readonly string[], { sources }: AddressContext) {
  for (const fields of sources) {
    const name = names.find((one) => fields.has(one))
    if (name !== undefined) return { fields, name, value: fields.text(name) }
  }
  return undefined
}

/** `undefined` where it cannot be said; that has been told. */
export function addressOf(match: ProviderMatch, context: AddressContext): Address | undefined {
  switch (match.known) {
    case 'bedrock':
      return bedrockAddress(context)
    case 'vertex-gemini':
    case 'vertex-anthropic':
      return vertexPlace(match.known, context)
    case 'azure-openai':
    case 'azure-anthropic':
      return azureAddress(match.known, context)
    default:
      return plainAddress(match, context)
  }
}

interface ReadAddress {
  readonly text: string
  /** Whether it is known now, or only where the gateway runs. */
  readonly isReference: boolean
}

/** `undefined`: there is none; `fault`: there is one and it cannot be used. */
function givenAddress(context: AddressContext): ReadAddress | 'fault' | undefined {
  const found = sourceOf(['api_base', 'base_url'], context)
  if (found?.value === undefined || found.value === '') return undefined
  const { findings, references } = context
  const at = found.fields.at(found.name)
  const read = references.read(found.value, 'address')
  if (!read.ok) {
    findings.cannot(at, read.message)
    return 'fault'
  }
  const isReference = read.text !== found.value
  if (isReference) return { text: read.text, isReference }
  const url = URL.parse(read.text)
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.hash !== ''
  ) {
    findings.cannot(at, 'is not an address that can be called: http:// or https://, without a user or "#"')
    return 'fault'
  }
  if (
    /^(?:169\.254\.169\.254|metadata\.google\.internal|100\.100\.100\.200|\[fd00:ec2::254\])\.?$/i.test(
      url.hostname,
    )
  ) {
    findings.cannot(at, 'is a metadata service, which is never called')
    return 'fault'
  }
  if (isLoopbackHost(url.hostname) && url.port === String(LISTEN_PORT)) {
    findings.cannot(at, 'is where this gateway listens: it would call itself')
    return 'fault'
  }
  return { text: `${url.origin}${url.pathname.replace(/\/+$/, '')}${url.search}`, isReference }
}

function plainAddress(match: ProviderMatch, context: AddressContext): Address | undefined {
  const given = givenAddress(context)
  if (given === 'fault') return undefined
  const { known, suffix = '' } = match
  if (given === undefined) return known === undefined ? undefined : { provider: known }
  const bare = given.text
    .replace(/\?.*$/, '')
    .replace(/\/(?:chat\/completions|completions|messages|responses|embeddings)$/, '')
  const baseUrl = suffix !== '' && !bare.endsWith(suffix) ? `${bare}${suffix}` : bare
  const isLocal = !given.isReference && isLocalAddress(baseUrl)
  // OpenAI's own peculiarities are not those of who else speaks its dialect.
  const isElsewhere = known === 'openai' && !/^https:\/\/(?:[a-z]+\.)?api\.openai\.com\//.test(`${baseUrl}/`)
  if (known === undefined || isElsewhere) return { dialect: match.dialect ?? 'openai-chat', baseUrl, isLocal }
  return { provider: known, baseUrl, ...(!given.isReference && { isLocal }) }
}

function bedrockAddress(context: AddressContext): Address | undefined {
  const given = givenAddress(context)
  if (given === 'fault') return undefined
  if (given !== undefined) return { provider: 'bedrock', baseUrl: given.text }
  const found = sourceOf(['aws_region_name', 'aws_region'], context)
  const read = context.references.read(found?.value ?? 'os.environ/AWS_REGION', 'word')
  const isRegion =
    read.ok && (read.text.startsWith('${') || /^[a-z]{2}(?:-[a-z]{2,9}){1,3}-\d{1,2}$/.test(read.text))
  if (read.ok && isRegion)
    return { provider: 'bedrock', baseUrl: `https://bedrock-runtime.${read.text}.amazonaws.com` }
  if (found !== undefined) context.findings.cannot(found.fields.at(found.name), 'is no region of AWS')
  return undefined
}

function vertexPlace(
  known: 'vertex-gemini' | 'vertex-anthropic',
  context: AddressContext,
): Address | undefined {
  const { references, findings } = context
  const words = (['vertex_project', 'vertex_location'] as const).map((name) => {
    const found = sourceOf(
      [name, name === 'vertex_project' ? 'vertex_ai_project' : 'vertex_ai_location'],
      context,
    )
    const pattern = name === 'vertex_project' ? /^[a-z0-9][a-z0-9.:-]{0,99}$/ : /^[a-z0-9][a-z0-9-]{0,39}$/
    const fallback = name === 'vertex_project' ? 'os.environ/GOOGLE_CLOUD_PROJECT' : 'global'
    const read = references.read(found?.value ?? fallback, 'word')
    if (read.ok && (read.text.startsWith('${') || pattern.test(read.text))) return read.text
    if (found !== undefined)
      findings.cannot(found.fields.at(found.name), 'is no project or location of Google Cloud')
    return undefined
  })
  const [project, location] = words
  if (project === undefined || location === undefined) return undefined
  return {
    provider: known,
    baseUrl: vertexAddress(project, location, known === 'vertex-gemini' ? 'google' : 'anthropic'),
  }
}

function azureAddress(
  known: 'azure-openai' | 'azure-anthropic',
  context: AddressContext,
): Address | undefined {
  const { findings, references } = context
  const given = givenAddress(context) ?? {
    text: references.name('AZURE_API_BASE', 'address'),
    isReference: true,
  }
  if (given === 'fault') return undefined
  const found = sourceOf(['api_version'], context)
  const read = found?.value === undefined ? undefined : references.read(found.value, 'word')
  if (found !== undefined && read !== undefined && (!read.ok || !/^[\w.${}-]+$/.test(read.text))) {
    findings.cannot(found.fields.at(found.name), 'is no version of the API')
    return undefined
  }
  const version = known === 'azure-openai' && read?.ok === true ? read.text : undefined
  const bare = given.text.replace(/\?.*$/, '')
  return { provider: known, baseUrl: version === undefined ? bare : `${bare}?api-version=${version}` }
}
