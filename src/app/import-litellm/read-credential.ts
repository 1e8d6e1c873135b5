/** The key of a provider of the imported file. */

import type { ProviderMatch } from './litellm-providers.ts'
import { type AddressContext, sourceOf } from './read-address.ts'

export interface CredentialAsk {
  readonly match: ProviderMatch
  readonly isLocal: boolean
  /** The known provider it is an instance of, where it is one. */
  readonly provider: string | undefined
}

/** What people write where no key is needed. */
const noKey =
  /^(?:|none|null|no|-|dummy|fake(?:-?key)?|empty|not-?needed|anything|sk-(?:no-key|none|fake|dummy)\S*)$/i

/** `text` is absent where there is no key, or where the environment is looked into anyway; `undefined`: cannot be said. */
export function credentialOf(
  ask: CredentialAsk,
  context: AddressContext,
): { readonly text?: string } | undefined {
  switch (ask.provider) {
    case 'bedrock':
      return awsCredential(context)
    case 'vertex-gemini':
    case 'vertex-anthropic':
      return googleCredential(context)
    default:
      return plainCredential(ask, context)
  }
}

function plainCredential({ match, isLocal, provider }: CredentialAsk, context: AddressContext) {
  const { findings, references } = context
  const found = sourceOf(['api_key'], context)
  if (found !== undefined && found.value === undefined) return undefined
  if (found?.value === undefined || (noKey.test(found.value) && (isLocal || provider === undefined))) {
    const isOpen = isLocal || provider === undefined || match.keyVariable === undefined
    return isOpen ? {} : { text: references.name(match.keyVariable, 'key') }
  }
  const at = found.fields.at(found.name)
  const read = references.read(found.value, 'key')
  if (!read.ok) {
    findings.cannot(at, read.message)
    return undefined
  }
  if (read.text === found.value)
    findings.changes(
      at,
      'the key stands in the file as text, and is carried over as it is: ${NAME} would keep it out',
    )
  return { text: read.text }
}

function awsCredential(context: AddressContext) {
  const { findings, references } = context
  const bearer = sourceOf(['api_key'], context)
  const parts = bearer
    ? ([['api_key', '']] as const)
    : ([
        ['aws_access_key_id', 'AWS_ACCESS_KEY_ID'],
        ['aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY'],
        ['aws_session_token', ''],
      ] as const)
  const said: string[] = []
  for (const [name, variable] of parts) {
    const found = sourceOf([name], context)
    // What is of the wrong kind has been said to be.
    if (found !== undefined && found.value === undefined) return undefined
    if (found === undefined && variable === '') continue
    const read = references.read(found?.value ?? `os.environ/${variable}`, 'key')
    if (!read.ok) {
      if (found !== undefined) findings.cannot(found.fields.at(found.name), read.message)
      return undefined
    }
    said.push(read.text)
  }
  return { text: said.join(':') }
}

function googleCredential(context: AddressContext) {
  const { findings, references } = context
  const found = sourceOf(['vertex_credentials', 'vertex_ai_credentials'], context)
  if (found?.value === undefined) return { text: references.name('GOOGLE_CREDENTIALS', 'key') }
  const read = references.read(found.value, 'key')
  if (read.ok && read.text !== found.value) return { text: read.text }
  findings.changes(
    found.fields.at(found.name),
    'a key file is not carried over: put its content into GOOGLE_CREDENTIALS, or the file beside holdfast.yaml as file:name',
  )
  return { text: references.name('GOOGLE_CREDENTIALS', 'key') }
}
