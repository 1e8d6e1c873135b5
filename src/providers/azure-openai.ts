/**
 * Azure OpenAI: every customer has an own address. Without an `api-version` it is the current v1 API, where the
 * deployment's name travels as `model`; with one it is the older API, where it travels in the path.
 */

import { hostedOpenai } from './define-provider.ts'
import type { Provider, Quirk } from './provider.ts'
import { maxCompletionTokens } from './quirks.ts'

const documentation = 'https://learn.microsoft.com/en-us/azure/ai-services/openai/reference'

/** Reasoning models refuse the older name of the ceiling; the models of other makers in Foundry know no other. */
const newCeiling = maxCompletionTokens(
  'https://learn.microsoft.com/en-us/azure/ai-services/openai/how-to/reasoning',
)
const beside: Pick<Provider, 'alsoSpeaks'> = { alsoSpeaks: ['openai-responses', 'openai-completions'] }

/** Operations that belong to a deployment. Responses, files and batches belong to the resource and name the model in the body. */
const ofDeployment = /^\/(?:chat\/completions|completions|embeddings|images\/|audio\/)/

export const azureOpenai: Provider = {
  ...azureAt('https://your-resource.openai.azure.com/openai/v1'),
  at: azureAt,
  environmentAddresses: ['AZURE_OPENAI_ENDPOINT'],
}

/** Takes what the portal offers for copying: the endpoint alone, a deployment's whole URL, or a model's in Foundry. */
function azureAt(address: string): Provider {
  const url = new URL(address)
  const apiVersion = url.searchParams.get('api-version')
  if (apiVersion === null)
    return azure({ baseUrl: `${url.origin}/openai/v1`, quirks: [newCeiling], ...beside })
  if (/^\/models(?:\/|$)/.test(url.pathname)) {
    return azure({ baseUrl: `${url.origin}/models`, quirks: [inFoundry(apiVersion)] })
  }
  const quirks = [newCeiling, inDeployment(apiVersion)]
  return azure({ baseUrl: `${url.origin}/openai`, quirks, ...beside })
}

function azure(style: Pick<Provider, 'baseUrl' | 'quirks' | 'alsoSpeaks'>): Provider {
  return hostedOpenai({
    id: 'azure-openai',
    name: 'Azure OpenAI',
    auth: { kind: 'header', header: 'api-key', prefix: '' },
    environmentKeys: ['AZURE_OPENAI_API_KEY', 'AZURE_API_KEY'],
    // Its list names every model of the region, deployed or not.
    modelsPath: 'none',
    documentation,
    ...style,
  })
}

/** The model is a path segment and the version a query parameter. */
function inDeployment(apiVersion: string): Quirk {
  return {
    name: 'deployment-path',
    seenAt: documentation,
    adaptPath: (path, { modelId }) =>
      ofDeployment.test(path)
        ? withVersion(`/deployments/${encodeURIComponent(modelId)}${path}`, apiVersion)
        : withVersion(path, apiVersion),
  }
}

/** Models of other makers in Foundry: the model travels in the body, the version is a query parameter. */
function inFoundry(apiVersion: string): Quirk {
  return {
    name: 'api-version',
    seenAt: 'https://learn.microsoft.com/en-us/rest/api/aifoundry/modelinference/',
    adaptPath: (path) => withVersion(path, apiVersion),
  }
}

function withVersion(path: string, apiVersion: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}api-version=${encodeURIComponent(apiVersion)}`
}
