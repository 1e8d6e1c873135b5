/** Writes `docs/holdfast.schema.json`, which editors read to complete and check `holdfast.yaml`. */

import { writeFileSync } from 'node:fs'
import { writeJsonSchema } from '../src/app/config/schema.ts'

const file = new URL('../docs/holdfast.schema.json', import.meta.url)
writeFileSync(file, writeJsonSchema())
console.log('docs/holdfast.schema.json is written')
