/** A received form, kept in a spool: it can be sent several times, each time with another name of the model in it. */

import type { Spool } from '../std/spool.ts'
import type { BodySource } from '../std/transport.ts'
import type { Splice } from '../wire/json-scan.ts'
import type { FormField } from '../wire/multipart.ts'
import type { FormBody } from './operation-request.ts'

export interface SpooledForm {
  readonly contentType: string
  readonly boundary: string
  readonly spool: Spool
  readonly model: FormField | undefined
  /** Told once, when the form is given back. */
  readonly onClosed: () => void
}

export function spooledForm({ contentType, boundary, spool, model, onClosed }: SpooledForm): FormBody {
  let isClosed = false
  return {
    contentType,
    length: spool.length,
    ...(model === undefined ? {} : { modelId: model.value }),
    source(modelId) {
      if (modelId === undefined) return spliced(spool, { start: 0, end: 0, text: '' })
      if (model !== undefined) return spliced(spool, { ...model, text: modelId })
      return spliced(spool, { start: 0, end: 0, text: modelPart(boundary, modelId) })
    },
    async close() {
      if (isClosed) return
      isClosed = true
      onClosed()
      await spool.close()
    },
  }
}

/** For a form whose model stood in the path (Azure's deployments). */
function modelPart(boundary: string, modelId: string): string {
  return `--${boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\n${modelId}\r\n`
}

function spliced(spool: Spool, { start, end, text }: Splice): BodySource {
  const inserted = Buffer.from(text)
  return {
    length: spool.length - (end - start) + inserted.length,
    async *open() {
      yield* spool.read(0, start)
      if (inserted.length > 0) yield inserted
      yield* spool.read(end, spool.length)
    },
  }
}
