/**
 * Azure OpenAI: every customer has an own address. Without an `api-version` it is the current v1 API, where the
 * deployment's name travels as `model`; with one it is the older API, where it travels in the path.
 */

import { hostedOpenai } from './define-provider.ts'
import type { Provider, Quirk } from './provider.ts'
import { maxCompletionTokens } from './quirks.ts'

const documentation = 'https://learn.microsoft.com/en-us/azure/ai-services/openai/reference'

export const azureOpenai: Provider = {
  ...azureAt('https://your-resource.openai.azure.com/openai/v1'),
  at: azureAt,
  environmentAddresses: ['AZURE_OPENAI_ENDPOINT'],
}

/** Takes what the portal offers for copying: the endpoint alone, or a deployment's whole URL. */
function azureAt(address: string): Provider {
  const url = new URL(address)
  const apiVersion = url.searchParams.get('api-version')
  return hostedOpenai({
    id: 'azure-openai',
    name: 'Azure OpenAI',
    baseUrl: `${url.origin}/openai${apiVersion === null ? '/v1' : ''}`,
    auth: { kind: 'header', header: 'api-key', prefix: '' },
    environmentKeys: ['AZURE_OPENAI_API_KEY', 'AZURE_API_KEY'],
    // Its list names every model of the region, deployed or not.
    modelsPath: 'none',
    quirks: [
      maxCompletionTokens('https://learn.microsoft.com/en-us/azure/ai-services/openai/how-to/reasoning'),
      ...(apiVersion === null ? [] : [deploymentPath(apiVersion)]),
    ],
    documentation,
  })
}

/** The model is a path segment and the version a query parameter. */
function deploymentPath(apiVersion: string): Quirk {
  return {
    name: 'deployment-path',
    seenAt: documentation,
    adaptPath: (path, { modelId }) =>
      `/deployments/${encodeURIComponent(modelId)}${path}?api-version=${encodeURIComponent(apiVersion)}`,
  }
}
