/** Azure's clients name the model in the path and may leave it out of the body; the rest of the house reads the body. */

import { scanJsonObject, spliceBytes } from '../wire/json-scan.ts'

/** The body with `model` set to the path's deployment where the body names none; a body that is no object is left for `peek` to refuse. */
export function addModel(body: Uint8Array, deployment: string): Uint8Array {
  try {
    const { fields, bodyStart } = scanJsonObject(body)
    if (fields.has('model')) return body
    const field = `"model":${JSON.stringify(deployment)}${fields.size === 0 ? '' : ','}`
    return spliceBytes(body, [{ start: bodyStart, end: bodyStart, text: field }])
  } catch {
    return body
  }
}
