/** Alibaba Cloud's Qwen. Keys of the international platform work at https://dashscope-intl.aliyuncs.com/compatible-mode/v1 only: set baseUrl. */

import { hostedOpenai } from './define-provider.ts'
import { noDeveloperRole } from './quirks.ts'

export const dashscope = hostedOpenai({
  id: 'dashscope',
  name: 'Alibaba Cloud Model Studio (Qwen)',
  baseUrl: 'https://dashscope.aliyuncs.com/compatible-mode/v1',
  environmentKeys: ['DASHSCOPE_API_KEY'],
  quirks: [noDeveloperRole('https://github.com/proma-ai/Proma/issues/1496')],
  modelPrefixes: ['qwen', 'qwq-'],
  exampleModel: 'qwen-flash',
  documentation: 'https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope',
})
