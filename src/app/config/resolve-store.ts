/** Where things are kept: paths made whole, the address of a database followed and judged. */

import path from 'node:path'
import { SQLITE_FILE } from '../../stores/config-schema.ts'
import type { StoreChoice } from './config.ts'
import { type Resolution, secretAt } from './resolution.ts'
import type { ConfigDocument } from './schema.ts'

/** Where things are kept where the file says nothing of it, or where there is none: beside it, or here. */
export function storeBeside(configPath: string | undefined): Extract<StoreChoice, { kind: 'sqlite' }> {
  const folder = configPath === undefined ? process.cwd() : path.dirname(path.resolve(configPath))
  return { kind: 'sqlite', path: path.join(folder, SQLITE_FILE) }
}

export function resolveStore(
  store: ConfigDocument['store'],
  resolution: Resolution,
): StoreChoice | undefined {
  const folder = resolution.sources.directory ?? process.cwd()
  switch (store?.kind) {
    case undefined:
      return undefined
    case 'memory':
      return store
    case 'sqlite':
      return { kind: 'sqlite', path: path.resolve(folder, store.path) }
    case 'postgres': {
      const url = secretAt(store.url, ['store', 'url'], resolution)
      if (url === undefined) return undefined
      if (!/^postgres(?:ql)?:\/\/[^\s]+$/.test(url.reveal())) {
        resolution.faults.at(
          ['store', 'url'],
          'store.url: is not the address of a PostgreSQL database: write postgres://user:password@host:port/database',
        )
        return undefined
      }
      return { kind: 'postgres', url, folder: path.resolve(folder, store.folder) }
    }
  }
}
