/** Writes `docs/holdfast.schema.json`, which editors read to complete and check `holdfast.yaml`, and the page of its fields. */

import { writeFileSync } from 'node:fs'
import { writeJsonSchema } from '../src/app/config/schema.ts'
import { isJsonObject, parseJson } from '../src/std/json.ts'
import { configPage } from './config/config-page.ts'

const text = writeJsonSchema()
const schema = parseJson(text)
if (!isJsonObject(schema)) throw new Error('a JSON Schema is an object')
const folder = new URL('../docs/', import.meta.url)
writeFileSync(new URL('holdfast.schema.json', folder), text)
writeFileSync(new URL('configuration.md', folder), configPage(schema))
console.log('docs/holdfast.schema.json and docs/configuration.md are written')
