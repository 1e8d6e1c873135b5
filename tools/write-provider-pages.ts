/** Writes `docs/providers.md`, the list of known providers, from their own declarations. */

import { writeFileSync } from 'node:fs'
import { providerPage } from './facts/provider-page.ts'

writeFileSync(new URL('../docs/providers.md', import.meta.url), providerPage())
console.log('docs/providers.md is written')
