import { type InstalledLibrary, installCudaLibraries } from '../index.js'
import type { Command } from './command.js'
import { deviceKind, dtypeOption } from './devices.js'
import { nearMiss } from './near-miss.js'

export const cuda: Command = {
  name: 'cuda',
  summary: "fetches NVIDIA's cuBLASLt and cuSPARSELt for CUDA devices",
  usage: 'cuda install [--index URL] [--json]',
  example: 'twofour cuda install',
  options: {
    index: {
      value: 'URL',
      help: 'where the wheels are, as URL/project/file; checked against hashes that twofour has',
    },
  },
  notes:
    "Some 600 MB out of NVIDIA's Python wheels, kept under $XDG_CACHE_HOME/twofour/cuda (~/.cache/twofour/cuda): 800 MB. Not needed where they are installed already: `twofour doctor` says. NVIDIA's licences apply to them.",
  arguments: { name: 'install', least: 1, most: 1 },
  async run({ args, options, output, signal, onProgress }) {
    const [action] = args as [string]
    if (action !== 'install') {
      const miss = nearMiss(action, ['install'])
      throw new TypeError(`Expected \`install\` after \`twofour cuda\`, got ${action}.${miss}`)
    }
    deviceKind(options.text('device'))
    dtypeOption(options.text('dtype'))
    const installed = await installCudaLibraries({ index: options.text('index'), signal, onProgress })
    await output.result(installed, () => installed.map(sentence).join('\n'))
  },
}

function sentence({ file, version, fetched }: InstalledLibrary): string {
  return `${file}: ${version}${fetched ? '' : ', was there already'}`
}
