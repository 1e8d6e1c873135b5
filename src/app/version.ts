/** Which Holdfast this is. */

import { readFileSync } from 'node:fs'
import { isJsonObject, parseJson, stringOf } from '../std/json.ts'

/** As `package.json` says. */
export function readVersion(): string {
  const manifest = parseJson(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return (isJsonObject(manifest) ? stringOf(manifest['version']) : undefined) ?? 'unknown'
}
