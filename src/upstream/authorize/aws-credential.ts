/** The ways in which AWS credentials are written down: a pair with colons, JSON as AWS's own tools print it, or a Bedrock API key. */

import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'

export type AwsCredential =
  | { readonly kind: 'bearer'; readonly token: string }
  | {
      readonly kind: 'keys'
      readonly accessKeyId: string
      readonly secretAccessKey: string
      readonly sessionToken?: string
    }

/** Throws `upstream_auth`; never with a part of the text. */
export function readAwsCredential(text: string, name: string): AwsCredential {
  const trimmed = text.trim()
  if (trimmed.startsWith('{')) return readJson(trimmed, name)
  // An API key has no colon; neither key has one, and a session token neither.
  const [accessKeyId = '', secretAccessKey, ...token] = trimmed.split(':')
  if (secretAccessKey === undefined) return { kind: 'bearer', token: trimmed }
  return keys({ accessKeyId, secretAccessKey, sessionToken: token.join(':') }, name)
}

function readJson(text: string, name: string): AwsCredential {
  const value = parseJson(text)
  if (!isJsonObject(value)) throw malformed(name)
  const inner = isJsonObject(value['Credentials']) ? value['Credentials'] : value
  return keys(
    {
      accessKeyId: field(inner, 'accessKeyId') ?? '',
      secretAccessKey: field(inner, 'secretAccessKey') ?? '',
      sessionToken: field(inner, 'sessionToken') ?? '',
    },
    name,
  )
}

/** AWS's tools write `AccessKeyId`, its SDKs `accessKeyId`. */
function field(object: JsonObject, name: string): string | undefined {
  return stringOf(object[name]) ?? stringOf(object[name[0]?.toUpperCase() + name.slice(1)])
}

interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

function keys({ accessKeyId, secretAccessKey, sessionToken }: Keys, name: string): AwsCredential {
  const isSendable = /^\w{1,128}$/.test(accessKeyId) && /^[\x21-\x7e]*$/.test(sessionToken)
  if (!isSendable || secretAccessKey === '') throw malformed(name)
  return {
    kind: 'keys',
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === '' ? {} : { sessionToken }),
  }
}

function malformed(name: string): GatewayError {
  return new GatewayError(
    'upstream_auth',
    `The credential of ${name} is no AWS credential: write it as "access key id:secret access key" (with ":session token" after it where there is one), or as a Bedrock API key.`,
  )
}
