/** What `start` says once it listens: where, what, whether it is simulated, and a line to paste. Pure. */

import type { ConfiguredProvider, ConfiguredRoute } from '../app/config/config.ts'
import type { CliIo } from './io.ts'

export interface BannerFacts {
  readonly url: string
  readonly version: string
  readonly providers: readonly ConfiguredProvider[]
  readonly routes: readonly Pick<ConfiguredRoute, 'name'>[]
  readonly isSimulated: boolean
  readonly hasKeys: boolean
  readonly warnings: readonly string[]
  readonly adminUrl?: string
  /** Where the first person signs in, once. */
  readonly signInUrl?: string
  readonly configPath?: string
}

/** Models named on one line; `holdfast models` has the rest. */
const MODELS_SHOWN_MAX = 6

export function bannerLines(facts: BannerFacts, style: CliIo['style']): readonly string[] {
  const label = (text: string) => style('dim', text.padEnd(10))
  return [
    '',
    `${style('bold', 'Holdfast')} ${facts.version} is listening on ${style('cyan', facts.url)}`,
    '',
    ...simulatedLines(facts, style),
    `${label('OpenAI')}${facts.url}/v1`,
    `${label('Anthropic')}${facts.url}`,
    ...providerLines(facts, label),
    ...modelLines(facts, label),
    `${label('config')}${facts.configPath ?? 'none; what the environment offers'}`,
    ...(facts.signInUrl === undefined
      ? []
      : [`${label('sign in')}${facts.signInUrl} (once, within 15 minutes)`]),
    ...(facts.adminUrl === undefined ? [] : [`${label('status')}${facts.adminUrl}/status; holdfast status`]),
    ...facts.warnings.map((warning) => `${style('yellow', 'note'.padEnd(10))}${warning}`),
    '',
    ...curlLines(facts),
    '',
  ]
}

/** The model that the pasted line asks for; `undefined` where none is known yet. */
export function exampleModel({
  providers,
  routes,
}: Pick<BannerFacts, 'providers' | 'routes'>): string | undefined {
  const [route] = routes
  if (route !== undefined) return route.name
  for (const { provider, models } of providers) {
    const name = models?.[0] ?? provider.exampleModel
    if (name !== undefined) return `${provider.id}/${name}`
  }
  return undefined
}

function simulatedLines({ isSimulated }: BannerFacts, style: CliIo['style']): readonly string[] {
  if (!isSimulated) return []
  return [
    style(
      'yellow',
      'SIMULATED: no provider was found, so every answer is made up by the built-in simulator.',
    ),
    'For real answers set a key such as OPENAI_API_KEY, start a local server such as Ollama,',
    'or write holdfast.yaml; then start again.',
    '',
  ]
}

function providerLines(
  { providers, isSimulated }: BannerFacts,
  label: (text: string) => string,
): readonly string[] {
  if (isSimulated) return []
  const named = providers.map(({ provider, origin }) => {
    const note =
      origin === 'environment'
        ? ' (key in the environment)'
        : origin === 'local'
          ? ' (found on this machine)'
          : ''
    return `${provider.id}${note}`
  })
  return [`${label('providers')}${named.join(', ')}`]
}

function modelLines({ providers, routes }: BannerFacts, label: (text: string) => string): readonly string[] {
  const names = [
    ...routes.map((route) => route.name),
    ...providers.flatMap(({ provider, models }) => (models ?? []).map((model) => `${provider.id}/${model}`)),
  ]
  const shown = names.slice(0, MODELS_SHOWN_MAX).join(', ')
  const more = names.length > MODELS_SHOWN_MAX ? `, and ${names.length - MODELS_SHOWN_MAX} more` : ''
  const hint = 'any as provider/model; holdfast models lists them'
  return [`${label('models')}${names.length === 0 ? hint : `${shown}${more} (${hint})`}`]
}

function curlLines(facts: BannerFacts): readonly string[] {
  const model = exampleModel(facts)
  if (model === undefined) return ['Ask for a model as provider/model; holdfast models lists what there is.']
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Say hello' }] })
  const key = facts.hasKeys ? ' -H "authorization: Bearer $HOLDFAST_KEY"' : ''
  return [
    facts.hasKeys ? 'Try it (with one of your client keys in HOLDFAST_KEY):' : 'Try it:',
    `  curl ${facts.url}/v1/chat/completions${key} -H "content-type: application/json" -d '${body.replaceAll("'", "'\\''")}'`,
  ]
}
