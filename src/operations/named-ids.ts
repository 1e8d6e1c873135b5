/** The ids that answers about files and batches name: each belongs to the provider that gave the answer. */

import { arrayOf, isJsonObject, type JsonObject, stringOf } from '../std/json.ts'

const ID_FIELDS = ['id', 'input_file_id', 'output_file_id', 'error_file_id']

export function namedIds(answer: JsonObject): readonly string[] {
  const listed = arrayOf(answer['data']).filter(isJsonObject)
  return [answer, ...listed].flatMap((one) =>
    ID_FIELDS.flatMap((name) => {
      const id = stringOf(one[name])
      return id === undefined || id === '' ? [] : [id]
    }),
  )
}
