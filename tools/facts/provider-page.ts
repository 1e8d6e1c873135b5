/** The page of known providers: one entry each, from what the provider declares and what is known of its models. */

import { knownProviders } from '../../src/providers/index.ts'
import { factsSources, knownModelCount } from '../../src/providers/model-facts.ts'
import type { Provider } from '../../src/providers/provider.ts'

export function providerPage(): string {
  const { date, sources } = factsSources()
  const named = sources.map(({ name, licence }) => `${name} (${licence})`).join(', ')
  return [
    '# Providers',
    '',
    'Known by name: give the key, and a provider is there. Any other server of a known dialect works by its address',
    '([adding a provider](adding-a-provider.md)). This page is written by `npm run docs:providers`.',
    '',
    `What is known of models is of ${date}, compiled from ${named}. A model that is not known is served all the same.`,
    '',
    ...[...knownProviders.values()].flatMap(entryOf),
  ].join('\n')
}

function entryOf(provider: Provider): readonly string[] {
  const rows = factsOf(provider).map(([name, value]) => `- ${name}: ${value}`)
  return [`## ${provider.name}`, '', ...rows, '']
}

function factsOf(provider: Provider): readonly (readonly [string, string])[] {
  const models = knownModelCount(provider.id)
  return [
    ['id', `\`${provider.id}\``],
    ['dialects', [provider.dialect, ...(provider.alsoSpeaks ?? [])].map(code).join(', ')],
    ['address', addressOf(provider)],
    ['key', keyOf(provider)],
    ...(provider.quirks.length === 0
      ? []
      : [['quirks', provider.quirks.map(({ name, seenAt }) => `[${name}](${seenAt})`).join(', ')] as const]),
    ...(models === 0 ? [] : [['models known', String(models)] as const]),
    ...(provider.documentation === undefined
      ? []
      : [['documentation', `<${provider.documentation}>`] as const]),
  ]
}

function addressOf(provider: Provider): string {
  if (provider.at === undefined) return code(provider.baseUrl)
  const variables = (provider.environmentAddresses ?? []).map(code).join(' or ')
  return `your own, as in ${code(provider.baseUrl)}${variables === '' ? '' : `; from ${variables}`}`
}

function keyOf({ auth, environmentKeys }: Provider): string {
  if (environmentKeys.length > 0) return `from ${environmentKeys.map(code).join(' or ')}`
  return auth.kind === 'none' ? 'none' : 'from `holdfast.yaml`, where one is wanted'
}

function code(text: string): string {
  return `\`${text}\``
}
