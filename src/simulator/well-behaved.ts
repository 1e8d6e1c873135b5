/** The answer of a provider in good health, to whatever is asked of it. */

import type { SimulatedCall } from './call.ts'
import { answerOf, jsonSteps, piecesOf, plainSteps, refuse, streamSteps, voiceOf } from './call.ts'
import { inputTokensOf } from './make-script.ts'
import { listModels } from './model-list.ts'
import { speak, transcribe } from './operations/audio.ts'
import { answerBatches } from './operations/batches.ts'
import { embed } from './operations/embeddings.ts'
import { answerFiles } from './operations/files.ts'
import { makeImages } from './operations/images.ts'
import { moderate } from './operations/moderations.ts'
import { nothingHere } from './operations/nothing-here.ts'
import { rerank } from './operations/rerank.ts'
import { plainRefusal } from './refusal.ts'
import type { Step } from './step.ts'

export function wellBehaved(call: SimulatedCall): Iterable<Step> {
  switch (call.request.operation) {
    case 'chat':
      return call.request.stream ? streamSteps(call, piecesOf(call)) : plainSteps(call, answerOf(call))
    case 'count-tokens':
      return countTokens(call)
    case 'models': {
      const list = listModels(call.request.dialect, call.head.path)
      return list ? jsonSteps(call, list) : refuse(call, plainRefusal(404, 'the simulator has no such model'))
    }
    case 'embeddings':
      return embed(call)
    case 'moderations':
      return moderate(call)
    case 'rerank':
      return rerank(call)
    case 'image-generation':
    case 'image-edit':
    case 'image-variation':
      return makeImages(call)
    case 'speech':
      return speak(call)
    case 'transcription':
    case 'audio-translation':
      return transcribe(call)
    case 'files':
      return answerFiles(call)
    case 'batches':
      return answerBatches(call)
    case 'unknown':
      return nothingHere(call)
  }
}

function countTokens(call: SimulatedCall): Iterable<Step> {
  const count = voiceOf(call).tokenCount?.(inputTokensOf(call.request))
  return count ? jsonSteps(call, count) : nothingHere(call)
}
