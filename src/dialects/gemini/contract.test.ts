import { describeDialect } from '../dialect.contract.ts'
import { gemini } from './index.ts'

const response = (fields: object) =>
  `data: ${JSON.stringify({ ...fields, modelVersion: 'gemini-3-pro', responseId: 'answer-1' })}\r\n\r\n`
const said = (part: object, end: object = {}) =>
  response({ candidates: [{ content: { parts: [part], role: 'model' }, index: 0, ...end }] })

const usageMetadata = {
  promptTokenCount: 12,
  candidatesTokenCount: 7,
  thoughtsTokenCount: 5,
  cachedContentTokenCount: 4,
  totalTokenCount: 24,
}

const call = { functionCall: { id: 'call-1', name: 'weather', args: { city: 'Zürich' } } }

describeDialect(gemini, {
  isNamedByPath: true,
  noLastWord: 'the Gemini API ends a stream by closing it',
  messagesField: 'contents',
  ceilingField: 'generationConfig.maxOutputTokens',
  withCeiling: (maxOutputTokens) => ({ generationConfig: { maxOutputTokens } }),
  request: {
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    contents: [
      { role: 'user', parts: [{ text: 'How is the weather?' }] },
      {
        role: 'model',
        parts: [
          { text: 'I think.', thought: true, thoughtSignature: 'c2ln' },
          { functionCall: { name: 'weather', args: { city: 'Paris' } }, thoughtSignature: 'c2lnMg==' },
        ],
      },
      { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { output: 'sunny' } } }] },
      {
        role: 'user',
        parts: [{ text: 'And this?' }, { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }],
      },
    ],
    tools: [
      {
        functionDeclarations: [
          {
            name: 'weather',
            description: 'Tells the weather.',
            parameters: {
              type: 'OBJECT',
              properties: { city: { type: 'STRING', nullable: true } },
              required: ['city'],
            },
          },
        ],
      },
      { googleSearch: {} },
    ],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } },
    generationConfig: {
      temperature: 0,
      topP: 0.9,
      topK: 40,
      seed: 7,
      maxOutputTokens: 2_048,
      stopSequences: ['END'],
      presencePenalty: 0.5,
      responseMimeType: 'application/json',
      responseSchema: { type: 'OBJECT', properties: { answer: { type: 'STRING' } } },
      mediaResolution: 'MEDIA_RESOLUTION_LOW',
    },
    safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
  },
  stream:
    said({ text: 'Let me ', thought: true }) +
    said({ text: 'see.', thought: true, thoughtSignature: 'c2ln' }) +
    said({ text: 'It is 21' }) +
    said({ text: '\u00a0°C 🌤' }) +
    said({ ...call, thoughtSignature: 'c2lnMg==' }) +
    response({
      candidates: [{ content: { parts: [{ text: '' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
      usageMetadata,
    }),
  answer: {
    candidates: [
      {
        content: { parts: [{ text: 'It is 21\u00a0°C 🌤' }, call], role: 'model' },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata,
    modelVersion: 'gemini-3-pro',
    responseId: 'answer-1',
  },
  brokenEvent: 'data: {"candidates":[{"con\r\n\r\n',
})
