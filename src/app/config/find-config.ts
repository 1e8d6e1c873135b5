/** Which file is the configuration, where none is named. */

import { existsSync } from 'node:fs'

/** Looked for in the working directory, the first that exists. */
export const CONFIG_FILE_NAMES: readonly string[] = ['holdfast.yaml', 'holdfast.yml']

/** The named file, else the one that is there by its usual name, else none. */
export function findConfigPath(
  named: string | undefined,
  exists: (path: string) => boolean = existsSync,
): string | undefined {
  return named ?? CONFIG_FILE_NAMES.find((name) => exists(name))
}
