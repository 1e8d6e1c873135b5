/** NVIDIA NIM. */

import { hostedOpenai } from './define-provider.ts'

export const nvidia = hostedOpenai({
  id: 'nvidia',
  name: 'NVIDIA NIM',
  baseUrl: 'https://integrate.api.nvidia.com/v1',
  environmentKeys: ['NVIDIA_API_KEY', 'NVIDIA_NIM_API_KEY'],
  exampleModel: 'openai/gpt-oss-20b',
  documentation: 'https://docs.api.nvidia.com/nim/',
})
