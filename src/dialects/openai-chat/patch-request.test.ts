import { expect, test } from 'vitest'
import { openaiChat } from './index.ts'

function patch(text: string): string {
  const body = Buffer.from(text)
  const envelope = openaiChat.peek(body, 'chat')
  return Buffer.from(
    openaiChat.patchRequest(body, envelope, { modelId: 'n"\\', stream: true, streamUsage: true }),
  ).toString()
}

const rest = '"messages":[ "é\\u00e9" ],"x":1.0e0'

test.each([
  [
    `{"model":"m",${rest}}`,
    `{"stream":true,"stream_options":{"include_usage":true},"model":"n\\"\\\\",${rest}}`,
  ],
  [
    ` { "stream" : false , "model":"m",${rest}}`,
    ` {"stream_options":{"include_usage":true}, "stream" : true , "model":"n\\"\\\\",${rest}}`,
  ],
  [
    `{"stream":true,"stream_options":{ "include_obfuscation" : false },"model":"m",${rest}}`,
    `{"stream":true,"stream_options":{"include_usage":true, "include_obfuscation" : false },"model":"n\\"\\\\",${rest}}`,
  ],
  [
    `{"stream":null,"stream_options":{"include_usage": false, "y":1.50},"model":"m",${rest}}`,
    `{"stream":true,"stream_options":{"include_usage": true, "y":1.50},"model":"n\\"\\\\",${rest}}`,
  ],
  [
    `{"stream_options":null,"stream":true,"model":"m",${rest}}`,
    `{"stream_options":{"include_usage":true},"stream":true,"model":"n\\"\\\\",${rest}}`,
  ],
  [
    `{"stream_options":{},"stream":true,"model":"m",${rest}}`,
    `{"stream_options":{"include_usage":true},"stream":true,"model":"n\\"\\\\",${rest}}`,
  ],
])('%s', (before, after) => {
  expect(patch(before)).toBe(after)
})
