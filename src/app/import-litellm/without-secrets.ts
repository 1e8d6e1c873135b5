/** The written file for the screen: what may be a secret is taken out while it is data, since text can be folded and quoted. */

import type { ImportedDocument } from './imported-document.ts'

/** What stands in place of a secret. */
const HIDDEN = '…'

export function withoutSecrets(document: ImportedDocument): ImportedDocument {
  const { keys, providers } = document
  return {
    ...document,
    ...(keys !== undefined && { keys: keys.map((one) => ({ ...one, key: masked(one.key) })) }),
    ...(providers !== undefined && { providers: mapValues(providers, providerWithoutSecrets) }),
  }
}

type Provider = NonNullable<ImportedDocument['providers']>[string]

function providerWithoutSecrets(provider: Provider): Provider {
  const { baseUrl, credential, headers } = provider
  return {
    ...provider,
    ...(baseUrl !== undefined && { baseUrl: addressWithoutSecrets(baseUrl) }),
    ...(credential !== undefined && { credential: masked(credential) }),
    ...(headers !== undefined && { headers: mapValues(headers, masked) }),
  }
}

/** Only references to variables, and what joins them, may be read: any header can hold a secret, whatever its name. */
function masked(text: string): string {
  const literal = text.replaceAll(/\$\{[^{}]*\}/g, '')
  const isReference = literal !== text && /^(?:bearer|basic|[\s:])*$/i.test(literal)
  return isReference ? text : HIDDEN
}

/** Some servers take their key in the query. */
function addressWithoutSecrets(address: string): string {
  return address.replaceAll(
    /([?&](?!api-version=)[^=&]*=)([^&]+)/g,
    (_, name: string, value: string) => `${name}${masked(value)}`,
  )
}

function mapValues<Value>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Value,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))
}
