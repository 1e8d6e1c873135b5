/** Everything known to have moved another gateway's calls, and a server that hears of whoever was led to it. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Names of fields, in bodies and in queries. */
export const ASTRAY_FIELDS: readonly string[] = [
  'api_base',
  'base_url',
  'baseUrl',
  'baseURL',
  'custom_host',
  'customHost',
  'host',
  'url',
  'endpoint',
  'api_host',
  'openai_api_base',
  'openai_base_url',
  'azure_endpoint',
  'azure_api_base',
  'anthropic_base_url',
  'vertex_location',
  'aws_bedrock_runtime_endpoint',
  'region',
  'api_version',
  'api_key',
  'apiKey',
  'organization',
  'proxy',
  'callback_url',
  'spec_path',
  'target',
  'provider',
  'custom_llm_provider',
  'deployment_id',
  'ssl_verify',
  'verify',
  'rejectUnauthorized',
]

/** Names of headers. */
export const ASTRAY_HEADERS: readonly string[] = [
  'x-portkey-custom-host',
  'x-portkey-provider',
  'x-portkey-config',
  'x-custom-host',
  'x-host',
  'x-forwarded-host',
  'x-forwarded-server',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-original-url',
  'x-rewrite-url',
  'x-original-host',
  'x-api-base',
  'x-base-url',
  'x-openai-api-base',
  'x-upstream',
  'x-upstream-host',
  'x-target-url',
  'x-proxy-url',
  'helicone-target-url',
  'helicone-openai-api-base',
  'x-litellm-api-base',
  'x-bf-custom-host',
  'x-azure-endpoint',
  'forwarded',
  'via',
  'x-http-method-override',
  'x-holdfast-target',
  'x-holdfast-provider',
  'x-holdfast-internal-host',
  'proxy-authorization',
  'destination',
  'location',
  'origin-host',
]

export interface Stray extends AsyncDisposable {
  readonly origin: string
  readonly host: string
  /** Every request that came here, as text; the test may empty it. */
  readonly calls: string[]
}

export async function openStray(): Promise<Stray> {
  const calls: string[] = []
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`)
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: a server on TCP has an address with a port.
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin: `http://${host}`,
    host,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
