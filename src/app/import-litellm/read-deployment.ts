/** One entry of `model_list`: which provider, with which key, at which address, and how much of the traffic is its. */

import { knownProviders } from '../../providers/index.ts'
import { writeDuration } from '../../std/config-values.ts'
import type { Fields, Findings, Place } from './findings.ts'
import type { ImportContext } from './import-context.ts'
import { sayBudget } from './budget-steps.ts'
import { addressOf, type AddressContext } from './read-address.ts'
import { credentialOf } from './read-credential.ts'
import { matchProvider, type ProviderMatch } from './litellm-providers.ts'
import type { ProviderDraft } from './provider-book.ts'
import { OTHER_PRICES, readPrices } from './read-prices.ts'
import { isName } from './reference.ts'

/** One of the servers behind a name. */
export interface Deployment {
  /** `provider/model`. */
  readonly target: string
  readonly place: Place
  readonly params: Fields
  readonly weight?: number
  readonly rpm?: number
  readonly tpm?: number
  /** Lower ones are asked first. */
  readonly order?: number
}

/** What one entry of `model_list` says. */
export interface DeploymentFields {
  readonly params: Fields
  /** `model_info`, where it has one. */
  readonly info: Fields | undefined
}

export function readDeployment(
  { params, info }: DeploymentFields,
  context: ImportContext,
): Deployment | undefined {
  const { findings } = context
  const model = params.text('model')
  const at = params.at('model')
  if (model === undefined || model === '') {
    findings.cannot(at, 'names no model')
    return undefined
  }
  const match = matchOf(model, params)
  if (match === undefined) {
    findings.cannot(
      at,
      `${shown(model)}: its provider is not known here; for a server of OpenAI's dialect give api_base`,
    )
    return undefined
  }
  if (!/^[\x21-\x7e]{1,256}$/.test(match.modelId) || match.modelId.includes('${')) {
    findings.cannot(at, `${shown(model)} is no name of a model`)
    return undefined
  }
  const draft = draftOf(match, params, context)
  if (draft === undefined) return undefined
  const { modelId } = match
  const provider = context.providers.add(draft)
  const target = `${provider}/${modelId}`
  findings[match.change === undefined ? 'maps' : 'changes'](
    at,
    `${shown(model)} -> ${target}${match.change === undefined ? '' : `: ${match.change}`}`,
  )
  const share = shareOf(params)
  readPrices({ provider, known: draft.provider, modelId, params, info }, context)
  sayTheRest(params, { target, context })
  return { target, place: at, params, ...share }
}

function matchOf(model: string, params: Fields): ProviderMatch | undefined {
  const match = matchProvider(model, params.text('custom_llm_provider'))
  const hasAddress = params.has('api_base') || params.has('base_url')
  if (!('unknown' in match)) return match.dialect !== undefined && !hasAddress ? undefined : match
  if (!hasAddress) return undefined
  const modelId = match.unknown === '' ? match.modelId : model.slice(model.indexOf('/') + 1)
  return { dialect: 'openai-chat', modelId, change: "taken for a server of OpenAI's dialect, by its address" }
}

function draftOf(match: ProviderMatch, params: Fields, context: ImportContext): ProviderDraft | undefined {
  const { findings, credentials } = context
  const named = params.text('litellm_credential_name')
  const shared = named === undefined ? undefined : credentials.get(named)
  if (named !== undefined && shared === undefined)
    findings.cannot(
      params.at('litellm_credential_name'),
      `there is no credential ${shown(named)} in credential_list`,
    )
  const sources = shared === undefined ? [params] : [params, shared]
  const own: AddressContext = { ...context, sources }
  const address = addressOf(match, own)
  if (address === undefined) return undefined
  const isLocal = address.isLocal ?? knownProviders.get(address.provider ?? '')?.isLocal ?? false
  const credential = credentialOf({ match, isLocal, provider: address.provider }, own)
  if (credential === undefined) return undefined
  const headers = headersOf(params, context)
  const slots = params.number('max_parallel_requests')
  const timeouts = timeoutsOf(params, findings)
  return {
    ...(address.provider !== undefined && { provider: address.provider }),
    ...(address.dialect !== undefined && { dialect: address.dialect }),
    ...(address.baseUrl !== undefined && { baseUrl: address.baseUrl }),
    ...(credential.text !== undefined && { credential: credential.text }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(slots !== undefined && Number.isInteger(slots) && slots >= 1 && slots <= 10_000 && { slots }),
    ...(timeouts !== undefined && { timeouts }),
  }
}

/** Headers that the gateway sets itself. */
const ownHeaders =
  /^(?:host|content-length|content-type|transfer-encoding|connection|accept-encoding|expect|upgrade|te)$/i

function headersOf(
  params: Fields,
  { findings, references }: ImportContext,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const organization = params.text('organization')
  if (organization !== undefined) {
    const read = references.read(organization, 'key')
    if (read.ok) headers['openai-organization'] = read.text
    else findings.cannot(params.at('organization'), read.message)
  }
  for (const field of ['extra_headers', 'headers']) {
    const given = params.map(field)
    for (const name of given?.names ?? []) {
      const value = given?.text(name)
      const at = given?.at(name) ?? params.at(field)
      const read = value === undefined || value === '' ? undefined : references.read(value, 'key')
      if (ownHeaders.test(name)) findings.cannot(at, 'is set by the gateway itself')
      else if (!isName(name) || !/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name))
        findings.cannot(at, 'is no name of a header')
      else if (read?.ok === true) headers[name.toLowerCase()] = read.text
      else findings.cannot(at, read?.message ?? 'is empty')
    }
  }
  return headers
}

