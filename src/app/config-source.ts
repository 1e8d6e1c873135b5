/** Where the configuration comes from: the file that was named or found, read anew each time, over the environment. */

import { readFileSync } from 'node:fs'
import { findConfigPath } from './config/find-config.ts'
import { type LoadConfigOptions, type LoadedConfig, loadConfig } from './config/load-config.ts'

export interface ConfigSourceOptions {
  readonly configPath?: string
  /** `host:port`; wins over the file. */
  readonly listen?: string
  /** `host:port` of the admin listener, or `off`; wins over the file. */
  readonly admin?: string
  readonly env: LoadConfigOptions['env']
}

export class ConfigSource {
  readonly #options: ConfigSourceOptions
  /** Absent where only the environment speaks. */
  readonly path: string | undefined

  constructor(options: ConfigSourceOptions) {
    this.#options = options
    this.path = findConfigPath(options.configPath)
  }

  load(): LoadedConfig {
    const { env, listen, admin } = this.#options
    return loadConfig({
      env,
      readFile: (path) => readFileSync(path, 'utf8'),
      ...(this.path === undefined ? {} : { path: this.path }),
      ...(listen === undefined ? {} : { listen }),
      ...(admin === undefined ? {} : { admin }),
    })
  }
}
