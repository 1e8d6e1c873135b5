/** Claude in Microsoft Foundry: Anthropic's own API under a customer's resource; a deployment's name is the model. */

import { hostedAnthropic } from './define-provider.ts'
import type { Provider } from './provider.ts'

export const azureAnthropic: Provider = {
  ...azureAnthropicAt(addressOf('your-resource')),
  at: azureAnthropicAt,
  environmentAddresses: ['ANTHROPIC_FOUNDRY_BASE_URL', 'ANTHROPIC_FOUNDRY_RESOURCE'],
  environmentAddress(read) {
    const resource = read('ANTHROPIC_FOUNDRY_RESOURCE')
    return resource !== undefined && /^[a-z0-9-]{1,64}$/i.test(resource) ? addressOf(resource) : undefined
  },
}

function addressOf(resource: string): string {
  return `https://${resource}.services.ai.azure.com/anthropic`
}

/** Takes the resource's address alone, or any longer one that Microsoft's pages and Anthropic's SDKs know. */
function azureAnthropicAt(address: string): Provider {
  return hostedAnthropic({
    id: 'azure-anthropic',
    name: 'Claude in Microsoft Foundry',
    baseUrl: `${new URL(address).origin}/anthropic/v1`,
    environmentKeys: ['ANTHROPIC_FOUNDRY_API_KEY'],
    stateOrigin: 'anthropic',
    modelsPath: 'none',
    exampleModel: 'claude-haiku-4-5',
    documentation:
      'https://learn.microsoft.com/en-us/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude',
  })
}