/** A limit over the whole answer is one until its first token here: what flows may go on. */
function timeoutsOf(params: Fields, findings: Findings): Readonly<Record<string, string>> | undefined {
  const field = ['stream_timeout', 'timeout', 'request_timeout'].find((name) => params.has(name))
  if (field === undefined) return undefined
  const seconds = params.number(field)
  if (seconds === undefined) return undefined
  const ms = Math.round(seconds * 1_000)
  if (ms < 100 || ms > 3_600_000) {
    findings.cannot(params.at(field), 'is out of the range from 100ms to 1h')
    return undefined
  }
  findings.changes(
    params.at(field),
    `timeouts.firstToken: ${writeDuration(ms)}: how long the first token may take; what flows may go on`,
  )
  return { firstToken: writeDuration(ms) }
}

function shareOf(params: Fields): Pick<Deployment, 'weight' | 'rpm' | 'tpm' | 'order'> {
  const [weight, rpm, tpm, order] = ['weight', 'rpm', 'tpm', 'order'].map((name) => params.number(name))
  return {
    ...(weight !== undefined && { weight }),
    ...(rpm !== undefined && { rpm }),
    ...(tpm !== undefined && { tpm }),
    ...(order !== undefined && { order }),
  }
}

interface Remainder {
  readonly target: string
  readonly context: ImportContext
}

function sayTheRest(params: Fields, { target, context }: Remainder): void {
  const { findings } = context
  sayBudget({ fields: params, scope: `model:${target}` }, context)
  for (const name of params.unread) {
    const reason = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined
    if (reason === undefined)
      findings.cannot(
        params.at(name),
        /cost/.test(name) ? OTHER_PRICES : 'has nothing here that it could become',
      )
    else if (reason.verdict === 'maps') findings.maps(params.at(name), reason.message)
    else findings.cannot(params.at(name), reason.message)
  }
}

const elsewhere: Readonly<Record<string, { readonly verdict: 'maps' | 'cannot'; readonly message: string }>> =
  {
    drop_params: {
      verdict: 'maps',
      message: 'what a target cannot express is left out anyway, and x-holdfast-losses says so',
    },
    allowed_openai_params: { verdict: 'maps', message: 'fields that are not known pass through anyway' },
    merge_reasoning_content_in_choices: {
      verdict: 'cannot',
      message: 'reasoning stays where the client reads it',
    },
    max_retries: { verdict: 'cannot', message: 'second tries belong to a route: retries' },
    num_retries: { verdict: 'cannot', message: 'second tries belong to a route: retries' },
    mock_response: { verdict: 'cannot', message: 'for made-up answers name simulator/mock as a target' },
    tags: { verdict: 'cannot', message: 'write a condition on the target: when' },
    aws_role_name: { verdict: 'cannot', message: 'no role is assumed: give keys of the role' },
    aws_session_name: { verdict: 'cannot', message: 'no role is assumed: give keys of the role' },
    aws_profile_name: { verdict: 'cannot', message: 'profiles are not read: give the keys' },
    azure_ad_token: { verdict: 'cannot', message: 'Azure is called with an API key' },
    tenant_id: { verdict: 'cannot', message: 'Azure is called with an API key' },
    client_id: { verdict: 'cannot', message: 'Azure is called with an API key' },
    client_secret: { verdict: 'cannot', message: 'Azure is called with an API key' },
    temperature: { verdict: 'cannot', message: 'what is asked of a model is what its client asks' },
    max_tokens: { verdict: 'cannot', message: 'what is asked of a model is what its client asks' },
    top_p: { verdict: 'cannot', message: 'what is asked of a model is what its client asks' },
  }

export function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
