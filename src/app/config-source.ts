/**
 * Where the configuration comes from: the file that was named or found, and the files of its secrets, read anew each time,
 * over the environment; and whether any of them changed.
 */

import { readFileSync } from 'node:fs'
import { type Clock, systemClock } from '../std/clock.ts'
import type { OwnCertificate } from './config/config.ts'
import { findConfigPath } from './config/find-config.ts'
import { type LoadConfigOptions, type LoadedConfig, loadConfig } from './config/load-config.ts'
import { rereadPair } from './config/resolve-tls.ts'
import { SecretFiles } from './secret-files.ts'
import { FileWatch } from './watch-file.ts'

export interface ConfigSourceOptions {
  readonly configPath?: string
  /** `host:port`; wins over the file. */
  readonly listen?: string
  /** `host:port` of the admin listener, or `off`; wins over the file. */
  readonly admin?: string
  readonly env: LoadConfigOptions['env']
  /** Default: the system's. */
  readonly clock?: Clock
}

export class ConfigSource {
  readonly #options: ConfigSourceOptions
  readonly #secrets: SecretFiles
  readonly #watch: FileWatch | undefined
  /** Absent where only the environment speaks. */
  readonly path: string | undefined

  constructor(options: ConfigSourceOptions) {
    const { clock = systemClock } = options
    this.#options = options
    this.#secrets = new SecretFiles(clock)
    this.path = findConfigPath(options.configPath)
    this.#watch = this.path === undefined ? undefined : new FileWatch(this.path, { clock })
  }

  /** Files of secrets that could not be read by the last `load`, which used what they held before. */
  get goneSecretFiles(): readonly string[] {
    return this.#secrets.gone
  }

  /** All of it, for a start. */
  load(): LoadedConfig {
    return this.#load('pair')
  }

  /** For a gateway that serves already: what is wrong with its certificate alone is told apart. */
  loadAgain(): LoadedConfig {
    return this.#load('apart')
  }

  /** What stands in the files of a certificate now; `undefined` where that is no pair. */
  rereadPair(certificate: OwnCertificate): OwnCertificate | undefined {
    return rereadPair(certificate, (path) => this.#secrets.read(path))
  }

  #load(tls: 'pair' | 'apart'): LoadedConfig {
    const { env, listen, admin } = this.#options
    this.#secrets.begin()
    const loaded = loadConfig({
      env,
      tls,
      readFile: (path) => (path === this.path ? readFileSync(path, 'utf8') : this.#secrets.read(path)),
      ...(this.path === undefined ? {} : { path: this.path }),
      ...(listen === undefined ? {} : { listen }),
      ...(admin === undefined ? {} : { admin }),
    })
    this.#secrets.end(loaded.ok && (loaded.tlsFaults ?? []).length === 0)
    return loaded
  }

  /** Calls `onChange` after each change of a file. */
  watch(onChange: () => void): void {
    this.#watch?.start(onChange)
    this.#secrets.watch(onChange)
  }

  stopWatching(): void {
    this.#watch?.stop()
    this.#secrets.stop()
  }
}
