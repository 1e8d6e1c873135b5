/** Pictures, sounds and documents of every client, as every target takes them; what it does not take is named. */

import { afterAll, beforeAll, describe } from 'vitest'
import { type RequestFeature, testRequests, userTurn } from '../support/pair-features.ts'
import { openPairStage, type PairStage } from '../support/pair-stage.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const DATA = Buffer.from('a picture, a sound or a page').toString('base64')
const ADDRESS = 'https://pictures.example/cat.png'
const LOOK = { chat: { type: 'text', text: 'Look:' }, responses: { type: 'input_text', text: 'Look:' } }

const images: RequestFeature = {
  name: 'a picture by its bytes',
  asked: userTurn({
    'openai-chat': [
      LOOK.chat,
      { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}`, detail: 'auto' } },
    ],
    'anthropic-messages': [
      LOOK.chat,
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: DATA } },
    ],
    'openai-responses': [
      LOOK.responses,
      { type: 'input_image', image_url: `data:image/png;base64,${DATA}`, detail: 'auto' },
    ],
    gemini: [{ text: 'Look:' }, { inlineData: { mimeType: 'image/png', data: DATA } }],
  }),
  sent: {
    chat: {
      messages: [
        {
          role: 'user',
          content: [LOOK.chat, { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}` } }],
        },
      ],
    },
    messages: {
      messages: [
        {
          role: 'user',
          content: [
            LOOK.chat,
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: DATA } },
          ],
        },
      ],
    },
    responses: {
      input: [
        {
          role: 'user',
          content: [LOOK.responses, { type: 'input_image', image_url: `data:image/png;base64,${DATA}` }],
        },
      ],
    },
    gemini: {
      contents: [
        { role: 'user', parts: [{ text: 'Look:' }, { inlineData: { mimeType: 'image/png', data: DATA } }] },
      ],
    },
    bedrock: {
      messages: [
        { role: 'user', content: [{ text: 'Look:' }, { image: { format: 'png', source: { bytes: DATA } } }] },
      ],
    },
    cohere: {
      messages: [
        {
          role: 'user',
          content: [LOOK.chat, { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}` } }],
        },
      ],
    },
    ollama: { messages: [{ role: 'user', content: 'Look:', images: [DATA] }] },
  },
}

const linkedImages: RequestFeature = {
  name: 'a picture by its address',
  asked: userTurn({
    'openai-chat': [LOOK.chat, { type: 'image_url', image_url: { url: ADDRESS } }],
    'anthropic-messages': [LOOK.chat, { type: 'image', source: { type: 'url', url: ADDRESS } }],
    'openai-responses': [LOOK.responses, { type: 'input_image', image_url: ADDRESS }],
    gemini: [{ text: 'Look:' }, { fileData: { mimeType: 'image/png', fileUri: ADDRESS } }],
  }),
  sent: {
    chat: { messages: [{ content: [LOOK.chat, { type: 'image_url', image_url: { url: ADDRESS } }] }] },
    messages: {
      messages: [{ content: [LOOK.chat, { type: 'image', source: { type: 'url', url: ADDRESS } }] }],
    },
    responses: { input: [{ content: [LOOK.responses, { type: 'input_image', image_url: ADDRESS }] }] },
    gemini: {
      contents: [{ parts: [{ text: 'Look:' }, { fileData: { mimeType: 'image/png', fileUri: ADDRESS } }] }],
    },
    bedrock: { messages: [{ content: [{ text: 'Look:' }] }] },
    cohere: { messages: [{ content: [LOOK.chat, { type: 'image_url', image_url: { url: ADDRESS } }] }] },
    ollama: { messages: [{ role: 'user' }] },
  },
  lost: { bedrock: ['messages.image'], ollama: ['messages.image'] },
}

const closeLook: RequestFeature = {
  name: 'how closely to look at a picture',
  asked: userTurn({
    'openai-chat': [LOOK.chat, { type: 'image_url', image_url: { url: ADDRESS, detail: 'high' } }],
    'openai-responses': [LOOK.responses, { type: 'input_image', image_url: ADDRESS, detail: 'high' }],
  }),
  sent: {
    chat: { messages: [{ content: [LOOK.chat, { image_url: { url: ADDRESS, detail: 'high' } }] }] },
    messages: {},
    responses: { input: [{ content: [LOOK.responses, { image_url: ADDRESS, detail: 'high' }] }] },
    gemini: {},
    bedrock: {},
    cohere: { messages: [{ content: [LOOK.chat, { image_url: { url: ADDRESS, detail: 'high' } }] }] },
    ollama: {},
  },
  lost: {
    messages: ['messages.image_url.detail'],
    gemini: ['messages.image_url.detail'],
    bedrock: ['messages.image', 'messages.image_url.detail'],
    ollama: ['messages.image', 'messages.image.detail'],
  },
}

const sounds: RequestFeature = {
  name: 'a sound',
  asked: userTurn({
    'openai-chat': [LOOK.chat, { type: 'input_audio', input_audio: { data: DATA, format: 'wav' } }],
    'openai-responses': [LOOK.responses, { type: 'input_audio', input_audio: { data: DATA, format: 'wav' } }],
    gemini: [{ text: 'Look:' }, { inlineData: { mimeType: 'audio/wav', data: DATA } }],
  }),
  sent: {
    chat: {
      messages: [
        { content: [LOOK.chat, { type: 'input_audio', input_audio: { data: DATA, format: 'wav' } }] },
      ],
    },
    messages: { messages: [{ role: 'user' }] },
    responses: {
      input: [
        { content: [LOOK.responses, { type: 'input_audio', input_audio: { data: DATA, format: 'wav' } }] },
      ],
    },
    gemini: {
      contents: [{ parts: [{ text: 'Look:' }, { inlineData: { mimeType: 'audio/wav', data: DATA } }] }],
    },
    bedrock: {
      messages: [{ content: [{ text: 'Look:' }, { audio: { format: 'wav', source: { bytes: DATA } } }] }],
    },
    cohere: { messages: [{ role: 'user' }] },
    ollama: { messages: [{ role: 'user' }] },
  },
  lost: { messages: ['messages.audio'], cohere: ['messages.audio'], ollama: ['messages.audio'] },
}

const mpegSounds: RequestFeature = {
  name: 'a sound whose kind has two names',
  asked: userTurn({
    'openai-chat': [{ type: 'input_audio', input_audio: { data: DATA, format: 'mp3' } }],
    gemini: [{ inlineData: { mimeType: 'audio/mpeg', data: DATA } }],
  }),
  sent: (client, target) => {
    const openai = { type: 'input_audio', input_audio: { data: DATA, format: 'mp3' } }
    if (target === 'chat') return { messages: [{ content: [openai] }] }
    if (target === 'responses') return { input: [{ content: [openai] }] }
    const bedrock = client === 'gemini' ? 'mpeg' : 'mp3'
    if (target === 'bedrock') return { messages: [{ content: [{ audio: { format: bedrock } }] }] }
    if (target === 'gemini') return { contents: [{ parts: [{ inlineData: { mimeType: 'audio/mp3' } }] }] }
    return {}
  },
  lost: { messages: ['messages.audio'], cohere: ['messages.audio'], ollama: ['messages.audio'] },
}

const PDF = `data:application/pdf;base64,${DATA}`

const documents: RequestFeature = {
  name: 'a document by its bytes, with its name',
  asked: userTurn({
    'openai-chat': [LOOK.chat, { type: 'file', file: { filename: 'plan.pdf', file_data: PDF } }],
    'anthropic-messages': [
      LOOK.chat,
      {
        type: 'document',
        title: 'plan.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: DATA },
      },
    ],
    'openai-responses': [LOOK.responses, { type: 'input_file', filename: 'plan.pdf', file_data: PDF }],
    gemini: [
      { text: 'Look:' },
      { inlineData: { mimeType: 'application/pdf', data: DATA, displayName: 'plan.pdf' } },
    ],
  }),
  sent: {
    chat: {
      messages: [{ content: [LOOK.chat, { type: 'file', file: { filename: 'plan.pdf', file_data: PDF } }] }],
    },
    messages: {
      messages: [
        {
          content: [
            LOOK.chat,
            {
              type: 'document',
              title: 'plan.pdf',
              source: { type: 'base64', media_type: 'application/pdf', data: DATA },
            },
          ],
        },
      ],
    },
    responses: {
      input: [{ content: [LOOK.responses, { type: 'input_file', filename: 'plan.pdf', file_data: PDF }] }],
    },
    gemini: {
      contents: [
        {
          parts: [
            { text: 'Look:' },
            { text: 'plan.pdf' },
            { inlineData: { mimeType: 'application/pdf', data: DATA } },
          ],
        },
      ],
    },
    bedrock: {
      messages: [
        {
          content: [
            { text: 'Look:' },
            { document: { format: 'pdf', name: 'plan', source: { bytes: DATA } } },
          ],
        },
      ],
    },
    cohere: { messages: [{ role: 'user' }] },
    ollama: { messages: [{ role: 'user' }] },
  },
  lost: { cohere: ['messages.document'], ollama: ['messages.document'] },
}

const PLAN = 'First we eat.'
const PLAN_DATA = Buffer.from(PLAN).toString('base64')

const texts: RequestFeature = {
  name: 'a document that is text',
  asked: userTurn({
    'openai-chat': [
      { type: 'file', file: { filename: 'plan.txt', file_data: `data:text/plain;base64,${PLAN_DATA}` } },
    ],
    'anthropic-messages': [
      { type: 'document', title: 'plan.txt', source: { type: 'text', media_type: 'text/plain', data: PLAN } },
    ],
    'openai-responses': [
      { type: 'input_file', filename: 'plan.txt', file_data: `data:text/plain;base64,${PLAN_DATA}` },
    ],
    gemini: [{ inlineData: { mimeType: 'text/plain', data: PLAN_DATA, displayName: 'plan.txt' } }],
  }),
  sent: {
    chat: { messages: [{ content: `plan.txt\n${PLAN}` }] },
    messages: {
      messages: [
        {
          content: [
            {
              type: 'document',
              title: 'plan.txt',
              source: { type: 'text', media_type: 'text/plain', data: PLAN },
            },
          ],
        },
      ],
    },
    responses: { input: [{ content: [{ type: 'input_text', text: `plan.txt\n${PLAN}` }] }] },
    gemini: {
      contents: [
        { parts: [{ text: 'plan.txt' }, { inlineData: { mimeType: 'text/plain', data: PLAN_DATA } }] },
      ],
    },
    bedrock: { messages: [{ content: [{ document: { format: 'txt', name: 'plan' } }] }] },
    cohere: { messages: [{ content: `plan.txt\n${PLAN}` }] },
    ollama: { messages: [{ content: `plan.txt\n${PLAN}` }] },
  },
}

const PAPER = 'https://papers.example/plan.pdf'

const linkedDocuments: RequestFeature = {
  name: 'a document by its address',
  asked: userTurn({
    'anthropic-messages': [LOOK.chat, { type: 'document', source: { type: 'url', url: PAPER } }],
    'openai-responses': [LOOK.responses, { type: 'input_file', file_url: PAPER }],
    gemini: [{ text: 'Look:' }, { fileData: { mimeType: 'application/pdf', fileUri: PAPER } }],
  }),
  sent: {
    chat: { messages: [{ role: 'user' }] },
    messages: {
      messages: [{ content: [LOOK.chat, { type: 'document', source: { type: 'url', url: PAPER } }] }],
    },
    responses: { input: [{ content: [LOOK.responses, { type: 'input_file', file_url: PAPER }] }] },
    gemini: {
      contents: [
        { parts: [{ text: 'Look:' }, { fileData: { mimeType: 'application/pdf', fileUri: PAPER } }] },
      ],
    },
    bedrock: { messages: [{ content: [{ text: 'Look:' }] }] },
    cohere: { messages: [{ role: 'user' }] },
    ollama: { messages: [{ role: 'user' }] },
  },
  lost: {
    chat: ['messages.document'],
    bedrock: ['messages.file'],
    cohere: ['messages.document'],
    ollama: ['messages.document'],
  },
}

const knownFiles: RequestFeature = {
  name: 'a document that only one provider has',
  asked: userTurn({
    'openai-chat': [LOOK.chat, { type: 'file', file: { file_id: 'file-kept123' } }],
    'anthropic-messages': [
      LOOK.chat,
      { type: 'document', source: { type: 'file', file_id: 'file_kept123' } },
    ],
    'openai-responses': [LOOK.responses, { type: 'input_file', file_id: 'file-kept123' }],
    gemini: [
      { text: 'Look:' },
      {
        fileData: {
          mimeType: 'application/pdf',
          fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/kept123',
        },
      },
    ],
  }),
  sent: () => ({}),
  // Claude is the same maker at Bedrock, which has no files.
  lost: (client, target) =>
    client === 'anthropic-messages' && target === 'bedrock' ? ['messages.file'] : ['file_id'],
  unsaid: ['kept123'],
}

const citedDocuments: RequestFeature = {
  name: 'what a document is about, and that it be cited',
  asked: userTurn({
    'anthropic-messages': [
      LOOK.chat,
      {
        type: 'document',
        title: 'plan.pdf',
        context: 'Of last year.',
        citations: { enabled: true },
        source: { type: 'base64', media_type: 'application/pdf', data: DATA },
      },
    ],
  }),
  sent: (_client, target) => {
    if (target === 'chat')
      return { messages: [{ content: [{}, { text: 'Of last year.' }, { type: 'file' }] }] }
    if (target === 'responses')
      return { input: [{ content: [{}, { text: 'Of last year.' }, { type: 'input_file' }] }] }
    if (target === 'gemini') return { contents: [{ parts: [{}, { text: 'plan.pdf\nOf last year.' }, {}] }] }
    if (target === 'bedrock')
      return {
        messages: [
          { content: [{}, { document: { context: 'Of last year.', citations: { enabled: true } } }] },
        ],
      }
    return {}
  },
  lost: {
    chat: ['messages.document.citations'],
    responses: ['messages.document.citations'],
    gemini: ['messages.document.citations'],
    cohere: ['messages.document', 'messages.document.citations'],
    ollama: ['messages.document', 'messages.document.citations'],
  },
}

describe('of what a user shows', () => {
  testRequests(
    [
      images,
      linkedImages,
      closeLook,
      sounds,
      mpegSounds,
      documents,
      texts,
      linkedDocuments,
      knownFiles,
      citedDocuments,
    ],
    () => stage,
  )
})
