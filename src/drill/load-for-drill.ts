/**
 * The user's own configuration, read as `start` reads it, on a machine that need not have the keys: nothing is dialled in a
 * drill, so what the environment or a secret file lacks is filled in with placeholders.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { HoldfastConfig } from '../app/config/config.ts'
import type { ConfigFault } from '../app/config/fault.ts'
import { type LoadConfigOptions, type LoadedConfig, loadConfig } from '../app/config/load-config.ts'
import { locate } from '../app/find-providers.ts'
import { simulatedProvider } from '../app/simulated-provider.ts'
import { knownProviders } from '../providers/index.ts'
import type { Provider } from '../providers/provider.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface LoadForDrillOptions {
  /** Absent: only the environment speaks. */
  readonly path?: string
  readonly env: Environment
  /** Throws where the file cannot be read. */
  readonly readFile?: (path: string) => string
}

export type LoadedForDrill =
  | {
      readonly ok: true
      readonly config: HoldfastConfig
      /** Names of the environment's variables and of files that placeholders stand for. */
      readonly placeholders: readonly string[]
    }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }

export function loadForDrill(options: LoadForDrillOptions): LoadedForDrill {
  const read = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'))
  const source: LoadConfigOptions = {
    env: options.env,
    readFile: read,
    tls: 'certificate',
    ...(options.path !== undefined && { path: options.path }),
  }
  const asItStands = loadConfig(source)
  if (asItStands.ok) return { ok: true, config: completed(asItStands.config), placeholders: [] }
  const text = textOf(options.path, read)
  if (text === undefined) return asItStands
  const fill = new Placeholders(options.env)
  const filled = loadConfig({
    ...source,
    env: fill.environmentFor(text),
    readFile: (path) => (path === options.path ? text : fill.file(path, read)),
  })
  if (!filled.ok) return { ok: false, faults: preferred(filled.faults, asItStands.faults) }
  const config = completed(fill.withoutUninvited(filled.config))
  return { ok: true, config, placeholders: fill.used(filled.config) }
}

function textOf(path: string | undefined, read: (path: string) => string): string | undefined {
  if (path === undefined) return undefined
  try {
    return read(path)
  } catch {
    return undefined
  }
}

/** Where a placeholder did not help, what the file lacks is said, and not what the placeholder is not. */
function preferred(
  faults: readonly ConfigFault[],
  first: Extract<LoadedConfig, { ok: false }>['faults'],
): readonly ConfigFault[] {
  return faults.map((fault) => first.find(({ path }) => path === fault.path) ?? fault)
}

/** Where there is no provider at all, the simulator answers, as it does for `start`. */
function completed(config: HoldfastConfig): HoldfastConfig {
  return config.providers.length > 0 ? config : { ...config, providers: [simulatedProvider] }
}

class Placeholders {
  readonly #env: Environment
  readonly #given = new Map<string, string>()

  constructor(env: Environment) {
    this.#env = env
  }

  /** The environment with what the text asks of it: by its name, or by the name of a known provider. */
  environmentFor(text: string): Environment {
    const env: Record<string, string | undefined> = { ...this.#env }
    const give = (name: string, value: string) => {
      if (env[name] !== undefined && env[name]?.trim() !== '') return
      env[name] = value
      this.#given.set(name, value)
    }
    for (const name of referencesIn(text)) give(name, keyFor(name))
    for (const provider of knownProviders.values()) {
      if (!isNamed(provider, text)) continue
      const [key] = provider.environmentKeys
      if (key !== undefined && provider.environmentKeys.every((name) => !env[name])) give(key, keyFor(key))
      const [address] = provider.environmentAddresses ?? []
      // Its own base URL is an example of an address.
      if (address !== undefined && locate(provider, env) === undefined) give(address, provider.baseUrl)
    }
    return env
  }

  /** A secret's file that is not there. */
  file(path: string, read: (path: string) => string): string {
    try {
      return read(path)
    } catch {
      const key = keyFor(path)
      this.#given.set(path, key)
      return key
    }
  }

  /** A key given for one provider must not bring in another that reads the same variable. */
  withoutUninvited(config: HoldfastConfig): HoldfastConfig {
    const isUninvited = (configured: HoldfastConfig['providers'][number]) =>
      configured.origin === 'environment' &&
      this.#gave(configured.credential?.reveal()) &&
      !config.routes.some(({ targets }) =>
        targets.some((target) => target.startsWith(`${configured.provider.id}/`)),
      )
    return { ...config, providers: config.providers.filter((configured) => !isUninvited(configured)) }
  }

  /** Those that the configuration came to hold. */
  used(config: HoldfastConfig): readonly string[] {
    const held = new Set(config.secrets.map((secret) => secret.reveal()))
    for (const { provider } of config.providers) held.add(provider.baseUrl)
    return [...this.#given]
      .filter(([, value]) => [...held].some((text) => text.includes(value)))
      .map(([name]) => name)
  }

  #gave(value: string | undefined): boolean {
    return value !== undefined && [...this.#given.values()].includes(value)
  }
}

function referencesIn(text: string): readonly string[] {
  const names = [...text.matchAll(/\$\{\s*([A-Za-z_]\w*)\s*\}|os\.environ\/([A-Za-z_]\w*)/g)]
  return names.map(([, braced, dotted]) => braced ?? dotted ?? '')
}

/** As an entry below `providers`, or as the first half of `provider/model`. */
function isNamed({ id }: Provider, text: string): boolean {
  return new RegExp(`(?<![\\w./-])["']?${id}["']?\\s*[:/]`).test(text)
}

/** Strong enough for a client key, the same on every run, and another for every name. */
function keyFor(name: string): string {
  return `sk-drill-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
}
