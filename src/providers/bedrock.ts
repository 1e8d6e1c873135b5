/**
 * Amazon Bedrock, through its Converse API: one form for the models of many makers. The region is part of the address;
 * an address that names none (a private endpoint, a test) says it as `?region=eu-west-1`.
 */

import type { Provider, ReadVariable } from './provider.ts'

const REGION_DEFAULT = 'us-east-1'
const REGION = /^[a-z]{2}(?:-[a-z]{2,9}){1,3}-\d{1,2}$/

export const bedrock: Provider = {
  ...bedrockAt(addressIn(REGION_DEFAULT)),
  at: bedrockAt,
  environmentAddresses: ['AWS_ENDPOINT_URL_BEDROCK_RUNTIME', 'AWS_REGION', 'AWS_DEFAULT_REGION'],
  environmentAddress(read) {
    const region = read('AWS_REGION') ?? read('AWS_DEFAULT_REGION')
    return region !== undefined && REGION.test(region) ? addressIn(region) : undefined
  },
}

function addressIn(region: string): string {
  const suffix = region.startsWith('cn-') ? '.cn' : ''
  return `https://bedrock-runtime.${region}.amazonaws.com${suffix}`
}

function bedrockAt(address: string): Provider {
  const url = new URL(address)
  return {
    id: 'bedrock',
    name: 'Amazon Bedrock',
    dialect: 'bedrock-converse',
    // Claude's signatures are read wherever Claude runs, and no other model here makes any.
    stateOrigin: 'anthropic',
    baseUrl: url.origin + url.pathname.replace(/\/+$/, ''),
    auth: { kind: 'aws-sigv4', service: 'bedrock', region: regionOf(url) },
    environmentKeys: ['AWS_BEARER_TOKEN_BEDROCK'],
    environmentCredential: keysInEnvironment,
    isLocal: false,
    quirks: [],
    modelPrefixes: [
      'anthropic.',
      'amazon.',
      'us.anthropic.',
      'us.amazon.',
      'eu.anthropic.',
      'global.anthropic.',
    ],
    exampleModel: 'amazon.nova-micro-v1:0',
    // Streams end with the tokens they took, unasked.
    isUsageUnasked: true,
    documentation: 'https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html',
  }
}

/** `bedrock-runtime.<region>.amazonaws.com`, its FIPS and private forms included. */
function regionOf(url: URL): string {
  const asked = url.searchParams.get('region')
  if (asked !== null && REGION.test(asked)) return asked
  return url.hostname.split('.').find((label) => REGION.test(label)) ?? REGION_DEFAULT
}

function keysInEnvironment(read: ReadVariable): string | undefined {
  const id = read('AWS_ACCESS_KEY_ID')
  const secret = read('AWS_SECRET_ACCESS_KEY')
  if (id === undefined || secret === undefined) return undefined
  const token = read('AWS_SESSION_TOKEN')
  return token === undefined ? `${id}:${secret}` : `${id}:${secret}:${token}`
}
